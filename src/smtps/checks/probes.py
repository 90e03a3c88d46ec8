"""Second looks: other ways to say hello to an address, to learn why the first did not work.

Each is one more connection, after the others to the same address are closed. None of them carries
credentials, and none trusts the server. ``prober`` takes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from smtps.core.reply import Reply, printable
from smtps.errors import Failure, Phase
from smtps.net.rejection import Rejection
from smtps.net.server_hello import ALERTS, Flight, alert_number, flight
from smtps.net.services import Service, recognise
from smtps.net.tls import ClientHello, TLSFacts

LOOKS: dict[str, ClientHello] = {
    "any": ClientHello(),
    "old": ClientHello(newest=3, ciphers="ALL:!aNULL:@SECLEVEL=0"),
    "anonymous": ClientHello(newest=3, ciphers="aNULL:eNULL:@SECLEVEL=0"),
    "modest": ClientHello(oldest=3, newest=3, ciphers=None),
    "small": ClientHello(oldest=3, ciphers="ECDHE+AESGCM", group="prime256v1"),
    "nameless": ClientHello(oldest=3, ciphers=None, named=False),
    "TLSv1": ClientHello(oldest=1, newest=1),
    "TLSv1.1": ClientHello(oldest=2, newest=2),
    "TLSv1.2": ClientHello(oldest=3, newest=3),
    "TLSv1.3": ClientHello(oldest=4, newest=4),
    "broken ciphers": ClientHello(newest=3, ciphers="NULL:aNULL:RC4:DES:3DES:EXP:MD5:@SECLEVEL=0"),
    "old ciphers": ClientHello(newest=3, ciphers="kRSA:SEED:IDEA:!NULL:@SECLEVEL=0"),
    "alpn": ClientHello(alpn=("smtp",)),
}
"""Name → what is offered: anything at all; anything but TLS 1.3; ciphers for a server without a
certificate, or without encryption; TLS 1.2 with the usual ciphers; few ciphers and one key-exchange
group, for a short message; no server name; one version; ciphers that nobody may use, and ciphers
that nobody should (RFC 9325 section 4.2); an application protocol."""

MADE_BY_HAND = (
    "groups",
    "groups of TLS 1.2",
    "pre-shared key",
    "rare ciphers",
    "large",
    "staple",
    "TLS inside",
)
"""Hellos that are sent alone: every group without a key share, so that the server names the one it
wants, and the same for TLS 1.2; ciphers for a pre-shared key; ciphers and certificates that hardly
any client takes; one of 1,550 octets with a key of X25519MLKEM768, as OpenSSL 3.5 and browsers send
it; one that asks for an OCSP response; and one through TLS."""

OTHER_PORT = {465: 587, 587: 465}
"""Ports for handing in mail (RFC 8314 section 3.3)."""

RELAY_PORT = 25
"""Where servers hand in mail to one another."""

UNCHANGED = "unchanged"
"""The first attempt, made again."""

FIRST = "first attempt"
"""The first attempt itself, once the same has worked later."""

DEEP_LOOKS = (
    "TLSv1",
    "TLSv1.1",
    "TLSv1.2",
    "TLSv1.3",
    "broken ciphers",
    "old ciphers",
    "alpn",
    "large",
    "staple",
    "resumption",
)
"""For ``deep``, in turn."""

PIPELINING = "pipelining"
"""Two commands in one write, for ``deep``, where the server offers that."""
PIPELINING_REFUSED = "smtp.pipelining_refused"
"""The failure of that look, where it tells of pipelining."""

_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
SILENT = (
    "tls.timeout",
    "tls.handshake_stalled",
    "tls.starttls_unanswered",
    "smtp.greeting_timeout",
    "smtp.reply_unfinished",
    "smtp.timeout",
)
HUNG_UP = ("net.closed_by_server", "net.reset", "tls.closed", "tls.broken")


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of one.

    Attributes:
        name: see ``Looker.look``.
        tls: of the handshake.
        greeting: if it came to one.
        failure: what ended it.
        heard: what a service answered to a prompt, or a server to a hello made by hand, raw.
        rejection: the ICMP message that refuses the connection.
        reached: another port to which a connection came.
        milliseconds: how long it took.
    """

    name: str
    tls: TLSFacts | None = None
    greeting: Reply | None = None
    failure: Failure | None = None
    heard: bytes = b""
    rejection: Rejection | None = None
    reached: int | None = None
    milliseconds: float = 0.0

    @property
    def secured(self) -> bool:
        """Whether the handshake came to its end."""
        return self.tls is not None and self.tls.cipher is not None and not self._refused

    @property
    def flight(self) -> Flight:
        """What the server said to a hello made by hand."""
        return flight(self.heard)

    @property
    def service(self) -> Service | None:
        """What answered a prompt, if its words tell."""
        return recognise(self.heard)

    @property
    def group(self) -> str | None:
        """Key-exchange group, as far as it shows."""
        if self.name in MADE_BY_HAND:
            return self.flight.group
        return self.tls.group if self.secured and self.tls is not None else None

    @property
    def said(self) -> str | None:
        """What the server, or a router on the way, answered; made printable."""
        if self.rejection is not None:
            return str(self.rejection)
        if self.reached is not None:
            return f"port {self.reached} is open"
        if not self.heard:
            return None
        return self._hello if self.name in MADE_BY_HAND else self._words

    @property
    def _words(self) -> str:
        line = self.heard.split(b"\n")[0].rstrip(b"\r")[:200]
        return "binary data" if _CONTROL.search(line) else printable(line)

    @property
    def _hello(self) -> str:
        alert, version = self.flight.alert, self.flight.version
        if alert is not None:
            return f"{ALERTS.get(alert, 'unknown alert')} (alert {alert})"
        if version is None:
            return "no TLS"
        return "HelloRetryRequest" if self.flight.retry else f"ServerHello, {version}"

    @property
    def outcome(self) -> str:
        """What came of it, in a few words."""
        words = []
        if self.secured and self.tls is not None:
            words += [str(self.tls.version), str(self.tls.cipher)]
        if self.greeting is not None:
            words.append(str(self.greeting))
        elif (said := self.said) is not None:
            words += [said] if self.group is None else [said, self.group]
        elif self.failure is not None:
            words.append(self._ended(self.failure))
        return ", ".join(words) or "nothing"

    @staticmethod
    def _ended(failure: Failure) -> str:
        number = alert_number(failure.seen or "")
        if number is None:
            return failure.message.removesuffix(".")
        return f"{ALERTS[number]} (alert {number})"

    @property
    def hung_up(self) -> bool:
        """Whether the server ended it, instead of being silent."""
        return self.failure is not None and self.failure.code in HUNG_UP

    @property
    def silent(self) -> bool:
        """Whether nothing came in time."""
        return self.failure is not None and self.failure.code in SILENT

    @property
    def unwelcome(self) -> bool:
        """Whether the server wants no more connections for now, so that it has to end here."""
        return self.failure is not None and self.failure.smtp_code == 421

    @property
    def _refused(self) -> bool:
        return self.failure is not None and self.failure.phase in (Phase.TCP, Phase.TLS)
