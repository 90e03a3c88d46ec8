"""The tables, the same on SQLite and PostgreSQL. All times are milliseconds since 1970.

SQLAlchemy writes a bulk INSERT once, and the driver takes the rows as they are: checking each value
would take as long as storing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Float,
    Index,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    insert,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    Column("id", String(32), primary_key=True),  # grows with the time of its making
    Column("account", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("due", BigInteger),  # null unless it waits
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("begun", BigInteger),  # the attempt under way, or the last one
    Column("finished", BigInteger),
    Column("tries", Integer, nullable=False),  # attempts so far
    Column("step", Integer, nullable=False),  # attempts that counted, for the schedule
    Column("lane", BigInteger),  # token of the lane that sent it last
    Column("told", Boolean, nullable=False),  # that it is delayed
    Column("kept", Boolean, nullable=False),  # its body
    Column("sender", Text, nullable=False),
    Column("message_id", Text),
    Column("subject", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("terms", Text, nullable=False),  # JSON: how to send it
    Column("tags", Text, nullable=False),  # JSON
    Column("metadata", Text, nullable=False),  # JSON
    Column("failure", Text),  # JSON: why it is not sent
    sqlite_with_rowid=False,
)
Index(
    "messages_due",
    messages.c.account,
    messages.c.due,
    messages.c.id,
    sqlite_where=messages.c.due.is_not(None),
    postgresql_where=messages.c.due.is_not(None),
)
Index(
    "messages_expiring",
    messages.c.expires,
    sqlite_where=messages.c.due.is_not(None),
    postgresql_where=messages.c.due.is_not(None),
)
Index(
    "messages_sending",
    messages.c.account,
    sqlite_where=text("state = 'sending'"),
    postgresql_where=text("state = 'sending'"),
)
Index("messages_of_account", messages.c.account, messages.c.id)
Index("messages_in_state", messages.c.state, messages.c.id)
Index("messages_finished", messages.c.finished)

NEEDS_A_LOOK = text("state IN ('partial', 'failed', 'uncertain', 'canceled', 'expired')")
"""Few among many that were sent. SQLite finds the index by these very words."""
Index(
    "messages_that_need_a_look",
    messages.c.account,
    messages.c.state,
    messages.c.id,
    sqlite_where=NEEDS_A_LOOK,
    postgresql_where=NEEDS_A_LOOK,
)
Index(
    "messages_kept",
    messages.c.finished,
    sqlite_where=text("kept = 1"),
    postgresql_where=text("kept"),
)

bodies = Table(
    "bodies",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

recipients = Table(
    "recipients",
    metadata,
    Column("message", String(32), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("email", Text, nullable=False),
    Column("standing", String(16), nullable=False),
    Column("reply", Text),  # JSON
    sqlite_with_rowid=False,
)

attempts = Table(
    "attempts",
    metadata,
    Column("message", String(32), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("begun", BigInteger, nullable=False),
    Column("ms", Float),
    Column("outcome", String(16), nullable=False),
    Column("address", Text),
    Column("reply", Text),  # JSON: of the whole message
    Column("failure", Text),  # JSON
    Column("transcript", Text),  # JSON
    sqlite_with_rowid=False,
)

keys = Table(
    "keys",
    metadata,
    Column("scope", Text, primary_key=True),  # who sent it
    Column("key", Text, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("message", String(32), nullable=False),
    Column("answer", Text, nullable=False),  # JSON: the first one
    Column("created", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("keys_created", keys.c.created)

tags = Table(
    "tags",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("message", String(32), primary_key=True),
    sqlite_with_rowid=False,
)
Index("tags_of_message", tags.c.message)

lanes = Table(
    "lanes",
    metadata,
    Column("account", Text, primary_key=True),
    Column("token", BigInteger, nullable=False),  # of the one lane whose word counts
    Column("level", Float, nullable=False),  # the allowance
    Column("level_at", BigInteger, nullable=False),
    Column("day", Integer, nullable=False),
    Column("spent", Integer, nullable=False),
    Column("failures", Integer, nullable=False),  # the circuit
    Column("not_before", BigInteger, nullable=False),
    Column("stopped", Boolean, nullable=False),
    Column("code", Text),
    Column("reason", Text),
    sqlite_with_rowid=False,
)

logins = Table(
    "logins",
    metadata,
    Column("account", Text, primary_key=True),
    Column("data", LargeBinary),  # encrypted; null where there is no login
    Column("lease", BigInteger, nullable=False),  # number of the last holder
    Column("beat", BigInteger, nullable=False),  # counted up while it lives
    Column("held", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

READY, LOGIN_NEEDED = "ready", "login_needed"
OF_ACCOUNTS = (READY, LOGIN_NEEDED)
"""Events of accounts, among those of messages."""

login_states = Table(
    "login_states",
    metadata,
    Column("account", Text, primary_key=True),
    Column("state", String(16), nullable=False),  # that was told last
    Column("since", BigInteger, nullable=False),
    Column("code", Text),
    Column("reason", Text),
    Column("command", Text),
    sqlite_with_rowid=False,
)

notices = Table(
    "notices",
    metadata,
    # A newer one takes the place of an older; of accounts, what stands for the account.
    Column("message", String(32), primary_key=True),
    Column("id", String(32), nullable=False),
    Column("account", Text, nullable=False),
    Column("event", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("notices_due", notices.c.due)

UNDELIVERED = text("state = 'undelivered'")
"""Few among many that were delivered."""

notified = Table(
    "notified",
    metadata,
    Column("message", String(32), primary_key=True),
    Column("id", String(32), nullable=False),  # of the notice that was tried last
    Column("account", Text, nullable=False),
    Column("event", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),  # attempts that have failed
    Column("tried", BigInteger, nullable=False),  # the last attempt
    Column("asked", BigInteger),  # when somebody wanted it told again
    Column("failure", Text),  # JSON: of the last attempt that has failed
    sqlite_with_rowid=False,
)
Index(
    "notified_undelivered",
    notified.c.account,
    notified.c.message,
    sqlite_where=UNDELIVERED,
    postgresql_where=UNDELIVERED,
)

meta = Table(
    "meta",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

OF_A_MESSAGE = (
    bodies.c.id,
    recipients.c.message,
    attempts.c.message,
    tags.c.message,
    notices.c.message,
    notified.c.message,
)
"""Go when the message goes that they name."""


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
