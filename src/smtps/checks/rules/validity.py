"""Validity periods and the clock they are held against, and stapled OCSP responses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from smtps.advice import Severity, Who
from smtps.checks.chain import A_DAY, doubt, greeted_at, links
from smtps.checks.evidence import read_staple
from smtps.checks.facts import AddressFacts, Facts, Link
from smtps.checks.finding import Finding
from smtps.checks.rules.trust import expires_soon, failed, found, shown, trusted
from smtps.net.server_hello import stapled
from smtps.net.translate import EXPIRED, ROOT_EXPIRED

_ENDED = (EXPIRED, ROOT_EXPIRED)
TOO_EARLY = "tls.certificate_not_yet_valid"


def validity(facts: Facts) -> Iterator[Finding]:
    """Certificates that are out of date at any place of the chain, or that this computer's clock
    takes for it.
    """
    for address, _ in shown(facts):
        doubtful = doubt(address, facts.now)
        if doubtful is not None:
            finding = Finding.of(doubtful.code, f"{address.address}: {doubtful.words}")
            yield finding.explaining(
                address.failure if failed(address, *_ENDED, TOO_EARLY) else None
            )
            continue
        for link in _links(address):
            yield from _dates(facts, address, link)


def _links(address: AddressFacts) -> Iterator[Link]:
    """What counts, each with its place in what was sent."""
    places = {
        each.fingerprint_sha256: place for place, each in reversed(list(enumerate(address.chain)))
    }
    for certificate in links(address):
        yield Link(certificate, places.get(certificate.fingerprint_sha256))


def _dates(facts: Facts, address: AddressFacts, link: Link) -> Iterator[Finding]:
    certificate, now = link.certificate, facts.now
    who = "" if link.place == 0 else f"the issuer {certificate.subject} "
    start, end = (
        f"{each:%Y-%m-%d %H:%M} UTC" for each in (certificate.not_before, certificate.not_after)
    )
    clock = f"this computer's clock says {now:%Y-%m-%d %H:%M}"
    fix, audience = _remedy(link)
    if now > certificate.not_after:
        seen = f"{who}expired on {end}, {_span(now - certificate.not_after)} ago; {clock}"
        code = ROOT_EXPIRED if link.place is None else EXPIRED
        finding = found(address, code, seen).with_fix(fix, audience)
        yield finding.explaining(address.failure) if failed(address, *_ENDED) else finding
    elif now < certificate.not_before:
        seen = f"{who}{'is ' if who else ''}valid only from {start} on; {clock}"
        yield found(address, TOO_EARLY, seen)
    elif (left := certificate.not_after - now) < expires_soon(certificate):
        seen = f"{who}{'is ' if who else ''}valid until {end}, {_span(left)} from now"
        yield found(address, "tls.certificate_expires_soon", seen).with_fix(fix, audience)


def _remedy(link: Link) -> tuple[str | None, Who | None]:
    if link.place == 0:
        return None, None
    if link.place is None:
        return _UPDATE, Who.YOU
    return _RENEW_CHAIN, None


_UPDATE = "Update this computer's certificate authorities, or the CA file."
_RENEW_CHAIN = (
    "Have the server send the authority's current intermediate certificate (fullchain.pem of the "
    "last renewal has it), then reload the mail server."
)


def _span(length: timedelta) -> str:
    """``9 days``, ``a day``, ``30 hours``."""
    hours = int(length / timedelta(hours=1))
    if hours < 48:
        return "a day" if 24 <= hours < 25 else f"{hours} hours" if hours != 1 else "an hour"
    return f"{length.days} days"


def clocks(facts: Facts) -> Iterator[Finding]:
    """A date in the greeting that is not this computer's; one of the two clocks is wrong."""
    for address in facts.addresses:
        there = greeted_at(address.greeting)
        if there is None or abs(there - facts.now) <= A_DAY:
            continue
        if address.chain and doubt(address, facts.now) is not None:
            continue
        seen = f"the greeting says {there:%Y-%m-%d %H:%M} UTC, but it is {facts.now:%Y-%m-%d %H:%M}"
        yield found(address, "clock.differs", seen)


_ALLOWED = (
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
    (datetime(2020, 9, 1, tzinfo=UTC), 398),
    (datetime(2018, 3, 1, tzinfo=UTC), 825),
)
"""Issued from then on → days (CA/Browser Forum, Baseline Requirements section 6.3.2; SC-081v3)."""


_PRIVATE = 825
"""Days that Apple's systems take from an authority that is not public."""


def lifetime(facts: Facts) -> Iterator[Finding]:
    """A certificate of a public authority that is longer than was allowed when it was issued."""
    if facts.own_authorities:
        return
    for address, own in shown(facts):
        if not trusted(address) or len(address.path) < 2:
            continue
        days = next((days for since, days in _ALLOWED if own.not_before >= since), None)
        if not own.public and days is not None:
            days = _PRIVATE
        if days is None or own.lifetime <= timedelta(days=days):
            continue
        seen = (
            f"{own.lifetime.days} days from {own.not_before:%Y-%m-%d} on; {days} were allowed at "
            "that time"
        )
        # A company's own authority may be among the system's; the marks of a public one tell.
        severity = None if own.public else Severity.INFO
        yield found(address, "tls.certificate_overlong", seen, severity=severity)


def staples(facts: Facts) -> Iterator[Finding]:
    """By the look of TLS 1.2 that asks for one; a server of TLS 1.3 alone cannot be seen."""
    for address, own in shown(facts):
        look = address.looks.get("staple")
        if look is None:
            continue
        der = stapled(look.heard)
        if der is None:
            if own.must_staple and look.flight.whole:
                words = "the certificate has the TLS feature status_request; no response was sent"
                yield found(address, "tls.staple_missing", words)
            continue
        staple = read_staple(der)
        about = staple.serial is None or staple.serial == own.serial
        if staple.status == "revoked" and about:
            when = f" on {staple.revoked_at:%Y-%m-%d}" if staple.revoked_at else ""
            yield found(address, "tls.staple_revoked", f"the response says revoked{when}")
        elif not about:
            yield found(address, "tls.staple_stale", "the response is about another certificate")
        elif staple.status != "good":
            yield found(address, "tls.staple_stale", f"the response says {staple.status!r}")
        elif staple.until is not None and staple.until < facts.now:
            words = f"the response was good until {staple.until:%Y-%m-%d %H:%M} UTC"
            yield found(address, "tls.staple_stale", words)
