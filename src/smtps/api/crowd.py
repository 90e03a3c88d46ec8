"""How many connections the service holds, and which one goes when there are too many."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from smtps.api.guards.callers import line

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
        apart: whether an address is one that many callers share, such as a proxy's.
        now: seconds.
    """

    def __init__(
        self,
        most: int,
        apart: Callable[[str], bool] = lambda _: False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._apart = apart
        self._now = now
        self._open: dict[Any, Hashable] = {}
        self._idle = _Queues()
        self._closed = 0
        self._told = -PAUSE

    def enter(self, connection: Any, address: str = "") -> Any | None:
        """Take a connection in.

        Returns:
            The one to close for it: of the address with the most connections that ask for nothing,
            the one that has been waiting longest; the new one itself if all others are being
            served. None while there is room.
        """
        victim = None
        if len(self._open) >= self._most:
            victim = self._idle.first() if len(self._idle) else connection
            self._tell()
            self.leave(victim)
        if victim is not connection:
            self._open[connection] = connection if self._apart(address) else line(address)
            self._idle.add(connection, self._open[connection])
        return victim

    def busy(self, connection: Any) -> None:
        """A request has come in whole, up to its body."""
        self._idle.remove(connection)

    def idle(self, connection: Any) -> None:
        """Its answer is out."""
        if connection in self._open:
            self._idle.add(connection, self._open[connection])

    def leave(self, connection: Any) -> None:
        """It is closed."""
        self._open.pop(connection, None)
        self._idle.remove(connection)

    def _tell(self) -> None:
        self._closed += 1
        now = self._now()
        if now - self._told >= PAUSE:
            log.warning(
                "%d connections are open, the most that the limit of open files allows; "
                "closed for new ones: %d", len(self._open), self._closed,
            )  # fmt: skip
            self._told, self._closed = now, 0


class _Queues:
    """What waits, a queue for each owner; and the owners by how much each of them has."""

    def __init__(self) -> None:
        self._owner: dict[Any, Hashable] = {}
        self._queues: dict[Hashable, OrderedDict[Any, None]] = {}
        self._by_length: dict[int, OrderedDict[Hashable, None]] = {}
        self._longest = 0

    def __len__(self) -> int:
        return len(self._owner)

    def first(self) -> Any:
        """What has waited longest, of an owner with the longest queue."""
        owner = next(iter(self._by_length[self._longest]))
        return next(iter(self._queues[owner]))

    def add(self, entry: Any, owner: Hashable) -> None:
        """To the end of its owner's queue."""
        self.remove(entry)
        self._owner[entry] = owner
        queue = self._queues.setdefault(owner, OrderedDict())
        queue[entry] = None
        self._moved(owner, len(queue) - 1)

    def remove(self, entry: Any) -> None:
        """It waits no more."""
        if (owner := self._owner.pop(entry, _NOBODY)) is _NOBODY:
            return
        queue = self._queues[owner]
        del queue[entry]
        self._moved(owner, len(queue) + 1)
        if not queue:
            del self._queues[owner]

    def _moved(self, owner: Hashable, before: int) -> None:
        """A queue has become one longer or shorter."""
        now = len(self._queues[owner])
        if before:
            del self._by_length[before][owner]
            if not self._by_length[before]:
                del self._by_length[before]
        if now:
            self._by_length.setdefault(now, OrderedDict())[owner] = None
        if now > self._longest or self._longest not in self._by_length:
            self._longest = now


_NOBODY = object()


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
