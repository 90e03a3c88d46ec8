"""What is not the operation's own fault is the store's, whatever class an error has in Python."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from tests.outbox.database import Server

from smtps.outbox.writer import Blame, StoreError, Writer, blame, may_be_done


def of_postgresql(state: str) -> DBAPIError:
    return DBAPIError("", {}, psycopg.errors.lookup(state)())


def of_sqlite(code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> DBAPIError:
    error = kind()
    error.sqlite_errorcode = code
    return DBAPIError("", {}, error)


@pytest.mark.parametrize("state", [
    "25006",  # read_only_sql_transaction
    "25P02", "40001", "40P01", "53200", "53300", "55P03", "57014", "57P01", "57P02", "57P03",
    "58030", "XX000", "XX001", "08006", "08003", "28P01", "3D000", "42P01", "42501", "26000",
])  # fmt: skip
def test_these_are_the_stores(state: str) -> None:
    assert blame(of_postgresql(state)) is Blame.STORE


@pytest.mark.parametrize("state", ["22021", "22003", "23505", "23502", "54000"])
def test_these_are_the_operations_own(state: str) -> None:
    assert blame(of_postgresql(state)) is Blame.OPERATION


def test_a_full_disk_is_known() -> None:
    assert blame(of_postgresql("53100")) is Blame.FULL
    assert blame(of_sqlite(sqlite3.SQLITE_FULL)) is Blame.FULL


@pytest.mark.parametrize("code", [
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_READONLY_DBMOVED, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR,
])  # fmt: skip
@pytest.mark.parametrize("kind", [sqlite3.OperationalError, sqlite3.DatabaseError])
def test_so_are_those_of_a_file(code: int, kind: type[sqlite3.Error]) -> None:
    assert blame(of_sqlite(code, kind)) is Blame.STORE


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_TOOBIG])
def test_but_not_these(code: int) -> None:
    assert blame(of_sqlite(code, sqlite3.IntegrityError)) is Blame.OPERATION


@pytest.mark.parametrize("error", [
    DBAPIError("", {}, psycopg.OperationalError("server closed the connection unexpectedly")),
    DBAPIError("", {}, psycopg.InterfaceError("the connection is closed")),
    OSError(5, "Input/output error"), TimeoutError(), NoConnectionError(),
])  # fmt: skip
def test_a_lost_connection_is_the_stores(error: Exception) -> None:
    assert blame(error) is Blame.STORE


@pytest.mark.parametrize(
    "error", [DBAPIError("", {}, psycopg.DataError("NUL (0x00) bytes")), KeyError(), TypeError()]
)
def test_a_mistake_is_the_operations(error: Exception) -> None:
    assert blame(error) is Blame.OPERATION


@pytest.mark.parametrize(("error", "may_be"), [
    (DBAPIError("", {}, psycopg.OperationalError("lost")), True),
    (of_postgresql("57P01"), True), (of_postgresql("08006"), True), (OSError(), True),
    (of_postgresql("40001"), False), (of_postgresql("25006"), False),
    (of_sqlite(sqlite3.SQLITE_FULL), False), (of_sqlite(sqlite3.SQLITE_BUSY), False),
    (of_sqlite(sqlite3.SQLITE_IOERR_FSYNC), True),
])  # fmt: skip
def test_a_commit_that_was_cut_off_may_be_done(error: Exception, may_be: bool) -> None:
    assert may_be_done(error) is may_be


def _insert(connection: Connection, values: list[int]) -> list[None]:
    for value in values:
        connection.execute(text("INSERT INTO t VALUES (:value)"), {"value": value})
    return [None] * len(values)


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER UNIQUE CHECK (n > 0))"))
    return engine


async def test_one_mistake_fails_alone(engine: Any) -> None:
    writer = Writer(engine, lambda _: None)
    found = await asyncio.gather(
        *(writer(_insert, n) for n in (1, -1, 2, 1)), return_exceptions=True
    )
    writer.close()
    assert [type(one).__name__ for one in found] == [
        "NoneType", "IntegrityError", "NoneType", "IntegrityError"
    ]  # fmt: skip


async def test_what_nobody_waits_for_any_more_is_not_done_later(engine: Any) -> None:
    """Its caller has been told so and may have gone elsewhere with it."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection, values: list[int]) -> list[None]:
        begun.set()
        go_on.wait()
        return _insert(connection, values)

    writer = Writer(engine, lambda _: None)
    first = asyncio.create_task(writer(slow, 1, 0.05))
    await asyncio.to_thread(begun.wait)
    second = asyncio.create_task(writer(_insert, 2, 0.05))
    found = await asyncio.gather(first, second, return_exceptions=True)
    assert [one.code for one in found if isinstance(one, StoreError)] == [
        "outbox.unconfirmed", "outbox.unavailable"
    ]  # fmt: skip
    go_on.set()
    await writer(_insert, 3)
    writer.close()
    with engine.connect() as connection:
        assert set(connection.execute(text("SELECT n FROM t")).scalars()) == {1, 3}


def test_a_real_server_that_turns_read_only() -> None:
    with Server(fsync="off") as server:
        engine = create_engine(server.database().replace("postgresql", "postgresql+psycopg", 1))
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE t (n INTEGER)"))
            connection.execute(text("SET TRANSACTION READ ONLY"))
            with pytest.raises(DBAPIError) as caught:
                _insert(connection, [1])
        assert blame(caught.value) is Blame.STORE
        engine.dispose()
