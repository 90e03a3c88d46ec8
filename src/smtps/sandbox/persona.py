"""A way to misbehave, as a value: what the server does otherwise than a healthy one."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, Literal

from smtps.endpoint import Security
from smtps.errors import InputError, did_you_mean
from smtps.sandbox.issuer.account_files import Grant
from smtps.sandbox.issuer.issuing import Issuing
from smtps.sandbox.pki import Authority, Identity

DOMAIN = "sandbox.localhost"
"""Below it, each persona has a name."""

NAMES = ("localhost", "127.0.0.1", "::1", f"*.{DOMAIN}")

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

ShownBy = Literal[
    "check", "login", "token", "deep", "envelope", "anonymous envelope", "send", "account",
    "account again", "account login",
]  # fmt: skip
"""What has to be done to see it: a check as it is, with the test account, with an access token, in
depth, with sender and recipient, the same without a login; or only sending a message. The last are
about accounts (``smtps login``): a check after the login, once the token has to be renewed; the
check after that; or the login itself."""


GROUPS = {
    "Certificate": r"tls\.(?:certificate|intercepted)",
    "STARTTLS": r"tls\.starttls|auth\.offered_in_clear",
    "TLS": r"tls\.",
    "Connection and replies": r"(?:net|smtp)\.",
    "Login": r"(?:auth|oauth)\.",
    "Sending": r"send\.",
}
"""Families of personas, and how the codes begin that they lead to."""

WORKING = "Nothing wrong"


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
        chunking: whether to offer BDAT (RFC 3030), which clients then use in place of DATA.
        offers: more EHLO lines.
        size: octets to take.
        bare_names: whether EHLO may come with a name that is none in DNS.
        replies: verb, or ``FINAL`` for the end of the message → what comes in place of the reply.
        line_end: of each reply line.
        issuing: how the authorization server beside it behaves; None for none.
        grant: by which an account logs in there.
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
    chunking: bool = False
    offers: tuple[str, ...] = ()
    size: int = 64 * 1024 * 1024
    bare_names: bool = True
    replies: Mapping[str, Answer] = field(default_factory=dict)
    line_end: str = "\r\n"
    issuing: Issuing | None = None
    grant: Grant = "code"

    @property
    def finding(self) -> str | None:
        """The first of the codes."""
        return self.findings[0] if self.findings else None

    @property
    def group(self) -> str:
        """The family for lists, by what it leads to."""
        finding = self.finding or ""
        return next((name for name, codes in GROUPS.items() if re.match(codes, finding)), WORKING)

    @property
    def asked_with(self) -> Security:
        """The security to check it with."""
        return self.ask_as or self.security

    def saying(self, replies: Iterable[str]) -> Persona:
        """The same, with other replies.

        Args:
            replies: each a phase and what is said in it, such as ``RCPT=550 5.1.1 User unknown``.
                The phases are GREETING, FINAL (the end of the message) and the commands. A line
                break, also written as ``\\n``, makes a reply of several lines. One phase given more
                than once answers the client's lines one after the other.

        Raises:
            InputError: no such phase, or no reply.
        """
        said: dict[str, tuple[str, ...]] = {}
        for text in replies:
            phase, reply = _reply(text)
            said[phase] = (*said.get(phase, ()), reply)
        greeting = said.pop("GREETING", None)
        merged = {**self.replies, **{phase: _one_or_more(each) for phase, each in said.items()}}
        chunking = self.chunking and not {"DATA", "FINAL"} & said.keys()
        made = replace(self, replies=merged, chunking=chunking)
        return made if greeting is None else replace(made, greeting=greeting[0])

    def as_json(self) -> dict[str, Any]:
        """For lists."""
        return {
            "name": self.name,
            "group": self.group,
            "summary": self.summary,
            "finding": self.finding,
            "findings": list(self.findings),
            "shown_by": self.shown_by,
            "security": self.asked_with,
        }


PHASES = ("GREETING", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "FINAL", "RSET", "NOOP",
          "QUIT")  # fmt: skip
_REPLY = re.compile(r"([2-5]\d\d)[ -]?(.*)", re.DOTALL)


def _reply(text: str) -> tuple[str, str]:
    """Phase and wire form of a reply given as ``PHASE=reply``."""
    phase, _, reply = text.partition("=")
    phase = phase.strip().upper()
    if phase not in PHASES:
        near = did_you_mean(phase, PHASES)
        raise InputError("reply", f"{phase!r} is not one of {', '.join(PHASES)}{near}")
    found = _REPLY.fullmatch(reply.strip().replace("\\n", "\n"))
    if found is None:
        raise InputError("reply", f"{reply!r} does not begin with a reply code such as 550")
    code = found[1]
    lines = [line.removeprefix(code).lstrip(" -") for line in found[2].splitlines()] or [""]
    last = len(lines) - 1
    wire = [f"{code}{'-' if n < last else ' '}{line}" for n, line in enumerate(lines)]
    return phase, "\r\n".join(wire)


def _one_or_more(replies: tuple[str, ...]) -> Answer:
    return replies[0] if len(replies) == 1 else replies
