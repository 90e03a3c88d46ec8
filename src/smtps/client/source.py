"""Messages to send, from a list or from something that makes them as it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import suppress
from enum import Enum
from typing import Generic, Self, TypeVar

from smtps.errors import InputError

T = TypeVar("T")


class End(Enum):
    """In place of a message."""

    END = "none for now, or none at all"


END = End.END


class Source(Generic[T]):
    """Hands out one after the other, and never waits for one unless told to.

    Raises:
        InputError: it cannot be gone through.
    """

    def __init__(self, items: Iterable[T] | AsyncIterable[T]) -> None:
        self._plain: Iterator[T] | None = None
        self._making: AsyncIterator[T] | None = None
        self._coming: asyncio.Task[T] | None = None
        self._back: list[T] = []
        self.over = False
        if isinstance(items, AsyncIterable):
            self._making = aiter(items)
        elif isinstance(items, Iterable) and not isinstance(items, str | bytes):
            self._plain = iter(items)
        else:
            raise InputError("messages", "must be several messages, in a list or a generator")

    def take(self) -> T | End:
        """The next one, if it is to be had without waiting."""
        if self._back:
            return self._back.pop()
        if self._plain is None or self.over:
            return END
        item = next(self._plain, END)
        self.over = item is END
        return item

    def put_back(self, item: T) -> None:
        """It is the next one once more."""
        self._back.append(item)

    async def next(self, *, wait: bool) -> T | End:
        """The next one.

        Args:
            wait: for one that is still being made; otherwise END if it is not there yet.
        """
        if (item := self.take()) is not END or self.over:
            return item
        assert self._making is not None
        if self._coming is None:
            self._coming = asyncio.ensure_future(anext(self._making))
            await asyncio.sleep(0)  # what needs no waiting is there after one step
        if not wait and not self._coming.done():
            return END
        try:
            return await self._coming
        except StopAsyncIteration:
            self.over = True
            return END
        finally:
            self._coming = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._coming is not None:
            self._coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await self._coming
        close = getattr(self._making, "aclose", None)
        if close is not None:
            await close()
