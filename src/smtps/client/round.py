"""One call of ``Pool.send_many``: its messages on their way to the sessions, and back from them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from smtps.client.source import END, End, Source
from smtps.errors import SMTPSError

ATTEMPTS = 3
"""Times that a message is begun, or a connection tried, before it is given back as deferred."""


@dataclass(slots=True, eq=False)
class Errand:
    """A message of many, and how often it was begun."""

    item: Any
    tries: int = 0


@dataclass(slots=True)
class Round:
    """One call of ``send_many``.

    Attributes:
        source: of the messages.
        window, terms: for ``Session.send_many``.
        results: None behind the last of each worker.
        hopeless: why no further connection is tried.
        crowded: called when a session has its window full.
    """

    source: Source[Any]
    window: int
    terms: dict[str, Any]
    results: asyncio.Queue[Any]
    hopeless: SMTPSError | None = None
    crowded: Callable[[], None] = lambda: None
    _waiting: deque[Errand] = field(default_factory=deque)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _askers: int = 0
    _failures: int = 0

    def take(self) -> Errand | None:
        """The next message, if it is to be had without waiting; those to be sent again first."""
        if self._waiting:
            return self._waiting.popleft()
        item = END if self._askers else self.source.take()
        return None if item is END else Errand(item)

    async def next(self, *, wait: bool) -> Errand | None:
        """The next message.

        Args:
            wait: for one that is still being made; otherwise None if it is not there yet.
        """
        if (errand := self.take()) is not None:
            return errand
        if not wait and self._askers:
            return None
        self._askers += 1  # the lock is free for a moment between one and the next
        try:
            async with self._asking:
                item = await self.source.next(wait=wait)
        finally:
            self._askers -= 1
        return None if item is END else Errand(item)

    def again(self, errand: Errand) -> None:
        """Send it once more, over another connection."""
        self._waiting.append(errand)

    def opened(self) -> None:
        """A connection came about."""
        self._failures = 0

    def failed_to_open(self, error: SMTPSError) -> None:
        """A connection did not. What a server refuses for good is not tried again and again."""
        self._failures += 1
        if not error.failure.retryable or self._failures >= ATTEMPTS:
            self.hopeless = error


class Share(Source[Any]):
    """What one session sends of a round: as long as it may, and somebody has something to send.

    Args:
        round_: whose messages.
        first: to begin with.
        enough: whether the session has done its share, when it was handed so many.

    Attributes:
        begun: what was handed out and has no result, oldest first.
        handed_out: how many so far.
    """

    def __init__(self, round_: Round, first: Errand, enough: Callable[[int], bool]) -> None:
        self.begun: deque[Errand] = deque()
        self.handed_out = 0
        self._round = round_
        self._enough = enough
        self._next: Errand | None = first

    def take(self) -> Any | End:
        """See ``Source.take``."""
        errand, self._next = self._next, None
        if errand is None:
            if self.over or self._enough(self.handed_out):
                self.over = True
                return END
            if (errand := self._round.take()) is None:
                return END
        errand.tries += 1
        self.handed_out += 1
        self.begun.append(errand)
        if len(self.begun) >= self._round.window:
            self._round.crowded()
        return errand.item

    async def next(self, *, wait: bool) -> Any | End:
        """See ``Source.next``; a session that has nothing to do goes back to its pool."""
        if self._next is None and not self.over and not self._enough(self.handed_out):
            self._next = await self._round.next(wait=False)
            self.over = self._next is None and wait
        return self.take() if self._next is not None else END

    def put_back(self, item: Any) -> None:  # noqa: ARG002  # the one handed out last
        """See ``Source.put_back``."""
        errand = self.begun.pop()
        errand.tries -= 1
        self.handed_out -= 1
        self._next = errand

    def done(self, item: Any) -> Errand:
        """The errand that a message was; the oldest, as a rule."""
        if self.begun[0].item is item:
            return self.begun.popleft()
        errand = next(errand for errand in self.begun if errand.item is item)
        self.begun.remove(errand)
        return errand
