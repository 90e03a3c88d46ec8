"""The database of the outbox: one thread that writes, threads that read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from smtps.errors import InputError, Phase
from smtps.outbox import control, reading, tables
from smtps.outbox.writer import Operation, StoreError, What, Writer

P = ParamSpec("P")
Found = TypeVar("Found")


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

    def full(self, error: BaseException) -> bool:
        """Whether an error means that there is no room left."""

    def octets(self, connection: Connection) -> int:
        """How large it is."""

    def tidy(self, connection: Connection, nothing: list[None]) -> list[None]:
        """Give room back."""

    def lanes(self, run: Callable[[str], Awaitable[None]]) -> Lanes:
        """Who runs lanes."""

    def close(self) -> None:
        """Let go of it."""


def backend(place: str, *, own: bool) -> Backend:
    """The kind of database that a place names: ``postgresql://…``, or a file.

    Args:
        place: where.
        own: deliver from it, too.

    Raises:
        InputError: it cannot be used.
    """
    if place.startswith(("postgresql://", "postgres://")):
        from smtps.outbox.postgres import Database  # noqa: PLC0415  # an extra

        return Database(place.replace("postgres://", "postgresql://", 1))
    if "://" in place:
        raise InputError("outbox", "must be a file, or postgresql://…")
    from smtps.outbox.sqlite import File  # noqa: PLC0415

    return File(Path(place).expanduser(), own=own)


class Store:
    """Reads and writes.

    Args:
        behind: the database.

    Raises:
        InputError: it holds something else, or its mail has moved.
        StoreError: it is away.
    """

    def __init__(self, behind: Backend) -> None:
        self.behind = behind
        try:
            prepare(behind.writing)
        except InputError:
            behind.close()
            raise
        except DBAPIError as error:
            behind.close()
            raise StoreError(
                "outbox.unavailable",
                f"The outbox cannot be opened: {str(error.orig).splitlines()[0]}. "
                "Start its database, or correct the setting outbox.",
                phase=Phase.INPUT,
            ) from error  # fmt: skip
        self.writer = Writer(behind.writing, behind.full, check_place)

    async def write(self, operation: Operation[What], what: What) -> Any:
        """Do it; when this returns, it is on the disk.

        Raises:
            StoreError: the database is full or away.
            LocalError: it cannot be done.
        """
        return await self.writer(operation, what)

    async def read(
        self,
        question: Callable[Concatenate[Connection, P], Found],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Found:
        """Ask.

        Raises:
            StoreError: the database is away.
        """

        def ask() -> Found:
            with self.behind.reading.connect() as connection:
                return question(connection, *args, **kwargs)

        try:
            return await asyncio.to_thread(ask)
        except (DBAPIError, NoConnectionError) as error:
            raise StoreError(
                "outbox.unavailable", "The database of the outbox is away.", phase=Phase.INPUT
            ) from error

    def close(self) -> None:
        """Write what was handed over, and let go."""
        self.writer.close()
        self.behind.close()


def prepare(engine: Engine, moved_to: str | None = None) -> None:
    """Make the tables if they are not there.

    Args:
        engine: of the database.
        moved_to: where its mail may have moved.

    Raises:
        InputError: what is there is of another version, or has moved away.
    """
    with engine.begin() as connection:
        hold(connection, alone=True)  # others may open it for the first time, too
        if not inspect(connection).has_table(tables.meta.name):
            tables.metadata.create_all(connection)
            control.write_meta(connection, [("schema", str(tables.SCHEMA))])
            return
        found: dict[str, Any] = reading.meta(connection)
    if found.get("schema") != str(tables.SCHEMA):
        raise InputError("outbox", f"was made by another version (schema {found.get('schema')})")
    _check_moved(found, moved_to)


def check_place(connection: Connection) -> None:
    """Begin a transaction that writes: while it lasts nothing moves, and what has moved is closed.

    Raises:
        InputError: its mail has moved.
    """
    hold(connection, alone=False)
    _check_moved(reading.meta(connection), None)


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


def _check_moved(found: dict[str, str], to: str | None) -> None:
    if "moved_to" in found and found["moved_to"] != to:
        raise InputError(
            "outbox", f"has moved to {found['moved_to']}; use that", code="outbox.moved"
        )
