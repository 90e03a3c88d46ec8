"""Connections to PostgreSQL on which nobody waits for ever, whatever has become of the server.

The server ends what takes too long, the kernel gives up a line that is cut, and a server that is
there and says nothing is given up here: no other bound ends the wait for one that is stopped.
"""

from __future__ import annotations

from collections.abc import Generator
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import URL
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from smtps.net.alive import COUNT, IDLE, INTERVAL, keep_alive

MARGIN = 2.0
"""Seconds beyond the server's own bound, so that its error comes if it can."""

_KEEPALIVE = {"keepalives": 1, "keepalives_idle": IDLE, "keepalives_interval": INTERVAL,
              "keepalives_count": COUNT}  # fmt: skip


def parameters(patience: float | None) -> dict[str, Any]:
    """Parameters of a connection (libpq, section 34.1.2); what a URL says itself goes first.

    Args:
        patience: seconds that a statement may take; None for as long as it takes.
    """
    if patience is None:
        return {**_KEEPALIVE, "connect_timeout": 10}
    return {
        **_KEEPALIVE,
        "connect_timeout": max(2, round(patience / 2)),  # fewer than 2 are 2 to libpq
        "tcp_user_timeout": round(patience * 1000),
    }


def server_settings(patience: float | None) -> dict[str, str]:
    """What the server is asked for, for each session."""
    if patience is None:
        return {}
    return {
        "statement_timeout": f"{round(patience * 1000)}",
        "lock_timeout": f"{round(patience * 500)}",
        # Of a process that is stopped in the middle, so that its locks hold nobody up.
        "idle_in_transaction_session_timeout": f"{round(patience * 2000)}",
    }


class Bounded(psycopg.Connection[Any]):
    """A connection that is given up when the server says nothing.

    Attributes:
        patience: seconds for each answer; None for as long as it takes.
    """

    patience: float | None = None

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        """Wait for an answer.

        Raises:
            psycopg.OperationalError: none came; the connection is closed.
        """
        if self.patience is None:
            return super().wait(gen, *args, **kwargs)
        return super().wait(self._bounded(gen, monotonic() + self.patience), *args, **kwargs)

    def _bounded(self, gen: Generator[Any, Any, Any], end: float) -> Generator[Any, Any, Any]:
        # It is woken without anything to read several times a second (psycopg's interval).
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and monotonic() > end:
                    self.pgconn.finish()
                    raise psycopg.OperationalError("the server does not answer")
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value


def connect(url: URL, patience: float | None) -> Bounded:
    """A connection for SQLAlchemy.

    Args:
        url: as SQLAlchemy reads it.
        patience: seconds that a statement may take.

    Raises:
        psycopg.OperationalError: there is no way to it.
    """
    given = _keywords(url)
    options = " ".join(f"-c {name}={value}" for name, value in server_settings(patience).items())
    asked = f"{options} {given.pop('options', '')}".strip()
    known: dict[str, Any] = {**parameters(patience), **given}
    if asked:
        known["options"] = asked
    connection = Bounded.connect(**known)
    connection.patience = None if patience is None else patience + MARGIN
    return connection


def _keywords(url: URL) -> dict[str, Any]:
    dialect: Any = PGDialect_psycopg
    _, found = dialect().create_connect_args(url)
    return dict(found)


async def connect_async(url: URL, patience: float) -> Any:
    """A connection for PgQueuer, which listens on the connection that it asks on.

    Args:
        url: as SQLAlchemy reads it.
        patience: seconds that a statement may take.

    Raises:
        Exception: the driver's; there is no way to it.
    """
    import asyncpg  # noqa: PLC0415  # not psycopg: there, listening and asking take turns

    given = _keywords(url)
    ours = url.set(drivername="postgresql").difference_update_query(_OF_LIBPQ)
    connection = await asyncpg.connect(
        ours.render_as_string(hide_password=False),
        host=str(given["host"]).split(",") if "host" in given else None,
        port=[int(port) for port in str(given["port"]).split(",")] if "port" in given else None,
        timeout=max(2.0, patience / 2),
        command_timeout=patience + MARGIN,
        server_settings=server_settings(patience),
    )
    # It has no other way to these options, and what uvloop hands out cannot set them.
    wire = connection._transport.get_extra_info("socket")  # noqa: SLF001
    keep_alive(wire.fileno(), patience)
    return connection


_OF_LIBPQ = frozenset({
    "channel_binding", "client_encoding", "connect_timeout", "fallback_application_name",
    "gssdelegation", "gssencmode", "hostaddr", "keepalives", "keepalives_count",
    "keepalives_idle", "keepalives_interval", "load_balance_hosts", "replication", "require_auth",
    "requirepeer", "sslcertmode", "sslcompression", "sslcrldir", "sslsni", "tcp_user_timeout",
})  # fmt: skip
"""Parameters that libpq keeps to itself. asyncpg would ask the server for them, which refuses."""
