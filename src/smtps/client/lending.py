"""Sessions with one server that are lent to one caller at a time, and how they leave."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from smtps.chance import between
from smtps.client.attempts import Learned
from smtps.client.deadlines import Halt
from smtps.client.handshake import Access
from smtps.client.result import Result
from smtps.client.session import Session
from smtps.endpoint import Endpoint
from smtps.errors import Failure, ForbiddenError, LocalError, Phase, PhaseTimeoutError, SMTPSError
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


@dataclass(slots=True, eq=False)
class PooledSession:
    """A session and its past.

    Attributes:
        session: for sending.
        access: the same for getting in and out.
        opened, last_used: the loop's times.
        sent: messages so far.
    """

    session: Session
    access: Access
    opened: float
    sent: int = 0
    last_used: float = 0.0


class SessionStore:
    """The sessions of a pool: opened, lent out one to a caller, and kept for the next.

    Args:
        endpoint: where to.
        learned: what earlier sessions have found out about the server; these add to it.
        size: sessions at most.
        messages: a session is replaced after so many.
        age: seconds after which a session is replaced.
        idle: seconds after which an unused session is closed.
        allow: egress policy, asked about each resolved address.

    Attributes:
        leases: how often a session was lent out so far.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        learned: Learned,
        *,
        size: int,
        messages: int,
        age: float,
        idle: float,
        allow: Allow | None,
    ) -> None:
        self._endpoint = endpoint
        self._learned = learned
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
                warm.access.dialogue.abort()
        finally:
            self._leave()

    def enough(self, warm: PooledSession, handed_out: int) -> bool:
        """Whether a session that was lent for many messages should come back.

        Args:
            warm: which.
            handed_out: messages since it was lent.
        """
        done = warm.sent + handed_out >= self._messages
        over = warm.access.worn or not warm.access.dialogue.alive
        return done or over or self._waiting > 0

    def learn(self, result: Result, access: Access) -> None:
        """Draw conclusions for the sessions to come."""
        failure = result.failure
        if failure is None:
            return
        self._note_421(failure)
        silent = isinstance(access.dialogue.broken, PhaseTimeoutError)
        self._learned.note(failure, silent=silent)

    def halt(self, *, now: bool = False) -> int:
        """Stop sending, for good. What is on the wire is still waited for, and nothing else: other
        messages are ``deferred``, see ``deadlines.not_begun``.

        Args:
            now: do not wait for what is on the wire either; it is ``uncertain`` then.

        Returns:
            How many messages are on the wire.
        """
        self._halt.pull()
        waited_for = sum(warm.access.dialogue.connection.on_the_wire for warm in self._out)
        for warm in self._out:
            warm.access.dialogue.halt(now=now)
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
            self._quits.begin(self._idle.pop().access)
        await self._quits.aclose()

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

    def _leave(self) -> None:
        self._lent -= 1
        self._slots.release()

    async def _warm(self, allow: Allow | None, deadline: float | None) -> PooledSession | None:
        """The session that was used last, if it is still good."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            warm = self._idle.pop()
            if not self._good(warm, now) or warm.access.has_unread:
                self._quits.begin(warm.access)
                continue
            try:
                admit([Address(warm.access.address, self._endpoint.port)], allow)
            except ForbiddenError:
                self._idle.append(warm)  # it is as good as before
                raise
            if now - warm.last_used > ASK_AFTER:
                warm.access.dialogue.deadline = deadline
                try:
                    await warm.access.noop()
                except SMTPSError:
                    self._quits.begin(warm.access)
                    continue
                finally:
                    warm.access.dialogue.deadline = None
            return warm
        return None

    def _good(self, warm: PooledSession, now: float) -> bool:
        young = now - warm.opened < self._age
        good = warm.access.usable and not warm.access.worn
        return young and good and warm.sent < self._messages

    async def _open(self, allow: Allow | None, deadline: float | None) -> PooledSession:
        loop = asyncio.get_running_loop()
        if (pause := self._not_before - loop.time()) > 0:
            async with within(LONGEST_WAIT, Phase.TCP, deadline=deadline):
                await asyncio.sleep(pause)
        try:
            access = await Access.open(
                self._endpoint, allow=allow or self._allow, deadline=deadline, learned=self._learned
            )
        except SMTPSError as error:
            self._note_421(error.failure)
            raise
        self._pauses = 0
        access.reopens = False  # another one is lent in its place
        return PooledSession(Session(access), access, loop.time())

    def _keep(self, warm: PooledSession) -> None:
        """For the next, if it is still good."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._closed or not self._good(warm, now):
            self._quits.begin(warm.access)
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
            self._quits.begin(self._idle.popleft().access)
        if self._idle:
            when = self._idle[0].last_used + self._idle_time
            self._sweep = loop.call_at(when, self._sweep_out)

    def _note_421(self, failure: Failure) -> None:
        now = asyncio.get_running_loop().time()
        # All messages of a window fail with the one 421, and so may the sessions beside it.
        if failure.smtp_code != 421 or now < self._not_before:
            return
        pause = min(2.0**self._pauses, LONGEST_PAUSE) * between(0.8, 1.2)
        self._pauses += 1
        self._not_before = now + pause


class Lease:
    """A session that was lent, for the length of a block."""

    __slots__ = ("_lender", "_warm")

    def __init__(self, lender: SessionStore, warm: PooledSession) -> None:
        self._lender = lender
        self._warm = warm

    def __enter__(self) -> PooledSession:
        return self._warm

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._lender.release(self._warm, error)
