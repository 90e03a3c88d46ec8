"""Logins: what is offered, and what became of those that were tried."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.advice import Severity
from smtps.client.login import in_vain
from smtps.diagnosis.facts import AddressFacts, Facts
from smtps.diagnosis.finding import Finding
from smtps.diagnosis.rules.hints import MAIL_EXCHANGE, hint

_READ_IN_TWO_WAYS = ("auth.rejected",)
_ABOUT_THE_CREDENTIALS = (
    "auth.rejected",
    "auth.token_rejected",
    "auth.try_later",
    "auth.unavailable",
)


def offer(facts: Facts) -> Iterator[Finding]:
    """A submission port without AUTH. With credentials the failed login says it already."""
    for address in facts.addresses:
        if address.capabilities is None or facts.wanted_login or not address.reached:
            continue
        if not address.capabilities.auth:
            words = " ".join(address.capabilities.keywords) or "nothing"
            # Without credentials nobody knows whether they are needed: a relay may know its clients
            # by their addresses. Port 25 takes the mail of servers, which have nothing to log in
            # with.
            yield Finding.of(
                "auth.not_offered",
                f"{address.address}: offers {words}",
                severity=Severity.INFO if facts.port == MAIL_EXCHANGE else Severity.WARNING,
            ).with_fix(hint(facts, "auth.not_offered"))


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
    if facts.unseen:
        return  # these characters are more likely a mistake than meant
    for address in facts.addresses:
        failure = address.login_failure
        if failure is None or failure.code not in _READ_IN_TWO_WAYS or facts.password_is_ascii:
            continue
        yield Finding.of(
            "auth.non_ascii_password",
            f"{address.address}: sent as UTF-8 by {', '.join(address.tried) or 'the login'}",
        )


def unseen(facts: Facts) -> Iterator[Finding]:
    """Characters in the credentials that nobody sees, where the login was refused."""
    refused = [a for a in facts.addresses if _credentials_refused(a)]
    if refused and facts.unseen:
        yield Finding.of("auth.unseen_characters", "; ".join(facts.unseen))


def another_mechanism(facts: Facts) -> Iterator[Finding]:
    """A mechanism that the server offers and perhaps cannot do, beside one that it can."""
    for address in facts.addresses:
        if not address.tried or not _credentials_refused(address):
            continue
        offered = address.capabilities.auth if address.capabilities else ()
        plain = in_vain(address.tried[-1], offered)
        if plain is not None and address.tls is not None and address.tls.verified:
            yield Finding.of(
                "auth.another_mechanism",
                f"{address.address}: {address.tried[-1]} was refused; {plain} is offered too",
            )


def _credentials_refused(address: AddressFacts) -> bool:
    failure = address.login_failure
    return failure is not None and failure.code in _ABOUT_THE_CREDENTIALS
