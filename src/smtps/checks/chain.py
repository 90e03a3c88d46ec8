"""A certificate chain, link by link: its faults, and why it is not trusted; pure.

It explains what OpenSSL decides and decides nothing itself. When several dates do not fit, the
clock is suspected, and the dates tell whose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from smtps._version import RELEASED
from smtps.advice import Who
from smtps.checks.certificate import explain, load
from smtps.checks.facts import AddressFacts, Certificate, Link, Walk
from smtps.checks.fitness import CRITICAL_EXTENSION, WRONG_PURPOSE, unfit
from smtps.core.reply import Reply
from smtps.errors import Failure
from smtps.net.hostnames import literal

if TYPE_CHECKING:
    from cryptography import x509

A_DAY = timedelta(days=1)
"""Less than that may be a wrong time zone."""

_DATE = re.compile(
    r"(?:[A-Z][a-z]{2},? )?\d{1,2} [A-Z][a-z]{2} [0-9]{4} \d{2}:\d{2}:\d{2}"
    r"(?: (?:[+-]\d{4}|[A-Z]{2,4}))?"
)
"""RFC 5322 section 3.3, as greetings have it."""


class Doubt(NamedTuple):
    """That this computer's clock is wrong.

    Attributes:
        code: ``clock.wrong_here``, or ``clock.suspected`` where it may also be the certificates.
        words: the evidence.
    """

    code: str
    words: str


def greeted_at(greeting: Reply | None) -> datetime | None:
    """The date and time in a greeting, UTC, if there is one."""
    found = _DATE.search(greeting.text) if greeting is not None else None
    if found is None:
        return None
    try:
        moment = parsedate_to_datetime(found[0])
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def doubt(address: AddressFacts, now: datetime) -> Doubt | None:
    """Evidence against this computer's clock, where certificates are out of date by it."""
    chain = links(address)
    stale = [each for each in chain if not each.not_before <= now <= each.not_after]
    if not stale:
        return None
    clock = f"this computer's clock says {now:%Y-%m-%d %H:%M} UTC"
    if now < datetime.fromisoformat(RELEASED).replace(tzinfo=UTC) - A_DAY:
        return Doubt("clock.wrong_here", f"{clock}; this program was released on {RELEASED}")
    there = greeted_at(address.greeting)
    if there is not None:
        valid = all(each.not_before <= there <= each.not_after for each in stale)
        if abs(there - now) > A_DAY and valid:
            words = (
                f"the server's greeting says {there:%Y-%m-%d %H:%M}, a time at which its chain "
                "is valid"
            )
            return Doubt("clock.wrong_here", f"{clock}; {words}")
        return None
    if _together(stale, now) and max(c.not_before for c in chain) <= min(
        c.not_after for c in chain
    ):
        return Doubt("clock.suspected", f"{clock}; {_dates(stale, now)}")
    return None


def links(address: AddressFacts) -> tuple[Certificate, ...]:
    """The certificates whose dates count: of the verified path, or of the way as it was walked."""
    if address.path:
        return address.path
    if address.walk is not None:
        return tuple(link.certificate for link in address.walk.links)
    return address.chain


def _together(stale: list[Certificate], now: datetime) -> bool:
    """Whether several are out of date on the same side, by dates that have not one origin."""
    early = [c.not_before for c in stale if now < c.not_before]
    late = [c.not_after for c in stale if now > c.not_after]
    if early and late:
        return False
    moments = early or late
    return len(moments) > 1 and (bool(early) or max(moments) - min(moments) > A_DAY)


def _dates(stale: list[Certificate], now: datetime) -> str:
    return ", ".join(
        f"{each.subject} is valid from {each.not_before:%Y-%m-%d} on"
        if now < each.not_before
        else f"{each.subject} was valid until {each.not_after:%Y-%m-%d}"
        for each in stale
    )


MAX_LINKS = 32
"""Certificates of a chain that are looked at."""


def walk(sent: Sequence[bytes], anchors: tuple[bytes, ...]) -> Walk | None:
    """The way from the server's own certificate upwards.

    Args:
        sent: what the server sent, DER, its own first.
        anchors: the authorities that are trusted here, DER.

    Returns:
        None if the server's own cannot be read.
    """
    nodes = [_node(der, place) for place, der in enumerate(sent[:MAX_LINKS])]
    if not nodes or nodes[0] is None:
        return None
    climber = _Climber([node for node in nodes if node is not None], _by_name(anchors))
    own = nodes[0]
    links, end = climber.climb(own)
    last = links[-1]
    return Walk(
        tuple(Link(node.facts, node.place) for node in links),
        end,
        climber.foreign(own),
        namesake=climber.has_namesake(last, end),
    )


class _Node(NamedTuple):
    """A certificate in both forms, with its names as they are compared."""

    der: bytes
    found: x509.Certificate
    facts: Certificate
    subject: str
    issuer: str
    place: int | None


