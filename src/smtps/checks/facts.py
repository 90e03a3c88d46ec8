"""What was seen at a server, without any judgement."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from smtps.checks.probes import Probe
from smtps.client.transcript import Transcript
from smtps.core.capabilities import Capabilities
from smtps.core.reply import Quirk, Reply
from smtps.errors import Failure, Phase
from smtps.net.tls import TLSFacts

if TYPE_CHECKING:
    from smtps.checks.dns_facts import Names
    from smtps.checks.route import Discovery
    from smtps.checks.token_facts import TokenFacts

Control = Literal["answers", "silent"]

_DAY = timedelta(days=1)


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
        bits: size of the key.
        authority: it may issue others.
        common_name_only: no subjectAltName; the name stands in the subject alone.
        strict_faults: what a client with OpenSSL's strict flag refuses it for.
        addresses: the last of ``names``: network addresses in the subjectAltName.
        by_common_name: the subjectAltName has no DNS name, so the common name counts.
        path_length: how many authorities may follow this one, or None for any number.
        constraints: the names that it may issue for, such as ``only example.com``.
        purposes: ``serverAuth``, ``clientAuth``, ``any`` or dotted numbers; None for any purpose.
        usages: of its key, such as ``keyCertSign``; None for any usage.
        may_issue: OpenSSL takes it for an authority. ``authority`` is what it says itself.
        issuer_urls: where the certificate of its issuer can be had.
        issuer_is_root: whether the issuer signs itself, where the certificate tells; else None.
        unknown_critical: numbers of its critical extensions that clients do not know.
        must_staple: it asks for an OCSP response in the handshake (RFC 7633).
        public: it has the marks of a public authority: a log's signature or the forum's policy.
        serial: its number at the issuer.
        unread: parts that are malformed, each with what is wrong.
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
    bits: int = 0
    authority: bool = False
    common_name_only: bool = False
    strict_faults: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    by_common_name: bool = False
    path_length: int | None = None
    constraints: tuple[str, ...] = ()
    purposes: tuple[str, ...] | None = None
    usages: tuple[str, ...] | None = None
    may_issue: bool = True
    issuer_urls: tuple[str, ...] = ()
    issuer_is_root: bool | None = None
    unknown_critical: tuple[str, ...] = ()
    must_staple: bool = False
    public: bool = False
    serial: int = 0
    unread: tuple[str, ...] = ()

    @property
    def lifetime(self) -> timedelta:
        """From its first moment to its last."""
        return self.not_after - self.not_before

    def days_left(self, now: datetime) -> int:
        """Whole days until it runs out; negative, whole days since, when it has."""
        return int((self.not_after - now) / _DAY)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What was sent as a certificate and cannot be read as one.

    Attributes:
        fingerprint_sha256: of the octets, hex.
        why: what the library says.
        place: in the chain, the server's own being 0.
    """

    fingerprint_sha256: str
    why: str
    place: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A certificate on the way from the server's own to an authority.

    Attributes:
        certificate: explained.
        place: in what the server sent, its own being 0; None if this computer had it.
    """

    certificate: Certificate
    place: int | None


@dataclass(frozen=True, slots=True)
class Walk:
    """The way from the server's certificate, link by link, each signed by the next.

    Attributes:
        links: the server's own first.
        end: ``trusted``: the last is an authority that is trusted here. ``root``: it signs itself
            and is not. ``missing``: who issued it was neither sent, nor is it known here.
        foreign: what was sent and has issued nothing on any way from the server's own.
        namesake: a certificate of the missing issuer's name is there, with another key; or an
            authority of the root's name is trusted, with another key.
    """

    links: tuple[Link, ...]
    end: Literal["trusted", "root", "missing"]
    foreign: tuple[Link, ...] = ()
    namesake: bool = False

    @property
    def in_order(self) -> bool:
        """Whether each was sent right before its issuer (RFC 5246 section 7.4.2)."""
        places = [link.place for link in self.links if link.place is not None]
        return places == sorted(places)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the server said to an envelope; no message was sent.

    Attributes:
        sender: reverse-path; empty is the null one.
        mail_reply: to MAIL.
        recipients: with the reply to each RCPT, as far as it came.
        size: octets that MAIL announced, or None.
        failure: why the server was not even asked.
    """

    sender: str
    mail_reply: Reply | None
    recipients: tuple[tuple[str, Reply], ...]
    size: int | None = None
    failure: Failure | None = None

    @property
    def refusals(self) -> tuple[tuple[Phase, str, Reply], ...]:
        """Which sender or recipients were refused, in which phase, and the reply.

        What was answered behind a refused MAIL is about that alone.
        """
        if self.mail_reply is not None and not self.mail_reply.positive:
            return ((Phase.MAIL, self.sender, self.mail_reply),)
        refused = [(who, reply) for who, reply in self.recipients if not reply.positive]
        return tuple((Phase.RCPT, who, reply) for who, reply in refused)


