"""A long history: a million messages that have ended, and what is asked beside them."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.outbox_load import SQLITE, Place
from sqlalchemy import Connection, Engine, text

from smtps.outbox import control, reading
from smtps.outbox.lane_store import claim_due
from smtps.outbox.lease import LeaseRequest, acquire
from smtps.outbox.outbox import DAY
from smtps.outbox.reading import Filter
from smtps.outbox.records import ClaimRequest, LaneLease
from smtps.outbox.store import backend, prepare

DAYS = 90
ACCOUNTS = 20
WANTED = 20.0
"""Milliseconds."""

_SERIES = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)"
_FILL = (
    """{series} INSERT INTO messages SELECT {hex_time} || {hex_number}, 'account-' || i % :accounts,
    CASE i % 50 WHEN 0 THEN 'failed' ELSE 'sent' END, NULL, :start + i * :step,
    :start + i * :step + 259200000, :start + i * :step + 500, :start + i * :step + 900, 1, 0, 1,
    {false}, i >= :bodies, 'ann@bench.test', '<' || i || '@bench.test>', 'Hello', 2300, '{{}}',
    '[]', '{{}}', NULL FROM n""",
    """INSERT INTO recipients SELECT id, 0, 'bob@bench.test',
    CASE state WHEN 'sent' THEN 'accepted' ELSE 'refused' END, '{{"code": 250, "text": "ok"}}'
    FROM messages""",
    """INSERT INTO attempts SELECT id, 1, begun, 400, state, NULL,
    '{{"code": 250, "enhanced": "2.0.0", "text": "Ok: queued as SINK"}}', NULL, {said}
    FROM messages""",
    "INSERT INTO bodies SELECT id, {body} FROM messages WHERE kept",
    """INSERT INTO keys SELECT '', message_id, {digest}, id, '{{"id": "' || id || '"}}', created
    FROM messages WHERE kept""",
    "INSERT INTO tags SELECT 'tag-' || account, id FROM messages WHERE id LIKE '%0'",
)
_WORDS = {
    SQLITE: {
        "hex_time": "printf('%012x', :start + i * :step)", "hex_number": "printf('%020x', i)",
        "false": "0", "body": "randomblob(2300)", "digest": "hex(randomblob(32))",
    },
    "PostgreSQL": {
        "hex_time": "lpad(to_hex(:start + i * :step), 12, '0')",
        "hex_number": "lpad(to_hex(i), 20, '0')", "false": "false",
        "body": "decode(repeat(md5(random()::text) || md5(id), 36), 'hex')",
        "digest": "md5(id) || md5(message_id)",
    },
}  # fmt: skip
_SAID = "'" + '["> MAIL FROM:<ann@bench.test>", "> RCPT TO:<bob@bench.test>", "< 250 ok"]' + "'"


def fill(engine: Engine, kind: str, messages: int, now: int) -> None:
    """So many messages, spread over the days; those of the last week with their bodies."""
    values = {
        "count": messages, "accounts": ACCOUNTS, "start": now - DAYS * DAY,
        "step": DAYS * DAY // messages, "bodies": messages - messages * 7 // DAYS,
    }  # fmt: skip
    for statement in _FILL:
        sql = statement.format(series=_SERIES if kind == SQLITE else "", said=_SAID, **_WORDS[kind])
        if kind == SQLITE:
            # Where the WITH of an INSERT stands differs.
            sql = sql.replace(_SERIES, "", 1) if not sql.startswith("WITH") else sql
        elif "FROM n" in sql:
            sql = sql.replace(
                "FROM n", "FROM (SELECT generate_series(0, :count - 1)::bigint AS i) n"
            )
        with engine.begin() as connection:
            used = {name: value for name, value in values.items() if f":{name}" in sql}
            connection.execute(text(sql), used)


def history(place: Place, messages: int) -> list[str]:
    """Rows of the table, and what became of the size."""
    with closing(backend(place.url, own=True)) as behind:
        prepare(behind.writing)
        now = int(time.time() * 1000)
        fill(behind.writing, place.kind, messages, now)
        if place.kind != SQLITE:
            with behind.writing.connect() as connection:
                connection.connection.driver_connection.autocommit = True  # type: ignore[union-attr]
                connection.exec_driver_sql("VACUUM ANALYZE")
        found = _questions(behind, now)
        found |= _claims(behind, now)
        before = _octets(place, behind)
        found["purge, a step"] = _purge(behind, now)
        after = _octets(place, behind)
    rows = [_row(place.kind, name, times) for name, times in found.items()]
    rows.append(
        f"| {place.kind} | size, MB: before retention, after | | {before / 1e6:,.0f} "
        f"| {after / 1e6:,.0f} |"
    )
    return rows


def _row(kind: str, name: str, times: list[float]) -> str:
    middle, worst = statistics.median(times), max(times)
    p99 = statistics.quantiles(times, n=100)[98] if len(times) > 1 else worst
    mark = " (missed)" if p99 > WANTED else ""
    return f"| {kind} | {name} | {WANTED:g} | {middle:.1f} | {p99:.1f}{mark} |"


def _timed(times: int, work: Callable[[], Any]) -> list[float]:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1000)
    return found


def _questions(behind: Any, now: int) -> dict[str, list[float]]:
    def ask(question: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        def once() -> Any:
            with behind.reading.connect() as connection:
                return question(connection, *arguments)

        return once

    middle = f"{now - DAYS * DAY // 2:012x}"
    pages = {
        "list, newest": Filter(),
        "list, one account, half-way": Filter(accounts=["account-3"], before=middle),
        "list, failed": Filter(states=["failed"]),
        "list, failed of one account": Filter(states=["failed"], accounts=["account-0"]),
        "list, waiting": Filter(states=["queued", "retrying", "sending"]),
        "list, one tag": Filter(tag="tag-account-0"),
    }
    found = {name: _timed(200, ask(reading.page, wanted)) for name, wanted in pages.items()}
    with behind.reading.connect() as connection:
        names = connection.execute(text("SELECT id FROM messages ORDER BY id LIMIT 200")).scalars()
        shown = iter(names.all())

    def show(id_: str) -> Any:
        return ask(reading.show, id_)()

    found["show"] = _timed(200, lambda: show(next(shown)))
    found["what is due"] = _timed(200, ask(reading.due_accounts, now))
    found["depth, for metrics"] = _timed(200, ask(reading.depth))
    return found


def _claims(behind: Any, now: int) -> dict[str, list[float]]:
    """64 messages at once, as a lane does, for one account of which 3,200 wait."""
    sql = """INSERT INTO messages SELECT {hex_time} || {hex_number}, 'account-0', 'queued', :now,
    :now, :now + 86400000, NULL, NULL, 0, 0, NULL, {false}, {true}, 'ann@bench.test', NULL, 'Hello',
    2300, '{{}}', '[]', '{{}}', NULL FROM {numbers}"""
    with behind.writing.begin() as connection:
        sqlite = connection.dialect.name == "sqlite"
        words = _WORDS[SQLITE if sqlite else "PostgreSQL"] | {
            "hex_time": "'ffffffffffff'", "true": "1" if sqlite else "true",
            "numbers": "n" if sqlite else "(SELECT generate_series(0, 3199)::bigint AS i) n",
        }  # fmt: skip
        series = _SERIES.replace(":count", "3200") if sqlite else ""
        connection.execute(text(f"{series} {sql.format(**words)}"), {"now": now})
        waiting = "FROM messages WHERE state = 'queued'"
        connection.execute(text(f"INSERT INTO bodies SELECT id, {words['body']} {waiting}"))
        connection.execute(
            text(
                "INSERT INTO recipients SELECT id, 0, 'bob@bench.test', 'pending', NULL " + waiting
            )
        )
        lease: LaneLease = acquire(
            connection, [LeaseRequest("account-0", None, None, False, False, now)]
        )[0]

    def claim() -> None:
        with behind.writing.begin() as connection:
            request = ClaimRequest("account-0", lease.token, now + 1, 64, 8 << 20)
            (claims,) = claim_due(connection, [request])
            assert isinstance(claims, list)
            assert len(claims) == 64

    return {"claim of 64": _timed(50, claim)}


def _purge(behind: Any, now: int) -> list[float]:
    """Half of the history goes, and bodies older than three days; step by step, as it does."""
    age = control.Retention(now - 3 * DAY, now - DAYS * DAY // 2, now - 3 * DAY)
    found: list[float] = []
    gone = control.PURGED_AT_ONCE

    def step() -> None:
        nonlocal gone
        with behind.writing.begin() as connection:
            (gone,) = control.purge(connection, [age])

    while gone >= control.PURGED_AT_ONCE:
        found += _timed(1, step)
    for _ in range(2000):
        with behind.writing.begin() as connection:
            if not _give_back(behind, connection):
                break
    return found


def _give_back(behind: Any, connection: Connection) -> bool:
    """Whether there was room to give back."""
    if connection.dialect.name != "sqlite":
        return False
    behind.tidy(connection, [None])
    return bool(connection.exec_driver_sql("PRAGMA freelist_count").scalar())


def _octets(place: Place, behind: Any) -> int:
    if place.kind == SQLITE:
        with closing(
            sqlite3.connect(place.url)
        ) as connection:  # the engine would open a transaction
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Path(place.url).stat().st_size
    with behind.reading.connect() as connection:
        return int(behind.octets(connection))
