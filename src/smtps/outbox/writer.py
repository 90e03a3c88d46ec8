"""All writing goes through one thread; operations that wait at the same time share a commit.

A commit costs a wait for the disk, whether it holds one message or five hundred. An error is either
the operation's own, and would fail again on any database, or the database's. In the second case
everything known is kept until the database is back. The log has one line when such trouble begins
and one when it ends.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from queue import SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, PendingRollbackError, ResourceClosedError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from smtps.errors import Phase, SMTPSError


class Blame(Enum):
    """Whose fault an error is."""

    OPERATION = auto()
    """What was to be written cannot be."""
    STORE = auto()
    """The database: lost, hung, read-only, locked, broken, not as we left it."""
    FULL = auto()
    """The database has no room left."""


OF_THE_OPERATION = frozenset({
    "21",  # cardinality violation
    "22",  # data exception
    "23",  # integrity constraint violation
    "44",  # WITH CHECK OPTION violation
    "54",  # program limit exceeded
})  # fmt: skip
"""Classes of SQLSTATE (PostgreSQL, appendix A) that speak of the values. All others are the
store's: a table that is not there (42) is a standby that lags, or somebody else's database."""

_LOST = (OSError, NoConnectionError, PendingRollbackError, ResourceClosedError)
"""There is no connection, or none any more."""

_DISK_FULL = "53100"

_OF_THE_OPERATION_SQLITE = frozenset(
    {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH,
     sqlite3.SQLITE_RANGE}
)  # fmt: skip
"""The same among SQLite's result codes (https://www.sqlite.org/rescode.html)."""

_OF_THE_DRIVER = frozenset({"DataError", "IntegrityError", "NotSupportedError", "ProgrammingError"})
"""Names of PEP 249 for what a driver refuses by itself, before a database has seen it."""

_MAY_BE_DONE = frozenset({"08", "57"})
"""Classes of SQLSTATE of a COMMIT that was cut off: it may be on the disk (57P01 is also told
while a standby was being waited for)."""


def blame(error: BaseException) -> Blame:
    """Whose fault an error is.

    Args:
        error: of SQLAlchemy, of the system, or of our own code.
    """
    if not isinstance(error, DBAPIError):
        return Blame.STORE if isinstance(error, _LOST) else Blame.OPERATION
    state, code = _sqlstate(error), _sqlite_code(error)
    if state == _DISK_FULL or code == sqlite3.SQLITE_FULL:
        return Blame.FULL
    if state is not None:
        own = state[:2] in OF_THE_OPERATION
    elif code is not None:
        own = code in _OF_THE_OPERATION_SQLITE
    else:
        own = type(error.orig).__name__ in _OF_THE_DRIVER
    return Blame.OPERATION if own else Blame.STORE


def may_be_done(error: BaseException) -> bool:
    """Whether a COMMIT that ended with this error may have been performed all the same.

    Args:
        error: of the COMMIT itself.
    """
    if isinstance(error, DBAPIError):
        if (state := _sqlstate(error)) is not None:
            return state[:2] in _MAY_BE_DONE
        if (code := _sqlite_code(error)) is not None:
            return code == sqlite3.SQLITE_IOERR
    return True


def _sqlstate(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) and state else None


def _sqlite_code(error: DBAPIError) -> int | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None  # without what extends it


log = logging.getLogger("smtps.outbox")


