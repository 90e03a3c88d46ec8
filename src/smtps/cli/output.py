"""What goes to the terminal, and whether it may be coloured (https://no-color.org)."""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def colour() -> bool:
    """Only to a terminal, and not against the user's wish."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def show(text: str) -> None:
    """Print text as it is, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def show_json(value: Any, *, compact: bool = False) -> None:
    """Print one JSON value; compact ones fill one line."""
    indent = None if compact or not sys.stdout.isatty() else 2
    show(json.dumps(value, ensure_ascii=False, indent=indent) + "\n")


def complain(text: str) -> None:
    """Print to standard error."""
    sys.stderr.write(f"smtps: {text}\n")
