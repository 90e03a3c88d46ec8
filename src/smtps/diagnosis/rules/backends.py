"""What the addresses of one server do differently: a client meets one of them by chance."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import TypeVar

from smtps.advice import Severity
from smtps.client.login import UNSAID
from smtps.core.capabilities import Capabilities
from smtps.diagnosis.facts import AddressFacts, Facts
from smtps.diagnosis.finding import Finding

Kind = TypeVar("Kind", bound=Hashable)

_ON_THEIR_OWN = frozenset({"AUTH", "AUTH=", "SIZE", "STARTTLS"})
"""Keywords that have a rule of their own, or that depend on where TLS begins."""


def logins(facts: Facts) -> Iterator[Finding]:
    """A login that is taken at one address and not at another, or is not even offered there."""
    taken = [a for a in facts.addresses if a.mechanism is not None]
    refused = {
        a.address: a.login_failure
        for a in facts.addresses
        if a.mechanism is None and a.login_failure is not None
    }
    if taken and refused:
        unsaid = all(failure.code in UNSAID for failure in refused.values())
        words = "; ".join(f"{ip} does not: {each.message}" for ip, each in refused.items())
        yield Finding.of(
            "auth.addresses_differ",
            f"{_names(taken)} takes the login; {words}",
            severity=Severity.WARNING if unsaid else Severity.ERROR,
        )
    elif groups := _groups(facts, lambda offer: frozenset(offer.auth)):
        parts = [
            f"{_names(found)} offers {' '.join(sorted(names)) or 'no login'}"
            for names, found in groups.items()
        ]
        severity = Severity.WARNING if frozenset() in groups else Severity.INFO
        yield Finding.of("auth.addresses_differ", "; ".join(parts), severity=severity)


def offers(facts: Facts) -> Iterator[Finding]:
    """Extensions that one address offers and another does not."""
    if groups := _groups(facts, lambda offer: frozenset(offer.keywords) - _ON_THEIR_OWN):
        everywhere = frozenset.intersection(*groups)
        parts = [
            f"{_names(found)} offers {' '.join(sorted(names - everywhere)) or 'none of these'}"
            for names, found in groups.items()
        ]
        yield Finding.of("smtp.addresses_differ", "; ".join(parts), severity=Severity.INFO)


def sizes(facts: Facts) -> Iterator[Finding]:
    """A message that one address takes may be too large for another."""
    if groups := _groups(facts, lambda offer: offer.size):
        parts = [
            f"{_names(found)} takes {'any size' if size is None else f'{size:,} octets'}"
            for size, found in groups.items()
        ]
        yield Finding.of("smtp.addresses_differ", "; ".join(parts))


def _groups(
    facts: Facts, kind: Callable[[Capabilities], Kind]
) -> dict[Kind, list[AddressFacts]] | None:
    """Kind of offer before any login → addresses, if they differ."""
    groups: dict[Kind, list[AddressFacts]] = {}
    for address in facts.addresses:
        if address.reached and address.capabilities is not None:
            groups.setdefault(kind(address.capabilities), []).append(address)
    return groups if len(groups) > 1 else None


def _names(found: list[AddressFacts]) -> str:
    return ", ".join(address.address for address in found)
