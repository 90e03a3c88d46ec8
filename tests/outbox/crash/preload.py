"""Imports, once, everything that the programs import, and shortens what a run would wait for."""

from importlib import import_module

from smtps.outbox import notices

for name in (
    "pgqueuer.adapters.drivers.asyncpg",
    "pgqueuer.adapters.persistence.queries",
    "sqlalchemy.dialects.postgresql.psycopg",
    "uvicorn.protocols.http.auto",
    "smtps.http.routes.messages",
    "smtps.http.serving",
    "smtps.cli.running",
    "smtps.serve",
    "smtps.cli.worker",
    "smtps.outbox.postgres",
    "smtps.outbox.sqlite",
    "tests.outbox.crash.run",
):
    import_module(name)

notices.LEASE = 3_000  # until another process tells what a killed one was telling
setattr(notices, "PAUSES", (200,) * len(notices.PAUSES))  # noqa: B010  # of another length
