"""What was seen at a server, without any judgement."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from smtps.client.transcript import Transcript
from smtps.core.capabilities import Capabilities
from smtps.core.reply import Quirk, Reply
from smtps.errors import Failure
from smtps.net.tls import TLSFacts


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, explained.

    Attributes:
        subject, issuer: distinguished names as text.
        names: DNS names and addresses it is for.
        not_before, not_after: validity, UTC.
        fingerprint_sha256: of its DER form, hex.
        self_signed: signed with its own key.
        key: such as ``EC P-256`` or ``RSA 2048``.
        signature: hash algorithm of its signature, such as ``sha256``.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint_sha256: str
    self_signed: bool
    key: str
    signature: str

    def days_left(self, now: datetime) -> int:
        """Whole days until it runs out; negative, whole days since, when it has."""
        return int((self.not_after - now) / timedelta(days=1))


@dataclass(slots=True)
class AddressFacts:
    """What was seen at one network address, as far as it went.

    Attributes:
        address: literal address, without port.
        timings: milliseconds for each phase.
        failure: what ended it before its time.
        tls: version, cipher, chain, first bytes; also of a handshake that failed.
        chain: the certificates as sent, explained, the server's own first.
        greeting, capabilities: what the server said.
        ehlo_name: the client's name that was accepted.
        ehlo_name_refused: another name had to be taken than the wanted one.
        mechanism: of the login, if there was one.
        login_failure: why it failed.
        quirks: leniencies that its replies needed.
        transcript: the lines.
    """

    address: str
    timings: dict[str, float] = field(default_factory=dict)
    failure: Failure | None = None
    tls: TLSFacts | None = None
    chain: tuple[Certificate, ...] = ()
    greeting: Reply | None = None
    capabilities: Capabilities | None = None
    ehlo_name: str | None = None
    ehlo_name_refused: bool = False
    mechanism: str | None = None
    login_failure: Failure | None = None
    quirks: frozenset[Quirk] = frozenset()
    transcript: Transcript | None = None

    @property
    def reached(self) -> bool:
        """Whether the whole dialogue took place."""
        return self.failure is None


@dataclass(slots=True)
class Facts:
    """What was seen of a target.

    Attributes:
        target: as it was asked for.
        host, port, security: where it led.
        now: when, UTC.
        wanted_login: whether credentials were given.
        failure: before any address was tried.
        addresses: each on its own, in the resolver's order.
        timings: milliseconds of the look-up.
    """

    target: str
    host: str
    port: int
    security: str
    now: datetime
    wanted_login: bool = False
    failure: Failure | None = None
    addresses: list[AddressFacts] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def best(self) -> AddressFacts | None:
        """The address that got furthest; the first of several."""
        return max(self.addresses, key=lambda a: (a.reached, len(a.timings)), default=None)
