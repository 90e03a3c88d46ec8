"""Whether mail can be taken in: found out by writing something, and within a bounded time."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable

from smtps.outbox.store import Store
from smtps.outbox.writer import StoreError

LEAST_FREE = 64 * 1024 * 1024
"""Octets of the disk below which no mail is taken."""

PATIENCE = 1.5
"""Seconds for the answer: who asks is a load balancer, and gives it two."""

FRESH = 0.2
"""Seconds for which a success holds, so that asking often does not keep the disk busy."""


class Readiness:
    """Tells what is in the way.

    Args:
        store: the database.
        full: whether the outbox holds as much as it may.
        now: seconds, monotonic.
    """

    def __init__(
        self, store: Store, full: Callable[[], bool], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._full = full
        self._now = now
        self._written = float("-inf")
        self._trying: asyncio.Task[str | None] | None = None

    async def trouble(self) -> str | None:
        """Why no mail can be taken in, or None."""
        try:
            async with asyncio.timeout(PATIENCE):
                if await self._disk_is_full():
                    return "the disk is full"
                if self._full():
                    return "the outbox is full"
                return await self._write()
        except TimeoutError:
            return "The database of the outbox does not answer."

    async def _disk_is_full(self) -> bool:
        place = self._store.behind.place
        if place is None:
            return False
        return (await asyncio.to_thread(shutil.disk_usage, place)).free < LEAST_FREE

    async def _write(self) -> str | None:
        if not self._store.away and self._now() - self._written < FRESH:
            return None
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(self._try())
        return await asyncio.shield(self._trying)

    async def _try(self) -> str | None:
        """Why nothing can be written, or None; who asked may not wait for it any more."""
        try:
            await self._store.try_out(PATIENCE)
        except StoreError as error:
            return error.failure.message
        self._written = self._now()
        return None
