"""All writing goes through one thread, and what waits at the same time shares a commit.

A commit costs a wait for the disk, whether it holds one message or five hundred.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from smtps.errors import Phase, SMTPSError

log = logging.getLogger("smtps.outbox")

MOST = 500
"""Operations that share a commit."""

What = TypeVar("What")
Operation = Callable[[Connection, list[What]], Sequence[Any]]
"""Does many of a kind at once; one result for each, or an error in its place."""


class StoreError(SMTPSError):
    """The database did not take it; nothing of it was kept."""

    retryable = True


class _Job(NamedTuple):
    operation: Operation[Any]
    what: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class Writer:
    """Takes operations, and answers when they are on the disk.

    Args:
        engine: whose connections may write.
        full: whether an error means that there is no room left.
        admit: begins each transaction; raises where nothing may be written any more.
    """

    def __init__(
        self,
        engine: Engine,
        full: Callable[[BaseException], bool],
        admit: Callable[[Connection], None],
    ) -> None:
        self._engine = engine
        self._full = full
        self._admit = admit
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="smtps-outbox", daemon=True)
        self._thread.start()

    async def __call__(self, operation: Operation[What], what: What) -> Any:
        """Do it, with whatever else waits.

        Raises:
            StoreError: the database is full or away.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put(_Job(operation, what, loop, future))
        return await future

    def close(self) -> None:
        """Do what was handed over, and end."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        going_on = True
        while going_on:
            jobs = [self._jobs.get()]
            while not self._jobs.empty() and len(jobs) < MOST:
                jobs.append(self._jobs.get())
            going_on = None not in jobs
            self._do([job for job in jobs if job is not None])

    def _do(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        try:
            found = self._commit(jobs)
        except Exception as error:  # noqa: BLE001  # somebody waits for an answer
            if len(jobs) > 1 and not _is_about_the_store(error):
                for job in jobs:  # one of them is to blame, and the others are not
                    self._do([job])
                return
            found = [(job, self._explained(error)) for job in jobs]
        _answer(found)

    def _commit(self, jobs: list[_Job]) -> list[tuple[_Job, Any]]:
        kinds: dict[Operation[Any], list[_Job]] = {}
        for job in jobs:
            kinds.setdefault(job.operation, []).append(job)
        found: list[tuple[_Job, Any]] = []
        with self._engine.begin() as connection:
            self._admit(connection)
            for operation, same in kinds.items():
                results = operation(connection, [job.what for job in same])
                found.extend(zip(same, results, strict=True))
        return found

    def _explained(self, error: Exception) -> Exception:
        if isinstance(error, SMTPSError):
            return error
        if self._full(error):
            return StoreError(
                "outbox.full", "The disk of the outbox is full; nothing was kept.",
                phase=Phase.INPUT,
            )  # fmt: skip
        if _is_about_the_store(error):
            log.error("the outbox cannot be written: %s", error)
            return StoreError(
                "outbox.unavailable", "The database of the outbox is away; nothing was kept.",
                phase=Phase.INPUT,
            )  # fmt: skip
        return error


def _is_about_the_store(error: BaseException) -> bool:
    """Whether the same would fail again, whatever is written."""
    # The drivers' OperationalError and InterfaceError: disk, locks, connections.
    return isinstance(error, DBAPIError) and type(error).__name__ in (
        "OperationalError",
        "InterfaceError",
    )


def _answer(found: Iterable[tuple[_Job, Any]]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, result in found:
        by_loop.setdefault(job.loop, []).append((job.future, result))
    for loop, answers in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, answers)


def _settle(answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in answers:
        if future.done():
            continue  # nobody waits any more
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
