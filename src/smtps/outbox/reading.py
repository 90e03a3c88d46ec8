"""What can be known of messages and accounts; every question is answered from an index."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, exists, func, or_, select

from smtps.advice import ADVICE
from smtps.outbox import notices, tables
from smtps.outbox.records import AGAIN, WAITING, RecipientStatus, State, when

_M, _L, _R = tables.messages.c, tables.lanes.c, tables.recipients.c

PAGE = 50
"""Messages of a page, unless more or fewer are asked for."""

LARGEST_PAGE = 500

STUCK = 30 * 60_000
"""Milliseconds in ``sending`` after which a lane is woken to look: no server takes so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which messages; the newest first.

    Attributes:
        states, accounts: any of these; None for all.
        tag: has it.
        since, until: created then, in milliseconds since 1970.
        before: the last of the page before.
        limit: how many.
    """

    states: Collection[str] | None = None
    accounts: Collection[str] | None = None
    tag: str | None = None
    since: int | None = None
    until: int | None = None
    before: str | None = None
    limit: int = PAGE


def page(connection: Connection, wanted: Filter) -> list[dict[str, Any]]:
    """A page of messages; of their recipients the first, and how many stand how."""
    # One list for each state and account, each read from its own index and cut short.
    lists = [
        connection.execute(_one_list(wanted, state, account)).mappings().all()
        for state in (wanted.states if wanted.states is not None else (None,))
        for account in (wanted.accounts if wanted.accounts is not None else (None,))
    ]
    rows = sorted((row for rows in lists for row in rows), key=lambda row: row["id"], reverse=True)
    found = rows[: wanted.limit]
    people = _people(connection, [row["id"] for row in found])
    return [{**summary(row), **people[row["id"]]} for row in found]


def _people(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]]
    found = defaultdict(lambda: {"first_recipient": None, "standings": {}})
    first = select(_R.message, _R.email).where(_R.message.in_(ids), _R.n == 0)
    for id_, email in connection.execute(first):
        found[id_]["first_recipient"] = email
    number = (
        select(_R.message, _R.standing, func.count())
        .where(_R.message.in_(ids))
        .group_by(_R.message, _R.standing)
    )
    for id_, standing, many in connection.execute(number):
        standings = found[id_]["standings"]
        standings[_told(standing)] = standings.get(_told(standing), 0) + many
    return found


def _told(standing: str) -> str:
    """What is said of a recipient: that it may have arrived is told by the attempts."""
    return RecipientStatus.PENDING.value if standing == RecipientStatus.AGAIN else standing


def _one_list(wanted: Filter, state: str | None, account: str | None) -> Select[Any]:
    query = select(tables.messages).order_by(_M.id.desc()).limit(wanted.limit)
    if state is not None:
        query = query.where(_M.state == state)
    if account is not None:
        query = query.where(_M.account == account)
    if state in AGAIN and account is not None:
        query = query.where(tables.NEEDS_A_LOOK)
    if wanted.tag is not None:
        marked = tables.tags.c
        query = query.join(tables.tags, marked.message == _M.id).where(marked.tag == wanted.tag)
    # Names begin with the time.
    if wanted.since is not None:
        query = query.where(_M.id >= f"{wanted.since:012x}")
    if wanted.until is not None:
        query = query.where(_M.id < f"{wanted.until:012x}")
    if wanted.before is not None:
        query = query.where(_M.id < wanted.before)
    return query


def summary(row: RowMapping) -> dict[str, Any]:
    """A message as lists show it."""
    return {
        "id": row["id"],
        "message_id": row["message_id"],
        "status": row["state"],
        "account": row["account"],
        "from": row["sender"],
        "subject": row["subject"],
        "size": row["size"],
        "created_at": when(row["created"]),
        "next_attempt_at": when(row["due"]),
        "expires_at": when(row["expires"]),
        "finished_at": when(row["finished"]),
        "tries": row["tries"],
        "kept": bool(row["kept"]),
        "tags": json.loads(row["tags"]),
        "metadata": json.loads(row["metadata"]),
        "failure": _failure(row["failure"]),
    }


def named(connection: Connection, prefix: str) -> list[str]:
    """Up to three ids that begin so."""
    query = select(_M.id).where(_M.id >= prefix, _M.id < f"{prefix}g").order_by(_M.id).limit(3)
    return list(connection.execute(query).scalars())


def show(connection: Connection, id_: str) -> dict[str, Any] | None:
    """A message with its recipients and attempts, and how its webhook was told, or None."""
    row = connection.execute(select(tables.messages).where(_M.id == id_)).mappings().first()
    if row is None:
        return None
    people, tries = tables.recipients, tables.attempts
    found = connection.execute(
        select(people).where(people.c.message == id_).order_by(people.c.n)
    ).mappings()
    attempts = connection.execute(
        select(tries).where(tries.c.message == id_).order_by(tries.c.n)
    ).mappings()
    return {
        **summary(row),
        "recipients": [
            {"email": r["email"], "status": _told(r["standing"]), "smtp": _parsed(r["reply"])}
            for r in found
        ],
        "attempts": [_attempt(attempt) for attempt in attempts],
        "webhook": notices.of_message(connection, id_),
    }


def _attempt(row: RowMapping) -> dict[str, Any]:
    return {
        "n": row["n"],
        "started_at": when(row["begun"]),
        "duration_ms": row["ms"],
        "outcome": row["outcome"],
        "address": row["address"],
        "reply": _parsed(row["reply"]),
        "failure": _failure(row["failure"]),
    }


def transcript(connection: Connection, id_: str) -> list[dict[str, Any]] | None:
    """What was said in each attempt, or None if there is no such message."""
    if connection.execute(select(_M.id).where(_M.id == id_)).first() is None:
        return None
    tries = tables.attempts.c
    rows = connection.execute(
        select(tries.n, tries.begun, tries.transcript).where(tries.message == id_).order_by(tries.n)
    )
    return [
        {"n": n, "started_at": when(begun), "lines": _parsed(lines) or []}
        for n, begun, lines in rows
    ]


def body(connection: Connection, id_: str) -> bytes | None:
    """A message as it goes out, if it is still kept."""
    data = connection.execute(
        select(tables.bodies.c.data).where(tables.bodies.c.id == id_)
    ).scalar()
    return None if data is None else bytes(data)


def state(connection: Connection, id_: str) -> tuple[str, int] | None:
    """State and number of attempts, for whoever waits for a change."""
    row = connection.execute(select(_M.state, _M.tries).where(_M.id == id_)).first()
    return None if row is None else (row[0], row[1])


def due_accounts(connection: Connection, now: int) -> list[str]:
    """Accounts that have something to do and are not told to wait."""
    due = exists().where(_M.account == _L.account, _M.due <= now)
    stuck = exists().where(
        _M.account == _L.account, _M.state == State.SENDING.value, _M.begun < now - STUCK
    )
    query = select(_L.account).where(_L.not_before <= now, or_(due, stuck))
    return list(connection.execute(query).scalars())


def account_states(connection: Connection, now: int) -> list[dict[str, Any]]:
    """How each account stands."""
    rows = connection.execute(select(tables.lanes).order_by(_L.account)).mappings()
    unheard, none = notices.counts(connection), {"pending": 0, "undelivered": 0}
    return [
        {
            "account": row["account"],
            "status": "stopped" if row["stopped"] else "waiting" if row["failures"] else "ok",
            "code": row["code"],
            "reason": row["reason"],
            **_advice(row["code"]),
            "failures": row["failures"],
            "next_attempt_at": when(row["not_before"]) if row["not_before"] > now else None,
            "notices": unheard.get(row["account"], none),
        }
        for row in rows
    ]


def depth(connection: Connection) -> dict[tuple[str, str], tuple[int, int]]:
    """Account and state → number of messages that are not ended, and when the oldest was made."""
    unended = (*WAITING, State.SENDING)
    rows = connection.execute(
        select(_M.account, _M.state, func.count(), func.min(_M.created))
        .where(_M.state.in_(unended))
        .group_by(_M.account, _M.state)
    )
    return {(account, state): (number, oldest) for account, state, number, oldest in rows}


def meta(connection: Connection) -> dict[str, str]:
    """What is kept about the outbox itself."""
    rows = connection.execute(select(tables.meta.c.name, tables.meta.c.value))
    return {name: value for name, value in rows}  # noqa: C416  # rows are not pairs to mypy


def _failure(text: str | None) -> dict[str, Any] | None:
    """A failure, with what the project has to say about it."""
    if text is None:
        return None
    failure = json.loads(text)
    return {**failure, **_advice(failure["code"])}


def _advice(code: str | None) -> dict[str, str | None]:
    # What is on the disk may be of another release, with a code that is not known here.
    row = ADVICE.get(code or "")
    return {"meaning": row and row.meaning, "advice": row and row.fix}


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)
