"""A message's bytes as they go out: in memory, or partly still in files.

Attached files are read and encoded as base64 (RFC 2045 section 6.8) while the message is sent. A
text file without a charset is US-ASCII (RFC 2046 section 4.1.2), and readers show garbage, so the
charset is looked for.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Protocol, Self

from smtps.core.payload import DotStuffer, blocks
from smtps.errors import InputError
from smtps.message.message import UNKNOWN, Attachment

BLOCK = 262144
"""Octets handed to the network at once: larger ones cost memory, smaller ones time."""


class Part(Protocol):
    """A piece of a message whose octets come when they are wanted."""

    size: int
    """Octets, known before the first of them is read."""

    def blocks(self, size: int) -> Iterator[bytes]:
        """All octets, in normal form, in pieces of about ``size``.

        Raises:
            InputError: they cannot be read any more, or are not as many as they were.
        """
        ...


class Content:
    """A whole message in normal form.

    Attributes:
        parts: its pieces, in order.
        size: octets of them all.
        whole: all of it, if it is in memory in one piece.
    """

    __slots__ = ("parts", "size", "whole")

    def __init__(self, *parts: bytes | Part) -> None:
        self.parts = parts
        first = parts[0] if len(parts) == 1 else None
        self.whole: bytes | None = first if isinstance(first, bytes) else None
        if self.whole is not None:
            self.size = len(self.whole)
        else:
            self.size = sum([len(p) if isinstance(p, bytes) else p.size for p in parts])

    def blocks(self) -> Iterator[bytes | memoryview]:
        """Its octets, for BDAT; no piece larger than about a block."""
        for part in self.parts:
            if not isinstance(part, bytes):
                yield from part.blocks(BLOCK)
            elif len(part) <= BLOCK:
                yield part
            else:
                yield from blocks(part, BLOCK)

    def stuffed(self) -> Iterator[bytes | memoryview]:
        """Its octets with leading dots doubled, for DATA; the lone dot may follow at once."""
        stuffer = DotStuffer()
        for block in self.blocks():
            yield stuffer.feed(block if isinstance(block, bytes) else bytes(block))
        yield stuffer.finish()

    def __bytes__(self) -> bytes:
        """All of it, wherever it was."""
        return self.whole or b"".join(self.blocks())

    @classmethod
    def joined(cls, parts: Iterable[bytes | Part]) -> Self:
        """Of many pieces; those in memory that stand together become one."""
        parts = list(parts)
        with suppress(TypeError):  # mostly there are no others
            return cls(b"".join(parts))  # type: ignore[arg-type]
        found: list[bytes | Part] = []
        together: list[bytes] = []
        for part in parts:
            if isinstance(part, bytes):
                together.append(part)
                continue
            if together:
                found.append(b"".join(together))
                together = []
            found.append(part)
        if together:
            found.append(b"".join(together))
        return cls(*found)


EMPTY = Content(b"")


def header(message: bytes | Content) -> bytes:
    """The header of a message in normal form, without its last CRLF (RFC 5322 section 2.1)."""
    if isinstance(message, Content):
        first = next(iter(message.parts))  # which holds all of it, if it is in memory
        message = first if isinstance(first, bytes) else bytes(message)
    if message.startswith(b"\r\n"):
        return b""
    end = message.find(b"\r\n\r\n")  # not ``partition``, which copies what is behind as well
    return message[:end] if end >= 0 else message


LINE = 76
"""Characters of a line."""

_IN = LINE // 4 * 3
_LINES = 512
_CUT = Struct(f"{LINE}s" * _LINES)
"""So many lines at a time stay in the processor's cache, which makes it three times as fast."""

_AT_ONCE = _IN * _LINES


def base64_size(size: int) -> int:
    """Octets that so many octets become."""
    return -(-size // 3) * 4 + max(-(-size // _IN) - 1, 0) * 2


def base64_lines(data: bytes) -> bytes:
    """Lines of 76 characters; none behind the last."""
    view = memoryview(data)
    return b"\r\n".join([_lines(view[at : at + _AT_ONCE]) for at in range(0, len(data), _AT_ONCE)])


def _lines(data: bytes | memoryview) -> bytes:
    text = binascii.b2a_base64(data, newline=False)
    if len(data) == _AT_ONCE:
        return b"\r\n".join(_CUT.unpack(text))
    return b"\r\n".join([text[at : at + LINE] for at in range(0, len(text), LINE)])


class Base64File:
    """A file in base64 that is read when it is sent: a part of a message.

    Args:
        path: of the file.
        size: octets that it has now.

    Attributes:
        size: octets in base64.
    """

    __slots__ = ("_path", "_raw", "size")

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._raw = size
        self.size = base64_size(size)

    def blocks(self, size: int) -> Iterator[bytes]:
        """See ``Part.blocks``."""
        at_once = max(size // base64_size(_AT_ONCE), 1) * _AT_ONCE
        left = self._raw
        try:
            with self._path.open("rb") as file:
                while left:
                    data = file.read(min(at_once, left))
                    if len(data) < min(at_once, left):
                        raise _changed(self._path)
                    left -= len(data)
                    yield base64_lines(data) + (b"\r\n" if left else b"")
                if file.read(1):
                    raise _changed(self._path)
        except OSError as error:
            raise InputError("attachments", f"cannot read {str(self._path)!r}: {error}") from error


def _changed(path: Path) -> InputError:
    return InputError("attachments", f"{str(path)!r} was changed while it was being sent")


_CHARSET = re.compile(r";\s*charset\s*=", re.IGNORECASE)
_BLOCK = 1 << 20

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
"""Byte order marks, the longer ones first: one begins with another."""


def with_charset(file: Attachment) -> str:
    """The content type of a text file with its charset.

    UTF-8, of which US-ASCII is a part, is read through; UTF-16 and UTF-32 have a mark. Anything
    else is not known: a type that was guessed from the name becomes ``application/octet-stream``,
    which claims nothing, and one that its author gave stays as given.

    Raises:
        InputError: it cannot be read.
    """
    kind = file.content_type
    if _CHARSET.search(kind):
        return kind
    try:
        charset = _charset(file.content)
    except OSError as error:
        raise InputError(
            "attachments", f"cannot read {str(file.content)!r}: {error.strerror}"
        ) from error
    if charset is None:
        return UNKNOWN if file.guessed else kind
    return f"{kind}; charset={charset}"


def _charset(content: bytes | Path) -> str | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    first = b""
    try:
        for block in _blocks(content):
            first = first or block[:4]
            if "\0" in decoder.decode(block):  # UTF-16 without a mark, or no text
                return _marked(first)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _marked(first)
    return "utf-8"


def _marked(first: bytes) -> str | None:
    return next((name for mark, name in _MARKS if first.startswith(mark)), None)


def _blocks(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
