"""Ends a request early: its caller has left, or the service stops and the grace is over."""

from __future__ import annotations

import asyncio

from starlette.types import Receive

BEGIN = 0.05
"""Seconds; most requests are over before, and need no watching."""


class Watch:
    """Cancels the task that made it.

    Args:
        receive: tells when the caller leaves; a body that nobody reads is passed over.
        stopping: set when the service stops.
        grace: seconds that the request has from then on.
    """

    def __init__(self, receive: Receive, stopping: asyncio.Event, grace: float) -> None:
        self._receive = receive
        self._stopping = stopping
        self._grace = grace
        self._task = asyncio.current_task()
        self._tasks: list[asyncio.Task[object]] = []
        self._gone: asyncio.Task[None] | None = None
        self._ended = False
        self._later = asyncio.get_running_loop().call_later(BEGIN, self._begin)

    def gone(self) -> asyncio.Task[None]:
        """Done when the caller has left."""
        if self._gone is None:
            self._gone = asyncio.ensure_future(self._wait_for_the_end())
            self._tasks.append(self._gone)
        return self._gone

    def cancelled_it(self) -> bool:
        """Whether it was this that cancelled the task; the task may go on then."""
        if self._ended and self._task is not None:
            self._task.uncancel()
        return self._ended

    def close(self) -> None:
        """Stop watching."""
        self._later.cancel()
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()  # each of them knows this watch
        self._gone = self._task = None

    def _begin(self) -> None:
        self._tasks.append(asyncio.ensure_future(self._watch()))

    async def _watch(self) -> None:
        gone, stopping = self.gone(), asyncio.ensure_future(self._stopping.wait())
        self._tasks.append(stopping)
        await asyncio.wait((gone, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not gone.done():
            await asyncio.wait((gone,), timeout=self._grace)
        self._ended = True
        if self._task is not None:
            self._task.cancel()

    async def _wait_for_the_end(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
