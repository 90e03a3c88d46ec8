"""What the log says of a trouble that lasts: one line when it begins, one when it is over."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger("smtps.outbox")


class Outage:
    """Tells of what lasts once, whoever notices it, in whichever thread.

    Args:
        what: cannot be done while it lasts.
        now: seconds, monotonic.
    """

    def __init__(self, what: str, now: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._now = now
        self._lock = threading.Lock()
        self._since: float | None = None
        self._reasons: set[str] = set()

    @property
    def lasts(self) -> bool:
        """Whether it is not over yet."""
        return self._since is not None

    def began(self, error: BaseException) -> None:
        """It cannot be done because of this."""
        reason = _first_line(error)
        with self._lock:
            if self._since is None:
                self._since = self._now()
            elif reason in self._reasons:
                return
            self._reasons.add(reason)
        log.error("%s: %s", self._what, reason)

    def ended(self) -> None:
        """It was done."""
        if self._since is None:
            return
        with self._lock:
            since, self._since = self._since, None
            self._reasons.clear()
        if since is not None:
            log.warning("%s: over after %.1f seconds", self._what, self._now() - since)


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return next(iter(str(cause).splitlines()), "") or type(cause).__name__
