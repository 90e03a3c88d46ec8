"""How fast an account may send: a bucket that fills by the minute, and a count for the day; pure.

The state is kept with the account's lane, so that it holds across restarts and machines: an account
has one lane at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

DAY = 24 * 60 * 60 * 1000
MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Allowance:
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

    def spend(self, number: int, now: int) -> Allowance:
        """What is left after so many; a negative number gives back."""
        return replace(
            self,
            level=self._filled(now) - number,
            at=now,
            day=now // DAY,
            spent=max(self._spent_on(now) + number, 0),
        )

    def set_to(self, now: int) -> Allowance:
        """The same for a clock that has been set back."""
        if self.at <= now and self.day <= now // DAY:
            return self
        return replace(self, at=min(self.at, now), day=min(self.day, now // DAY))

    def _filled(self, now: int) -> float:
        gained = max(now - self.at, 0) * (self.per_minute or 0.0) / MINUTE
        return min(self.level + gained, self.burst)

    def _spent_on(self, now: int) -> int:
        return self.spent if self.day >= now // DAY else 0
