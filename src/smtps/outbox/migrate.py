"""Moving an outbox from one database to another, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from smtps.credentials import without_password
from smtps.errors import InputError, Phase
from smtps.outbox import control, tables
from smtps.outbox.records import State
from smtps.outbox.store import backend, hold, prepare
from smtps.outbox.tables import insert_all
from smtps.outbox.writer import StoreError

ROWS_AT_ONCE = 1000
"""Rows read and written together."""


def move(source: str, target: str, progress: Callable[[int], None]) -> dict[str, int]:
    """Copy everything, count it, and close the old outbox.

    On PostgreSQL others wait meanwhile, and are told afterwards; a file must not be in use. What
    was interrupted can be done again.

    Args:
        source, target: a file, or ``postgresql://…``.
        progress: told the number of rows so far.

    Returns:
        Rows of each table.

    Raises:
        InputError: a service uses the old one; the new one is not empty; mail is on its way.
        StoreError: a database is away.
    """
    with (
        closing(backend(source, own=True, patience=None)) as old,
        closing(backend(target, own=True, patience=None)) as new,
    ):
        try:
            prepare(old.writing, moved_to=without_password(target))
            prepare(new.writing)
            # The old one is closed before the new one is there: what happens in between can be
            # done again, and no message is ever in both.
            with new.writing.begin() as writing, old.writing.begin() as reading:
                hold(reading, alone=True)
                _check(reading, writing)
                counts = _copy(reading, writing, progress)
                control.write_meta(reading, [("moved_to", without_password(target))])
        except DBAPIError as error:
            raise StoreError(
                "outbox.unavailable", f"It was not moved: {error.orig}", phase=Phase.INPUT
            ) from error
    return counts


def _check(reading: Connection, writing: Connection) -> None:
    state = tables.messages.c.state
    count = select(func.count()).select_from(tables.messages)
    if writing.execute(count).scalar():
        raise InputError("target", "already contains messages; use an empty one")
    if reading.execute(count.where(state == State.SENDING.value)).scalar():
        raise InputError(
            "source", "has mail in flight: stop the service properly, or start it again first"
        )


def _copy(
    reading: Connection, writing: Connection, progress: Callable[[int], None]
) -> dict[str, int]:
    counts: dict[str, int] = {}
    for table in tables.metadata.sorted_tables:
        if table is tables.meta:
            continue
        query = select(table).execution_options(yield_per=ROWS_AT_ONCE)
        rows = reading.execute(query).mappings()
        copied = 0
        for part in rows.partitions(ROWS_AT_ONCE):
            insert_all(writing, table, [dict(row) for row in part])
            copied += len(part)
            progress(sum(counts.values()) + copied)
        kept = writing.execute(select(func.count()).select_from(table)).scalar()
        if kept != copied:  # nothing is committed yet
            raise InputError("target", f"received {kept} rows of {table.name}, not {copied}")
        counts[table.name] = copied
    return counts
