"""What a server takes in the handshake beside what it should."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.advice import Severity
from smtps.diagnosis.facts import Facts
from smtps.diagnosis.finding import Finding

_OLD = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1"}
_WEAK = ("broken ciphers", "old ciphers")


def old_versions(facts: Facts) -> Iterator[Finding]:
    """TLS 1.0 and 1.1 (RFC 8996)."""
    for address in facts.addresses:
        taken = [name for name in _OLD if name in address.looks and address.looks[name].secured]
        if taken and address.reached:
            words = " and ".join(_OLD[name] for name in taken)
            yield Finding.of("tls.old_versions_accepted", f"{address.address}: takes {words}")


def weak_ciphers(facts: Facts) -> Iterator[Finding]:
    """Ciphers that nobody should use any more (RFC 9325 section 4.2)."""
    for address in facts.addresses:
        looks = (address.looks[name] for name in _WEAK if name in address.looks)
        taken = [look.tls.cipher for look in looks if look.secured and look.tls is not None]
        if taken and address.reached:
            words = ", ".join(str(cipher) for cipher in taken)
            yield Finding.of("tls.weak_cipher_accepted", f"{address.address}: takes {words}")


def starttls_inside(facts: Facts) -> Iterator[Finding]:
    """STARTTLS offered although TLS is on."""
    for address in facts.addresses:
        secured = address.tls is not None and address.tls.cipher is not None
        if secured and address.capabilities is not None and "STARTTLS" in address.capabilities:
            yield Finding.of("tls.starttls_inside_tls", f"{address.address}: 250-STARTTLS")


def large_hello(facts: Facts) -> Iterator[Finding]:
    """A ClientHello of the size that new clients send, and that does not get through."""
    for address in facts.addresses:
        look = address.looks.get("large")
        if look is None or not address.reached or look.unwelcome or look.flight.version is not None:
            continue
        if (alert := look.flight.alert) is None and not look.hung_up and not look.silent:
            continue
        how = "is refused" if alert is not None else "gets no answer"
        yield Finding.of(
            "tls.large_hello",
            f"{address.address}: a ClientHello of 1,500 octets with a post-quantum key share {how} "
            f"({look.outcome})",
            severity=Severity.WARNING,
        )
