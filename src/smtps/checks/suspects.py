"""Which second looks a failure calls for: a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from smtps.checks.facts import AddressFacts
from smtps.checks.probes import OTHER_PORT, Probe
from smtps.errors import Failure, Phase
from smtps.net.hostnames import literal

LARGE = 1200
"""Octets of a ClientHello from which on it may not fit into one packet."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is known before any second look.

    Attributes:
        failure: what ended the first.
        seen: what it had seen.
        security: how TLS was to begin.
        host: the name that was asked for.
        certificate: whether a client certificate was there to be shown.
        port: that was asked for.
    """

    failure: Failure
    seen: AddressFacts
    security: str
    host: str
    certificate: bool = False
    port: int = 0

    @property
    def named(self) -> bool:
        """Whether a server name was sent (SNI); none goes with an address."""
        return literal(self.host) is None

    @property
    def secured(self) -> bool:
        """Whether the TLS handshake completed."""
        return self.seen.secured

    @property
    def large(self) -> bool:
        """Whether the hello was one that may need two packets."""
        return self.seen.tls is not None and self.seen.tls.hello_size >= LARGE

    @property
    def words(self) -> str:
        """What the server said."""
        return " ".join(filter(None, (*self.failure.lines, self.failure.seen)))


_PROXY_WORDS = re.compile(r"no system resources|server local error|proxy", re.IGNORECASE)
"""What servers say that wait for a PROXY header and get something else; the first two are
Postfix's.
"""


def _named(case: Case) -> bool:
    return case.named


def _large(case: Case) -> bool:
    return case.large


def _no_greeting(case: Case) -> bool:
    return not case.words.startswith("220")


def _greets_without_smtp(case: Case) -> bool:
    return case.words.startswith("220") and "SMTP" not in case.words.upper()


def _has_other_port(case: Case) -> bool:
    return case.port in OTHER_PORT


def _speaks_of_proxy(case: Case) -> bool:
    refused = case.failure.smtp_code is not None
    return refused and _PROXY_WORDS.search(case.words) is not None


def _knows_no_ehlo(case: Case) -> bool:
    taken_before = case.security == "starttls" and case.secured
    return case.failure.smtp_code in (500, 501, 502, 503, 530) and not taken_before


@dataclass(frozen=True, slots=True)
class Suspect:
    """A look, and what it is for.

    Attributes:
        look: its name.
        codes: failures that it may explain; empty for any.
        phases: in which they happened.
        security: ``implicit`` or ``starttls``, or None for both.
        when: what else has to be so.
    """

    look: str
    codes: tuple[str, ...]
    phases: tuple[Phase, ...] = (Phase.TLS,)
    security: str | None = None
    when: Callable[[Case], bool] = lambda _case: True

    def fits(self, case: Case) -> bool:
        """Whether it is worth a look."""
        failure = case.failure
        return (
            (not self.codes or failure.code in self.codes)
            and failure.phase in self.phases
            and self.security in (None, case.security)
            and self.when(case)
        )


_CUT = ("tls.closed", "net.reset", "tls.broken")
_SILENT = ("tls.timeout",)
_AGREED_NOT = ("tls.handshake_refused", "tls.no_common_cipher", "tls.server_error")
_GREETING = (Phase.GREETING,)
_HUNG_UP = ("net.closed_by_server", "net.reset", "tls.broken")
_MUTE = ("smtp.greeting_timeout",)
_NOTHING = (*_MUTE, "net.closed_by_server", "net.reset")
_PLAIN = ("tls.plaintext_on_tls_port",)
_ROUTE = ("net.host_unreachable", "net.unreachable", "net.blocked_here", "net.refused")

SUSPECTS: tuple[Suspect, ...] = (
    Suspect("icmp", _ROUTE, (Phase.TCP,)),
    Suspect("other port", ("net.timeout", *_ROUTE), (Phase.TCP,), when=_has_other_port),
    Suspect("other port", ("tls.starttls_not_offered",), when=_has_other_port),
    Suspect("port 25", ("net.refused",), (Phase.TCP,), when=_has_other_port),
    Suspect("small segments", (*_SILENT, "tls.handshake_stalled")),
    Suspect("small", (*_CUT, *_SILENT)),
    Suspect("small", _AGREED_NOT, when=_large),
    Suspect("groups", _AGREED_NOT),
    Suspect("nameless", (*_CUT, *_AGREED_NOT, "tls.unrecognized_name"), when=_named),
    Suspect("modest", (*_CUT, *_SILENT, *_AGREED_NOT)),
    Suspect("old", (*_CUT, *_AGREED_NOT, "tls.protocol_version", "tls.weak_key_exchange",
                    "tls.legacy_renegotiation")),
    Suspect("anonymous", _AGREED_NOT),
    Suspect("groups of TLS 1.2", _AGREED_NOT),
    Suspect("pre-shared key", _AGREED_NOT),
    Suspect("rare ciphers", _AGREED_NOT),
    Suspect("nameless", _SILENT, when=_named),
    Suspect("clear", _SILENT, security="implicit"),
    Suspect("groups", _CUT),
    Suspect("proxy", (*_CUT, *_SILENT), security="implicit"),
    Suspect("proxy", _PLAIN, security="implicit", when=_no_greeting),
    Suspect("say FEAT in the clear", _PLAIN, when=_greets_without_smtp),
    Suspect("implicit", _NOTHING, _GREETING, "starttls"),
    Suspect("say EHLO inside", _NOTHING, _GREETING, "starttls"),
    Suspect("say EHLO", _MUTE, _GREETING),
    Suspect("proxy", (*_MUTE, *_HUNG_UP), _GREETING, "starttls"),
    Suspect("TLS inside", (*_MUTE, *_HUNG_UP), _GREETING, "implicit"),
    Suspect("proxy inside", (*_MUTE, *_HUNG_UP), _GREETING, "implicit"),
    Suspect("say HTTP", _MUTE, _GREETING),
    Suspect("say LDAP", _MUTE, _GREETING),
    Suspect("say MQTT", _MUTE, _GREETING),
    Suspect("proxy", (), (Phase.TLS, Phase.GREETING), "implicit", _speaks_of_proxy),
    Suspect("proxy inside", (), _GREETING, "implicit", _speaks_of_proxy),
    Suspect("proxy", (), _GREETING, "starttls", _speaks_of_proxy),
    Suspect("say FEAT", (), (Phase.EHLO,), when=_knows_no_ehlo),
    Suspect("say LHLO", (), (Phase.EHLO,), when=_knows_no_ehlo),
)  # fmt: skip
"""In the order in which they are taken, until something comes of one."""


def worth_it(name: str, before: dict[str, Probe]) -> bool:
    """Whether a look can still tell something after those before it."""
    implicit, words = before.get("implicit"), before.get("say EHLO")
    if name == "say EHLO inside":
        return implicit is not None and implicit.secured
    if implicit is not None and implicit.secured:
        return False
    # A broker hangs up on words that are not its own; one that was silent to them is none.
    return name != "say MQTT" or words is None or words.hung_up


def second_looks(case: Case) -> list[str]:
    """Names of looks, the most telling first."""
    return list(dict.fromkeys(suspect.look for suspect in SUSPECTS if suspect.fits(case)))
