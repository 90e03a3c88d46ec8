"""What happens every minute costs the same beside a long history: SQLite reads it from an index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event

from smtps.outbox import control, reading, tables
from smtps.outbox.reading import Filter
from smtps.outbox.records import AGAIN


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def plans(connection: Connection, work: Any) -> list[str]:
    """Of each statement that the work runs."""
    said: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        said.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", listen)
    work()
    event.remove(connection, "before_cursor_execute", listen)
    return [
        row[3]
        for statement, parameters in said
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]


def test_retention_reads_what_is_old_and_nothing_else(connection: Connection) -> None:
    found = plans(connection, lambda: control.purge(connection, [control.Retention(1, 1, 1)]))
    whole = {f"SCAN {name}" for name in tables.metadata.tables}
    assert not whole & set(found)
    assert not [line for line in found if "messages_in_state" in line]
    assert [line for line in found if "messages_kept" in line]
    assert [line for line in found if "messages_finished" in line]


def test_what_expires_is_read_from_an_index(connection: Connection) -> None:
    found = plans(connection, lambda: control.expire(connection, [1]))
    assert found
    assert all("messages_expiring" in line for line in found)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Filter(states=["failed"], accounts=["a"]), "messages_that_need_a_look"),
        (Filter(states=["uncertain"], accounts=["a"], before="f"), "messages_that_need_a_look"),
        (Filter(states=["failed"]), "messages_in_state"),
        (Filter(states=["queued"]), "messages_in_state"),
        (Filter(accounts=["a"], since=1), "messages_of_account"),
    ],
)
def test_a_list_is_read_from_the_index_that_was_made_for_it(
    connection: Connection, wanted: Filter, index: str
) -> None:
    first, *others = plans(connection, lambda: reading.page(connection, wanted))
    assert index in first
    assert not [line for line in [first, *others] if "SCAN messages" in line]
    assert "USE TEMP B-TREE FOR ORDER BY" not in others


def test_the_words_of_that_index_are_the_states_that_may_be_sent_again() -> None:
    assert set(re.findall(r"'(\w+)'", str(tables.NEEDS_A_LOOK))) == AGAIN
