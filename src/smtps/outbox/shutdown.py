"""An orderly stop: nothing new takes off, and what is in the air has a time to land."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from smtps.client.pool import Pool
from smtps.outbox.lane import Lane

log = logging.getLogger("smtps.stop")

SETTLE = 10.0
"""Seconds that lanes have to write what they know, once nothing is waited for any more."""


class Shutdown:
    """Brings lanes down.

    Args:
        grace: seconds that messages on the wire have.
        hurry: set when they are not waited for any more.

    Attributes:
        begun: set when nothing new may take off.
        lanes: those that run, each with its task.
    """

    def __init__(self, grace: float, hurry: asyncio.Event) -> None:
        self.begun = asyncio.Event()
        self.lanes: dict[asyncio.Task[None], Lane] = {}
        self._grace, self._hurry = grace, hurry

    async def land(self, pools: Iterable[Pool]) -> None:
        """Have all lanes end; returns when they have.

        Args:
            pools: over which they send.
        """
        self.begun.set()
        pools, lanes = list(pools), dict(self.lanes)
        for lane in lanes.values():
            lane.halt()
        waiting = sum(pool.halt() for pool in pools)
        if waiting:
            until = datetime.now(UTC) + timedelta(seconds=self._grace)
            log.info(
                "stopping: %d in flight, waiting for replies until %s (lane_grace, %g "
                "seconds); another SIGTERM or SIGINT ends the wait",
                waiting, until.strftime("%H:%M:%S UTC"), self._grace,
            )  # fmt: skip
        if not await self._down(self._grace, self._hurry):
            left = sum(pool.halt(now=True) for pool in pools)
            why = "second signal" if self._hurry.is_set() else "lane_grace is over"
            if left:
                log.warning("stopping now (%s): %d in flight without a reply", why, left)
            if not await self._down(SETTLE, asyncio.Event()):
                log.error("stopping: the outcome of some messages could not be written")
                for task in self.lanes:
                    task.cancel()
                await asyncio.wait(self.lanes)
        self._tell(lanes.values())

    async def _down(self, seconds: float, enough: asyncio.Event) -> bool:
        """Wait for all lanes, for so many seconds or until it is enough; whether they ended."""
        hurry = asyncio.create_task(enough.wait())
        end = asyncio.get_running_loop().time() + seconds
        try:
            while self.lanes and not hurry.done():
                left = end - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                await asyncio.wait(
                    {hurry, *self.lanes}, timeout=left, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            hurry.cancel()
        return not self.lanes

    @staticmethod
    def _tell(lanes: Iterable[Lane]) -> None:
        lanes = list(lanes)
        back, doubtful = sum(one.given_back for one in lanes), sum(one.doubtful for one in lanes)
        if back or doubtful:
            log.log(
                logging.WARNING if doubtful else logging.INFO,
                "stopped: %d not started and left for the next start, %d in doubt", back, doubtful,
            )  # fmt: skip
