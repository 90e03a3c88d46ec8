"""The outbox's database: one thread that writes, several that read.

Every wait has a limit; a database that does not answer counts as unavailable. Whether it takes mail
is found out by writing to it.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from smtps.chance import token
from smtps.errors import InputError
from smtps.outbox import control, reading, tables
from smtps.outbox.schema import SCHEMA, check_not_moved, check_usable
from smtps.outbox.writer import (
    Blame,
    Operation,
    Outage,
    StoreError,
    What,
    Writer,
    blame,
    unavailable,
)

P = ParamSpec("P")
Found = TypeVar("Found")

PATIENCE = 10.0
"""Seconds that whoever asks waits for the database."""

READERS = 4
"""Questions that are asked at the same time."""


class Lanes(Protocol):
    """Runs lanes: one at most for an account, in this process or in another."""

    async def start(self) -> None:
        """Begin."""

    async def wake(self, accounts: Iterable[str]) -> None:
        """There may be something to do for these."""

    def rest(self) -> None:
        """Take no more lanes; those that run go on."""

    async def aclose(self) -> None:
        """Take no more lanes, and wait for those that run; they have been told to end."""


class Backend(Protocol):
    """What differs between one kind of database and another."""

    writing: Engine
    reading: Engine

    @property
    def place(self) -> Path | None:
        """Where on this machine it needs room, if it does."""

    def octets(self, connection: Connection) -> int:
        """How large it is."""

    def tidy(self, connection: Connection, nothing: list[None]) -> list[None]:
        """Give room back."""

    def lanes(self, run: Callable[[str], Awaitable[None]]) -> Lanes:
        """Who runs lanes."""

    def close(self) -> None:
        """Let go of it."""


def backend(place: str, *, own: bool, patience: float | None = PATIENCE) -> Backend:
    """The kind of database that a place names: ``postgresql://…``, or a file.

    Args:
        place: where.
        own: deliver from it, too.
        patience: seconds that one statement may take; None for as long as it takes.

    Raises:
        InputError: it cannot be used.
    """
    if place.startswith(("postgresql://", "postgres://")):
        from smtps.outbox.postgres import Database  # noqa: PLC0415  # an extra

        return Database(place.replace("postgres://", "postgresql://", 1), patience)
    if "://" in place:
        raise InputError("outbox", "must be a file, or postgresql://…")
    from smtps.outbox.sqlite import File  # noqa: PLC0415

    return File(Path(place).expanduser(), own=own)


class Store:
    """Reads and writes.

    Args:
        behind: the database.
        patience: seconds that whoever asks waits for it.

    Attributes:
        name: of the outbox, made up when it was; other things may be kept under it.

    Raises:
        InputError: it holds something else, or its mail has moved.
        StoreError: it is away.
    """

    def __init__(self, behind: Backend, patience: float = PATIENCE) -> None:
        self.behind = behind
        self.patience = patience
        self._outage = Outage("the outbox database cannot be used")
        try:
            self.name = prepare(behind.writing)["name"]
        except InputError:
            behind.close()
            raise
        except DBAPIError as error:
            behind.close()
            raise unavailable(
                f"The outbox cannot be opened: {str(error.orig).splitlines()[0]}. "
                "Start its database, or correct the setting outbox."
            ) from error
        self.writer = Writer(behind.writing, check_place, self._told)
        self._readers = ThreadPoolExecutor(READERS, "smtps-outbox-reader")

    @property
    def away(self) -> bool:
        """Whether the last attempt to use the database failed."""
        return self._outage.lasts

    async def write(self, operation: Operation[What], what: What) -> Any:
        """Do it; when this returns, it is on the disk.

        Raises:
            StoreError: the database is full, away or too slow.
            LocalError: it cannot be done.
        """
        return await self.writer(operation, what, self.patience)

    async def see_through(self, operation: Operation[What], what: What) -> Any:
        """The same for whoever has to know whether it was done: waits as long as it is tried.

        Raises:
            StoreError: the database is full or away.
            LocalError: it cannot be done.
        """
        return await self.writer(operation, what)

    async def try_out(self, patience: float) -> None:
        """Write something that is of no use.

        Args:
            patience: seconds.

        Raises:
            StoreError: it cannot be written.
        """
        await self.writer(control.try_out, None, patience)

    async def read(
        self,
        question: Callable[Concatenate[Connection, P], Found],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Found:
        """Ask.

        Raises:
            StoreError: the database is away or too slow.
        """

        def ask() -> Found:
            engine = self.behind.reading
            pool = engine.pool
            with engine.connect() as connection:
                found = question(connection, *args, **kwargs)
                if engine.pool is not pool:
                    connection.invalidate()  # it goes back to nobody, see _told
                return found

        # In threads of its own: those that hang keep nothing but the database waiting.
        asking = asyncio.get_running_loop().run_in_executor(self._readers, ask)
        try:
            async with asyncio.timeout(self.patience):
                return await asking
        except Exception as error:
            if blame(error) is Blame.OPERATION:
                raise
            self._outage.began(error)
            raise unavailable() from error

    def _told(self, error: BaseException | None) -> None:
        """Of a transaction; None for one that succeeded."""
        if error is None:
            self._outage.ended()
            return
        self._outage.began(error)
        # Those that are open may lead to a server that is not the one to write to any more.
        self.behind.writing.dispose()
        self.behind.reading.dispose()

    def close(self) -> None:
        """Write what was handed over, and let go."""
        self.writer.close()
        self._readers.shutdown(cancel_futures=True)
        self.behind.close()


def prepare(engine: Engine, moved_to: str | None = None) -> dict[str, str]:
    """Make the tables that are not there, and read what is kept about the outbox itself.

    All in one transaction: if it fails, an outbox of an earlier version is left as it was.

    Args:
        engine: of the database.
        moved_to: where its mail may have moved.

    Raises:
        InputError: a newer program made it, or its mail has moved away.
    """
    with engine.begin() as connection:
        hold(connection, alone=True)  # others may open it for the first time, too
        if not inspect(connection).has_table(tables.meta.name):
            tables.metadata.create_all(connection)
            control.write_meta(connection, [("schema", str(SCHEMA))])
        found = reading.meta(connection)
        check_usable(found, moved_to)
        for table in (tables.notified, tables.logins, tables.login_states):  # not in old ones
            table.create(connection, checkfirst=True)
        if "name" not in found:
            found["name"] = token()
            control.write_meta(connection, [("name", found["name"])])
    return found


def check_place(connection: Connection) -> None:
    """Begin a transaction that writes: while it lasts nothing moves, and what has moved is closed.

    Raises:
        InputError: its mail has moved.
    """
    hold(connection, alone=False)
    check_not_moved(reading.meta(connection))


def hold(connection: Connection, *, alone: bool) -> None:
    """Keep others out until the end of the transaction.

    On SQLite one that writes is alone in any case.

    Args:
        connection: in a transaction.
        alone: all others; or only those who want to be alone.
    """
    if connection.dialect.name == "postgresql":
        function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        connection.execute(text(f"SELECT {function}(hashtext('smtps.outbox'))"))


LEAST_FREE = 64 * 1024 * 1024
"""Octets of the disk below which no mail is taken."""

READY_WITHIN = 1.5
"""Seconds for the answer: who asks is a load balancer, and gives it two."""

FRESH = 0.2
"""Seconds for which a success holds, so that asking often does not keep the disk busy."""


class Readiness:
    """Tells what is in the way.

    Args:
        store: the database.
        full: whether the outbox holds as much as it may.
        now: seconds, monotonic.
    """

    def __init__(
        self, store: Store, full: Callable[[], bool], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._full = full
        self._now = now
        self._written = float("-inf")
        self._trying: asyncio.Task[str | None] | None = None

    async def trouble(self) -> str | None:
        """Why no mail can be taken in, or None."""
        try:
            async with asyncio.timeout(READY_WITHIN):
                if await self._disk_is_full():
                    return "the disk is full"
                if self._full():
                    return "the outbox is full"
                return await self._write()
        except TimeoutError:
            return "The outbox database does not answer."

    async def _disk_is_full(self) -> bool:
        place = self._store.behind.place
        if place is None:
            return False
        return (await asyncio.to_thread(shutil.disk_usage, place)).free < LEAST_FREE

    async def _write(self) -> str | None:
        if not self._store.away and self._now() - self._written < FRESH:
            return None
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(self._try())
        return await asyncio.shield(self._trying)

    async def _try(self) -> str | None:
        """Why nothing can be written, or None; who asked may not wait for it any more."""
        try:
            await self._store.try_out(READY_WITHIN)
        except StoreError as error:
            return error.failure.message
        self._written = self._now()
        return None
