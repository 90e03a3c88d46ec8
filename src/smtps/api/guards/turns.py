"""Callers have their turn one after the other: who asks a hundred times waits for itself."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque


class Turns:
    """Lets each caller begin one request in each round of the event loop.

    What a request takes of the processor it mostly takes at its beginning, and in one piece.
    """

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._due = False

    async def wait(self, caller: str) -> None:
        """Return when it is the caller's turn: at once if it has begun nothing in this round."""
        loop = asyncio.get_running_loop()
        if not self._due:
            self._due = True
            loop.call_soon(self._next)
        if caller not in self._begun:
            self._begun.add(caller)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        await turn

    def _next(self) -> None:
        """A round is over."""
        self._begun.clear()
        for caller in list(self._waiting):
            waiting = self._waiting[caller]
            while waiting:
                turn = waiting.popleft()
                if not turn.done():  # its request has ended else
                    turn.set_result(None)
                    self._begun.add(caller)
                    break
            if not waiting:
                del self._waiting[caller]
        self._due = bool(self._begun)
        if self._due:
            asyncio.get_running_loop().call_soon(self._next)
