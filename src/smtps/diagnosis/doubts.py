"""Which clock is wrong, when dates do not fit; pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from smtps._version import RELEASED
from smtps.core.reply import Reply
from smtps.diagnosis.facts import AddressFacts, Certificate

A_DAY = timedelta(days=1)
"""Less than that may be a time zone that somebody got wrong."""

_DATE = re.compile(
    r"(?:[A-Z][a-z]{2},? )?\d{1,2} [A-Z][a-z]{2} [0-9]{4} \d{2}:\d{2}:\d{2}"
    r"(?: (?:[+-]\d{4}|[A-Z]{2,4}))?"
)
"""RFC 5322 section 3.3, as greetings have it."""


class Doubt(NamedTuple):
    """That this computer's clock is wrong.

    Attributes:
        code: ``clock.wrong_here``, or ``clock.suspected`` where it may also be the certificates.
        words: the evidence.
    """

    code: str
    words: str


def greeted_at(greeting: Reply | None) -> datetime | None:
    """The date and time in a greeting, UTC, if there is one."""
    found = _DATE.search(greeting.text) if greeting is not None else None
    if found is None:
        return None
    try:
        moment = parsedate_to_datetime(found[0])
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def doubt(address: AddressFacts, now: datetime) -> Doubt | None:
    """Evidence against this computer's clock, where certificates are out of date by it."""
    chain = links(address)
    stale = [each for each in chain if not each.not_before <= now <= each.not_after]
    if not stale:
        return None
    clock = f"this computer's clock says {now:%Y-%m-%d %H:%M} UTC"
    if now < datetime.fromisoformat(RELEASED).replace(tzinfo=UTC) - A_DAY:
        return Doubt("clock.wrong_here", f"{clock}; this program was released on {RELEASED}")
    there = greeted_at(address.greeting)
    if there is not None:
        valid = all(each.not_before <= there <= each.not_after for each in stale)
        if abs(there - now) > A_DAY and valid:
            words = f"the server's greeting says {there:%Y-%m-%d %H:%M}, when its chain is valid"
            return Doubt("clock.wrong_here", f"{clock}; {words}")
        return None
    if _together(stale, now) and max(c.not_before for c in chain) <= min(
        c.not_after for c in chain
    ):
        return Doubt("clock.suspected", f"{clock}; {_dates(stale, now)}")
    return None


def links(address: AddressFacts) -> tuple[Certificate, ...]:
    """The certificates whose dates count: of the verified path, or of the way as it was walked."""
    if address.path:
        return address.path
    if address.walk is not None:
        return tuple(link.certificate for link in address.walk.links)
    return address.chain


def _together(stale: list[Certificate], now: datetime) -> bool:
    """Whether several are out of date on the same side, by dates that have not one origin."""
    early = [c.not_before for c in stale if now < c.not_before]
    late = [c.not_after for c in stale if now > c.not_after]
    if early and late:
        return False
    moments = early or late
    return len(moments) > 1 and (bool(early) or max(moments) - min(moments) > A_DAY)


def _dates(stale: list[Certificate], now: datetime) -> str:
    return ", ".join(
        f"{each.subject} is valid from {each.not_before:%Y-%m-%d} on"
        if now < each.not_before
        else f"{each.subject} was valid until {each.not_after:%Y-%m-%d}"
        for each in stale
    )
