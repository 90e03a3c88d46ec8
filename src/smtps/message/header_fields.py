"""A header field's value on the wire, by what the field holds (RFC 5322, RFC 2047).

An encoded word may stand where people read and never in an address, a message id or a URL (RFC 2047
section 5): no program would find these again. So what a field holds decides how it is written, and
what cannot be written so that it can be read is refused by the field's name.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from smtps.core.grammar import MAX_TEXT_LINE
from smtps.errors import InputError
from smtps.message.addresses import read_list, write_list
from smtps.message.encoded_words import FOLD, WIDTH, WORD, decode_phrase, encode


class Holds(Enum):
    """What a field holds."""

    PROSE = "words for people"
    """Encoded as a whole where need be."""
    ANYTHING = "something of its author's"
    """Words beyond ASCII are encoded, the others stay as they are: a program may look for them."""
    ADDRESSES = "addresses"
    """Only names are encoded."""
    TOKENS = "identifiers, URLs or other things for programs"
    """Nothing is encoded."""


_PROSE = ("Subject", "Comments", "Keywords", "Content-Description", "Thread-Topic", "Organization")
_ADDRESSES = (
    "From", "Sender", "Reply-To", "To", "Cc", "Bcc",
    "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Bcc", "Resent-Reply-To",
    "Disposition-Notification-To", "Return-Receipt-To", "X-Confirm-Reading-To", "Errors-To",
    "Mail-Followup-To", "Mail-Reply-To", "Apparently-To", "Delivered-To", "Envelope-To",
    "X-Envelope-From", "X-Envelope-To", "X-Original-To", "X-Original-From", "X-Original-Sender",
    "X-Sender", "X-Google-Original-From", "Author",
)  # fmt: skip
_TOKENS = (
    "Message-ID", "In-Reply-To", "References", "Resent-Message-ID", "Content-ID", "Supersedes",
    "Original-Message-ID", "Return-Path", "Received", "Date", "Resent-Date", "Expires",
    "List-Archive", "List-Help", "List-Owner", "List-Post", "List-Subscribe", "List-Unsubscribe",
    "List-Unsubscribe-Post", "Archived-At", "Content-Location", "Content-Base", "Auto-Submitted",
    "Autocrypt", "Autocrypt-Gossip", "Autocrypt-Setup-Message", "Authentication-Results",
    "ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal", "DKIM-Signature",
    "DomainKey-Signature", "Received-SPF", "BIMI-Location", "BIMI-Selector", "Face", "X-Face",
    "Feedback-ID", "Importance", "Priority", "Precedence", "X-Priority", "TLS-Required",
    "Require-Recipient-Valid-Since", "MIME-Version", "Content-Transfer-Encoding", "Thread-Index",
)  # fmt: skip

HOLDS = {
    **{name.lower(): Holds.PROSE for name in _PROSE},
    **{name.lower(): Holds.ADDRESSES for name in _ADDRESSES},
    **{name.lower(): Holds.TOKENS for name in _TOKENS},
}
"""By name in lower case; all others hold anything. RFC 5322 section 3.6, RFC 2369, RFC 5064,
RFC 8058, RFC 6376, and what is usual."""

_PLAIN = re.compile(r"(?!.*=\?)[!-~]+(?: [!-~]+)*")
"""What most fields are: words of ASCII."""

_SPACES = 60
"""Spaces in a row that cannot be kept by folding, which happens before words only."""

_FOR_PROGRAMS = re.compile(r"[^\s@<>]@[^\s@<>]|://|mailto:|<[^<>]*>", re.IGNORECASE)
"""An address, a URL, or what stands in angle brackets."""


@lru_cache(maxsize=64)  # a message is checked when it is made, and written when it is sent
def write(name: str, text: str, *, where: str = "", utf8: bool = False) -> str:
    """The value of a field, folded: lines joined by CRLF and a space.

    Args:
        name: of the field.
        text: its value in Unicode; no line ends.
        where: what to call it in an error, if not by its name.
        utf8: what is beyond ASCII stays as it is (RFC 6532).

    Raises:
        InputError: it cannot be written so that it can be read; names the field.
    """
    if len(text) <= WIDTH - len(name) - 2 and _PLAIN.fullmatch(text):
        return text
    where = where or name
    holds = HOLDS.get(name.lower(), Holds.ANYTHING)
    if holds is Holds.ADDRESSES:
        if (found := _addresses(text, where, utf8=utf8)) is not None:
            return found
        holds = Holds.TOKENS if text.isascii() and "=?" not in text else Holds.ANYTHING
    if holds is Holds.PROSE:
        return unstructured(text, len(name) + 2, utf8=utf8)
    if holds is Holds.ANYTHING:
        text = _encoded_where_needed(text, where, len(name) + 2, utf8=utf8)
    elif not (text.isascii() or utf8) or WORD.search(text):
        raise InputError(where, f"contains {holds.value}, which must be ASCII; {_REMEDY}")
    return _folded(text, where, len(name) + 2)


def write_source(name: str, text: str, *, where: str, utf8: bool = False) -> str:
    """The value of a field that was read, so that encoded words in it mean what they say.

    Args:
        name: of the field.
        text: its value, unfolded.
        where: what to call it in an error.
        utf8: what is beyond ASCII stays as it is.

    Raises:
        InputError: it cannot be written so that it can be read; names the field.
    """
    if "=?" in text and name.lower() not in ADDRESS_FIELDS:
        if text.isascii():
            return _folded(text, where, len(name) + 2)
        text = " ".join(decode_phrase(text.split(" ")))
    return write(name, text, where=where, utf8=utf8)


def _addresses(text: str, where: str, *, utf8: bool) -> str | None:
    """An address-list, if it has to be written anew; None if it may go as it is.

    Raises:
        InputError: there is an address in it that nobody could read.
    """
    short = max(map(len, text.split(" "))) <= MAX_TEXT_LINE - 100
    if text.isascii() and "=?" not in text and short:
        return None
    try:
        return write_list(read_list(text, where), where, utf8=utf8)
    except InputError:
        # No address, so none that could get lost: a name alone, or words.
        if _FOR_PROGRAMS.search(" ".join(decode_phrase(text.split(" ")))):
            raise
        return None


ADDRESS_FIELDS = frozenset(name for name, holds in HOLDS.items() if holds is Holds.ADDRESSES)


def hides_address(text: str) -> bool:
    """Whether a field of addresses has one in an encoded word, where no reader looks for it."""
    if "=?" not in text or _FOR_PROGRAMS.search(text):
        return False
    return _FOR_PROGRAMS.search(" ".join(decode_phrase(text.split(" ")))) is not None


def shows(name: str, written: str, text: str) -> bool:
    """Whether a field as somebody else wrote it shows what programs look for.

    Args:
        name: of the field.
        written: its value, unfolded.
        text: what it was to say.
    """
    holds = HOLDS.get(name.lower(), Holds.ANYTHING)
    if holds is Holds.TOKENS:
        return WORD.search(written) is None
    wanted = (word.strip(",;<>") for word in text.split() if _FOR_PROGRAMS.search(word))
    return holds is Holds.PROSE or all(word in written for word in wanted)


_REMEDY = (
    "write a domain in its xn-- form and the rest of a URL with % (an encoded word there could not "
    "be read: RFC 2047 section 5)"
)


def unstructured(text: str, indent: int, *, utf8: bool = False) -> str:
    """Words for people: as they are if that can be read again, else encoded.

    Args:
        text: the value.
        indent: columns taken by the name.
        utf8: what is beyond ASCII stays as it is.
    """
    if len(text) <= WIDTH - indent and _PLAIN.fullmatch(text):
        return text
    words = text.split(" ")
    plain = (text.isascii() or utf8) and not any(sign in text for sign in ("=?", " " * _SPACES))
    plain = plain and text == text.strip(" \t")
    if not plain or max(len(word.encode()) for word in words) > MAX_TEXT_LINE - 100:
        return encode(text, indent)
    return _lines(words, indent)


def _lines(words: list[str], indent: int) -> str:
    """Fold before words: a line of spaces alone would end the header for some readers."""
    lines, line = [], ""
    room = WIDTH - indent
    for number, word in enumerate(words):
        if number and line.strip() and word and len(line) + 1 + len(word) > room:
            lines.append(line)
            line, room = word, WIDTH - 1
        else:
            line = f"{line} {word}" if number else word
    return FOLD.join([*lines, line])


def _folded(text: str, where: str, indent: int) -> str:
    """Lines of words, each of which has to fit as it is."""
    words = text.strip(" \t").split(" ")
    if FOLD in text:  # an encoded word fills its line
        words = [word for line in text.split(FOLD) for word in line.split(" ")]
    longest = max(len(word.encode()) for word in words)
    if longest > MAX_TEXT_LINE - indent or " " * (MAX_TEXT_LINE - indent) in text:
        raise InputError(
            where,
            f"has {longest} bytes without a space, but a line can have at most {MAX_TEXT_LINE}; "
            "shorten it",
            code="message.line_too_long",
        )
    return _lines(words, indent)


def _encoded_where_needed(text: str, where: str, indent: int, *, utf8: bool) -> str:
    """Encode runs of words that need it, and leave the others as they are."""
    if not _needs_encoding(text, utf8=utf8) and text == text.strip(" "):
        return text
    if not _FOR_PROGRAMS.search(text):
        return unstructured(text, indent, utf8=utf8)
    pieces: list[str] = []
    run: list[str] = []
    for word in text.strip(" \t").split(" "):
        if _needs_encoding(word, utf8=utf8):
            if _FOR_PROGRAMS.search(word):
                raise InputError(
                    where, f"{word[:50]!r} is an address or a URL and not all ASCII; {_REMEDY}"
                )
            run.append(word)
        else:
            if run and not word:
                run.append(word)  # a space more between the two
                continue
            if run:
                pieces.append(encode(" ".join(run), indent))
                run = []
            pieces.append(word)
    if run:
        pieces.append(encode(" ".join(run), indent))
    return " ".join(pieces)


def _needs_encoding(word: str, *, utf8: bool) -> bool:
    beyond = not word.isascii() and not utf8
    if beyond or " " * _SPACES in word:
        return True
    if _FOR_PROGRAMS.search(word):
        return WORD.search(word) is not None
    return "=?" in word or len(word) > MAX_TEXT_LINE - 100
