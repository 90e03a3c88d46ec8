"""A client's command lines, as the server reads them: octets in, values out (RFC 5321 section 4.1).

What is read is what every careful receiver reads in the same way. Anything else is refused with the
reply that the RFCs give for it, never guessed at: two readings of one line are two mails to
somebody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from smtps.core import grammar
from smtps.core.address import Mailbox
from smtps.errors import InputError


class Asked(StrEnum):
    """What a client may ask for."""

    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BDAT = "BDAT"
    RSET = "RSET"
    NOOP = "NOOP"
    VRFY = "VRFY"
    HELP = "HELP"
    QUIT = "QUIT"


class Refused(Exception):  # noqa: N818  # not an error of ours: a reply to give
    """The line cannot be taken.

    Attributes:
        reply: what to answer, with code and enhanced code.
    """

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class Line(NamedTuple):
    """A command line, split."""

    verb: Asked
    argument: str


@dataclass(frozen=True, slots=True)
class Sender:
    """MAIL (RFC 5321 section 4.1.1.2).

    Attributes:
        path: reverse-path without brackets; empty for the null reverse-path.
        size: octets that the client announces (RFC 1870).
        eight_bit: BODY=8BITMIME (RFC 6152).
        smtputf8: RFC 6531.
        requiretls: RFC 8689.
        ret, envid: for notifications (RFC 3461 sections 4.3, 4.4); ``envid`` is decoded.
    """

    path: str
    size: int | None = None
    eight_bit: bool = False
    smtputf8: bool = False
    requiretls: bool = False
    ret: str | None = None
    envid: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """RCPT (RFC 5321 section 4.1.1.3).

    Attributes:
        path: forward-path without brackets and source route.
        notify: when to send notifications (RFC 3461 section 4.1); None where nothing is said.
        orcpt: original recipient, type and address, as it was said (RFC 3461 section 4.2).
    """

    path: str
    notify: frozenset[str] | None = None
    orcpt: str | None = None


class Chunk(NamedTuple):
    """BDAT (RFC 3030 section 2): so many octets follow."""

    octets: int
    last: bool


class Attempt(NamedTuple):
    """AUTH (RFC 4954 section 4); ``initial`` is the initial response in base64, None without."""

    mechanism: str
    initial: str | None = None


_NOT_TEXT = "500 5.5.2 A command line must be UTF-8 without control characters"
_UNKNOWN = "500 5.5.2 Command not recognized"


def split(octets: bytes) -> Line:
    """Read a command line without its CRLF.

    Raises:
        Refused: no command that there is.
    """
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise Refused(_NOT_TEXT) from None
    if grammar.FORBIDDEN.search(text.replace("\t", " ")):
        raise Refused(_NOT_TEXT)
    verb, _, argument = text.strip(" \t").partition(" ")
    try:
        return Line(Asked(verb.upper()), argument.strip(" \t"))
    except ValueError:
        raise Refused(_UNKNOWN) from None


def client_name(argument: str) -> str:
    """The argument of EHLO or HELO.

    What stands there is often no name at all, and to refuse it helps nobody (RFC 5321 section
    4.1.4 forbids to refuse one that cannot be verified); what it is good for, the caller decides.

    Raises:
        Refused: there is none.
    """
    name = argument.partition(" ")[0]
    if not name or len(name) > 255:
        raise Refused("501 5.5.4 Give the name of the client: EHLO host.example")
    return name


_PATH = re.compile(r'\s*<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>(?: +(.*))?')
"""Nothing but spaces may stand before the path; some clients put one there."""

_ROUTE = re.compile(r"@[^:,]*(?:,@[^:,]*)*:")
"""RFC 5321 appendix C: a source route is taken and left out."""


def _path(argument: str, keyword: str, usage: str) -> tuple[str, dict[str, str | None]]:
    if argument[: len(keyword)].upper() != keyword:
        raise Refused(f"501 5.5.4 Syntax: {usage}")
    found = _PATH.fullmatch(argument[len(keyword) :])
    if found is None:
        raise Refused(f"501 5.5.4 Syntax: {usage}")
    return found[1], _parameters(found[2] or "")


def _parameters(text: str) -> dict[str, str | None]:
    """RFC 5321 section 4.1.2, Mail-parameters: keyword → value, None without one."""
    found: dict[str, str | None] = {}
    for word in text.split():
        keyword, equals, value = word.partition("=")
        keyword = keyword.upper()
        if not grammar.KEYWORD.fullmatch(keyword) or (equals and not value):
            raise Refused(f"501 5.5.4 {word[:40]} is not a parameter")
        if keyword in found:
            raise Refused(f"501 5.5.4 {keyword} is given twice")
        found[keyword] = value if equals else None
    return found


def sender(argument: str, offered: frozenset[str]) -> Sender:
    """The argument of MAIL.

    Args:
        argument: what stands behind the verb.
        offered: keywords of the extensions that EHLO has offered.

    Raises:
        Refused: it is not what the RFCs say, or needs an extension that is not offered.
    """
    path, given = _path(argument, "FROM:", "MAIL FROM:<address>")
    values = _read(given, _MAIL, offered)
    made = Sender("", **values)
    return Sender(_mailbox(path, "553 5.1.7", utf8=made.smtputf8) if path else "", **values)


def recipient(argument: str, offered: frozenset[str], *, utf8: bool) -> Recipient:
    """The argument of RCPT.

    Args:
        argument: what stands behind the verb.
        offered: keywords of the extensions that EHLO has offered.
        utf8: whether MAIL had SMTPUTF8.

    Raises:
        Refused: it is not what the RFCs say, or needs an extension that is not offered.
    """
    path, given = _path(argument, "TO:", "RCPT TO:<address>")
    values = _read(given, _RCPT, offered)
    if path.lower() == "postmaster":  # RFC 5321 section 4.1.1.3: it needs no domain
        return Recipient(path, **values)
    return Recipient(_mailbox(path, "553 5.1.3", utf8=utf8), **values)


def _mailbox(path: str, code: str, *, utf8: bool) -> str:
    bare = _ROUTE.sub("", path, count=1) if path.startswith("@") else path
    try:
        mailbox = Mailbox.parse(bare)
    except InputError:
        raise Refused(f"{code} The address is not of the form name@domain") from None
    if mailbox.needs_smtputf8 and not utf8:
        raise Refused("553 5.6.7 An address beyond ASCII needs the parameter SMTPUTF8 of MAIL")
    return str(mailbox)


_Reader = Callable[[str | None], dict[str, Any]]


def _size(value: str | None) -> dict[str, Any]:
    if value is None or not re.fullmatch("[0-9]{1,20}", value):
        raise Refused("501 5.5.4 SIZE needs a number of bytes")
    return {"size": int(value)}


def _body(value: str | None) -> dict[str, Any]:
    kind = (value or "").upper()
    if kind not in ("7BIT", "8BITMIME"):
        raise Refused("501 5.5.4 BODY is 7BIT or 8BITMIME here")
    return {"eight_bit": kind == "8BITMIME"}


def _switch(name: str) -> _Reader:
    def read(value: str | None) -> dict[str, Any]:
        if value is not None:
            raise Refused(f"501 5.5.4 {name.upper()} takes no value")
        return {name: True}

    return read


def _ret(value: str | None) -> dict[str, Any]:
    kind = (value or "").upper()
    if kind not in ("FULL", "HDRS"):
        raise Refused("501 5.5.4 RET is FULL or HDRS")
    return {"ret": kind}


def _envid(value: str | None) -> dict[str, Any]:
    return {"envid": _from_xtext(value or "", "ENVID")}


_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")
"""RFC 3461 section 4."""


def _from_xtext(text: str, name: str) -> str:
    if not _XTEXT.fullmatch(text):
        raise Refused(f"501 5.5.4 {name} is not xtext")
    plain = re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text)
    if not plain.isascii() or not plain.isprintable():
        raise Refused(f"501 5.5.4 {name} is not printable")
    return plain


_NOTIFY = frozenset({"SUCCESS", "FAILURE", "DELAY"})


def _notify(value: str | None) -> dict[str, Any]:
    words = (value or "").upper().split(",")
    wanted = frozenset(words)
    if len(words) != len(wanted) or not (wanted == {"NEVER"} or (wanted and wanted <= _NOTIFY)):
        raise Refused("501 5.5.4 NOTIFY is NEVER, or some of SUCCESS, FAILURE and DELAY")
    return {"notify": wanted}


def _orcpt(value: str | None) -> dict[str, Any]:
    kind, _, address = (value or "").partition(";")
    if not grammar.KEYWORD.fullmatch(kind) or not address or len(address) > 500:
        raise Refused("501 5.5.4 ORCPT is a type of address and an address: rfc822;ann@example.com")
    if kind.lower() == "rfc822":
        _from_xtext(address, "ORCPT")
    return {"orcpt": f"{kind};{address}"}


_MAIL: Mapping[str, tuple[str, _Reader]] = {
    "SIZE": ("SIZE", _size),
    "BODY": ("8BITMIME", _body),
    "SMTPUTF8": ("SMTPUTF8", _switch("smtputf8")),
    "REQUIRETLS": ("REQUIRETLS", _switch("requiretls")),
    "RET": ("DSN", _ret),
    "ENVID": ("DSN", _envid),
}
"""Parameter of MAIL → the extension that it belongs to, and how its value is read."""

_RCPT: Mapping[str, tuple[str, _Reader]] = {
    "NOTIFY": ("DSN", _notify),
    "ORCPT": ("DSN", _orcpt),
}
"""The same of RCPT."""


def _read(
    given: Mapping[str, str | None],
    table: Mapping[str, tuple[str, _Reader]],
    offered: frozenset[str],
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for keyword, value in given.items():
        extension, read = table.get(keyword, ("", None))
        if read is None or extension not in offered:
            raise Refused(f"555 5.5.4 The parameter {keyword} is not supported")
        values |= read(value)
    return values


def chunk(argument: str) -> Chunk:
    """The argument of BDAT.

    Raises:
        Refused: it is no number, alone or with LAST. How many octets follow is then unknown, so
            the connection cannot go on.
    """
    found = re.fullmatch(r"([0-9]{1,20})( +LAST)?", argument, re.IGNORECASE)
    if found is None:
        raise Refused("501 5.5.4 Syntax: BDAT size [LAST]")
    return Chunk(int(found[1]), found[2] is not None)


def attempt(argument: str, mechanisms: tuple[str, ...]) -> Attempt:
    """The argument of AUTH.

    Args:
        argument: what stands behind the verb.
        mechanisms: that are offered.

    Raises:
        Refused: no such mechanism is offered, or the line is no AUTH.
    """
    name, _, rest = argument.partition(" ")
    name = name.upper()
    if not mechanisms:
        raise Refused("503 5.5.1 AUTH is not offered here")
    if not grammar.SASL_MECHANISM.fullmatch(name) or " " in rest.strip():
        raise Refused("501 5.5.4 Syntax: AUTH mechanism [initial response]")
    if name not in mechanisms:
        raise Refused(f"504 5.5.4 {name} is not offered; try {' '.join(mechanisms)}")
    return Attempt(name, rest.strip() or None)
