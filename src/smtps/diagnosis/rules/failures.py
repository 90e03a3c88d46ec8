"""What ended the look-up, or the dialogue at an address, where no other rule explains it."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.advice import Severity
from smtps.diagnosis.facts import Facts
from smtps.diagnosis.finding import Finding
from smtps.diagnosis.looks import FIRST, UNCHANGED
from smtps.diagnosis.rules.hints import hint
from smtps.errors import Failure
from smtps.net.dial import MOST_ADDRESSES

NO_ROUTE = "net.unreachable"


def finding(facts: Facts, failure: Failure) -> Finding:
    """The finding that a failure is, as long as no rule knows better."""
    if failure.code == "net.timeout" and facts.control == "silent":
        where = f"{failure.address}: " if failure.address else ""
        return Finding.of(
            "net.port_blocked_here",
            f"{where}{failure.message} Another mail server is silent on port {facts.port} too.",
        ).explaining(failure)
    found = Finding.from_failure(failure)
    if _no_ipv6(failure) and any(other.reached for other in facts.addresses):
        # This network's lack, and not a fault of a server that works.
        return found.with_severity(Severity.INFO)
    return found.with_fix(hint(facts, failure.code))


def _no_ipv6(failure: Failure) -> bool:
    """Whether this network has no IPv6."""
    return failure.code == NO_ROUTE and ":" in (failure.address or "")


def many_addresses(facts: Facts) -> Iterator[Finding]:
    """More addresses than anybody would try."""
    if facts.left_out:
        yield Finding.of(
            "net.many_addresses",
            f"{facts.host} has {MOST_ADDRESSES + facts.left_out} addresses; "
            f"only the first {MOST_ADDRESSES} were considered.",
        )


def passed(facts: Facts) -> Iterator[Finding]:
    """A failure that was there at first and not when the same was tried again."""
    for address in facts.addresses:
        if (failure := address.passed) is not None:
            failed = sum(look.name in (FIRST, UNCHANGED) for look in address.looks.values())
            yield Finding.of(
                "net.intermittent",
                f"{address.address}: {failed} of {failed + 1} equal attempts failed, and the last "
                f"one worked. The first: {failure.message}",
            )


def unsteady(facts: Facts) -> Iterator[Finding]:
    """Further connections that failed and should not have."""
    for address in facts.addresses:
        if address.unsteady:
            looks = "; ".join(f"{look.name}: {look.outcome}" for look in address.unsteady)
            yield Finding.of(
                "net.intermittent",
                f"{address.address}: further connections failed once and not each time ({looks})",
            )


def some_addresses(facts: Facts) -> Iterator[Finding]:
    """Addresses that fail beside others that work."""
    failing = [a for a in facts.addresses if a.failure is not None and not _no_ipv6(a.failure)]
    working = [a for a in facts.addresses if a.reached]
    if failing and working:
        names = ", ".join(address.address for address in failing)
        yield Finding.of(
            "net.some_addresses_fail",
            f"{len(failing)} of {len(facts.addresses)} addresses do not work: {names}",
        )
