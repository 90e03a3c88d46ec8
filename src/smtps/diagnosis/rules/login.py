"""Logins: what is offered, and what became of those that were tried."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.advice import Severity
from smtps.core import sasl
from smtps.diagnosis.facts import Facts
from smtps.diagnosis.finding import Finding

_READ_IN_TWO_WAYS = ("auth.rejected",)


def offer(facts: Facts) -> Iterator[Finding]:
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


def unverified(facts: Facts) -> Iterator[Finding]:
    """Credentials that went to a server which nobody vouches for."""
    for address in facts.addresses:
        tried = address.mechanism is not None or address.login_failure is not None
        if tried and address.tls is not None and not address.tls.verified:
            yield Finding.of(
                "auth.sent_unverified",
                f"{address.address}: the login was tried, and the certificate was not checked",
            )


def in_the_clear(facts: Facts) -> Iterator[Finding]:
    """Passwords taken before STARTTLS: mechanisms that hand them over as they are."""
    for address in facts.addresses:
        plain = [name for name in address.offered_in_clear if name in ("PLAIN", "LOGIN")]
        if plain:
            seen = f"{address.address}: offers {' '.join(plain)} before STARTTLS"
            yield Finding.of("auth.offered_in_clear", seen)


def mechanisms(facts: Facts) -> Iterator[Finding]:
    """Mechanisms that are offered and then refused, although another one works."""
    for address in facts.addresses:
        for name, failure in address.mechanisms.items():
            if failure is not None and failure.code.startswith("auth."):
                yield Finding.of(
                    "auth.mechanism_refused",
                    f"{address.address}: {name}: {failure.message}",
                    severity=Severity.WARNING,
                )


def password(facts: Facts) -> Iterator[Finding]:
    """A password that LOGIN, which nobody ever wrote down, leaves open to two readings."""
    for address in facts.addresses:
        failure = address.login_failure
        if failure is None or failure.code not in _READ_IN_TWO_WAYS or facts.password_is_ascii:
            continue
        tried = sasl.candidates(
            address.capabilities.auth if address.capabilities else (), sasl.PASSWORD_ORDER
        )
        yield Finding.of(
            "auth.non_ascii_password",
            f"{address.address}: sent as UTF-8 by {tried[0] if tried else 'the login'}",
        )
