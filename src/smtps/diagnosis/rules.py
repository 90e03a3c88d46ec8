"""The judgement: each rule a pure function from facts to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from smtps.advice import Severity
from smtps.diagnosis.certificate import covers
from smtps.diagnosis.facts import AddressFacts, Certificate, Facts
from smtps.diagnosis.finding import Finding

LATE_GREETING = 4000.0
"""Milliseconds. Several clients wait 5 seconds, some of them counted from the connection on."""

EXPIRES_SOON = 14
"""Days. Automatic renewal has failed by then: it is due 30 days before the end."""

Rule = Callable[[Facts], Iterator[Finding]]


def failures(facts: Facts) -> Iterator[Finding]:
    """What ended the look-up or the dialogue at an address."""
    if facts.failure is not None:
        yield Finding.from_failure(facts.failure)
    for address in facts.addresses:
        for failure in (address.failure, address.login_failure):
            if failure is not None and not failure.code.startswith("tls.certificate_"):
                yield Finding.from_failure(failure)


def certificate(facts: Facts) -> Iterator[Finding]:
    """All that is wrong with the server's certificate; OpenSSL names one fault only."""
    for address in facts.addresses:
        found = list(_certificate_faults(facts, address))
        yield from found
        failure = address.failure
        if failure is None or not failure.code.startswith("tls.certificate_"):
            continue
        if failure.code not in {finding.code for finding in found}:
            yield Finding.from_failure(failure)


def _certificate_faults(facts: Facts, address: AddressFacts) -> Iterator[Finding]:
    if not address.chain:
        return
    own = address.chain[0]
    days = own.days_left(facts.now)
    where = f"{address.address}: "
    if facts.now > own.not_after:
        seen = f"{where}valid until {own.not_after:%Y-%m-%d %H:%M} UTC, {_ago(facts, own)}"
        yield Finding.of("tls.certificate_expired", seen)
    elif facts.now < own.not_before:
        seen = f"{where}valid only from {own.not_before:%Y-%m-%d %H:%M} UTC on"
        yield Finding.of("tls.certificate_not_yet_valid", seen)
    elif days < EXPIRES_SOON:
        seen = f"{where}valid until {own.not_after:%Y-%m-%d %H:%M} UTC, {days} days from now"
        yield Finding.of("tls.certificate_expires_soon", seen)
    trusted = address.tls is not None and address.tls.verified
    if not trusted and not covers(own.names, facts.host):
        names = ", ".join(own.names[:8]) or "no name at all"
        yield Finding.of(
            "tls.certificate_wrong_host", f"{where}asked for {facts.host}, it is for {names}"
        )
    if own.self_signed and len(address.chain) == 1 and not trusted:
        seen = f"{where}{own.subject} signed by itself, SHA-256 {own.fingerprint_sha256}"
        yield Finding.of("tls.certificate_self_signed", seen)


def _ago(facts: Facts, own: Certificate) -> str:
    days = (facts.now - own.not_after).days
    return f"{days} days ago" if days != 1 else "a day ago"


def late_greeting(facts: Facts) -> Iterator[Finding]:
    """A greeting that comes, but so late that other programs have gone."""
    for address in facts.addresses:
        waited = address.timings.get("greeting", 0.0)
        if address.greeting is not None and waited >= LATE_GREETING:
            yield Finding.of(
                "smtp.greeting_late",
                f"{address.address}: the greeting came after {waited / 1000:.1f} seconds",
            )


def client_name(facts: Facts) -> Iterator[Finding]:
    """The name of the seed is not a host name; a few servers mind."""
    for address in facts.addresses:
        if address.ehlo_name_refused:
            yield Finding.of(
                "smtp.ehlo_name_refused",
                f"{address.address}: accepted {address.ehlo_name} in its place",
            )


def login_offer(facts: Facts) -> Iterator[Finding]:
    """A submission port without AUTH. With credentials the failed login says it already."""
    for address in facts.addresses:
        if address.capabilities is None or facts.wanted_login or not address.reached:
            continue
        if not address.capabilities.auth:
            words = " ".join(address.capabilities.keywords) or "nothing"
            # Without credentials nobody knows whether they are needed: a relay may know its clients
            # by their addresses.
            yield Finding.of(
                "auth.not_offered",
                f"{address.address}: offers {words}",
                severity=Severity.WARNING,
            )


def starttls_inside(facts: Facts) -> Iterator[Finding]:
    """STARTTLS offered although TLS is on."""
    for address in facts.addresses:
        if address.capabilities is not None and "STARTTLS" in address.capabilities:
            yield Finding.of("tls.starttls_inside_tls", f"{address.address}: 250-STARTTLS")


def strange_replies(facts: Facts) -> Iterator[Finding]:
    """Leniencies that the server's replies needed."""
    for address in facts.addresses:
        if address.quirks:
            words = ", ".join(sorted(quirk.value for quirk in address.quirks))
            yield Finding.of("smtp.nonstandard_replies", f"{address.address}: {words}")


RULES: tuple[Rule, ...] = (
    failures,
    certificate,
    late_greeting,
    login_offer,
    client_name,
    starttls_inside,
    strange_replies,
)

_ORDER = list(Severity)


def judge(facts: Facts) -> list[Finding]:
    """All findings, the most important first; the same one at two addresses stays two."""
    found = dict.fromkeys(finding for rule in RULES for finding in rule(facts))
    return sorted(found, key=lambda finding: _ORDER.index(finding.severity))
