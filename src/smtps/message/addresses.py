"""Addresses as a header writes them (RFC 5322 section 3.4), read strictly and in one way.

What header, policy and RCPT see has to be the same mailbox, so whatever one reader might take for
another address than the next is refused: the obsolete forms of section 4.4, space or comments
inside an address, encoded words in one (RFC 2047 section 5).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

from smtps.core import grammar
from smtps.core.address import Mailbox
from smtps.errors import InputError
from smtps.message.encoded_words import FOLD, WIDTH, decode, decode_phrase, encode
from smtps.net.hostnames import to_ascii

MAX_HEADER = 10_000
"""Characters of a subject or another field: many times what anybody reads."""

MAX_FIELD = 200_000
"""Characters of a field with addresses."""


def mailbox(text: str, field: str) -> Mailbox:
    """One addr-spec with its domain as A-labels: what header, policy and RCPT all see.

    Raises:
        InputError: it is not one mailbox.
    """
    return _mailbox(text, field) if isinstance(text, str) else Mailbox.parse(text, field)


@lru_cache(maxsize=4096)
def _mailbox(text: str, field: str) -> Mailbox:
    try:
        found = Mailbox.parse(text, field)
    except InputError as error:
        if (better := _misread(text)) is not None:
            raise InputError(field, better) from error
        raise
    if found.domain.isascii():
        return found
    # Once more, since A-labels are longer than what they stand for.
    return Mailbox.parse(f"{found.local}@{to_ascii(found.domain, field)}", field)


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"')
_BETWEEN = re.compile(r"[,;\s]+")


def _misread(text: str) -> str | None:
    """What to say of some things that are meant well and are no addr-spec."""
    if len(text) > MAX_HEADER:
        return None
    bare = _QUOTED.sub("", text)
    if sum("@" in piece for piece in _BETWEEN.split(bare)) > 1:
        return (
            f"{_short(text)} contains several addresses; give a list with one address per entry "
            "(on the command line, repeat the option)"
        )
    if grammar.FORBIDDEN.search(text):
        return None
    if (strange := _INVISIBLE.search(text)) is not None:
        named = unicodedata.name(strange[0], "which has no name")
        return f"{_short(text)} contains U+{ord(strange[0]):04X}, {named}; remove it"
    return _of_one(text, bare)


def _of_one(text: str, bare: str) -> str | None:
    if bare.rstrip().endswith(">") and "<" in bare:
        shown = NameAddr.parse(text)
        if shown.email != text:
            return f"{_short(text)} has a name; give the bare address {_short(shown.email)}"
        return f'{_short(text)}: write a name with , ; : < > " in quotes, "Lee, Ann" <ann@…>'
    if bare.rstrip().endswith(";") and ":" in bare:
        return f"{_short(text)} is a group; give its addresses in a list, or nothing if it has none"
    if bare.endswith(".") and bare.count("@") == 1:
        return f"{_short(text)} ends with a dot; remove it"
    return None


_INVISIBLE = re.compile(r"[\u00a0\u00ad\u1680\u2000-\u200f\u202a-\u202f\u205f-\u206f\u3000\ufeff]")
"""What comes along from a web page and cannot be seen."""


def _short(text: str) -> str:
    return repr(text if len(text) <= 50 else text[:47] + "...")


@dataclass(frozen=True, slots=True)
class NameAddr:
    """A mailbox with the name that is shown beside it (RFC 5322 section 3.4)."""

    email: str
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``ann@example.com`` or ``Ann Example <ann@example.com>``; one, never a list.

        RFC 5322 section 3.4, name-addr, without its comments and groups; the name may be in quotes
        with escapes, or in encoded words. What is neither is taken for an address, and refused as
        such when it is used.
        """
        if (
            not isinstance(text, str)
            or len(text) > MAX_HEADER
            or not text.strip(" \t").endswith(">")
        ):
            return cls(text)
        name, bracket, email = text.strip(" \t")[:-1].rpartition("<")
        shown = bare_name(name.strip(" \t"))
        return cls(email, shown) if bracket and shown is not None else cls(text)

    def mailbox(self, field: str) -> Mailbox:
        """The address, checked.

        Raises:
            InputError: the address or the name cannot stand in a header.
        """
        if not isinstance(self.name, str) or grammar.FORBIDDEN.search(self.name):
            raise InputError(field, "the display name contains a control character; remove it")
        if len(self.name) > MAX_HEADER:
            raise InputError(field, f"the display name has more than {MAX_HEADER} characters")
        return mailbox(self.email, field)


