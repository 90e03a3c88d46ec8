"""The outbox on PostgreSQL: any number of processes, among which PgQueuer hands out the lanes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from smtps.errors import InputError
from smtps.extras import extra_needed
from smtps.outbox.writer import Outage

ENTRYPOINT = "smtps-lane"

HEARTBEAT = timedelta(seconds=15)
"""A worker that was silent for so long is dead, and its lanes are given to others."""

LANES = 64
"""At the same time, in each process."""

_FAREWELL = 2.0
"""Seconds that a connection has to close, and work that is told to end to do so."""

_LISTENING = 10.0
"""Seconds that PgQueuer waits for an answer, where nothing else is said."""

_PAUSE = 1.0
"""Seconds between attempts to reach a database that is away."""


class Database:
    """A PostgreSQL database.

    Args:
        url: ``postgresql://…``.
        patience: seconds that a statement may take; None for as long as it takes.

    Raises:
        InputError: it cannot be used.
    """

    place: Path | None = None

    def __init__(self, url: str, patience: float | None = None) -> None:
        with extra_needed():
            import asyncpg  # noqa: F401, PLC0415
            import pgqueuer  # noqa: F401, PLC0415
            import psycopg  # noqa: F401, PLC0415
        from smtps.outbox.postgres_wires import connect  # noqa: PLC0415  # an extra

        try:
            self._url = make_url(url).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError):
            raise InputError(
                "outbox", "cannot be parsed; write it as postgresql://user@host:port/database"
            ) from None
        self._patience = patience
        more: dict[str, Any] = {
            "creator": lambda: connect(self._url, patience),
            "pool_pre_ping": True,
            "hide_parameters": True,  # errors are logged
        }
        if patience is not None:
            more["pool_timeout"] = patience
        self.writing = create_engine(self._url, pool_size=2, **more)
        self.reading = create_engine(self._url, pool_size=4, **more)

    @staticmethod
    def octets(connection: Connection) -> int:
        """How large the outbox is."""
        size = text(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname IN "
            "('messages', 'bodies', 'recipients', 'attempts') AND relkind = 'r' "
            "AND relnamespace = current_schema()::regnamespace"
        )
        return int(connection.execute(size).scalar() or 0)

    @staticmethod
    def tidy(connection: Connection, nothing: list[None]) -> list[None]:
        """Autovacuum gives room back. When the server's clock has gone back, jobs of PgQueuer would
        wait, and heartbeats of the dead count, until it comes to where it was.
        """
        if connection.execute(text("SELECT to_regclass('pgqueuer')")).scalar() is not None:
            for column in ("execute_after", "heartbeat"):
                connection.execute(
                    text(
                        f"UPDATE pgqueuer SET {column} = now() "  # noqa: S608  # two known names
                        f"WHERE entrypoint = :ours AND {column} > now() + interval '1 minute'"
                    ),
                    {"ours": ENTRYPOINT},
                )
        return nothing

    def lanes(self, run: Callable[[str], Awaitable[None]]) -> Jobs:
        """Who runs lanes."""
        return Jobs(self._url, run, self._patience or _LISTENING)

    def close(self) -> None:
        """Let go of all connections."""
        self.writing.dispose()
        self.reading.dispose()


class Jobs:
    """Runs the lanes that PgQueuer gives to this process.

    A lane is a job whose key is its account, so there is one at most, wherever it runs. PgQueuer
    gives it to another process when the heartbeats of the first one end.

    Args:
        url: of the database, as SQLAlchemy reads it.
        run: one lane.
        patience: seconds that a statement may take.
    """

    def __init__(
        self, url: URL, run: Callable[[str], Awaitable[None]], patience: float = _LISTENING
    ) -> None:
        self._url = url
        self._run = run
        self._patience = patience
        self._queuer: Any = None
        self._serving: asyncio.Task[None] | None = None
        self._ending = False
        self._asking: Any = None
        self._outage = Outage("lanes cannot be assigned")

    async def start(self) -> None:
        """Make PgQueuer's own tables, and begin to take jobs."""
        await self._install()
        self._serving = asyncio.create_task(self._serve())

    async def wake(self, accounts: Iterable[str]) -> None:
        """Have the lanes of these run, here or elsewhere."""
        names = list(accounts)
        if not names:
            return
        try:
            queries = await self._queries()
            await queries.enqueue(
                [ENTRYPOINT] * len(names),
                [name.encode() for name in names],
                [0] * len(names),
                dedupe_key=[f"lane:{name}" for name in names],
                on_conflict="skip",
            )
        except Exception as error:  # noqa: BLE001  # the driver's; the sweeper asks again
            self._outage.began(error)
            await self._forget()
        else:
            self._outage.ended()

    async def _queries(self) -> Any:
        from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver  # noqa: PLC0415
        from pgqueuer.adapters.persistence.queries import Queries  # noqa: PLC0415

        if self._asking is None:
            self._asking = await self._connect()
        return Queries(AsyncpgDriver(self._asking))

    async def _forget(self) -> None:
        connection, self._asking = self._asking, None
        if connection is not None:
            await _close(connection)

    async def _connect(self) -> Any:
        from smtps.outbox.postgres_wires import connect_async  # noqa: PLC0415  # an extra

        return await connect_async(self._url, self._patience)

    async def _install(self) -> None:
        queries = await self._queries()
        if not await queries.has_table(queries.qbe.settings.queue_table):
            try:
                await queries.install()
            except Exception:  # another process was quicker
                if not await queries.has_table(queries.qbe.settings.queue_table):
                    raise

    async def _serve(self) -> None:
        """Take jobs; begin again after the database was unavailable."""
        while not self._ending:
            try:
                await self._take_jobs()
            except Exception as error:  # noqa: BLE001  # the driver's
                self._outage.began(error)
            if not self._ending:
                await asyncio.sleep(_PAUSE)

    async def _take_jobs(self) -> None:
        from pgqueuer import PgQueuer  # noqa: PLC0415

        # It tells of each heartbeat that fails, with a traceback; the outage is told once.
        logging.getLogger("pgqueuer").setLevel(logging.CRITICAL)
        connection = await self._connect()
        try:
            if self._ending:
                return
            queuer = self._queuer = PgQueuer.from_asyncpg_connection(connection)

            @queuer.entrypoint(ENTRYPOINT)
            async def lane(job: Any) -> None:
                await self._run(job.payload.decode())

            await queuer.qm.run(
                dequeue_timeout=timedelta(seconds=5),
                batch_size=16,
                max_concurrent_tasks=LANES,
                heartbeat_timeout=HEARTBEAT,
                shutdown_on_listener_failure=True,
                log_aggregation_interval=timedelta(0),
            )
        finally:
            await _close(connection)

    def rest(self) -> None:
        """Leave all that is due to other processes; lanes that run here go on."""
        self._ending = True
        if self._queuer is not None:
            self._queuer.shutdown.set()

    async def aclose(self) -> None:
        """Wait for the lanes that run here; they have been told to end."""
        self.rest()
        if self._serving is not None:
            # What is left is to write that they have ended, and the database may be away.
            _, late = await asyncio.wait([self._serving], timeout=_FAREWELL)
            for task in late:
                task.cancel()
                await asyncio.wait([task], timeout=_FAREWELL)
        await self._forget()


async def _close(connection: Any) -> None:
    with suppress(Exception):
        await connection.close(timeout=_FAREWELL)
