"""What the server said to sender and recipients, without a message."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.client.refusals import BEHIND_A_LOGIN, meaning
from smtps.diagnosis.facts import AddressFacts, Facts
from smtps.diagnosis.finding import Finding
from smtps.diagnosis.relaying import domain_of


def refusals(facts: Facts) -> Iterator[Finding]:
    """One finding for the sender, and one for each recipient that is refused."""
    for address in facts.addresses:
        if address.asked is None:
            continue
        if address.asked.failure is not None:
            yield Finding.from_failure(address.asked.failure)
        for phase, who, reply in address.asked.refusals:
            if reply.code == 421 and address.failure is not None:
                continue  # which is the failure
            code = meaning(phase, reply)
            if code == "smtp.access_denied" and _nobody_logged_in(facts, address):
                code = "send.login_required"
            if address.mechanism is not None:
                code = BEHIND_A_LOGIN.get(code, code)
            yield Finding.of(code, f"{address.address}: <{who}>: {reply}")


def _nobody_logged_in(facts: Facts, address: AddressFacts) -> bool:
    """Whether a login was offered and not used: that is what a bare "access denied" means then."""
    offer = address.capabilities
    return not facts.wanted_login and offer is not None and bool(offer.auth)


def open_relay(facts: Facts) -> Iterator[Finding]:
    """Mail taken for others from somebody who has not logged in."""
    if facts.wanted_login:
        return
    for address in facts.addresses:
        recipients = address.asked.recipients if address.asked else ()
        taken = [
            f"<{who}>"
            for who, reply in recipients
            if reply.positive and domain_of(who) in facts.foreign_domains
        ]
        if taken:
            seen = f"{address.address}: takes mail for {', '.join(taken)}, not a domain of its own"
            yield Finding.of("send.relays_without_login", seen)
