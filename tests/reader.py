"""A reader of mail that knows nothing of ours: RFC 5322 and RFC 2047, letter by letter.

It is slow and takes nothing but what the RFCs allow to be written; what it cannot read, some mail
program cannot either.
"""

from __future__ import annotations

import base64
import email.utils
import re
from collections.abc import Iterator

ENCODED = re.compile(r"=\?([!-~]+?)(?:\*[!-~]*)?\?([BbQq])\?([!->@-~]*)\?=")
"""RFC 2047 section 2; RFC 2231 section 5."""

ATEXT = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~")


class UnreadableError(Exception):
    """No reader has to understand this."""


def pairs(text: str) -> list[tuple[str, str]]:
    """Names and addresses that Python's own reader takes from a field.

    Its strict form, the default of newer Pythons, reads no address literal (``x@[192.0.2.1]``).
    """
    newer = getattr(email.utils, "supports_strict_parsing", False)
    return email.utils.getaddresses([text], **({"strict": False} if newer else {}))


def fields(data: bytes) -> list[tuple[str, str]]:
    """Names and unfolded values of a header (RFC 5322 sections 2.2, 2.2.3; RFC 6532)."""
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        raise UnreadableError("no end of the header")
    found: list[tuple[str, str]] = []
    for line in head.decode().split("\r\n"):
        if len(line.encode()) > 998 or re.search("[\r\n\0]", line):
            raise UnreadableError(line)
        if line[:1] in (" ", "\t"):
            if not line.strip() or not found:
                raise UnreadableError("a line of spaces")
            found[-1] = (found[-1][0], found[-1][1] + line)
            continue
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch("[!-9;-~]+", name):
            raise UnreadableError(line)
        found.append((name, value))
    return [(name, value.strip(" \t")) for name, value in found]


def values(data: bytes, name: str) -> list[str]:
    """The values of all fields of a name."""
    return [value for found, value in fields(data) if found.lower() == name.lower()]


def value(data: bytes, name: str) -> str:
    """The value of the one field of a name."""
    (found,) = values(data, name)
    return found


# Text.


def decoded(word: str) -> str:
    """An encoded word."""
    found = ENCODED.fullmatch(word)
    if found is None or len(word) > 75:
        raise UnreadableError(word)
    charset, scheme, text = found.groups()
    if scheme in "Bb":
        octets = base64.b64decode(text, validate=True)
    else:
        octets = b""
        while text:
            if text[0] == "=":
                octets += bytes.fromhex(text[1:3])
                text = text[3:]
            else:
                octets += b" " if text[0] == "_" else text[0].encode()
                text = text[1:]
    return octets.decode(charset)


def is_encoded(word: str) -> bool:
    return ENCODED.fullmatch(word) is not None


def text(value: str) -> str:
    """Unstructured text (RFC 2047 section 6.2): space between two encoded words is none."""
    pieces = re.split(r"([ \t]+)", value)
    out, was = "", False
    for number, piece in enumerate(pieces):
        if piece.strip(" \t") == "":
            after = pieces[number + 1] if number + 1 < len(pieces) else ""
            if not (was and is_encoded(after)):
                out += piece
            continue
        was = is_encoded(piece)
        out += decoded(piece) if was else piece
    return out


# Addresses.


class _Letters:
    def __init__(self, value: str) -> None:
        self.value = value
        self.at = 0

    @property
    def next(self) -> str:
        return self.value[self.at : self.at + 1]

    def take(self, letter: str) -> None:
        if self.next != letter:
            raise UnreadableError(f"{letter} wanted at {self.value[self.at :]!r}")
        self.at += 1

    def space(self) -> None:
        """CFWS (section 3.2.2)."""
        while self.next and self.next in " \t(":
            if self.next == "(":
                self.comment()
            else:
                self.at += 1

    def comment(self) -> None:
        self.take("(")
        while self.next != ")":
            if self.next == "":
                raise UnreadableError("a comment without end")
            if self.next == "(":
                self.comment()
                continue
            self.at += 2 if self.next == "\\" else 1
        self.take(")")

    def quoted(self) -> str:
        self.take('"')
        out = ""
        while self.next != '"':
            if self.next == "":
                raise UnreadableError("a quoted string without end")
            if self.next == "\\":
                self.at += 1
            out += self.next
            self.at += 1
        self.take('"')
        return out

    def run(self, extra: str = "") -> str:
        """Atom, or with ``extra`` a dot-atom (section 3.2.3); beyond ASCII by RFC 6532."""
        start = self.at
        while self.next and (self.next in ATEXT or self.next in extra or ord(self.next) > 127):
            self.at += 1
        if start == self.at:
            raise UnreadableError(f"a word wanted at {self.value[self.at :]!r}")
        return self.value[start : self.at]


def addresses(value: str) -> list[tuple[str, str]]:
    """Names and addresses of a list (section 3.4), groups resolved."""
    return list(_list(_Letters(value)))


def _list(letters: _Letters) -> Iterator[tuple[str, str]]:
    while True:
        yield from _address(letters)
        letters.space()
        if letters.next == "":
            return
        letters.take(",")


def _address(letters: _Letters) -> Iterator[tuple[str, str]]:
    letters.space()
    start = letters.at
    words = _words(letters)
    if letters.next == ":" and words:
        letters.take(":")
        letters.space()
        while letters.next != ";":
            yield from _address(letters)
            letters.space()
            if letters.next != ";":
                letters.take(",")
        letters.take(";")
        return
    if letters.next == "<":
        letters.take("<")
        address = _spec(letters)
        letters.take(">")
        yield _phrase(words), address
        return
    letters.at = start
    yield "", _spec(letters)


def _words(letters: _Letters) -> list[tuple[str, bool]]:
    words: list[tuple[str, bool]] = []
    while letters.next and letters.next not in "<@:,;>":
        if letters.next == '"':
            words.append((letters.quoted(), True))
        else:
            words.append((letters.run("."), False))
        letters.space()
    return words


def _phrase(words: list[tuple[str, bool]]) -> str:
    out, was = "", False
    for number, (word, quoted) in enumerate(words):
        encoded = not quoted and is_encoded(word)
        if "=?" in word and not encoded and not quoted:
            raise UnreadableError(f"half an encoded word: {word!r}")
        out += " " if number and not (was and encoded) else ""
        out += decoded(word) if encoded else word
        was = encoded
    return out


def _spec(letters: _Letters) -> str:
    """addr-spec (section 3.4.1), without space or comments inside."""
    local = f'"{letters.quoted()}"' if letters.next == '"' else letters.run(".")
    letters.take("@")
    if letters.next == "[":
        end = letters.value.index("]", letters.at) + 1
        domain = letters.value[letters.at : end]
        letters.at = end
    else:
        domain = letters.run(".")
    if "=?" in local + domain:
        raise UnreadableError("an encoded word in an address (RFC 2047 section 5)")
    return f"{local}@{domain}"


# Identifiers and URLs.


def bracketed(value: str) -> list[str]:
    """What stands in angle brackets, one after the other (RFC 5322 section 3.6.4, RFC 2369)."""
    if ENCODED.search(value):
        raise UnreadableError("an encoded word among identifiers (RFC 2047 section 5)")
    return re.findall(r"<([^<>\s]+)>", value)
