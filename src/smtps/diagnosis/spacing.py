"""Many checks, one visitor to an address at a time, with a pause between two of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Door:
    """Of an address that somebody is at, or waits for.

    Attributes:
        lock: held by the one inside.
        people: inside and waiting.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    people: int = 0


class Spacing:
    """Lets visitors in, in the order in which they came.

    What it holds is bounded by the visitors at hand, and by those of the last ``gap`` seconds.

    Args:
        gap: seconds from the end of a visit to the beginning of the next.
        clock: seconds, monotonic.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        gap: float = 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gap = gap
        self._clock = clock
        self._sleep = sleep
        self._doors: dict[str, _Door] = {}
        self._left: dict[str, float] = {}  # the longest ago first

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._doors.keys() | self._left.keys())

    def free(self, addresses: Iterable[str]) -> bool:
        """Whether a visit could begin at once."""
        self._forget()
        return not any(ip in self._doors or ip in self._left for ip in addresses)

    @asynccontextmanager
    async def visit(self, addresses: Iterable[str]) -> AsyncIterator[None]:
        """Be the only one at each of the addresses."""
        async with AsyncExitStack() as stack:
            # All in one order: two visitors can never wait for each other.
            for ip in sorted(set(addresses)):
                await stack.enter_async_context(self._alone(ip))
            yield

    @asynccontextmanager
    async def _alone(self, ip: str) -> AsyncIterator[None]:
        door = self._doors.setdefault(ip, _Door())
        door.people += 1
        try:
            async with door.lock:
                if (left := self._left.get(ip)) is not None:
                    await self._sleep(max(0.0, left + self._gap - self._clock()))
                try:
                    yield
                finally:
                    self._left.pop(ip, None)
                    self._left[ip] = self._clock()
        finally:
            door.people -= 1
            if not door.people:
                del self._doors[ip]
            self._forget()

    def _forget(self) -> None:
        """Drop those whose pause is over."""
        now = self._clock()
        while self._left:
            ip, left = next(iter(self._left.items()))
            if left + self._gap > now:
                return
            del self._left[ip]