class Outage:
    """Tells of what lasts once, whoever notices it, in whichever thread.

    Args:
        what: cannot be done while it lasts.
        now: seconds, monotonic.
    """

    def __init__(self, what: str, now: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._now = now
        self._lock = threading.Lock()
        self._since: float | None = None
        self._reasons: set[str] = set()

    @property
    def lasts(self) -> bool:
        """Whether it is not over yet."""
        return self._since is not None

    def began(self, error: BaseException) -> None:
        """It cannot be done because of this."""
        reason = first_line(error)
        with self._lock:
            if self._since is None:
                self._since = self._now()
            elif reason in self._reasons:
                return
            self._reasons.add(reason)
        log.error("%s: %s", self._what, reason)

    def ended(self) -> None:
        """It was done."""
        if self._since is None:
            return
        with self._lock:
            since, self._since = self._since, None
            self._reasons.clear()
        if since is not None:
            log.warning("%s: recovered after %.1f seconds", self._what, self._now() - since)


def first_line(error: BaseException) -> str:
    """An error in a line for the log; those behind it may quote what was to be written."""
    cause = getattr(error, "orig", None) or error
    return next(iter(str(cause).splitlines()), "") or type(cause).__name__


MAX_OPERATIONS = 500
"""Operations that share a commit."""

What = TypeVar("What")
Operation = Callable[[Connection, list[What]], Sequence[Any]]
"""Does many of a kind at once; one result for each, or an error in its place."""


class StoreError(SMTPSError):
    """The database did not take it; nothing of it was kept, unless the code says otherwise."""

    retryable = True


def unavailable(message: str = "The outbox database does not answer.") -> StoreError:
    """What a caller gets whose request the database cannot serve now; nothing was kept."""
    return StoreError("outbox.unavailable", message, phase=Phase.INPUT)


def unconfirmed() -> StoreError:
    """What a caller gets whose operation was under way when the database was lost."""
    return StoreError(
        "outbox.unconfirmed",
        "The connection to the outbox database was lost before it confirmed the request, which may "
        "have been stored.",
        phase=Phase.INPUT,
    )


class _Job:
    """One operation, and who waits for it."""

    __slots__ = ("begun", "dropped", "future", "loop", "operation", "what")

    def __init__(self, operation: Operation[Any], what: Any) -> None:
        self.operation, self.what = operation, what
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.begun = self.dropped = False


class Writer:
    """Takes operations, and answers when they are on the disk.

    Args:
        engine: whose connections may write.
        admit: begins each transaction; raises where nothing may be written any more.
        told: of each transaction: the error that is the store's fault, or None.
    """

    def __init__(
        self,
        engine: Engine,
        admit: Callable[[Connection], None],
        told: Callable[[BaseException | None], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._admit = admit
        self._told = told
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._choice = threading.Lock()  # between beginning a job and dropping it
        self._thread = threading.Thread(target=self._run, name="smtps-outbox", daemon=True)
        self._thread.start()

    async def __call__(
        self, operation: Operation[What], what: What, patience: float | None = None
    ) -> Any:
        """Do it, with whatever else waits.

        Args:
            operation: what to do.
            what: with what.
            patience: seconds after which nobody waits any more; None for as long as it takes.

        Raises:
            StoreError: the database is full, away, or too slow.
        """
        job = _Job(operation, what)
        self._jobs.put(job)
        if patience is None:
            return await job.future
        timer = job.loop.call_later(patience, self._give_up, job)
        try:
            return await job.future
        finally:
            timer.cancel()

    def close(self) -> None:
        """Do what was handed over, and end."""
        self._jobs.put(None)
        self._thread.join()

    def _give_up(self, job: _Job) -> None:
        if job.future.done():
            return
        with self._choice:
            job.dropped = not job.begun
        job.future.set_exception(unavailable() if job.dropped else unconfirmed())

    def _run(self) -> None:
        going_on = True
        while going_on:
            jobs = [self._jobs.get()]
            while not self._jobs.empty() and len(jobs) < MAX_OPERATIONS:
                jobs.append(self._jobs.get())
            going_on = None not in jobs
            self._do(self._begin(jobs))

    def _begin(self, jobs: list[_Job | None]) -> list[_Job]:
        with self._choice:
            begun = [job for job in jobs if job is not None and not job.dropped]
            for job in begun:
                job.begun = True
        return begun

    def _do(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        try:
            found = self._commit(jobs)
        except Exception as error:  # noqa: BLE001  # somebody waits for an answer
            if len(jobs) > 1 and not _may_be_done(error) and blame(error) is Blame.OPERATION:
                for job in jobs:  # one of them is to blame, and the others are not
                    self._do([job])
                return
            found = [(job, self._explained(error)) for job in jobs]
        else:
            self._told(None)
        _answer(found)

    def _commit(self, jobs: list[_Job]) -> list[tuple[_Job, Any]]:
        kinds: dict[Operation[Any], list[_Job]] = {}
        for job in jobs:
            kinds.setdefault(job.operation, []).append(job)
        found: list[tuple[_Job, Any]] = []
        with self._engine.connect() as connection, connection.begin() as transaction:
            self._admit(connection)
            for operation, same in kinds.items():
                results = operation(connection, [job.what for job in same])
                found.extend(zip(same, results, strict=True))
            try:
                transaction.commit()
            except Exception as error:
                if not may_be_done(error):
                    raise
                raise unconfirmed() from error
        return found

    def _explained(self, error: Exception) -> Exception:
        if isinstance(error, SMTPSError):
            if isinstance(error, StoreError) and error.__cause__ is not None:
                self._told(error.__cause__)
            return error
        match blame(error):
            case Blame.OPERATION:
                return error
            case Blame.FULL:
                self._told(error)
                return StoreError(
                    "outbox.full", "The outbox's disk is full; nothing was stored.",
                    phase=Phase.INPUT,
                )  # fmt: skip
            case Blame.STORE:
                self._told(error)
                return unavailable()


def _may_be_done(error: Exception) -> bool:
    return isinstance(error, StoreError) and error.code == "outbox.unconfirmed"


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
