"""Commands as values. What can be built can be sent: one line, no second command in it.

Every factory checks its arguments; ``Command`` itself looks at the finished line once more.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from smtps.core import grammar
from smtps.core.address import Mailbox
from smtps.errors import InputError, Phase

HIDDEN = "<hidden>"
"""What a transcript shows in place of a credential."""


class Verb(StrEnum):
    """What a command is; with GREETING for the reply that no command asks for."""

    GREETING = "greeting"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    RESPONSE = "response"
    """A line of a SASL exchange."""
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END_OF_DATA = "end of data"
    """The lone dot."""
    BDAT = "BDAT"
    BDAT_LAST = "BDAT LAST"
    RSET = "RSET"
    NOOP = "NOOP"
    QUIT = "QUIT"


PHASES: dict[Verb, Phase] = {
    Verb.GREETING: Phase.GREETING,
    Verb.EHLO: Phase.EHLO,
    Verb.HELO: Phase.EHLO,
    Verb.STARTTLS: Phase.TLS,
    Verb.AUTH: Phase.AUTH,
    Verb.RESPONSE: Phase.AUTH,
    Verb.MAIL: Phase.MAIL,
    Verb.RCPT: Phase.RCPT,
    Verb.DATA: Phase.DATA,
    Verb.END_OF_DATA: Phase.FINAL,
    Verb.BDAT: Phase.DATA,
    Verb.BDAT_LAST: Phase.FINAL,
    Verb.RSET: Phase.MAIL,
    Verb.NOOP: Phase.EHLO,
    Verb.QUIT: Phase.QUIT,
}


@dataclass(frozen=True, slots=True)
class Command:
    """One command line.

    Attributes:
        verb: what it is.
        line: the whole line without CRLF.
        shown: the line as a transcript may show it.
        octets: how much of the message follows the line, for BDAT.

    Raises:
        InputError: the line holds a character that could end it.
    """

    verb: Verb
    line: str = field(repr=False)  # it may hold a credential
    shown: str = ""
    octets: int = 0

    def __post_init__(self) -> None:
        if grammar.FORBIDDEN.search(self.line):
            raise InputError(self.verb.lower(), "contains a control character; remove it")
        if not self.shown:
            object.__setattr__(self, "shown", self.line)

    @property
    def phase(self) -> Phase:
        """Where in the dialogue it belongs."""
        return PHASES[self.verb]

    def encode(self) -> bytes:
        """The bytes for the wire."""
        return self.line.encode() + b"\r\n"


STARTTLS = Command(Verb.STARTTLS, "STARTTLS")
DATA = Command(Verb.DATA, "DATA")
END_OF_DATA = Command(Verb.END_OF_DATA, ".")
RSET = Command(Verb.RSET, "RSET")
NOOP = Command(Verb.NOOP, "NOOP")
QUIT = Command(Verb.QUIT, "QUIT")


def ehlo(name: str) -> Command:
    """EHLO (RFC 5321 section 4.1.1.1) with a host name or an address literal."""
    return Command(Verb.EHLO, f"EHLO {_client_name(name)}")


def helo(name: str) -> Command:
    """HELO, for servers that know nothing newer (RFC 5321 section 3.2)."""
    return Command(Verb.HELO, f"HELO {_client_name(name)}")


def auth(mechanism: str, initial: bytes | None = None) -> Command:
    """AUTH (RFC 4954 section 4).

    Args:
        mechanism: SASL mechanism name.
        initial: initial response; an empty one is sent as ``=``.
    """
    if not grammar.SASL_MECHANISM.fullmatch(mechanism):
        raise InputError("mechanism", "is not the name of a SASL mechanism")
    line = f"AUTH {mechanism}"
    if initial is None:
        return Command(Verb.AUTH, line)
    encoded = base64.b64encode(initial).decode() or "="
    return Command(Verb.AUTH, f"{line} {encoded}", f"{line} {HIDDEN if initial else '='}")


def response(data: bytes) -> Command:
    """A line of a SASL exchange (RFC 4954 section 4): never shown."""
    line = base64.b64encode(data).decode()
    if len(line) > grammar.MAX_AUTH_LINE - 2:
        raise InputError("credentials", f"are longer than {grammar.MAX_AUTH_LINE} bytes")
    return Command(Verb.RESPONSE, line, HIDDEN)


CANCEL_AUTH = Command(Verb.RESPONSE, "*")
"""Ends a SASL exchange (RFC 4954 section 4)."""


def mail(
    reverse_path: Mailbox | None,
    *,
    size: int | None = None,
    body: Literal["7BIT", "8BITMIME"] | None = None,
    smtputf8: bool = False,
    requiretls: bool = False,
    ret: Literal["FULL", "HDRS"] | None = None,
    envid: str | None = None,
) -> Command:
    """MAIL (RFC 5321 section 4.1.1.2). A path beyond ASCII needs ``smtputf8``; the caller knows.

    Args:
        reverse_path: where bounces go; None is the null reverse-path ``<>``.
        size: octets of the message (RFC 1870).
        body: RFC 6152.
        smtputf8: RFC 6531.
        requiretls: RFC 8689.
        ret, envid: what a delivery status notification quotes (RFC 3461 sections 4.3, 4.4).
    """
    parameters = []
    if size is not None:
        _check_octets(size)
        parameters.append(f"SIZE={size}")
    if body is not None:
        parameters.append(f"BODY={_one_of('body', body, ('7BIT', '8BITMIME'))}")
    if smtputf8:
        parameters.append("SMTPUTF8")
    if requiretls:
        parameters.append("REQUIRETLS")
    if ret is not None:
        parameters.append(f"RET={_one_of('dsn.ret', ret, ('FULL', 'HDRS'))}")
    if envid is not None:
        if not grammar.ENVELOPE_ID.fullmatch(envid):
            raise InputError(
                "dsn.envid", "must be 1 to 100 printable ASCII characters without spaces"
            )
        parameters.append(f"ENVID={xtext(envid)}")
    path = "" if reverse_path is None else _checked(reverse_path, "from")
    return Command(Verb.MAIL, " ".join([f"MAIL FROM:<{path}>", *parameters]))


NOTIFY = ("NEVER", "SUCCESS", "FAILURE", "DELAY")


def rcpt(
    forward_path: Mailbox, *, notify: Collection[str] | None = None, orcpt: Mailbox | None = None
) -> Command:
    """RCPT (RFC 5321 section 4.1.1.3).

    Args:
        forward_path: the recipient.
        notify: ``NEVER`` alone, or any of ``SUCCESS FAILURE DELAY`` (RFC 3461 section 4.1).
        orcpt: the original recipient (RFC 3461 section 4.2).
    """
    parameters = []
    if notify is not None:
        wanted = [_one_of("dsn.notify", word, NOTIFY) for word in notify]
        if not wanted or ("NEVER" in wanted and len(wanted) > 1):
            raise InputError("dsn.notify", "give NEVER alone, or SUCCESS, FAILURE, DELAY")
        parameters.append("NOTIFY=" + ",".join(wanted))
    if orcpt is not None:
        parameters.append(_original_recipient(orcpt))
    path = _checked(forward_path, "to")
    return Command(Verb.RCPT, " ".join([f"RCPT TO:<{path}>", *parameters]))


@lru_cache(maxsize=1024, typed=True)
def bdat(size: int, *, last: bool) -> Command:
    """BDAT (RFC 3030 section 2); ``size`` octets of the message follow its line."""
    _check_octets(size)
    if last:
        return Command(Verb.BDAT_LAST, f"BDAT {size:d} LAST", octets=size)
    return Command(Verb.BDAT, f"BDAT {size:d}", octets=size)


def _check_octets(size: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 10**20:
        raise InputError("size", "must be a number of bytes")


def xtext(text: str) -> str:
    """``text`` with ``+``, ``=`` and all but printable ASCII as ``+HH`` (RFC 3461 section 4)."""
    if not text.isascii():
        raise InputError("xtext", "can contain only ASCII")
    return "".join(
        char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}" for char in text
    )


def _original_recipient(mailbox: Mailbox) -> str:
    text = _checked(mailbox, "dsn.orcpt")
    if mailbox.needs_smtputf8:
        # RFC 6533 section 3, utf-8-addr-unitext: allowed where SMTPUTF8 is in force.
        safe = "".join(f"\\x{{{ord(c):X}}}" if c in "+=\\" else c for c in text)
        return f"ORCPT=utf-8;{safe}"
    return f"ORCPT=rfc822;{xtext(text)}"


@lru_cache(maxsize=1024)
def _checked(mailbox: Mailbox, field: str) -> str:
    """A Mailbox can be built without ``parse``; nothing goes out unread."""
    return str(Mailbox.parse(str(mailbox), field))


def _client_name(name: str) -> str:
    if not isinstance(name, str) or not (
        grammar.DOMAIN.fullmatch(name) or grammar.is_address_literal(name)
    ):
        raise InputError(
            "ehlo_name", "must be a host name or an address literal such as [192.0.2.1]"
        )
    return name


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InputError(field, f"must be one of {', '.join(allowed)}")
    return value
