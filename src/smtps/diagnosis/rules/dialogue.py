"""Greeting, EHLO, and the form of the replies."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.client.refusals import meaning
from smtps.diagnosis.facts import Facts
from smtps.diagnosis.finding import Finding

_REFUSED = "smtp.ehlo_name_refused"

LATE_GREETING = 4000.0
"""Milliseconds. Several clients wait 5 seconds, some of them counted from the connection on."""


def late_greeting(facts: Facts) -> Iterator[Finding]:
    """A greeting that comes, but so late that other programs have gone."""
    for address in facts.addresses:
        waited = address.timings.get("greeting", 0.0)
        greeted = address.greeting is not None and address.greeting.positive
        if greeted and waited >= LATE_GREETING:
            yield Finding.of(
                "smtp.greeting_late",
                f"{address.address}: the greeting came after {waited / 1000:.1f} seconds",
            )


def client_name(facts: Facts) -> Iterator[Finding]:
    """The name of the seed is not a host name; a few servers mind."""
    for address in facts.addresses:
        asked = address.asked.refusals if address.asked is not None else ()
        in_vain = any(meaning(phase, reply) == _REFUSED for phase, _, reply in asked)
        if address.ehlo_name_refused and not in_vain:
            yield Finding.of(
                "smtp.ehlo_name_replaced",
                f"{address.address}: accepted {address.ehlo_name} in its place",
            )


def strange_replies(facts: Facts) -> Iterator[Finding]:
    """Leniencies that the server's replies needed."""
    for address in facts.addresses:
        if address.quirks:
            words = ", ".join(sorted(quirk.value for quirk in address.quirks))
            yield Finding.of("smtp.nonstandard_replies", f"{address.address}: {words}")
