"""Where results go: the terminal, or a file that is valid at every moment and can be resumed."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from smtps.cli import output
from smtps.errors import InputError
from smtps.locks import NoLocksError, lock


class IncrementalFile:
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
def open_incremental(path: Path, field: str) -> Iterator[IncrementalFile]:
    """Open it for one run alone.

    Raises:
        InputError: it cannot be used, or another run uses it; names ``field``.
    """
    with telling(field, "cannot be opened"):
        file = path.open("a+b")
    with file:
        try:
            with suppress(NoLocksError):  # where there are none, the file is not guarded
                lock(file)
        except OSError as error:
            raise InputError(
                field, "another run is writing to it; give this run its own file"
            ) from error
        yield IncrementalFile(file, field)


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


GROWING = ("ndjson", "csv")
"""Forms that need no end: each result is in the file as soon as it is known."""


class Results(Protocol):
    """Takes results.

    Attributes:
        fresh: nothing stands there yet, so that the beginning is wanted.
    """

    fresh: bool

    def write(self, text: str) -> None:
        """Take a piece."""

    def complete(self) -> None:
        """All is written."""


class Terminal:
    """Standard output.

    Args:
        form: in which results come.
    """

    fresh = True

    def __init__(self, form: str) -> None:
        self._form = form

    def write(self, text: str) -> None:
        """Print."""
        output.show_document(text, self._form)

    def complete(self) -> None:
        """Nothing is left to do."""


class Whole:
    """A file that takes the place of the old one when all is written, and not before.

    Args:
        file: where it is written until then.
        draft: its name, in the same directory.
        path: its final name.
    """

    fresh = True

    def __init__(self, file: BinaryIO, draft: Path, path: Path) -> None:
        self._file = file
        self._draft = draft
        self._path = path

    def write(self, text: str) -> None:
        """Add to the file."""
        with telling("output_file", "cannot be written"):
            self._file.write(text.encode())

    def complete(self) -> None:
        """Let it take its place."""
        with telling("output_file", "cannot be written"):
            self._file.flush()
            _usual_mode(self._file.fileno())
            self._draft.replace(self._path)


@contextmanager
def results(path: str | None, form: str) -> Iterator[Results]:
    """Open the place for results in a form of ``FORMATS``.

    Args:
        path: file, or None for standard output.
        form: name of the form; those of GROWING are added to what the file holds.

    Raises:
        InputError: the file cannot be used.
    """
    if path is None:
        yield Terminal(form)
        return
    place = Path(path).resolve()
    if place.exists() and not stat.S_ISREG(place.stat().st_mode):
        raise InputError("output_file", f"{path} is not a regular file")
    if form in GROWING:
        with open_incremental(place, "output_file") as file:
            yield file
        return
    with telling("output_file", "cannot be opened"):
        handle, draft = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(handle, "wb") as draft_file:
            yield Whole(draft_file, Path(draft), place)
    finally:
        Path(draft).unlink(missing_ok=True)


def _usual_mode(file: int) -> None:
    """As if it had been opened by name: temporary files are for their owner's eyes only."""
    mask = os.umask(0)
    os.umask(mask)
    os.fchmod(file, 0o666 & ~mask)
