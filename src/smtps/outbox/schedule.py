"""When to try again: pure, for any clock and any die."""

from __future__ import annotations

import re

MINUTE = 60_000
"""Milliseconds, as all times of the outbox."""

STEPS = (1.0, 5.0, 15.0, 60.0, 120.0, 240.0, 480.0, 960.0)
"""Minutes after each attempt; the last one goes on until the message expires."""

SPREAD = 0.1
"""So much earlier or later, so that what failed together does not come back together."""

LIFETIME = 3 * 24 * 60 * MINUTE
"""A message that is not delivered by then expires."""

LONGEST_WISH = 24 * 60 * MINUTE
"""A server that asks for more patience is not obeyed."""

_UNITS = {"s": 1000, "m": MINUTE, "h": 60 * MINUTE}
_WISH = re.compile(
    r"(?:again|retry|wait|back|after|delayed|in)\D{0,24}?(\d{1,5})\s*(s(?:ec|econds?)?|m(?:in|inutes?)?"
    r"|h(?:ours?)?)\b",
    re.IGNORECASE,
)


def pause(step: int, chance: float, steps: tuple[float, ...] = STEPS) -> int:
    """Milliseconds until the next attempt.

    Args:
        step: how many attempts have counted before this one.
        chance: from 0 to 1.
        steps: minutes after each attempt.
    """
    minutes = steps[min(step, len(steps) - 1)]
    return round(minutes * MINUTE * (1 + SPREAD * (2 * chance - 1)))


def wish(text: str) -> int | None:
    """Milliseconds that a server asks to wait for, as in "try again in 5 minutes"."""
    found = _WISH.search(text)
    if found is None:
        return None
    asked = int(found[1]) * _UNITS[found[2][0].lower()]
    return asked if 0 < asked <= LONGEST_WISH else None
