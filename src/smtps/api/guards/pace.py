"""How slowly a body may come: whoever sends drop by drop holds a place that others need."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

PATIENCE = 30.0
"""Seconds that a sender may fall behind; so a silence may be that long too."""

PACE = 4096
"""Octets in a second that keep up. A total would be unfair to a large body on a slow line."""


class SlowError(Exception):
    """The sender fell behind."""


class Paced:
    """A receive that waits as long as the sender keeps up.

    Args:
        receive: where the body comes from. Only the time spent waiting for it counts.
    """

    __slots__ = ("_left", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = PATIENCE

    async def __call__(self) -> Message:
        """The next message.

        Raises:
            SlowError: it did not come in time.
        """
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async with asyncio.timeout_at(asked + self._left):
                message = await self._receive()
        except TimeoutError as error:
            raise SlowError from error
        gained = len(message.get("body", b"")) / PACE
        # What came fast does not buy a long silence later.
        self._left = min(self._left + gained - (loop.time() - asked), PATIENCE)
        return message