OUT_OF_STEP = frozenset(
    {
        "smtp.greets_twice",
        "smtp.mixed_codes",
        "smtp.not_a_reply",
        "smtp.unexpected_reply",
        "smtp.wrong_code",
    }
)
"""Failures after which no reply can be laid to a command; those before may be shifted too."""


@dataclass(slots=True)
class AddressFacts:
    """What was seen at one network address, as far as it went.

    Attributes:
        address: literal address, without port.
        timings: milliseconds for each phase, and under ``looks`` for all second looks together.
        failure: what ended it before its time.
        passed: what ended the first attempt, where the same attempt came through later; all else is
            of that one.
        tls: version, cipher, chain, first bytes; also of a handshake that failed.
        chain: the certificates as sent, explained, the server's own first.
        path: the way from there to a trusted one, explained, where it was verified.
        unreadable: what was sent as certificates and cannot be read. Where the server's own is
            among them, ``chain`` is empty.
        walk: the links of the chain, one by one.
        greeting, capabilities: what the server said.
        after_login: capabilities once it knows who asks; some servers offer more then.
        offered_in_clear: SASL mechanisms offered before STARTTLS.
        ehlo_name: the client's name that was accepted.
        ehlo_name_refused: another name had to be taken than the wanted one.
        ehlo_refusal: what the server answered to EHLO, where it took only HELO.
        mechanism: of the login, if there was one.
        login_failure: why it failed.
        login_withheld: the address where the login failed, so that it was not tried at this one.
        tried: the mechanisms that it tried, in turn.
        mechanisms: each mechanism that was tried on its own → why it failed, or None.
        asked: what became of an envelope without a message.
        looks: second looks by name, see ``looker.Looker.look``.
        unsteady: deep looks that failed and were taken back: when they were taken again, they did
            not fail, or the usual one failed as well.
        quirks: leniencies that its replies needed.
        transcript: the lines.
    """

    address: str
    timings: dict[str, float] = field(default_factory=dict)
    failure: Failure | None = None
    passed: Failure | None = None
    tls: TLSFacts | None = None
    chain: tuple[Certificate, ...] = ()
    path: tuple[Certificate, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    walk: Walk | None = None
    greeting: Reply | None = None
    capabilities: Capabilities | None = None
    after_login: Capabilities | None = None
    offered_in_clear: tuple[str, ...] = ()
    ehlo_name: str | None = None
    ehlo_name_refused: bool = False
    ehlo_refusal: Reply | None = None
    mechanism: str | None = None
    login_failure: Failure | None = None
    login_withheld: str | None = None
    tried: tuple[str, ...] = ()
    mechanisms: dict[str, Failure | None] = field(default_factory=dict)
    asked: Asked | None = None
    looks: dict[str, Probe] = field(default_factory=dict)
    unsteady: tuple[Probe, ...] = ()
    quirks: frozenset[Quirk] = frozenset()
    transcript: Transcript | None = None

    @property
    def reached(self) -> bool:
        """Whether the whole dialogue took place."""
        return self.failure is None

    @property
    def secured(self) -> bool:
        """Whether the TLS handshake completed."""
        return self.tls is not None and self.tls.cipher is not None

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What went wrong here, in the order in which it happened."""
        return tuple(each for each in (self.login_failure, self.failure) if each is not None)


@dataclass(slots=True)
class Facts:
    """What was seen of a target.

    Attributes:
        target: as it was asked for.
        host, port, security: where it led.
        now: when, UTC.
        verify: whether certificates were checked, which is the default.
        own_authorities: whether others are trusted than the system's.
        client_certificate: what was shown to the server, explained.
        wanted_login: whether credentials were given.
        token: whether they are an OAuth token and no password.
        access_token: what is known of that token.
        mechanism: the only one that may be tried, if one was given.
        password_is_ascii: whether no server can read the password in two ways.
        unseen: invisible characters in the credentials, a sentence for each; nothing secret.
        size: octets of the message that was asked about, or None.
        deep: whether all second looks were taken.
        control: what a well-known server did on the same port when this one was silent: ``answers``
            or ``silent``; None if that was not tried.
        dns: what DNS says beyond addresses, where it was asked.
        discovery: how the server was found, where the target is a mail address.
        failure: before any address was tried.
        mail_hosts: that take mail for the host, which has no address of its own.
        addresses: each on its own, in the resolver's order.
        left_out: how many more addresses the name has, which were not looked at.
        passed_over: other servers that DNS names for a mail address and that failed: host
            and port, and why.
        unanswered: types of address records that got no answer, such as ``AAAA``.
        foreign_domains: without a login, those that mail was taken for and that are not the
            server's own.
        same_server: other names that the certificate covers → whether they resolve to an address
            of this server; asked where the certificate is for another name.
        timings: milliseconds of the look-up.
    """

    target: str
    host: str
    port: int
    security: str
    now: datetime
    verify: bool = True
    own_authorities: bool = False
    client_certificate: Certificate | None = None
    wanted_login: bool = False
    token: bool = False
    access_token: TokenFacts | None = None
    mechanism: str | None = None
    password_is_ascii: bool = True
    unseen: tuple[str, ...] = ()
    size: int | None = None
    deep: bool = False
    control: Control | None = None
    dns: Names | None = None
    discovery: Discovery | None = None
    failure: Failure | None = None
    mail_hosts: tuple[str, ...] = ()
    addresses: list[AddressFacts] = field(default_factory=list)
    left_out: int = 0
    passed_over: tuple[tuple[str, Failure], ...] = ()
    unanswered: tuple[str, ...] = ()
    foreign_domains: frozenset[str] = frozenset()
    same_server: dict[str, bool] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def best(self) -> AddressFacts | None:
        """The address that got furthest; the first of several."""
        return max(
            self.addresses,
            key=lambda a: (a.reached, len(a.timings.keys() - {"looks"})),
            default=None,
        )

    @property
    def failures(self) -> tuple[Failure, ...]:
        """All that went wrong."""
        own = () if self.failure is None else (self.failure,)
        return own + tuple(each for address in self.addresses for each in address.failures)


Kind = Literal["limit", "none", "unstated", "malformed", "absent"]
"""A number; 0, which is no fixed limit; the keyword alone; something else; no such keyword."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a server says.

    Attributes:
        kind: see Kind.
        words: the parameters as they stand.
        octets: the number, if it is one.
    """

    kind: Kind
    words: str = ""
    octets: int | None = None

    def __str__(self) -> str:
        return _SAID[self.kind].format(f"{self.octets or 0:,}", self.words)


_SAID: dict[Kind, str] = {
    "limit": "at most {0} bytes",
    "none": "no fixed limit (SIZE 0)",
    "unstated": "no number (SIZE alone)",
    "malformed": "“SIZE {1}”, which is not a number of bytes",
    "absent": "nothing about sizes",
}


def limit_of(offer: Capabilities) -> Limit:
    """The limit in an answer to EHLO."""
    found = offer.keywords.get("SIZE")
    if found is None:
        return Limit("absent")
    words = " ".join(found)
    if not found:
        return Limit("unstated")
    if len(found) > 1 or not (words.isascii() and words.isdigit()) or len(words) > 20:
        return Limit("malformed", words, offer.size)
    return Limit("limit" if offer.size else "none", words, offer.size)


def limits(address: AddressFacts) -> tuple[Limit, Limit | None] | None:
    """Before a login, and after one that worked; None if the dialogue did not come so far."""
    if address.capabilities is None:
        return None
    after = address.after_login
    return limit_of(address.capabilities), None if after is None else limit_of(after)


def too_large(facts: Facts, address: AddressFacts) -> Limit | None:
    """The limit that is too small for the message that was asked for."""
    if facts.size is None or (found := limits(address)) is None:
        return None
    before, after = found
    counts = after or before
    octets = counts.octets
    return counts if octets is not None and facts.size > octets else None
