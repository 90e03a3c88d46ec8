"""Messages to send, from a list or from something that makes them as it goes."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
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


class Source(ABC, Generic[T]):
    """Hands out one after the other, and never waits for one unless told to.

    Attributes:
        over: there are no more.
    """

    over = False

    @abstractmethod
    def take(self) -> T | End:
        """The next one, if it is to be had without waiting."""

    @abstractmethod
    async def next(self, *, wait: bool) -> T | End:
        """The next one.

        Args:
            wait: for one that is still being made; otherwise END if it is not there yet.
        """

    @abstractmethod
    def put_back(self, item: T) -> None:
        """It is the next one once more."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is left to do."""


def source_of(items: Iterable[T] | AsyncIterable[T] | Source[T]) -> Guarded[T]:
    """A source of whatever a caller has.

    Raises:
        InputError: it cannot be gone through.
    """
    if isinstance(items, Source):
        return Guarded(items)
    if isinstance(items, AsyncIterable):
        return Guarded(_Made(items))
    if isinstance(items, Iterable) and not isinstance(items, str | bytes):
        return Guarded(_Listed(items))
    raise InputError("messages", "must be several messages, in a list or a generator")


class Guarded(Source[T]):
    """Another source, for which an error is the end: what it handed out before is seen through.

    Attributes:
        error: what it raised, for whoever is done with the rest.
    """

    def __init__(self, inner: Source[T]) -> None:
        self.error: Exception | None = None
        self._inner = inner

    def take(self) -> T | End:
        if self.error is not None:
            return END
        try:
            item = self._inner.take()
        except Exception as error:  # noqa: BLE001  # the caller's own
            return self._end(error)
        self.over = self._inner.over
        return item

    async def next(self, *, wait: bool) -> T | End:
        if self.error is not None:
            return END
        try:
            item = await self._inner.next(wait=wait)
        except Exception as error:  # noqa: BLE001  # the caller's own
            return self._end(error)
        self.over = self._inner.over
        return item

    def put_back(self, item: T) -> None:
        self._inner.put_back(item)

    def raise_error(self) -> None:
        """Raise what it ended with, if it was an error."""
        if self.error is not None:
            raise self.error

    def _end(self, error: Exception) -> End:
        self.error, self.over = error, True
        return END

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._inner.__aexit__(*reason)


class _Listed(Source[T]):
    """What is there without waiting."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items: Iterator[T] = iter(items)
        self._back: list[T] = []

    def take(self) -> T | End:
        if self._back:
            return self._back.pop()
        if self.over:
            return END
        item = next(self._items, END)
        self.over = item is END
        return item

    async def next(self, *, wait: bool) -> T | End:  # noqa: ARG002  # there is nothing to wait for
        return self.take()

    def put_back(self, item: T) -> None:
        self._back.append(item)


class _Made(Source[T]):
    """What is made as it goes."""

    def __init__(self, items: AsyncIterable[T]) -> None:
        self._items: AsyncIterator[T] = aiter(items)
        self._coming: asyncio.Task[T] | None = None
        self._back: list[T] = []

    def take(self) -> T | End:
        return self._back.pop() if self._back else END

    async def next(self, *, wait: bool) -> T | End:
        if self._back or self.over:
            return self.take()
        if self._coming is None:
            self._coming = asyncio.ensure_future(anext(self._items))
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

    def put_back(self, item: T) -> None:
        self._back.append(item)

    async def __aexit__(self, *_: object) -> None:
        if self._coming is not None:
            self._coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await self._coming
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await close()
