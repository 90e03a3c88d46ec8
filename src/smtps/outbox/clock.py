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

DOUBT = 24 * 60 * 60_000
"""Milliseconds after which nothing is left of the doubt about a jump forward."""


class Clock:
    """Milliseconds since 1970, going on steadily while the system's clock jumps.

    A clock that is set wrong for a moment would let all mail expire, or hold it back for years. A
    jump counts once it has lasted; small corrections count at once.

    Args:
        wall: seconds since 1970.
        steady: seconds, monotonic.

    Attributes:
        went_back: how often a jump back was believed.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()
        self._jump: tuple[float, float] | None = None
        self._ahead = 0.0
        self._doubted = self._certain = steady()
        self.went_back = 0

    def now(self) -> int:
        """The time."""
        steady = self._steady()
        offset = self._wall() - steady
        by = offset - self._offset
        if abs(by) * 1000 < JUMP:
            self._offset, self._jump = offset, None
        elif self._jump is None or abs(offset - self._jump[1]) * 1000 >= JUMP:
            self._jump = steady, offset
            log.warning(
                "the clock jumped by %.0f seconds; if it stays there, the new time applies in %.0f "
                "seconds",
                by, PATIENCE / 1000,
            )  # fmt: skip
        elif (steady - self._jump[0]) * 1000 >= PATIENCE:
            self._believe(by, steady)
            self._offset, self._jump = offset, None
        return round((steady + self._offset) * 1000)

    def _believe(self, by: float, steady: float) -> None:
        """Go by the new time from now on; what cannot be undone still goes by the old one."""
        log.warning("the clock jump of %.0f seconds persisted and now applies", by)
        doubted = self._ahead if (steady - self._doubted) * 1000 < DOUBT else 0.0
        self._ahead, self._doubted = max(doubted + by, 0.0), steady
        self.went_back += by < 0

    def distrust(self) -> None:
        """Be certain of nothing for some minutes: a computer may begin with any time, and correct
        it once it has a network.
        """
        self._certain = self._steady() + PATIENCE / 1000

    def surely(self) -> int | None:
        """A time that has come for certain, for what cannot be undone.

        It leaves out what the clock has jumped forward within a day. None while even that is not
        known, see ``distrust``.
        """
        now, steady = self.now(), self._steady()
        if steady < self._certain:
            return None
        doubted = (steady - self._doubted) * 1000 < DOUBT
        return now - round(self._ahead * 1000) if doubted else now
