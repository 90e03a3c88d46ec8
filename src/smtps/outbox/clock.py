"""The time of day, for decisions that must not be upset by a clock that jumps."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger("smtps.outbox")

JUMP = 60_000
"""Milliseconds: a difference that no drift explains."""

PATIENCE = 300_000
"""Milliseconds that a jump has to last before it is believed."""


class Clock:
    """Milliseconds since 1970, going on steadily while the system's clock jumps.

    A clock that is set wrong for a moment would let all mail expire, or hold it back for years. A
    jump counts once it has lasted; small corrections count at once.

    Args:
        wall: seconds since 1970.
        steady: seconds, monotonic.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()
        self._jumped: float | None = None

    def now(self) -> int:
        """The time."""
        steady = self._steady()
        offset = self._wall() - steady
        if abs(offset - self._offset) * 1000 < JUMP:
            self._offset, self._jumped = offset, None
        elif self._jumped is None:
            self._jumped = steady
            log.warning("the clock jumped by %.0f seconds", offset - self._offset)
        elif (steady - self._jumped) * 1000 >= PATIENCE:
            self._offset, self._jumped = offset, None
        return round((steady + self._offset) * 1000)
