"""When to try again: pure, for any clock and any die."""

from __future__ import annotations

from smtps.errors import Failure
from smtps.replies import patience_with

MINUTE = 60_000
"""Milliseconds, as all times of the outbox."""

STEPS = (1.0, 5.0, 15.0, 60.0, 120.0, 240.0, 480.0, 960.0)
"""Minutes after each attempt; the last one goes on until the message expires."""

SPREAD = 0.1
"""So much earlier or later, so that what failed together does not come back together."""

LIFETIME = 3 * 24 * 60 * MINUTE
"""A message that is not delivered by then expires."""


def pause(step: int, chance: float, steps: tuple[float, ...] = STEPS) -> int:
    """Milliseconds until the next attempt.

    Args:
        step: how many attempts have counted before this one.
        chance: from 0 to 1.
        steps: minutes after each attempt.
    """
    minutes = steps[min(step, len(steps) - 1)]
    return round(minutes * MINUTE * (1 + SPREAD * (2 * chance - 1)))


def wait_of(failure: Failure | None, least: int) -> int:
    """Milliseconds until the next attempt, given the failure of this one.

    Args:
        failure: what the server asks for counts, if it asks; else what its cause needs at least.
        least: milliseconds that the schedule gives.
    """
    if failure is None:
        return least
    if failure.retry_after is not None:
        return failure.retry_after * 1000
    return max(least, (patience_with(failure.code).minutes or 0) * MINUTE)
