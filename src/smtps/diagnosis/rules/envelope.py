"""What the server said to sender and recipients, without a message."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.client.refusals import refusal
from smtps.core.reply import Reply
from smtps.diagnosis.facts import Facts
from smtps.diagnosis.finding import Finding
from smtps.errors import Phase


def refusals(facts: Facts) -> Iterator[Finding]:
    """One finding for the sender, and one for each recipient that is refused."""
    for address in facts.addresses:
        asked = address.asked
        if asked is None or address.failure is not None:
            continue
        if asked.mail_reply is not None and not asked.mail_reply.positive:
            yield _refused(address.address, Phase.MAIL, asked.sender, asked.mail_reply)
            continue
        for who, reply in asked.recipients:
            if not reply.positive:
                yield _refused(address.address, Phase.RCPT, who, reply)


def _refused(address: str, phase: Phase, who: str, reply: Reply) -> Finding:
    return Finding.of(refusal(phase, reply).code, f"{address}: <{who}>: {reply}")


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
