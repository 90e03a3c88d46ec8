"""The outbox in one file: SQLite, and lanes that are tasks of the one process that owns it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from smtps.errors import InputError
from smtps.locks import NoLocksError, lock

LANES = 64
"""At the same time; others take turns."""

_PAGES = 2_000
"""Given back to the disk at a time."""

_BUSY = 5.0
"""Seconds to wait for a command of the shell that is writing."""


class File:
    """A database file.

    Args:
        path: of the file.
        own: for the service, which alone may deliver: keeps others out.

    Raises:
        InputError: another service has it, or it cannot be made.
    """

    def __init__(self, path: Path, *, own: bool) -> None:
        self._path = path
        if not own and not path.parent.is_dir():
            raise InputError("outbox", f"{path}: the folder does not exist")
        self._lock = _lock(path) if own else None
        _make(path)
        self.writing = self._engine("BEGIN IMMEDIATE")
        self.reading = self._engine("BEGIN")

    def _engine(self, begin: str) -> Engine:
        engine = create_engine(
            f"sqlite:///{self._path}",
            connect_args={"check_same_thread": False, "timeout": _BUSY, "isolation_level": None},
            hide_parameters=True,  # errors are logged
        )

        @event.listens_for(engine, "connect")
        def _connected(connection: sqlite3.Connection, _record: Any) -> None:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # before the first table
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # a commit is on the disk
            connection.execute("PRAGMA journal_size_limit=67108864")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    @staticmethod
    def octets(connection: Connection) -> int:
        """How large it is, without what has been given back."""

        def pragma(name: str) -> int:
            return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)

        return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")

    @property
    def place(self) -> Path | None:
        """Where it needs room."""
        return self._path.parent

    @staticmethod
    def tidy(connection: Connection, nothing: list[None]) -> list[None]:
        """Give room back to the disk that removed messages had."""
        free = connection.exec_driver_sql("PRAGMA freelist_count").scalar() or 0
        for _ in range(min(free, _PAGES)):  # each time one; Python's driver takes no more steps
            connection.exec_driver_sql("PRAGMA incremental_vacuum")
        return nothing

    def lanes(self, run: Callable[[str], Awaitable[None]]) -> Tasks:
        """Who runs lanes."""
        return Tasks(run)

    def close(self) -> None:
        """Let go of the file."""
        self.writing.dispose()
        self.reading.dispose()
        if self._lock is not None:
            os.close(self._lock)


def _make(path: Path) -> None:
    """Make the file, for its owner alone: it will hold mail. What is beside it goes by it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise InputError("outbox", f"{path} cannot be used: {error.strerror}") from error


def _lock(path: Path) -> int:
    """Be the only service on a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError("outbox", f"{path} cannot be used: {error.strerror}") from error
    try:
        lock(file)
    except OSError as error:
        owner = os.read(file, 32).decode().strip() or "unknown"
        os.close(file)
        raise _not_ours(path, owner, error) from error
    os.ftruncate(file, 0)
    os.write(file, f"{os.getpid()}\n".encode())
    return file


def _not_ours(path: Path, owner: str, error: OSError) -> InputError:
    if isinstance(error, NoLocksError):
        return InputError(
            "outbox",
            "a file needs locks (flock), which Windows does not have; use PostgreSQL, or run the "
            "service on Linux or macOS",
        )
    return InputError(
        "outbox",
        f"another service (process {owner}) is delivering from {path}; only one can. For several, "
        "use PostgreSQL",
        code="outbox.in_use",
    )


class Tasks:
    """Runs lanes in this process: one at most for an account.

    Args:
        run: one lane, until it has nothing to do or its slice is over.
    """

    def __init__(self, run: Callable[[str], Awaitable[None]]) -> None:
        self._run = run
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._turns = asyncio.Semaphore(LANES)

    async def start(self) -> None:
        """Nothing has to be prepared."""

    async def wake(self, accounts: Iterable[str]) -> None:
        """Run the lanes of these; one that is running already looks once more when it ends."""
        for account in accounts:
            if account in self._running:
                self._again.add(account)
                continue
            task = asyncio.create_task(self._turn(account))
            self._running[account] = task

    async def _turn(self, account: str) -> None:
        try:
            async with self._turns:
                self._again.discard(account)
                await self._run(account)
        finally:
            del self._running[account]
        if account in self._again:
            await self.wake([account])

    def rest(self) -> None:
        """Those that begin from now on end at once."""

    async def aclose(self) -> None:
        """Wait for those that run; they have been told to end."""
        while self._running:
            await asyncio.wait(self._running.values())
