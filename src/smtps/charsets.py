"""What a text file is written in. Without a charset it is US-ASCII (RFC 2046 section 4.1.2), and
readers show rubbish.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from smtps.errors import InputError
from smtps.message import UNKNOWN, Attachment

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