@lru_cache(maxsize=1024)
def _node(der: bytes, place: int | None) -> _Node | None:
    found, facts = load(der), explain(der)
    if found is None or not isinstance(facts, Certificate):
        return None
    return _Node(der, found, facts, _name(facts.subject), _name(facts.issuer), place)


def _name(text: str) -> str:
    """RFC 5280 section 7.1: neither case nor the number of spaces matters."""
    return " ".join(text.split()).casefold()


@lru_cache(maxsize=16)
def _by_name(anchors: tuple[bytes, ...]) -> dict[str, list[bytes]]:
    """Subject → authorities."""
    found: dict[str, list[bytes]] = {}
    for der in anchors:
        if (subject := _subject(der)) is not None:
            found.setdefault(_name(subject), []).append(der)
    return found


def _subject(der: bytes) -> str | None:
    """Without the rest, of which there are 150; None if it cannot be read, and so trusts nobody."""
    certificate = load(der)
    try:
        return certificate.subject.rfc4514_string() if certificate is not None else None
    except Exception:  # noqa: BLE001  # see explain
        return None


class _Climber:
    """Climbs from issuer to issuer, those that are trusted here first, as OpenSSL does."""

    def __init__(self, sent: list[_Node], anchors: dict[str, list[bytes]]) -> None:
        self._sent = sent
        self._anchors = anchors
        self._seen: set[bytes] = set()

    def has_namesake(self, last: _Node, end: str) -> bool:
        """Whether somebody goes by the name where the way ends, with another key."""
        if end == "root":
            return bool(self._anchors.get(last.subject))
        return end == "missing" and bool(self._here(last.issuer) + self._there(last.issuer))

    def climb(self, node: _Node) -> tuple[list[_Node], Literal["trusted", "root", "missing"]]:
        """The first way that ends at a trusted authority; else the longest."""
        self._seen.add(node.der)
        if node.facts.self_signed:
            return [node], "trusted" if node.der in self._anchors.get(node.subject, ()) else "root"
        best: list[_Node] = []
        end: Literal["root", "missing"] = "missing"
        for issuer in self._issuers(node):
            if issuer.der in self._seen:
                continue
            way, there = self.climb(issuer)
            if there == "trusted":
                return [node, *way], "trusted"
            if len(way) > len(best):
                best, end = way, there
        return [node, *best], end

    def _issuers(self, node: _Node) -> list[_Node]:
        """Once OpenSSL has found one here, it looks for the rest of the way here as well."""
        here = [each for each in self._here(node.issuer) if _issued(node, each)]
        if here or node.place is None:
            return here
        return [each for each in self._there(node.issuer) if _issued(node, each)]

    def _here(self, subject: str) -> list[_Node]:
        found = [_node(der, None) for der in self._anchors.get(subject, ())]
        return [node for node in found if node is not None]

    def _there(self, subject: str) -> list[_Node]:
        return [node for node in self._sent if node.subject == subject]

    def foreign(self, own: _Node) -> tuple[Link, ...]:
        """What is on no way from the server's own certificate."""
        reached, left = {own.der}, [own]
        while left:
            node = left.pop()
            for issuer in self._sent:
                if issuer.der in reached or issuer.subject != node.issuer:
                    continue
                if _issued(node, issuer):
                    reached.add(issuer.der)
                    left.append(issuer)
        return tuple(Link(n.facts, n.place) for n in self._sent if n.der not in reached)


def _issued(node: _Node, issuer: _Node) -> bool:
    return _signed(node.der, issuer.der)