def bare_name(text: str) -> str | None:
    """A display name without its quotes, escapes or encoding; None if it is not one."""
    if text.startswith('"'):
        if len(text) < 2 or not _QUOTED.fullmatch(text):
            return None
        return unquoted(text).strip(" \t")
    if any(char in text for char in '"\\<>,;:'):
        return None
    words = text.split(" ")
    if all(decode(word) is not None for word in words):
        return "".join(decode_phrase(words))
    return text


def unquoted(text: str) -> str:
    """The content of a quoted-string (RFC 5322 section 3.2.4)."""
    return re.sub(r"\\(.)", r"\1", text[1:-1])


class Group(NamedTuple):
    """Several mailboxes under one name, or none (RFC 5322 section 3.4)."""

    name: str
    people: tuple[NameAddr, ...]


Entry = NameAddr | Group


# Reading a list.


class _Token(NamedTuple):
    kind: str
    text: str
    glued: bool
    """Whether it follows the one before without space or comment."""


_TOKEN = re.compile(
    r"""
    (?P<space>[ \t]+)
    | (?P<comment>\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*+\))*+\))
    | (?P<quoted>"(?:[^"\\]|\\.)*+")
    | (?P<literal>\[[^\[\]\\\s]*+\])
    | (?P<atom>(?:[A-Za-z0-9!\#$%&'*+/=?^_`{|}~.-]|[^\x00-\x7f])++)
    | (?P<special>[<>@,;:])
    """,
    re.VERBOSE,
)
"""RFC 5322 sections 3.2.2 to 3.2.4 and 3.4.1; RFC 6532 section 3.2 adds what is beyond ASCII."""


def read_list(text: str, field: str) -> list[Entry]:
    """The addresses of a field.

    Args:
        text: unfolded; encoded words only in names.
        field: what to call it in the error.

    Raises:
        InputError: it cannot be read, or not without doubt; says where.
    """
    if len(text) > MAX_FIELD:
        raise InputError(field, f"has more than {MAX_FIELD} characters")
    text = text.replace("\t", " ")
    if grammar.FORBIDDEN.search(text):
        raise InputError(field, "contains a control character; remove it")
    tokens = [*_tokens(text, field)]
    if not tokens and text.strip(" "):
        raise _doubt(field, text)  # comments alone
    return _Reader(tokens, field).entries()


def _tokens(text: str, field: str) -> Iterator[_Token]:
    at, glued = 0, False
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _doubt(field, text[at:])
        at = found.end()
        if found.lastgroup in ("space", "comment"):
            glued = False
            continue
        yield _Token(found.lastgroup, found[0], glued)
        glued = True


def _doubt(field: str, where: str) -> InputError:
    place = f" near {_short(where)}" if where else ""
    return InputError(
        field,
        f"is ambiguous{place}; write each address as name@domain or Name <name@domain>, separated "
        "by commas",
    )


_END = _Token("special", "", False)


