"""How slowly a body may come and an answer may be read: whoever does either drop by drop holds a
place that others need.
"""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Send

PATIENCE = 30.0
"""Seconds that a sender may fall behind; so a silence may be that long too."""

PACE = 4096
"""Octets in a second that keep up. A total would be unfair to a large body on a slow line."""


PIECE = 1 << 16
"""Octets of an answer that are handed to the network at once."""


class SlowError(Exception):
    """The other side fell behind."""


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


class PacedSend:
    """A send that waits as long as the reader keeps up.

    Args:
        send: takes an answer; only the time spent waiting for it counts.
    """

    __slots__ = ("_left", "_send")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._left = PATIENCE

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
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async with asyncio.timeout_at(asked + self._left):
                await self._send(message)
        except TimeoutError as error:
            raise SlowError from error
        gained = len(message.get("body", b"")) / PACE
        self._left = min(self._left + gained - (loop.time() - asked), PATIENCE)
