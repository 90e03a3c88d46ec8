"""Sessions kept for the next message: a burst to one account pays for one handshake."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any

from smtps.client.pool import Pool
from smtps.endpoint import DEFAULT_TIMEOUTS, Endpoint

MAX_POOLS = 256
"""Accounts at a time; the one used longest ago makes room."""

SESSIONS = 16
"""At most, for one account."""

_account: Callable[[Endpoint], tuple[Any, ...]] = attrgetter(
    *(field.name for field in fields(Endpoint) if field.name != "timeouts")
)
"""All that makes one session another's."""


class WarmPools:
    """Pools, one for each server and credentials: who gives another password gets another's.

    Args:
        seconds: that a session may be unused.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pools: OrderedDict[tuple[Any, ...], Pool] = OrderedDict()
        self._sweep: asyncio.TimerHandle | None = None

    async def pool(self, endpoint: Endpoint) -> Pool:
        """The pool of exactly this server, these credentials and this trust."""
        account = _account(endpoint)
        pool = self._pools.get(account)
        if pool is not None:
            self._pools.move_to_end(account)
            return pool
        pool = Pool(replace(endpoint, timeouts=DEFAULT_TIMEOUTS), size=SESSIONS, idle=self._seconds)
        self._pools[account] = pool
        if self._sweep is None:
            self._sweep_later()
        while len(self._pools) > MAX_POOLS:
            _, oldest = self._pools.popitem(last=False)
            await oldest.aclose()
        return pool

    def _sweep_later(self) -> None:
        self._sweep = asyncio.get_running_loop().call_later(self._seconds, self._sweep_out)

    def _sweep_out(self) -> None:
        """Credentials are not kept longer than the sessions that were opened with them."""
        self._sweep = None
        for account in [account for account, pool in self._pools.items() if pool.unused]:
            del self._pools[account]
        if self._pools:
            self._sweep_later()

    async def aclose(self) -> None:
        """Leave all servers."""
        if self._sweep is not None:
            self._sweep.cancel()
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.aclose()
