"""The message on its way to the wire: line ends, dots, and the two ways of sending it.

What a receiver takes for the end of a message differs from server to server as soon as a bare CR
or LF is in it (SMTP smuggling, CVE-2023-51764). Here every line end becomes CRLF before anything
else happens, so a bare one never leaves, whatever was put in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from io import IncrementalNewlineDecoder

from smtps.core.grammar import MAX_TEXT_LINE

_LINE_END = re.compile(rb"\r\n|\r|\n")


class LineEnds(StrEnum):
    """How the lines of a message end."""

    CRLF = "crlf"
    LF = "lf"
    """All of them: a file of Unix, or what Python's ``as_bytes`` makes."""
    MIXED = "mixed"
    """Bare CR, or bare LF beside CRLF: where its lines end is ambiguous."""


_SCAN = 262144
"""Octets looked at in one go: what fits into the processor's cache is read once, not twice."""


def line_ends(data: bytes) -> LineEnds:
    """Judge a whole message; one without any line end counts as CRLF."""
    # The decoder that reads text files notes what line ends it has seen, and nothing here that can
    # be written in Python is half as fast.
    decoder = IncrementalNewlineDecoder(None, False)  # translates nothing
    if len(data) <= _SCAN:
        decoder.decode(data.decode("latin-1"), True)  # this is all
    else:
        for block in blocks(data, _SCAN):
            decoder.decode(str(block, "latin-1"))
        decoder.decode("", True)
    return _SEEN.get(decoder.newlines, _MIXED)


_MIXED = LineEnds.MIXED
_SEEN: dict[object, LineEnds] = {
    None: LineEnds.CRLF,
    "\r\n": LineEnds.CRLF,
    "\n": LineEnds.LF,
}


def find_long_line(data: bytes, limit: int = MAX_TEXT_LINE) -> int | None:
    """Where the first line with more than ``limit`` octets begins, or None. Wants normal form.

    Leaps from the last line end within reach to the next: a look at every line of a big message
    takes seconds.
    """
    at, last = 0, len(data) - limit
    while at < last:
        found = data.rfind(b"\n", at, at + limit + 2)
        if found < 0:
            return at
        at = found + 1
    return None


class Normalizer:
    """Makes every line end CRLF, as a stream; gives the same bytes for every cut."""

    def __init__(self) -> None:
        self._held_return = False

    def feed(self, data: bytes) -> bytes:
        """The normal form of the next piece; a CR at its end is held until the next."""
        if self._held_return:
            data = b"\r" + data
        self._held_return = data.endswith(b"\r")
        if self._held_return:
            data = data[:-1]
        ends = line_ends(data)
        if ends is LineEnds.CRLF:
            return data
        if ends is LineEnds.LF:
            return data.replace(b"\n", b"\r\n")
        return _LINE_END.sub(b"\r\n", data)

    def finish(self) -> bytes:
        """What was still held."""
        held, self._held_return = self._held_return, False
        return b"\r\n" if held else b""


def normalize(data: bytes) -> bytes:
    """A whole message with CRLF line ends."""
    stream = Normalizer()
    return stream.feed(data) + stream.finish()


_LEADING_DOT = re.compile(rb"\n\.")


class DotStuffer:
    """Doubles a dot at the start of a line, as a stream (RFC 5321 section 4.5.2).

    Wants normal form. After ``finish`` the lone dot may follow at once.
    """

    def __init__(self) -> None:
        self._at_line_start = True

    def feed(self, data: bytes) -> bytes:
        """The next piece, stuffed; untouched and uncopied where there is nothing to do."""
        if not data:
            return data
        starts_with_dot = self._at_line_start and data.startswith(b".")
        self._at_line_start = data.endswith(b"\n")
        # Most have no dot at all, and the pattern leaps from line end to line end.
        if b"." in data and _LEADING_DOT.search(data):
            data = data.replace(b"\n.", b"\n..")
        return b"." + data if starts_with_dot else data

    def finish(self) -> bytes:
        """The line end that the last line may lack."""
        missing, self._at_line_start = not self._at_line_start, True
        return b"\r\n" if missing else b""


def stuff(data: bytes) -> bytes:
    """A whole message in normal form, ready for the lone dot."""
    stream = DotStuffer()
    return stream.feed(data) + stream.finish()


def blocks(data: bytes, size: int) -> Iterator[memoryview]:
    """The message in blocks of at most ``size`` octets, without copying; one empty if empty."""
    view = memoryview(data)
    for start in range(0, len(data) or 1, size):
        yield view[start : start + size]
