"""One call of ``Pool.send_many``: its messages on their way to the sessions, and back from them."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from smtps.client.source import END, Source
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
    """

    source: Source[Any]
    window: int
    terms: dict[str, Any]
    results: asyncio.Queue[Any]
    hopeless: SMTPSError | None = None
    _waiting: deque[Errand] = field(default_factory=deque)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _failures: int = 0

    async def next(self, *, wait: bool) -> Errand | None:
        """The next message, those that have to be sent again first.

        Args:
            wait: for one that is still being made; otherwise None if it is not there yet.
        """
        if self._waiting:
            return self._waiting.popleft()
        if not wait and self._asking.locked():
            return None
        async with self._asking:
            item = await self.source.next(wait=wait)
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
