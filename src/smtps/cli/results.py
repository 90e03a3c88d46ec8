"""Where results go: the terminal, or a file that is valid whenever it is looked at."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from smtps.cli import output
from smtps.cli.growing import growing, telling
from smtps.errors import InputError

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
        with growing(place, "output_file") as file:
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
