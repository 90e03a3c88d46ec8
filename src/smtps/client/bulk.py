"""One call of ``Pool.send_many``: hands its messages to sessions and collects the results."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from smtps.client.lending import Lease, PooledSession, SessionStore
from smtps.client.result import Result, unsent
from smtps.client.source import ATTEMPTS, END, End, Losses, Source
from smtps.errors import SMTPSError


@dataclass(slots=True, eq=False)
class QueuedMessage:
    """A message of many; the same one may be among them twice."""

    item: Any


class BulkSend:
    """One call of ``send_many``.

    Args:
        lender: of sessions.
        source: of the messages.
        window, terms: for ``Session.send_many``.
        sessions: at most, at the same time.
    """

    def __init__(
        self,
        lender: SessionStore,
        source: Source[Any],
        window: int,
        terms: dict[str, Any],
        sessions: int,
    ) -> None:
        self.window = window
        self._lender = lender
        self._source = source
        self._terms = terms
        self._results: asyncio.Queue[tuple[Any, Result] | None] = asyncio.Queue(sessions * window)
        self._workers: list[asyncio.Task[None]] = []
        self._most = sessions
        self._waiting: deque[QueuedMessage] = deque()
        self._asking = asyncio.Lock()
        self._askers = 0
        self._failures = 0
        self._losses = Losses()
        self._hopeless: SMTPSError | None = None

    async def run(self) -> AsyncGenerator[tuple[Any, Result]]:
        """Send them all.

        Yields:
            Each message as it was given, and what became of it.
        """
        self.hire()
        try:
            done = 0
            while done < len(self._workers):
                if (found := await self._results.get()) is None:
                    done += 1
                else:
                    yield found
            await asyncio.gather(*self._workers)
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    def hire(self) -> None:
        """Begin with another session: one has its window full."""
        if len(self._workers) < self._most:
            self._workers.append(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        """What goes over one session, and over the next when it has ended."""
        try:
            while (queued := await self.next(wait=True)) is not None:
                if self._hopeless is not None:
                    await self._results.put((queued.item, unsent(self._hopeless)))
                    continue
                try:
                    warm = await self._lender.acquire(None, None)
                except SMTPSError as error:
                    self._failed_to_open(error)
                    self._waiting.append(queued)
                    continue
                self._failures = 0
                with Lease(self._lender, warm):
                    await self._send(queued, warm)
        except asyncio.CancelledError:
            raise  # nobody listens any more
        except BaseException:
            await self._results.put(None)
            raise
        await self._results.put(None)

    async def _send(self, first: QueuedMessage, warm: PooledSession) -> None:
        """Send over one session until it has done its share, or no message is there."""
        share = SessionBatch(self, first, partial(self._lender.enough, warm))
        many = warm.session.send_many(share, window=self.window, **self._terms)
        connection = self._losses.connection()
        async with aclosing(many) as results:
            async for item, result in results:
                queued = share.done(item)
                if result.failure is not None:
                    self._lender.learn(result, warm.access)
                    if connection.go_again(queued, result):
                        self._waiting.append(queued)  # over another connection
                        continue
                connection.decided(queued)
                await self._results.put((item, result))
        warm.sent += share.handed_out

    def _failed_to_open(self, error: SMTPSError) -> None:
        """What a server refuses for good is not tried again and again."""
        self._failures += 1
        if not error.failure.retryable or self._failures >= ATTEMPTS:
            self._hopeless = error

    def take(self) -> QueuedMessage | None:
        """The next message, if it is to be had without waiting; those to be sent again first."""
        if self._waiting:
            return self._waiting.popleft()
        item = END if self._askers else self._source.take()
        return None if item is END else QueuedMessage(item)

    async def next(self, *, wait: bool) -> QueuedMessage | None:
        """The next message.

        Args:
            wait: for one that is still being made; otherwise None if it is not there yet.
        """
        if (queued := self.take()) is not None:
            return queued
        if not wait and self._askers:
            return None
        self._askers += 1  # the lock is free for a moment between one and the next
        try:
            async with self._asking:
                item = await self._source.next(wait=wait)
        finally:
            self._askers -= 1
        return None if item is END else QueuedMessage(item)


class SessionBatch(Source[Any]):
    """What one session sends of a round: as long as it may, and somebody has something to send.

    Args:
        round_: whose messages.
        first: to begin with.
        enough: whether the session has done its share, when it was handed so many.

    Attributes:
        begun: what was handed out and has no result, oldest first.
        handed_out: how many so far.
    """

    def __init__(
        self, round_: BulkSend, first: QueuedMessage, enough: Callable[[int], bool]
    ) -> None:
        self.begun: deque[QueuedMessage] = deque()
        self.handed_out = 0
        self._round = round_
        self._enough = enough
        self._next: QueuedMessage | None = first

    def take(self) -> Any | End:
        """See ``Source.take``."""
        queued, self._next = self._next, None
        if queued is None:
            if self.over or self._enough(self.handed_out):
                self.over = True
                return END
            if (queued := self._round.take()) is None:
                return END
        self.handed_out += 1
        self.begun.append(queued)
        if len(self.begun) >= self._round.window:
            self._round.hire()
        return queued.item

    async def next(self, *, wait: bool) -> Any | End:
        """See ``Source.next``; a session that has nothing to do goes back to its pool."""
        if self._next is None and not self.over and not self._enough(self.handed_out):
            self._next = await self._round.next(wait=False)
            self.over = self._next is None and wait
        return self.take() if self._next is not None else END

    def put_back(self, item: Any) -> None:  # noqa: ARG002  # the one handed out last
        """See ``Source.put_back``."""
        queued = self.begun.pop()
        self.handed_out -= 1
        self._next = queued

    def done(self, item: Any) -> QueuedMessage:
        """The queued message that a message was; the oldest, as a rule."""
        if self.begun[0].item is item:
            return self.begun.popleft()
        queued = next(queued for queued in self.begun if queued.item is item)
        self.begun.remove(queued)
        return queued
