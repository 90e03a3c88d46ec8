"""Many rows at once, as the driver takes them.

SQLAlchemy writes the statement, once; to look at each value of each row would take it as long as
the database takes to store it, and these are plain ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

_BY_DIALECT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, all with the same columns; none is there already."""
    _insert(connection, table, rows, only_new=False)


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, except those whose primary key is there already."""
    _insert(connection, table, rows, only_new=True)


def replace_one(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Insert a row, in place of the one with its primary key if there is one, also where another
    process does the same just now.
    """
    statement = _BY_DIALECT[connection.dialect.name](table).values(row)
    key = [column.name for column in table.primary_key]
    others = {name: value for name, value in row.items() if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=others))


def _insert(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *, only_new: bool
) -> None:
    if not rows:
        return
    text, order = _statement(table, tuple(rows[0]), connection.dialect, only_new)
    parameters: Any = rows
    if order is not None:
        parameters = [tuple([row[name] for name in order]) for row in rows]
    connection.exec_driver_sql(text, parameters)


@lru_cache(maxsize=128)
def _statement(
    table: Table, columns: tuple[str, ...], dialect: Dialect, only_new: bool
) -> tuple[str, Sequence[str] | None]:
    """The statement, and the order of its parameters if they have no names."""
    statement: Insert = insert(table)
    if only_new:
        statement = _BY_DIALECT[dialect.name](table).on_conflict_do_nothing()
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(columns))
    return str(compiled), compiled.positiontup
