"""Callers have their turn one after the other: who asks a hundred times waits for itself."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

ROUND = 8
"""Requests that may begin in one round of the event loop."""


class Turns:
    """Lets some requests begin in each round of the event loop: one of each caller, then another.

    What a request takes of the processor it mostly takes at its beginning, and in one piece.
    """

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._left = ROUND
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._due = False

    async def wait(self, caller: str) -> None:
        """Return when it is the caller's turn: at once while few have begun in this round."""
        loop = asyncio.get_running_loop()
        if not self._due:
            self._due = True
            loop.call_soon(self._next)
        if caller not in self._begun or (self._left > 0 and not self._waiting):
            self._begin(caller)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        await turn

    def _begin(self, caller: str) -> None:
        self._begun.add(caller)
        self._left -= 1

    def _next(self) -> None:
        """A round is over."""
        self._begun.clear()
        self._left = ROUND
        while self._waiting and self._left > 0:
            for caller in list(self._waiting):
                self._next_of(caller)
        self._due = bool(self._begun)
        if self._due:
            asyncio.get_running_loop().call_soon(self._next)

    def _next_of(self, caller: str) -> None:
        waiting = self._waiting[caller]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():  # else its request has ended
                turn.set_result(None)
                self._begin(caller)
                break
        if not waiting:
            del self._waiting[caller]
