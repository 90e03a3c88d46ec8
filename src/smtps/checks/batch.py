"""Many targets: a few at a time, with a pause between two checks of one address.

Results come as they are ready, and the list is never held as a whole.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from smtps.checks.facts import Facts
from smtps.checks.finding import Finding
from smtps.checks.gather import Turn
from smtps.checks.report import Report
from smtps.checks.verdict import Verdict
from smtps.endpoint import DEFAULT_PORT, Security, security_of
from smtps.errors import Failure, InputError, SMTPSError
from smtps.net.resolve import Address
from smtps.target import Target, read_target


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


JOBS = 50
"""Checks at the same time."""

LOOKAHEAD = 10
"""So many times ``jobs`` targets may have been read and not be done: most of them wait for an
address that others are at, and must not keep those behind them from going on."""

CheckOne = Callable[[str, Turn], Coroutine[Any, Any, Report]]
"""Checks one target, and takes its turn before it connects."""

Task = asyncio.Task[Any]
Callback = Callable[[Task], None]


async def check_many(
    targets: AsyncIterable[str] | Iterable[str],
    check_one: CheckOne,
    *,
    jobs: int = JOBS,
    spacing: float = 0.0,
    security: Security | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[Report, None]:
    """Check targets, some at the same time; the reports come in the order in which they are ready.

    With one job they come in the order of the targets. Whatever befalls a target is in its own
    report: one that cannot be checked at all has the verdict ``unknown``. Leaving the iteration
    cancels what runs; close it (``contextlib.aclosing``) to wait for that.

    Args:
        targets: read only as fast as reports are taken.
        check_one: what to do with each.
        jobs: how many at the same time.
        spacing: seconds between two visits to one network address, whatever the port; two at the
            same time there never are.
        security: what reports say of targets that could not be checked.
        clock: seconds, monotonic.
        sleep: waits for so many seconds.

    Raises:
        InputError: ``jobs`` or ``spacing`` cannot be used.
        Exception: what reading the targets raised, after the reports of those before.
    """
    if jobs < 1:
        raise InputError("jobs", "must be at least 1")
    if not 0 <= spacing <= 3600:
        raise InputError("spacing", "must be between 0 and 3600 seconds")
    run = _Run(check_one, jobs, Spacing(spacing, clock=clock, sleep=sleep), security)
    reading = run.start(run.read(targets))
    try:
        while (report := await run.next()) is not None:
            yield report
        await reading
    finally:
        await run.stop()


class _Run:
    """The state of one batch.

    Args:
        check_one: what to do with each target.
        jobs: how many at the same time.
        spacing: who may go where.
        security: see ``unknown``.
    """

    def __init__(
        self, check_one: CheckOne, jobs: int, spacing: Spacing, security: Security | None
    ) -> None:
        self._check_one = check_one
        self._security = security
        self._stopping = False
        self._spacing = spacing
        self._jobs = asyncio.Semaphore(jobs)
        self._room = asyncio.Semaphore(jobs * LOOKAHEAD if jobs > 1 else 1)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ready: asyncio.Queue[Report | None] = asyncio.Queue()  # never more than there is room

    def start(self, work: Coroutine[Any, Any, Any], then: Callback | None = None) -> Task:
        """Let something run; when nothing runs any more, the reports end."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        if then is not None:
            task.add_done_callback(then)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: Task) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._ready.put_nowait(None)

    async def read(self, targets: AsyncIterable[str] | Iterable[str]) -> None:
        """Start a check for each target as soon as there is room for it."""
        async for target in _each(targets):
            await self._room.acquire()
            await self._jobs.acquire()
            self.start(self._check_one(target, self._turn), partial(self._checked, target))

    def _checked(self, target: str, task: Task) -> None:
        self._jobs.release()
        if self._stopping:
            return
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            self._ready.put_nowait(task.result())
        else:
            self._ready.put_nowait(unknown(target, error, self._security))

    async def next(self) -> Report | None:
        """The next report, or None after the last."""
        report = await self._ready.get()
        self._room.release()
        return report

    def _turn(self, addresses: Sequence[Address]) -> AbstractAsyncContextManager[None]:
        ips = [address.ip for address in addresses]
        if self._spacing.free(ips):
            return self._spacing.visit(ips)
        return self._queued(ips)

    @asynccontextmanager
    async def _queued(self, ips: list[str]) -> AsyncIterator[None]:
        """Wait without keeping others from working."""
        async with AsyncExitStack() as stack:
            self._jobs.release()
            try:
                await stack.enter_async_context(self._spacing.visit(ips))
            finally:
                await self._jobs.acquire()
            yield

    async def stop(self) -> None:
        """Cancel what runs, and see it end."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _each(targets: AsyncIterable[str] | Iterable[str]) -> AsyncIterator[str]:
    if isinstance(targets, AsyncIterable):
        async for target in targets:
            yield target
    else:
        for target in targets:
            yield target


def unknown(target: str, error: BaseException, security: Security | None) -> Report:
    """The report on a target that could not be checked."""
    try:
        place = read_target(target)
    except InputError:
        place = Target(target)
    failure = error.failure if isinstance(error, SMTPSError) else _bug(error)
    security = security or place.security or security_of(place.port)
    facts = Facts(
        target=target,
        host=place.host,
        port=place.port or DEFAULT_PORT[security],
        security=security,
        now=datetime.now(UTC),
        failure=failure,
    )
    return Report(facts, (Finding.from_failure(failure),), Verdict.UNKNOWN)


def _bug(error: BaseException) -> Failure:
    """Our mistake: where, for whoever mends it, without its text, which may hold anything."""
    place = ""
    if frames := traceback.extract_tb(error.__traceback__):
        place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return Failure(
        code="api.bug", message=f"The check itself failed: {type(error).__name__}{place}."
    )
