"""All that is wrong with the server's certificate; OpenSSL names one fault only."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from itertools import pairwise

from smtps.advice import Severity
from smtps.diagnosis.certificate import covers
from smtps.diagnosis.facts import AddressFacts, Certificate, Facts
from smtps.diagnosis.finding import Finding
from smtps.net.names import literal

EXPIRES_SOON = 14
"""Days. Automatic renewal has failed by then: it is due 30 days before the end."""

_BROKEN_HASHES = ("md5", "sha1")
_SMALLEST = {"RSA": 2048, "DSA": 2048, "EC": 224}


def _shown(facts: Facts) -> Iterator[tuple[AddressFacts, Certificate]]:
    for address in facts.addresses:
        if address.chain:
            yield address, address.chain[0]


def _trusted(address: AddressFacts) -> bool:
    return address.tls is not None and address.tls.verified


def _failed(address: AddressFacts, code: str) -> bool:
    return address.failure is not None and address.failure.code == code


def _found(
    address: AddressFacts, code: str, seen: str, *, severity: Severity | None = None
) -> Finding:
    """A finding; if the handshake failed with the same code, this is what it failed by."""
    found = Finding.of(code, f"{address.address}: {seen}", severity=severity)
    return found.explaining(address.failure) if _failed(address, code) else found


def validity(facts: Facts) -> Iterator[Finding]:
    """When the certificate holds."""
    for address, own in _shown(facts):
        if facts.now > own.not_after:
            seen = f"valid until {own.not_after:%Y-%m-%d %H:%M} UTC, {_ago(facts, own)}"
            yield _found(address, "tls.certificate_expired", seen)
        elif facts.now < own.not_before:
            seen = f"valid only from {own.not_before:%Y-%m-%d %H:%M} UTC on"
            yield _found(address, "tls.certificate_not_yet_valid", seen)
        elif (days := own.days_left(facts.now)) < EXPIRES_SOON:
            seen = f"valid until {own.not_after:%Y-%m-%d %H:%M} UTC, {days} days from now"
            yield _found(address, "tls.certificate_expires_soon", seen)


def _ago(facts: Facts, own: Certificate) -> str:
    days = (facts.now - own.not_after).days
    return f"{days} days ago" if days != 1 else "a day ago"


def names(facts: Facts) -> Iterator[Finding]:
    """Whom the certificate is for."""
    for address, own in _shown(facts):
        if _trusted(address) or covers(own.names, facts.host):
            continue
        for_names = ", ".join(own.names[:8]) or "no name at all"
        seen = f"asked for {facts.host}, it is for {for_names}"
        if _failed(address, "tls.certificate_no_address"):
            yield _found(address, "tls.certificate_no_address", seen)
            continue
        candidates = [name.lower() for name in own.names if literal(name) is None]
        close = get_close_matches(facts.host, candidates, n=1)
        better = f"Connect to {close[0]}, if that is the same server." if close else None
        yield _found(address, "tls.certificate_wrong_host", seen).with_fix(better)


def trust(facts: Facts) -> Iterator[Finding]:
    """Who vouches for the certificate."""
    for address, own in _shown(facts):
        if not _trusted(address) and own.self_signed and len(address.chain) == 1:
            seen = f"{own.subject} signed by itself, SHA-256 {own.fingerprint_sha256}"
            yield _found(address, "tls.certificate_self_signed", seen)
        elif missing := missing_link(address):
            yield _found(
                address,
                "tls.certificate_incomplete_chain",
                f"{missing.subject} is not sent; this computer happened to know it",
                severity=Severity.WARNING,
            )


def missing_link(address: AddressFacts) -> Certificate | None:
    """A certificate of the trusted path that the server left out, its end excepted."""
    sent = {certificate.fingerprint_sha256 for certificate in address.chain}
    return next((c for c in address.path[:-1] if c.fingerprint_sha256 not in sent), None)


def strength(facts: Facts) -> Iterator[Finding]:
    """Keys and signatures that strict clients refuse; an error where OpenSSL refused them too."""
    for address in facts.addresses:
        failed = _failed(address, "tls.certificate_weak")
        severity = Severity.ERROR if failed else Severity.WARNING
        for words in _weak_links(address)[:1]:
            yield _found(address, "tls.certificate_weak", words, severity=severity)


def _weak_links(address: AddressFacts) -> list[str]:
    found = []
    for certificate in address.chain:
        smallest = _SMALLEST.get(certificate.key.partition(" ")[0], 0)
        if 0 < certificate.bits < smallest:
            found.append(f"{certificate.subject} has a key of {certificate.bits} bits")
        if certificate.signature in _BROKEN_HASHES and not certificate.self_signed:
            found.append(f"{certificate.subject} is signed with {certificate.signature.upper()}")
    return found


def form(facts: Facts) -> Iterator[Finding]:
    """What only some clients mind."""
    for address, own in _shown(facts):
        where = f"{address.address}: "
        if own.common_name_only and not own.self_signed:
            seen = f"{where}{own.subject}, and no subjectAltName"
            yield Finding.of("tls.certificate_common_name_only", seen)
        checked = address.path or address.chain
        faults = [f"{c.subject}: {fault}" for c in checked for fault in c.strict_faults]
        if faults and _trusted(address):
            yield Finding.of("tls.certificate_not_strict", where + "; ".join(faults[:4]))


def difference(facts: Facts) -> Iterator[Finding]:
    """Back ends that were not renewed together."""
    shown = list(_shown(facts))
    for (one, first), (other, second) in pairwise(shown):
        if first.fingerprint_sha256 != second.fingerprint_sha256:
            yield Finding.of(
                "tls.certificate_differs",
                f"{one.address} has one until {first.not_after:%Y-%m-%d}, "
                f"{other.address} one until {second.not_after:%Y-%m-%d}",
            )
            return
