"""How many connections the service holds, and which one goes when there are too many."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

log = logging.getLogger("smtps.connections")

MOST = 10_000
"""Connections, however many files the system allows."""

RAISED = 65_536
"""Open files that are asked for where the system sets no limit."""

PAUSE = 10.0
"""Seconds between two lines of the log about connections that were closed."""


class Crowd:
    """The connections that are open.

    Args:
        most: how many there may be.
        now: seconds.
    """

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._open: set[Any] = set()
        self._idle: OrderedDict[Any, None] = OrderedDict()
        self._closed = 0
        self._told = -PAUSE

    def enter(self, connection: Any) -> Any | None:
        """Take a connection in.

        Returns:
            The one to close for it: whoever has been waiting longest without asking for anything;
            the new one itself if all others are being served. None while there is room.
        """
        victim = None
        if len(self._open) >= self._most:
            victim = next(iter(self._idle), connection)
            self._tell()
            self.leave(victim)
        if victim is not connection:
            self._open.add(connection)
            self._idle[connection] = None
        return victim

    def busy(self, connection: Any) -> None:
        """A request has come in whole, up to its body."""
        self._idle.pop(connection, None)

    def idle(self, connection: Any) -> None:
        """Its answer is out."""
        if connection in self._open:
            self._idle[connection] = None

    def leave(self, connection: Any) -> None:
        """It is closed."""
        self._open.discard(connection)
        self._idle.pop(connection, None)

    def _tell(self) -> None:
        self._closed += 1
        now = self._now()
        if now - self._told >= PAUSE:
            log.warning(
                "%d connections are open, the most that the limit of open files allows; "
                "closed for new ones: %d", len(self._open), self._closed,
            )  # fmt: skip
            self._told, self._closed = now, 0


def room() -> int:
    """How many connections there may be: half of the files that the process may open.

    The soft limit is raised to the hard one first. The other half is for what requests need.
    """
    try:
        import resource  # noqa: PLC0415
    except ImportError:  # Windows has no such limit
        return MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = RAISED if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):  # macOS allows less than it says
            log.info("the limit of open files stays at %d", soft)
    return MOST if soft == resource.RLIM_INFINITY else max(min(soft // 2, MOST), 8)
