"""What a server knows of a dialogue: what it offers, what is asked, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from smtps.core.server_commands import Asked, Recipient, Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What EHLO offers, and where the limits are.

    Attributes:
        name: of the server.
        mechanisms: of AUTH; none offers no login.
        auth_in_clear: whether a login is offered without TLS.
        starttls: whether TLS can be begun.
        size: octets that a message may have; 0 for no limit.
        recipients: of one message.
        extensions: keywords of further extensions, in the order of the reply.
        more: further lines of the reply, as they are.
        errors: commands that may be refused by their form before the connection is closed.
    """

    name: str
    mechanisms: tuple[str, ...] = ()
    auth_in_clear: bool = False
    starttls: bool = False
    size: int = 64 * 1024 * 1024
    recipients: int = 1000
    extensions: tuple[str, ...] = (
        "PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES",
    )  # fmt: skip
    more: tuple[str, ...] = ()
    errors: int = 20

    @property
    def keywords(self) -> frozenset[str]:
        """Of all extensions whose parameters are taken."""
        return frozenset({"SIZE", *self.extensions, *(line.split()[0] for line in self.more)})

    def lines(self, *, secured: bool, login: bool) -> list[str]:
        """The lines of the reply to EHLO behind the first.

        Args:
            secured: whether TLS is on.
            login: whether a login is still possible.
        """
        offered = [*self.extensions]
        if self.size:
            offered.append(f"SIZE {self.size}")
        if self.starttls and not secured:
            offered.append("STARTTLS")
        if self.mechanisms and login and (secured or self.auth_in_clear):
            offered.append(f"AUTH {' '.join(self.mechanisms)}")
        return [*offered, *self.more]


class Stage(StrEnum):
    """Where the dialogue stands (RFC 5321 section 4.1.4)."""

    CONNECTED = "before the greeting"
    GREETED = "greeted, no EHLO yet"
    READY = "ready for a login or a message"
    LOGIN = "in a login"
    UPGRADING = "about to start TLS"
    MAIL = "sender accepted"
    RCPT = "recipients accepted"
    CONTENT = "receiving the message"
    CHUNKS = "receiving the message in chunks"
    CLOSED = "over"


class Hello(NamedTuple):
    """EHLO, or HELO where it is not ``extended``. ``greet`` answers it."""

    name: str
    extended: bool


class StartTLS(NamedTuple):
    """STARTTLS (RFC 3207). Answer with 220, then do the handshake, then call ``upgraded``."""


class Login(NamedTuple):
    """AUTH (RFC 4954). Answer with ``challenge``, or with the outcome: 235, or why not."""

    mechanism: str
    initial: bytes | None


class Response(NamedTuple):
    """What the client says to a challenge."""

    data: bytes


class Content(NamedTuple):
    """A piece of the message, without the doubled dots. It wants no answer."""

    data: bytes


class Finished(NamedTuple):
    """The message, or a chunk of it, is there.

    Attributes:
        last: whether it is all of the message.
        octets: of the message so far.
        too_large: more than the offer takes; what is beyond that was left out.
        bare: a CR or LF stood alone somewhere (RFC 5321 section 2.3.8).
    """

    last: bool
    octets: int
    too_large: bool
    bare: bool


class Simple(NamedTuple):
    """A command that asks for no more than its name: DATA, RSET, NOOP, VRFY, HELP, QUIT.

    ``STANDARD`` has the usual answers.
    """

    verb: Asked
    argument: str = ""


Event = Hello | StartTLS | Login | Response | Sender | Recipient | Content | Finished | Simple

STANDARD: Mapping[Asked, str] = {
    Asked.DATA: "354 End the message with <CRLF>.<CRLF>",
    Asked.RSET: "250 2.0.0 OK",
    Asked.NOOP: "250 2.0.0 OK",
    Asked.VRFY: "252 2.5.0 Send mail to it, and you will see",
    Asked.HELP: "214 2.0.0 See RFC 5321",
    Asked.QUIT: "221 2.0.0 Bye",
}

ANYWHERE = frozenset({Asked.NOOP, Asked.RSET, Asked.QUIT, Asked.HELP, Asked.VRFY})
HELLO = frozenset({Asked.EHLO, Asked.HELO})

ALLOWED: Mapping[Stage, frozenset[Asked]] = {
    Stage.GREETED: ANYWHERE | HELLO | {Asked.STARTTLS},
    Stage.READY: ANYWHERE | HELLO | {Asked.STARTTLS, Asked.AUTH, Asked.MAIL},
    Stage.MAIL: ANYWHERE | HELLO | {Asked.RCPT},
    Stage.RCPT: ANYWHERE | HELLO | {Asked.RCPT, Asked.DATA, Asked.BDAT},
    Stage.CHUNKS: ANYWHERE | HELLO | {Asked.BDAT},
}
"""What may be asked where (RFC 5321 section 4.1.4)."""

OUT_OF_ORDER: Mapping[Stage, str] = {
    Stage.GREETED: "503 5.5.1 Say EHLO first",
    Stage.READY: "503 5.5.1 Give the sender first: MAIL FROM:<address>",
    Stage.MAIL: "503 5.5.1 Give a recipient first: RCPT TO:<address>",
    Stage.RCPT: "503 5.5.1 Not while a message is being given; RSET ends it",
    Stage.CHUNKS: "503 5.5.1 Not between the chunks of a message; RSET ends it",
}
