"""Messages to send, from a list or from a generator, and again after a lost connection."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import suppress
from enum import Enum
from typing import Any, Generic, Self, TypeVar

from smtps.client.result import Outcome, Result
from smtps.errors import InputError

ATTEMPTS = 3
"""Times that a message is begun, or a connection tried, before it is given back as deferred."""

ANOTHER_WAY = frozenset(
    {
        "smtp.chunking_refused",
        "smtp.out_of_sequence",
        "smtp.pipelining_refused",
        "smtp.reset_refused",
    }
)
"""Failures that are about the way in which it was sent; by now another one is known."""

_ENDED = frozenset(
    {
        "tls.broken",
        "tls.plaintext_in_tls",
        "smtp.mixed_codes",
        "smtp.not_a_reply",
        "smtp.unexpected_reply",
        "smtp.wrong_code",
    }
)
"""Failures that say only that the connection is of no use any more."""


def may_go_again(result: Result, *, reused: bool) -> bool:
    """Whether a message was put off for no reason but its connection, and is safe to send again.

    Args:
        result: what became of it.
        reused: the connection was not made for it.
    """
    if result.outcome is not Outcome.DEFERRED or result.failure is None:
        return False
    code = result.failure.code
    if code in ANOTHER_WAY or code == "session.broken":
        return True
    ended = code.startswith("net.") or code in _ENDED or result.failure.smtp_code == 421
    return reused and ended


class Losses:
    """Counts how often messages were put off by connections that may have ended because of them."""

    def __init__(self) -> None:
        self.tries: dict[int, int] = {}

    def connection(self) -> Connection:
        """The next one, with nothing decided over it yet."""
        return Connection(self.tries)


class Connection:
    """What one connection decided, and what it left undone.

    A server may take only so many messages on a connection. So where some were decided, its end is
    laid to the first of those that were put off, and to no other.
    """

    def __init__(self, tries: dict[int, int]) -> None:
        self._tries = tries
        self._useful = self._blamed = False

    def decided(self, item: Any) -> None:
        """A message has its result."""
        self._useful = True
        if self._tries:
            self._tries.pop(id(item), None)

    def go_again(self, item: Any, result: Result) -> bool:
        """Whether to send a message over another connection, or in another way."""
        if not may_go_again(result, reused=True):
            return False
        tries = self._tries.get(id(item), 0)
        if not (self._useful and self._blamed):
            tries += 1
        self._blamed = True
        self._tries[id(item)] = tries
        return tries < ATTEMPTS


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
    raise InputError("messages", "must be an iterable of messages, such as a list or a generator")


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
