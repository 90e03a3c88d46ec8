"""A lane's messages on their way to its sessions: taken on a little ahead, so that none waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from smtps.client.outgoing import Outgoing
from smtps.client.source import END, End, Source
from smtps.client.terms import Terms
from smtps.outbox.records import Claim


class Supply(Source[Outgoing]):
    """One source for all rounds of a lane; a round is a run of messages with the same terms.

    Args:
        take_on: writes of some messages that they are being sent; an empty list is the end.

    Attributes:
        under_way: messages handed out, by the identity of what was handed out.
        ahead: take more on while fewer than so many are still to go.
        halted: hand nothing more out.
    """

    def __init__(self, take_on: Callable[[], Awaitable[list[Claim]]]) -> None:
        self.under_way: dict[int, Claim] = {}
        self.ahead = 0
        self.halted = False
        self._take_on = take_on
        self._ready: deque[Claim] = deque()
        self._coming: asyncio.Future[list[Claim]] | None = None
        self._terms: Terms | None = None

    async def round(self) -> Terms | None:
        """Begin a round; None when there is nothing more."""
        if not self._ready and not self.halted:
            await self._refill()
        if self.halted or not self._ready:
            return None
        self.over = False
        self._terms = self._ready[0].terms
        return self._terms

    def take(self) -> Outgoing | End:
        """See ``Source.take``."""
        if self.halted or not self._ready:
            return END
        claim = self._ready[0]
        if claim.terms is not self._terms and claim.terms != self._terms:
            self.over = True
            return END
        self._ready.popleft()
        self.under_way[id(claim.outgoing)] = claim
        if len(self._ready) < self.ahead:
            self._begin_refill()
        return claim.outgoing

    async def next(self, *, wait: bool) -> Outgoing | End:
        """See ``Source.next``."""
        if (outgoing := self.take()) is not END or self.over:
            return outgoing
        if not self.halted:
            if not self._begin_refill().done() and not wait:
                return END
            await self._refill()
        self.over = self.halted or not self._ready
        return self.take()

    def put_back(self, item: Outgoing) -> None:
        """See ``Source.put_back``."""
        self._ready.appendleft(self.under_way.pop(id(item)))

    def _begin_refill(self) -> asyncio.Future[list[Claim]]:
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._take_on())
        return self._coming

    async def _refill(self) -> None:
        # Who waits may be cancelled; what has been written of messages may not be forgotten.
        await asyncio.wait([self._begin_refill()])
        coming, self._coming = self._coming, None
        if coming is not None:
            self._ready.extend(coming.result())

    @property
    def waiting(self) -> int:
        """Messages taken on and not handed out."""
        return len(self._ready)

    async def unbegun(self) -> list[Claim]:
        """What was taken on and not handed out."""
        self.halted = True
        if self._coming is not None:
            await asyncio.wait([self._coming])
            if self._coming.exception() is None:
                self._ready.extend(self._coming.result())
        return list(self._ready)
