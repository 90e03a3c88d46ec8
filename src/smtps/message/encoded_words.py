"""Encoded words: text beyond ASCII in a header field of ASCII (RFC 2047)."""

from __future__ import annotations

import binascii
import re

WIDTH = 76
"""Octets of an encoded line, and of a header line where it can be folded."""

FOLD = "\r\n "

WORD = re.compile(r"=\?([^\s?]{1,40})\?([bBqQ])\?([^\s?]*)\?=")
"""Section 2, encoded-word; of its text only what would end it is refused."""


def encode(text: str, indent: int) -> str:
    """UTF-8 in base64, cut between characters, each word on a line of its own (section 2).

    Args:
        text: without controls.
        indent: columns of the first line that are taken already.
    """
    words: list[str] = []
    piece = b""
    room = max((WIDTH - 1 - indent - 12) // 4 * 3, 12)
    for char in text:
        octets = char.encode()
        if len(piece) + len(octets) > room:
            words.append(_word(piece))
            piece, room = b"", (WIDTH - 1 - 12) // 4 * 3
        piece += octets
    words.append(_word(piece))
    return FOLD.join(words)


def _word(data: bytes) -> str:
    return f"=?utf-8?b?{binascii.b2a_base64(data, newline=False).decode()}?="


def decode(word: str) -> str | None:
    """The text of one encoded word; None if it is none, or in a charset that is not known."""
    found = WORD.fullmatch(word)
    if found is None:
        return None
    charset, scheme, text = found.groups()
    try:
        if scheme in "bB":
            octets = binascii.a2b_base64(text.encode("ascii") + b"=" * (-len(text) % 4))
        else:
            octets = binascii.a2b_qp(text.replace("_", " ").encode("ascii"), header=False)
        return octets.decode(charset.partition("*")[0])
    except (ValueError, LookupError):
        return None


def decode_phrase(words: list[str]) -> list[str]:
    """The words of a phrase; encoded words that stand side by side are one (section 6.2)."""
    found: list[str] = []
    joins = False
    for word in words:
        text = decode(word)
        if text is not None and joins:
            found[-1] += text
        else:
            found.append(word if text is None else text)
        joins = text is not None
    return found
