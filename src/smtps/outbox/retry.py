"""When to try again and how fast: retry policy, circuit breaker and rate limit; pure.

The state of the rate limit is kept with the account's lane and survives restarts and moves between
machines, since an account has one lane at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from smtps.client.result import Result
from smtps.errors import BEFORE_MAIL, Failure, Phase
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


DAY = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What an account may still send.

    A time that has not come yet means that the clock has been set back since: the bucket fills from
    now on, and what was counted for a day to come counts for today.

    Attributes:
        per_minute, per_day: its limits; None for none. Days are those of UTC.
        level: messages that may go at once.
        at: when that was, in milliseconds.
        day, spent: messages of that day.
    """

    per_minute: float | None = None
    per_day: int | None = None
    level: float = 0.0
    at: int = 0
    day: int = 0
    spent: int = 0

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self.per_minute is not None or self.per_day is not None

    @property
    def burst(self) -> float:
        """As many as a sixth of a minute brings, and one at least."""
        return max(1.0, (self.per_minute or 0.0) / 6)

    def room(self, now: int) -> int | None:
        """How many messages may go now; None for any number."""
        found = [
            int(self._filled(now)) if self.per_minute is not None else None,
            self.per_day - self._spent_on(now) if self.per_day is not None else None,
        ]
        limits = [max(limit, 0) for limit in found if limit is not None]
        return min(limits) if limits else None

    def wait(self, now: int) -> int:
        """Milliseconds until there is room."""
        if self.per_day is not None and self._spent_on(now) >= self.per_day:
            return DAY - now % DAY
        if self.per_minute is None or (level := self._filled(now)) >= 1:
            return 0
        return max(1, round((1 - level) * MINUTE / self.per_minute))

    def spend(self, number: int, now: int) -> RateLimit:
        """What is left after so many; a negative number gives back."""
        return replace(
            self,
            level=self._filled(now) - number,
            at=now,
            day=now // DAY,
            spent=max(self._spent_on(now) + number, 0),
        )

    def set_to(self, now: int) -> RateLimit:
        """The same for a clock that has been set back."""
        if self.at <= now and self.day <= now // DAY:
            return self
        return replace(self, at=min(self.at, now), day=min(self.day, now // DAY))

    def _filled(self, now: int) -> float:
        gained = max(now - self.at, 0) * (self.per_minute or 0.0) / MINUTE
        return min(self.level + gained, self.burst)

    def _spent_on(self, now: int) -> int:
        return self.spent if self.day >= now // DAY else 0


SHORTEST, LONGEST = 10_000, 15 * 60_000
"""Milliseconds between attempts to reach a server: twice as long each time."""

TRIAL, LONGEST_TRIAL = 15 * 60_000, 4 * 60 * 60_000
"""The same for a server that refuses the login: repeating it may lock the account."""


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Whether an account may send.

    Attributes:
        failures: attempts in a row that came to no session.
        not_before: milliseconds since 1970 at which one message may try.
        stopped: somebody has to do something; then, or after a long time, it is tried again.
        code, reason: what went wrong last, while it is not all right.
    """

    failures: int = 0
    not_before: int = 0
    stopped: bool = False
    code: str | None = None
    reason: str | None = None

    def after(self, failure: Failure, now: int, chance: float) -> Self:
        """The account, after it came to no session.

        Args:
            failure: why.
            now: milliseconds since 1970.
            chance: from 0 to 1.
        """
        people = failure.phase in (Phase.TOKEN, Phase.AUTH) or patience_with(failure.code).account
        stopped = people and not failure.retryable
        first, longest = (TRIAL, LONGEST_TRIAL) if stopped else (SHORTEST, LONGEST)
        repeated = self.failures if stopped == self.stopped else 0
        wait = min(first * 2 ** min(repeated, 20), longest) * (0.9 + 0.2 * chance)
        until = now + wait_of(failure, round(wait))
        return type(self)(repeated + 1, until, stopped, failure.code, failure.message)


def uncertain_failure(result: Result) -> Failure | None:
    """Why a server should be asked with care, if it took a message and did not say so: the next one
    may go the same way.
    """
    return result.failure if result.outcome == "uncertain" else None


def account_failure(result: Result) -> Failure | None:
    """Why a message was not sent, if no message of the account can be sent now.

    There is no session; or the server wants to be left alone for a while, as a 421 says wherever it
    is said; or it refuses whatever this account sends: its quota is used up, or it is blocked.
    """
    failure = result.failure
    if failure is None or result.outcome not in ("deferred", "refused"):
        return None
    everything = failure.phase in BEFORE_MAIL or failure.smtp_code == 421
    return failure if everything or patience_with(failure.code).account else None
