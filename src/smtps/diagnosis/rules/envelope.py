"""What the server said to sender and recipients, without a message."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.client.refusals import meaning
from smtps.diagnosis.facts import Facts
from smtps.diagnosis.finding import Finding


def refusals(facts: Facts) -> Iterator[Finding]:
    """One finding for the sender, and one for each recipient that is refused."""
    for address in facts.addresses:
        if address.asked is None or address.failure is not None:
            continue
        for phase, who, reply in address.asked.refusals:
            yield Finding.of(meaning(phase, reply), f"{address.address}: <{who}>: {reply}")


def open_relay(facts: Facts) -> Iterator[Finding]:
    """Mail taken for others from somebody who has not logged in."""
    if facts.wanted_login:
        return
    for address in facts.addresses:
        asked = address.asked
        if asked is None or not any(reply.positive for _, reply in asked.recipients):
            continue
        offered = address.capabilities.auth if address.capabilities else ()
        if offered:
            taken = ", ".join(f"<{who}>" for who, reply in asked.recipients if reply.positive)
            yield Finding.of(
                "send.relays_without_login", f"{address.address}: takes mail for {taken}"
            )
