"""Ends requests that are too slow, and those whose caller has left.

A body that trickles in, or an answer that is read a few bytes at a time, would hold a place that
others need. A request also ends when the service stops and the grace period is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from starlette.types import Message, Receive, Send

PATIENCE = 30.0
"""Seconds that a sender may fall behind; so a silence may be that long too."""

PACE = 4096
"""Octets in a second that keep up. A total would be unfair to a large body on a slow line."""


PIECE = 1 << 16
"""Octets of an answer that are handed to the network at once."""


class SlowError(Exception):
    """The other side fell behind."""


class _Patience:
    """How far the other side may still fall behind. Only the time spent waiting for it counts."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = PATIENCE

    async def wait(
        self, awaitable: Awaitable[Message | None], sent: Message | None = None
    ) -> Message:
        """The message that came, or ``sent``, once it was taken.

        Raises:
            SlowError: that was not in time.
        """
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async with asyncio.timeout_at(asked + self._left):
                came = await awaitable
        except TimeoutError as error:
            raise SlowError from error
        message = sent or came or {}
        gained = len(message.get("body", b"")) / PACE
        # What went fast does not buy a long silence later.
        self._left = min(self._left + gained - (loop.time() - asked), PATIENCE)
        return message


class Paced:
    """A receive that waits as long as the sender keeps up.

    Args:
        receive: where the body comes from.
    """

    __slots__ = ("_patience", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._patience = _Patience()

    async def __call__(self) -> Message:
        """The next message.

        Raises:
            SlowError: it did not come in time.
        """
        return await self._patience.wait(self._receive())


class PacedSend:
    """A send that waits as long as the reader keeps up.

    Args:
        send: takes an answer.
    """

    __slots__ = ("_patience", "_send")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._patience = _Patience()

    async def __call__(self, message: Message) -> None:
        """Send the next message, a long one in pieces.

        Raises:
            SlowError: it was not read in time.
        """
        content = message.get("body", b"")
        if len(content) <= PIECE:
            await self._pass_on(message)
            return
        more, view = message.get("more_body", False), memoryview(content)
        for start in range(0, len(content), PIECE):
            last = start + PIECE >= len(content)
            piece = bytes(view[start : start + PIECE])
            await self._pass_on({**message, "body": piece, "more_body": more or not last})

    async def _pass_on(self, message: Message) -> None:
        await self._patience.wait(self._send(message), message)


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
