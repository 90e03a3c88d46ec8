"""A way to misbehave, as a value: what the server does otherwise than a healthy one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Literal

from smtps.options import Security
from smtps.sandbox.certificates import Authority, Identity

NAMES = ("localhost", "127.0.0.1", "::1")

Certify = Callable[[Authority], Identity]
"""Makes the server's certificate."""

Raw = Callable[[], asyncio.Protocol]
"""Makes what answers instead of a mail server."""


class Act(Enum):
    """What may be done instead of a reply."""

    HANG_UP = auto()
    SILENCE = auto()
    LISTEN = auto()
    """Say nothing; the next of several waits for the client's line as ever."""


Said = str | Act
Answer = Said | tuple[Said, ...]
"""A reply as it stands on the wire, without its last line end; of several, each but the first waits
for another line of the client."""

ShownBy = Literal["check", "login", "token", "deep", "envelope", "anonymous envelope", "send"]
"""What has to be done to see it: a check as it is, with the test account, with an access token, in
depth, with sender and recipient, the same without a login; or only sending a message."""


def healthy_certificate(authority: Authority) -> Identity:
    """What any client trusts that trusts the authority."""
    return authority.issue(NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One way to be.

    Attributes:
        name: for ``--persona``.
        summary: what it does.
        findings: codes that it must lead to, and no others; none for a server that is well.
        shown_by: what has to be done to see it.
        security: how TLS begins here.
        ask_as: the security that a client has to ask with, if another than that.
        host: the name to ask for, where the address would show something else.
        certify: makes the certificate.
        adjust: changes the TLS settings.
        in_clear: no TLS at all.
        front: what a device in front of the server passes of a client's first bytes.
        raw: answers instead of a mail server, before TLS.
        greeting: in place of 220.
        greeting_delay: seconds before it.
        auth: SASL mechanisms to offer.
        auth_in_clear: offers them before STARTTLS too.
        offers: more EHLO lines.
        size: octets to take.
        bare_names: whether EHLO may come with a name that is none in DNS.
        replies: verb, or ``FINAL`` for the end of the message → what comes in place of the reply.
        line_end: of each reply line.
    """

    name: str
    summary: str
    findings: tuple[str, ...] = ()
    shown_by: ShownBy = "check"
    security: Security = "implicit"
    ask_as: Security | None = None
    host: str | None = None
    certify: Certify = healthy_certificate
    adjust: Callable[[ssl.SSLContext, Authority], None] | None = None
    in_clear: bool = False
    front: Callable[[bytes], bytes | None] | None = None
    raw: Raw | None = None
    greeting: Answer | None = None
    greeting_delay: float = 0.0
    auth: tuple[str, ...] = ("LOGIN", "PLAIN")
    auth_in_clear: bool = False
    offers: tuple[str, ...] = ()
    size: int = 64 * 1024 * 1024
    bare_names: bool = True
    replies: Mapping[str, Answer] = field(default_factory=dict)
    line_end: str = "\r\n"

    @property
    def finding(self) -> str | None:
        """The first of the codes."""
        return self.findings[0] if self.findings else None

    @property
    def asked_with(self) -> Security:
        """The security to check it with."""
        return self.ask_as or self.security

    def as_json(self) -> dict[str, Any]:
        """For lists."""
        return {
            "name": self.name,
            "summary": self.summary,
            "finding": self.finding,
            "findings": list(self.findings),
            "shown_by": self.shown_by,
            "security": self.asked_with,
        }