@lru_cache(maxsize=4096)
def _signed(der: bytes, issuer_der: bytes) -> bool:
    """Whether one signed the other, by key; by the names alone where the keys cannot tell."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    found, issuer = load(der), load(issuer_der)
    if found is None or issuer is None:
        return False
    try:
        found.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except Exception:  # noqa: BLE001  # an algorithm, or a spelling of the name, it does not know
        return True
    return True


SELF_SIGNED = "tls.certificate_self_signed"
UNTRUSTED_ROOT = "tls.certificate_untrusted_root"
INCOMPLETE = "tls.certificate_incomplete_chain"
BAD_SIGNATURE = "tls.certificate_bad_signature"
UNTRUSTED = (SELF_SIGNED, UNTRUSTED_ROOT, INCOMPLETE, BAD_SIGNATURE)
"""Codes of a chain that leads to no trusted authority; the walk tells which applies."""


class Reason(NamedTuple):
    """Why.

    Attributes:
        code: one of UNTRUSTED.
        words: what was seen.
        fix: better than the general one, or None.
        audience: who can do it, if another than usual.
    """

    code: str
    words: str
    fix: str | None = None
    audience: Who | None = None


def why_untrusted(walk: Walk, chain: tuple[Certificate, ...]) -> Reason | None:
    """The reason, or None if the walk ends at a trusted authority.

    Args:
        walk: of the chain.
        chain: as it was sent.
    """
    last = walk.links[-1].certificate
    if walk.end == "trusted":
        return None
    if walk.end == "missing":
        return _missing(walk)
    if len(walk.links) > 1:
        words = f"The chain ends in {last.subject}, which is self-signed and not trusted here"
        if walk.namesake:
            words += "; the trusted authority of that name has a different key"
        return Reason(UNTRUSTED_ROOT, words)
    words = f"{last.subject} is self-signed, SHA-256 {last.fingerprint_sha256}"
    if more := len(chain) - 1:
        words += f"; {_count(more)} sent after it and cannot vouch for it"
    return Reason(SELF_SIGNED, words)


def _count(number: int) -> str:
    return "another certificate is" if number == 1 else f"{number} other certificates are"


def _missing(walk: Walk) -> Reason:
    link = walk.links[-1]
    last = link.certificate
    words = f"{last.subject} was issued by {last.issuer}, which "
    if walk.namesake:
        words += (
            "is known here by name only: that certificate has a different key and did not sign it"
        )
    else:
        words += "was not sent and is not trusted here"
    if walk.foreign:
        names = ", ".join(link.certificate.subject for link in walk.foreign)
        words += f"; also sent, but not part of the chain: {names}"
    if link.place is None:
        fix = (
            f"Add {last.issuer} to the CA file, which contains {last.subject}; that is not a root."
        )
        return Reason(INCOMPLETE, words, fix, Who.YOU)
    if last.issuer_urls:
        words += f"; it is published at {last.issuer_urls[0]}"
    if _is_root(walk):
        return Reason(UNTRUSTED_ROOT, words)
    if walk.namesake:
        return Reason(BAD_SIGNATURE, words)
    fix = (
        f"Have the server send {last.issuer} as well (fullchain.pem contains it). If that is the "
        "root of a private authority, trust it with --ca-file instead."
    )
    return Reason(INCOMPLETE, words, fix)


_ROOT = re.compile(r"\broot\b", re.IGNORECASE)


def _is_root(walk: Walk) -> bool:
    """Whether the missing issuer is a root, which need not be sent, rather than a link.

    The certificate below it may say so, or its name may. Where neither does, it is unknown, and the
    remedy names both.
    """
    last = walk.links[-1].certificate
    if last.issuer_is_root is not None:
        return last.issuer_is_root
    return _ROOT.search(last.issuer) is not None


INTERCEPTORS = re.compile(
    r"avast|\bavg\b|kaspersky|bitdefender|\beset\b|norton|mcafee|sophos|zscaler|fortinet|fortigate"
    r"|netskope|palo alto|umbrella|blue ?coat|checkpoint|check point|websense|forcepoint|mitmproxy"
    r"|charles proxy|fiddler|burp",
    re.IGNORECASE,
)
"""Names in the issuers of software and appliances that open TLS on the way."""


def refine(failure: Failure, host: str, seen: AddressFacts, *, trust_store: bool = True) -> Failure:
    """A failure about a certificate with what is known by now.

    Args:
        failure: as it came.
        host: the name that was asked for.
        seen: chain of the address.
        trust_store: whether any authority is trusted at all.
    """
    if failure.code == "tls.certificate_wrong_host" and literal(host) is not None:
        own = seen.chain[0] if seen.chain else None
        if own is None or not own.addresses:
            return replace(failure, code="tls.certificate_no_address")
    if failure.code in (WRONG_PURPOSE, CRITICAL_EXTENSION) and seen.chain:
        named = (e.words for e in unfit(seen.chain[0], seen.walk) if e.code == failure.code)
        return replace(failure, message=f"{next(named, failure.message.rstrip('.'))}.")
    if failure.code not in UNTRUSTED:
        return failure
    if not trust_store:
        return replace(
            failure,
            code="tls.no_trust_store",
            message="This computer has no certificate authorities to check against.",
        )
    issuers = [certificate.issuer for certificate in seen.chain]
    if name := next((i for i in issuers if INTERCEPTORS.search(i)), None):
        return replace(
            failure,
            code="tls.intercepted",
            message=f"The certificate was issued on the network path, by {name}.",
        )
    return _by_walk(failure, seen.walk, seen.chain) if seen.walk is not None else failure


def _by_walk(failure: Failure, walk: Walk, chain: tuple[Certificate, ...]) -> Failure:
    if (reason := why_untrusted(walk, chain)) is not None:
        return replace(failure, code=reason.code, message=f"{reason.words}.")
    # Of these OpenSSL says only that it finds no issuer.
    for place, link in enumerate(walk.links):
        certificate = link.certificate
        if certificate.unread:
            message = f"{certificate.subject} is malformed ({certificate.unread[0]})."
            return replace(failure, code="tls.certificate_malformed", message=message)
        if place and not certificate.may_issue:
            message = f"{certificate.subject} is not allowed to issue certificates."
            return replace(failure, code=WRONG_PURPOSE, message=message)
    return failure
