"""Lists of targets: one to a line, read as they come and never held."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from smtps.errors import InputError

STDIN = "-"

_LONGEST = 1024
"""Octets of a line; more can be no target, and a file without any line feed must not fill up the
memory."""

_CHUNK = 65536


async def read(source: str) -> AsyncIterator[str]:
    """The targets in a file or, for ``-``, on standard input, which may be a slow pipe.

    Raises:
        InputError: it cannot be read.
    """
    lines = _Lines()
    with _opened(source) as file:
        while chunk := await _read(file):
            for target in lines.cut(chunk):
                yield target
        for target in lines.cut(b"\n"):
            yield target


def again(source: str) -> Iterator[str] | None:
    """The targets once more, to count them; None for what can be read only once."""
    if source == STDIN or not Path(source).is_file():
        return None
    return _read_again(source)


def _read_again(source: str) -> Iterator[str]:
    lines = _Lines()
    with _opened(source) as file:
        while chunk := os.read(file, _CHUNK):
            yield from lines.cut(chunk)
        yield from lines.cut(b"\n")


class _Lines:
    """Cuts bytes into lines, and lines into targets."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, chunk: bytes) -> Iterator[str]:
        """The targets that are complete."""
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[:_LONGEST]
        for line in lines:
            text = line[:_LONGEST].decode("utf-8", "replace")
            if target := text.removeprefix("\ufeff").partition("#")[0].strip():
                yield target


@contextmanager
def _opened(source: str) -> Iterator[int]:
    if source == STDIN:
        yield 0
        return
    try:
        file = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError("from", f"{source} cannot be read: {reason}") from error
    try:
        yield file
    finally:
        os.close(file)


async def _read(file: int) -> bytes:
    """What is there, as soon as something is.

    No thread that could not be woken, and the descriptor, which other programs may share, stays as
    it is.
    """
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(file, readable.set)
    except PermissionError:  # a regular file: never a wait
        return _chunk(file)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(file)
    return _chunk(file)


def _chunk(file: int) -> bytes:
    try:
        return os.read(file, _CHUNK)
    except OSError as error:
        raise InputError("from", f"cannot be read: {error.strerror}") from error
