"""Imports, once, everything that the programs import."""

from importlib import import_module

for name in (
    "pgqueuer.adapters.drivers.asyncpg",
    "pgqueuer.adapters.persistence.queries",
    "sqlalchemy.dialects.postgresql.psycopg",
    "uvicorn.protocols.http.auto",
    "smtps.api.routes.messages",
    "smtps.api.server",
    "smtps.cli.loop",
    "smtps.cli.serve",
    "smtps.cli.worker",
    "smtps.outbox.postgres",
    "smtps.outbox.sqlite",
    "tests.outbox.crash.run",
):
    import_module(name)
