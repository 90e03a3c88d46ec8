"""The size of messages: what is offered, and what was asked for (RFC 1870)."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.advice import Severity
from smtps.diagnosis.facts import AddressFacts, Facts
from smtps.diagnosis.finding import Finding
from smtps.diagnosis.limits import Limit, limits, too_large

LEAST = 65_536
"""Octets that each server has to take (RFC 5321 section 4.5.3.1.7)."""

HARDLY_ANY = 1000
"""Octets that the header alone exceeds in most messages."""


def enough(facts: Facts) -> Iterator[Finding]:
    """Whether a message of the size that was asked for would be taken."""
    if facts.size is None:
        return
    for address in facts.addresses:
        if (limit := too_large(facts, address)) is not None:
            login = " before a login" if _may_grow(address) else ""
            yield Finding.of(
                "send.too_large",
                f"{address.address}: {facts.size:,} octets were asked for; the server takes "
                f"{limit}{login}",
            )
        elif (found := limits(address)) is not None and not _told(found, address):
            yield Finding.of(
                "smtp.size_unknown",
                f"{address.address}: {facts.size:,} octets were asked for; the server states "
                f"{found[1] or found[0]}",
            )


def _may_grow(address: AddressFacts) -> bool:
    """Whether the server knows logins, and did not see one: some state more to those they know."""
    offer = address.capabilities
    return address.mechanism is None and offer is not None and bool(offer.auth)


def _told(found: tuple[Limit, Limit | None], address: AddressFacts) -> bool:
    """Whether the server has a number, or has taken the one in MAIL (section 6.1)."""
    limit = found[1] or found[0]
    asked = address.asked
    declared = asked is not None and asked.size is not None and limit.kind != "absent"
    answered = declared and asked is not None and asked.mail_reply is not None
    return limit.octets is not None or answered


def changed(facts: Facts) -> Iterator[Finding]:
    """Another limit after the login than before it. None before it misleads nobody."""
    for address in facts.addresses:
        found = limits(address)
        if found is None or found[1] is None or found[0].kind in ("absent", "unstated"):
            continue
        if found[0] != found[1] and not _nearly(found[0].octets, found[1].octets):
            yield Finding.of(
                "smtp.size_depends_on_login",
                f"{address.address}: before the login the server states {found[0]}; after it, "
                f"{found[1]}",
            )


def _nearly(one: int | None, other: int | None) -> bool:
    """Whether two limits are the same but for a bit: Dovecot's submission service keeps a kilobyte
    back for the field that it adds, once it knows the server behind it.
    """
    return one is not None and other is not None and abs(one - other) * 100 < max(one, other)


def sensible(facts: Facts) -> Iterator[Finding]:
    """A limit that is no number, or one that hardly any message keeps to."""
    for address in facts.addresses:
        for limit in dict.fromkeys(filter(None, limits(address) or ())):
            if limit.kind == "malformed":
                seen = f"{address.address}: 250-SIZE {limit.words}"
                yield Finding.of("smtp.size_malformed", seen)
            elif limit.octets is not None and limit.octets < LEAST:
                seen = f"{address.address}: takes {limit}"
                severity = Severity.WARNING if limit.octets < HARDLY_ANY else Severity.INFO
                yield Finding.of("smtp.size_too_small", seen, severity=severity)
