"""Sessions with one server, kept open and lent to callers who have a message.

A session that is no longer needed says QUIT in the background; no caller waits for the reply.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from typing import Any, Self, Unpack

from smtps.chance import between
from smtps.client.attempts import Learned
from smtps.client.bulk import BulkSend, Lease, PooledSession
from smtps.client.deadlines import Halt
from smtps.client.delivery import WINDOW
from smtps.client.handshake import Access
from smtps.client.outgoing import DSN, AnyMessage, Envelope
from smtps.client.result import Result
from smtps.client.session import Item, Session
from smtps.client.source import ATTEMPTS, Source, may_go_again, source_of
from smtps.endpoint import Endpoint, EndpointOptions, Partial
from smtps.errors import (
    Failure,
    ForbiddenError,
    InputError,
    LocalError,
    Phase,
    PhaseTimeoutError,
    SMTPSError,
)
from smtps.net.egress import Allow, admit
from smtps.net.resolve import Address
from smtps.net.timing import within

MAX_QUITTING = 100
"""At a time. Beyond them it is waited for: a server that never answers must not pile them up."""


class BackgroundQuits:
    """Lets sessions quit beside what goes on.

    RFC 5321 section 4.1.1.10 wants the answer to QUIT awaited, and nothing depends on it. Whoever
    has all that they came for need not wait another round trip.

    Attributes:
        under_way: those whose answer is due.
    """

    def __init__(self) -> None:
        self.under_way: set[asyncio.Task[None]] = set()

    async def quit(self, session: Access) -> None:
        """Let a session quit; at once, unless very many are at it."""
        task = self.begin(session)
        if len(self.under_way) > MAX_QUITTING:
            await asyncio.wait([task])  # whoever waits may go; the session leaves all the same

    def begin(self, session: Access) -> asyncio.Task[None]:
        """Let a session quit, however many are at it."""
        task = asyncio.get_running_loop().create_task(session.quit())
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        return task

    async def aclose(self) -> None:
        """Wait until all have left."""
        await asyncio.gather(*self.under_way, return_exceptions=True)


ASK_AFTER = 5.0
"""Seconds unused, after which a session is asked whether it is still there."""

LONGEST_PAUSE = 60.0
"""Seconds between connections to a server that wants fewer of them."""

LONGEST_WAIT = 3600.0
"""Seconds for a session to become free, unless the caller has a deadline."""


class Pool:
    """Sends over as many sessions as are needed, up to ``size``, and keeps them for the next.

        async with smtps.Pool("smtp.example.com", username="u", password="p") as pool:
            result = await pool.send(message)
            async for message, result in pool.send_many(messages):
                ...

    A session is used by one caller at a time; callers get theirs in the order of asking. One that
    went bad while it was unused is replaced without a word, as is one whose server closed it
    before it took the message. After a 421 new connections wait, longer each time.

    Args:
        host: name or address of the server, or a whole Endpoint.
        size: sessions at most.
        messages: a session is replaced after so many.
        age: seconds after which a session is replaced.
        idle: seconds after which an unused session is closed.
        allow: egress policy, asked about each resolved address.
        learned: what earlier pools have found out about the server; this one adds to it.
        **options: the other fields of Endpoint.

    Attributes:
        endpoint: where to.
        learned: what the server has shown about itself.
        size: sessions at most.
        leases: how often a session was lent out so far; before the first, nothing was sent.

    Raises:
        InputError: a value cannot be used.
    """

    def __init__(
        self,
        host: str | Endpoint,
        *,
        size: int = 4,
        messages: int = 1000,
        age: float = 300.0,
        idle: float = 30.0,
        allow: Allow | None = None,
        learned: Learned | None = None,
        **options: Unpack[EndpointOptions],
    ) -> None:
        for name, value in (("size", size), ("messages", messages), ("age", age), ("idle", idle)):
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise InputError(name, "must be more than 0")
        self.endpoint = host if isinstance(host, Endpoint) else Endpoint(host, **options)
        self.learned = learned or Learned()
        self.size = size
        self._messages = messages
        self._age = age
        self._idle_time = idle
        self._allow = allow
        self._slots = asyncio.Semaphore(size)
        self._waiting = 0
        self._lent = 0
        self.leases = 0
        self._idle: deque[PooledSession] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._quits = BackgroundQuits()
        self._pauses = 0
        self._not_before = 0.0
        self._closed = False
        self._halt = Halt()
        self._out: set[PooledSession] = set()

    async def send(
        self,
        message: AnyMessage,
        envelope: Envelope | None = None,
        *,
        partial: Partial = "abort",
        dsn: DSN | None = None,
        require_tls: bool = False,
        allow: Allow | None = None,
        deadline: float | None = None,
    ) -> Result:
        """Send one message; see ``Session.send``.

        Args:
            message, envelope, partial, dsn, require_tls: see there.
            allow: egress policy for this message, in place of the pool's own; asked about the
                address of a warm session too.
            deadline: the loop's time at which all has to be over.

        Raises:
            InputError, CapabilityError: it cannot be sent as it stands; nothing was.
            ForbiddenError: policy does not allow the target.
            SMTPSError: it did not come to a session.
        """
        for _ in range(ATTEMPTS):
            with Lease(self, await self.acquire(allow, deadline)) as warm:
                warm.sent += 1
                result = await warm.session.send(
                    message,
                    envelope,
                    partial=partial,
                    dsn=dsn,
                    require_tls=require_tls,
                    deadline=deadline,
                )
                reused = warm.sent > 1
            self.learn(result, warm.session)
            if not may_go_again(result, reused=reused):
                break
        return result

    async def send_many(
        self,
        messages: Iterable[Item] | AsyncIterable[Item] | Source[Item],
        *,
        window: int = WINDOW,
        partial: Partial = "abort",
        dsn: DSN | None = None,
        require_tls: bool = False,
    ) -> AsyncGenerator[tuple[Item, Result]]:
        """Send many messages, some under way at the same time on each session.

        Another session is opened when one has its window full.

        Each message gets exactly one result, as soon as it is there. One that was put off only
        because its connection ended is sent again over another. Memory stays the same however many
        there are.

        Args:
            messages: see ``Session.send_many``.
            window: for each session; see there for its price.
            partial, dsn, require_tls: see ``Session.send``; for all of them.

        Yields:
            The message as it was given, and what became of it.

        Raises:
            InputError: the window, or ``partial``.
            Exception: what ``messages`` raised, once all that was begun has its result.
        """
        terms: dict[str, Any] = {"partial": partial, "dsn": dsn, "require_tls": require_tls}
        async with source_of(messages) as source:
            round_ = BulkSend(self, source, window, terms, self.size)
            async with aclosing(round_.run()) as results:
                async for item, result in results:
                    yield item, result
            source.raise_error()

    def halt(self, *, now: bool = False) -> int:
        """Stop sending, for good. What is on the wire is still waited for, and nothing else: other
        messages are ``deferred``, see ``deadlines.not_begun``.

        Args:
            now: do not wait for what is on the wire either; it is ``uncertain`` then.

        Returns:
            How many messages are on the wire.
        """
        self._halt.pull()
        waited_for = sum(warm.session.dialogue.connection.on_the_wire for warm in self._out)
        for warm in self._out:
            warm.session.dialogue.halt(now=now)
        return waited_for

    @property
    def unused(self) -> bool:
        """Whether no session is open."""
        return not self._idle and not self._lent

    async def aclose(self) -> None:
        """Leave all servers politely. Sessions that are lent out are closed when they come back."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        while self._idle:
            self._quits.begin(self._idle.pop().session)
        await self._quits.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def acquire(self, allow: Allow | None, deadline: float | None) -> PooledSession:
        """A session that is the caller's alone until ``release``."""
        with self._halt.ends():
            await self._slot(deadline)
            self._lent += 1
            try:
                warm = await self._warm(allow, deadline) or await self._open(allow, deadline)
            except BaseException:
                self._leave()
                raise
        self.leases += 1
        self._out.add(warm)
        return warm

    def release(self, warm: PooledSession, error: BaseException | None) -> None:
        """What was lent, and what went wrong with it. After an error of the caller's own nothing
        went on the wire.
        """
        self._out.discard(warm)
        try:
            if error is None or isinstance(error, LocalError):
                self._keep(warm)
            else:
                warm.session.dialogue.abort()
        finally:
            self._leave()

    async def _slot(self, deadline: float | None) -> None:
        """Wait for one of the sessions to be free."""
        late = deadline is not None and asyncio.get_running_loop().time() >= deadline
        if not late and not self._slots.locked():
            await self._slots.acquire()
            return
        self._waiting += 1
        try:
            async with within(LONGEST_WAIT, Phase.TCP, deadline=deadline):
                await self._slots.acquire()
        finally:
            self._waiting -= 1

    def enough(self, warm: PooledSession, handed_out: int) -> bool:
        """Whether a session that was lent for many messages should come back.

        Args:
            warm: which.
            handed_out: messages since it was lent.
        """
        done = warm.sent + handed_out >= self._messages
        over = warm.session.worn or not warm.session.dialogue.alive
        return done or over or self._waiting > 0

    def _leave(self) -> None:
        self._lent -= 1
        self._slots.release()

    async def _warm(self, allow: Allow | None, deadline: float | None) -> PooledSession | None:
        """The session that was used last, if it is still good."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            warm = self._idle.pop()
            if not self._good(warm, now) or warm.session.has_unread:
                self._quits.begin(warm.session)
                continue
            try:
                admit([Address(warm.session.address, self.endpoint.port)], allow)
            except ForbiddenError:
                self._idle.append(warm)  # it is as good as before
                raise
            if now - warm.last_used > ASK_AFTER:
                warm.session.dialogue.deadline = deadline
                try:
                    await warm.session.noop()
                except SMTPSError:
                    self._quits.begin(warm.session)
                    continue
                finally:
                    warm.session.dialogue.deadline = None
            return warm
        return None

    def _good(self, warm: PooledSession, now: float) -> bool:
        young = now - warm.opened < self._age
        good = warm.session.usable and not warm.session.worn
        return young and good and warm.sent < self._messages

    async def _open(self, allow: Allow | None, deadline: float | None) -> PooledSession:
        loop = asyncio.get_running_loop()
        if (pause := self._not_before - loop.time()) > 0:
            async with within(LONGEST_WAIT, Phase.TCP, deadline=deadline):
                await asyncio.sleep(pause)
        try:
            session = await Session.open(
                self.endpoint, allow=allow or self._allow, deadline=deadline, learned=self.learned
            )
        except SMTPSError as error:
            self._note_421(error.failure)
            raise
        self._pauses = 0
        session.reopens = False  # another one is lent in its place
        return PooledSession(session, loop.time())

    def _keep(self, warm: PooledSession) -> None:
        """For the next, if it is still good."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._closed or not self._good(warm, now):
            self._quits.begin(warm.session)
            return
        warm.last_used = now
        self._idle.append(warm)
        if self._sweep is None:
            self._sweep = loop.call_later(self._idle_time, self._sweep_out)

    def _sweep_out(self) -> None:
        """Close what has been unused for too long; the one used longest ago stands first."""
        loop = asyncio.get_running_loop()
        self._sweep = None
        while self._idle and self._idle[0].last_used + self._idle_time <= loop.time():
            self._quits.begin(self._idle.popleft().session)
        if self._idle:
            when = self._idle[0].last_used + self._idle_time
            self._sweep = loop.call_at(when, self._sweep_out)

    def learn(self, result: Result, session: Session) -> None:
        """Draw conclusions for the sessions to come."""
        failure = result.failure
        if failure is None:
            return
        self._note_421(failure)
        # Some servers, or what stands before them, take BDAT and then say nothing.
        stalled = isinstance(session.dialogue.broken, PhaseTimeoutError)
        if failure.code == "smtp.chunking_refused" or (stalled and failure.phase is Phase.FINAL):
            self.learned.chunking = False

    def _note_421(self, failure: Failure) -> None:
        now = asyncio.get_running_loop().time()
        # All messages of a window fail with the one 421, and so may the sessions beside it.
        if failure.smtp_code != 421 or now < self._not_before:
            return
        pause = min(2.0**self._pauses, LONGEST_PAUSE) * between(0.8, 1.2)
        self._pauses += 1
        self._not_before = now + pause
