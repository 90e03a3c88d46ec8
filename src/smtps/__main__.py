"""The process around a command: quick to start, quick to end."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

LOADING = 100_000
"""Objects between two searches for garbage. Loading modules makes many objects and no garbage."""


def run() -> NoReturn:
    """Run the command that the arguments name, and end with its exit code."""
    gc.set_threshold(LOADING)
    from smtps.main import main  # noqa: PLC0415  # after the line above

    try:
        code = main()
    except SystemExit as error:  # --help, --version and mistakes in the arguments
        code = error.code if isinstance(error.code, int) else 0
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader has left
            stream.flush()
    # All is closed and written. To take the interpreter apart would cost a fifth of the whole time.
    os._exit(code)


if __name__ == "__main__":
    run()
