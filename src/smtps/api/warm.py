"""Sessions kept for the next message: a burst to one account pays for one handshake."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from smtps.client.pool import Pool
from smtps.options import USUAL, Endpoint

MOST = 256
"""Accounts at a time; the one used longest ago makes room."""

SESSIONS = 16
"""At most, for one account."""


class Warm:
    """Pools, one for each server and credentials: who gives another password gets another's.

    Args:
        seconds: that a session may be unused.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pools: OrderedDict[Endpoint, Pool] = OrderedDict()

    async def pool(self, endpoint: Endpoint) -> Pool:
        """The pool of exactly this server, these credentials and this trust."""
        key = replace(endpoint, timeouts=USUAL, transcript=True)
        pool = self._pools.pop(key, None) or Pool(key, size=SESSIONS, idle=self._seconds)
        self._pools[key] = pool
        # Credentials are not kept longer than the sessions that were opened with them.
        for other in [k for k, p in self._pools.items() if p.unused and p is not pool]:
            del self._pools[other]
        while len(self._pools) > MOST:
            _, oldest = self._pools.popitem(last=False)
            await oldest.aclose()
        return pool

    async def aclose(self) -> None:
        """Leave all servers."""
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.aclose()
