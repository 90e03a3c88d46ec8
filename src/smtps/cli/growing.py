"""A file of lines that a run adds to, and a later run goes on from."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from smtps.errors import InputError


class Growing:
    """The file, locked. A last line that was torn is cut off first.

    Args:
        file: open for reading and appending.
        field: the option that named it.

    Attributes:
        fresh: nothing stands there yet.
    """

    def __init__(self, file: BinaryIO, field: str) -> None:
        self._file = file
        self._field = field
        _mend(file)
        self.fresh = file.seek(0, os.SEEK_END) == 0

    def write(self, text: str) -> None:
        """Add to the file, at once."""
        with telling(self._field, "cannot be written"):
            self._file.write(text.encode())
            self._file.flush()

    def complete(self) -> None:
        """Nothing is left to do."""


@contextmanager
def growing(path: Path, field: str) -> Iterator[Growing]:
    """Open it for one run alone.

    Raises:
        InputError: it cannot be used, or another run uses it; names ``field``.
    """
    with telling(field, "cannot be opened"):
        file = path.open("a+b")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                field, "another run is writing to it; give this one a file of its own"
            ) from error
        yield Growing(file, field)


@contextmanager
def telling(field: str, what: str) -> Iterator[None]:
    """An error of the system is one of the option that named the file."""
    try:
        yield
    except OSError as error:
        raise InputError(field, f"{what}: {error.strerror or error}") from error


def _mend(file: BinaryIO) -> None:
    """Cut off what was torn when a run ended in the middle of a line."""
    start = _last_line(file)
    file.seek(start)
    last = file.read()
    if not last:
        return
    if last.startswith(b"{") and _is_json(last):
        file.write(b"\n")  # whole, and somebody's editor took the line feed away
    else:
        file.truncate(start)
    file.flush()


def _last_line(file: BinaryIO) -> int:
    """Where what follows the last line feed begins."""
    end = file.seek(0, os.SEEK_END)
    block = 65536
    while end:
        start = max(0, end - block)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