class _Reader:
    """Goes through the tokens of an address-list once."""

    def __init__(self, tokens: list[_Token], field: str) -> None:
        self._tokens = tokens
        self._field = field
        self._at = 0

    def entries(self) -> list[Entry]:
        found: list[Entry] = []
        while self._tokens:
            words = self._words()
            if words and self._ahead.text == ":":
                found.append(self._group(words))
            else:
                found.append(self._one(words))
            if self._ahead is _END:
                break
            self._take(",")
        return found

    @property
    def _ahead(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _doubt(self) -> InputError:
        return _doubt(self._field, " ".join(t.text for t in self._tokens[self._at :][:6]))

    def _take(self, text: str, *, glued: bool = False) -> None:
        token = self._ahead
        if token.kind != "special" or token.text != text or (glued and not token.glued):
            raise self._doubt()
        self._at += 1

    def _words(self) -> list[_Token]:
        start = self._at
        while self._ahead.kind in ("atom", "quoted"):
            self._at += 1
        return self._tokens[start : self._at]

    def _group(self, words: list[_Token]) -> Group:
        self._take(":")
        people: list[NameAddr] = []
        while self._ahead.text != ";":
            if people:
                self._take(",")
            people.append(self._one(self._words()))
        self._take(";")
        return Group(_phrase(words), tuple(people))

    def _one(self, words: list[_Token]) -> NameAddr:
        if self._ahead.text == "<" and self._ahead.kind == "special":
            if words and words[0].text.startswith("."):
                raise self._doubt()
            self._at += 1
            local = self._words()
            if len(local) != 1 or not local[0].glued:
                raise self._doubt()
            address = self._address(local[0])
            self._take(">", glued=True)
            return NameAddr(address, _phrase(words))
        if len(words) != 1:
            raise self._doubt()
        return NameAddr(self._address(words[0]))

    def _address(self, local: _Token) -> str:
        self._take("@", glued=True)
        domain = self._ahead
        if domain.kind not in ("atom", "literal") or not domain.glued:
            raise self._doubt()
        self._at += 1
        return str(mailbox(f"{local.text}@{domain.text}", self._field))


def _phrase(words: list[_Token]) -> str:
    shown = [unquoted(w.text) if w.kind == "quoted" else w.text for w in words]
    bare = [None if w.kind == "quoted" else w.text for w in words]
    if not any(text and decode(text) is not None for text in bare):
        return " ".join(shown)
    # A quoted word is never an encoded one.
    parts: list[str] = []
    run: list[str] = []
    for plain, text in zip(bare, shown, strict=True):
        if plain is None:
            parts += [*decode_phrase(run), text]
            run = []
        else:
            run.append(text)
    return " ".join([*parts, *decode_phrase(run)])


def people_of(entries: Iterable[Entry]) -> Iterator[NameAddr]:
    """Everybody in a list, those in groups among them."""
    for entry in entries:
        if isinstance(entry, Group):
            yield from entry.people
        else:
            yield entry


# Writing.


_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_ATOMS = re.compile(rf"{_ATEXT}+(?: {_ATEXT}+)*")
_UTF8_ATOMS = re.compile(rf"(?:{_ATEXT}|[^\x00-\x7f])+(?: (?:{_ATEXT}|[^\x00-\x7f])+)*")


@lru_cache(maxsize=1024)
def write_person(who: NameAddr, field: str, *, utf8: bool = False) -> str:
    """A mailbox as it stands in a header; folded where it must be.

    Args:
        who: the mailbox and its name.
        field: what to call it in an error.
        utf8: the name need not be encoded (RFC 6532).

    Raises:
        InputError: it cannot stand in a header.
    """
    address = str(who.mailbox(field))
    if not who.name:
        return address
    shown = _shown(who.name, utf8=utf8)
    fits = "\r\n" not in shown and len(shown) + len(address) + 14 <= WIDTH
    return f"{shown}{' ' if fits else FOLD}<{address}>"


def _shown(name: str, *, utf8: bool) -> str:
    """A phrase (RFC 5322 section 3.2.5)."""
    beyond = not name.isascii() and not utf8
    if beyond or "=?" in name or len(name) > (WIDTH // 2 if not utf8 else 200):
        return encode(name, WIDTH // 2)
    if (_UTF8_ATOMS if utf8 else _ATOMS).fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def write_list(entries: Iterable[Entry], field: str, *, utf8: bool = False) -> str:
    """An address-list, each entry on a line of its own.

    Raises:
        InputError: an entry cannot stand in a header.
    """
    return f",{FOLD}".join([_entry(entry, field, utf8=utf8) for entry in entries])


def _entry(entry: Entry, field: str, *, utf8: bool) -> str:
    if isinstance(entry, NameAddr):
        return write_person(entry, field, utf8=utf8)
    people = f",{FOLD}".join([write_person(who, field, utf8=utf8) for who in entry.people])
    return f"{_shown(entry.name, utf8=utf8)}:{' ' if people else ''}{people};"
