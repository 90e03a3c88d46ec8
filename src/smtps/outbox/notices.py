"""Notices: what a webhook is to be told about messages and accounts, and what became of that."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, and_, case, delete, func, insert, select, update

from smtps.advice.local import fix_for
from smtps.errors import Failure
from smtps.outbox import tables
from smtps.outbox.decision import failure_text
from smtps.outbox.records import when
from smtps.outbox.retry import MINUTE
from smtps.outbox.tables import OF_ACCOUNTS

PAUSES = (5_000, 30_000, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 60 * MINUTE, 120 * MINUTE,
          300 * MINUTE, 600 * MINUTE, 840 * MINUTE)  # fmt: skip
"""Milliseconds after each attempt that has failed; after one more the notice is given up."""

OLDEST = 3 * 24 * 60 * MINUTE
"""Milliseconds since the event, or since somebody wanted it told again, after which an attempt that
fails is the last."""

LEASE = MINUTE
"""Milliseconds that one process has to tell; then another tries."""

NOTICES_AT_ONCE = 100
"""Attempts under way at the same time, in one process."""

EACH = 10
"""Of these to one host: a webhook that is slow to answer keeps nobody else waiting."""

_N, _D = tables.notices.c, tables.notified.c


class NoticeState(StrEnum):
    """How a notice stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    """Given up."""


class Notice(NamedTuple):
    """Something to tell.

    Attributes:
        tries: attempts that have failed.
        asked: when somebody wanted it told again, or None.
    """

    message: str
    id: str
    account: str
    event: str
    at: int
    due: int
    tries: int
    asked: int | None = None


class NextTry(NamedTuple):
    """What came of an attempt.

    Attributes:
        notice: that was told.
        now: the time.
        failure: why it failed, or None if it was heard.
        due: when it is told again, if it is.
        known: whether anybody wants to know: not where the account has no webhook any more.
    """

    notice: Notice
    now: int
    failure: Failure | None = None
    due: int | None = None
    known: bool = True


def event_type(event: str) -> str:
    """The type that a webhook receives: ``message.sent``, ``account.login_needed``."""
    return f"{'account' if event in OF_ACCOUNTS else 'message'}.{event}"


def next_attempt(notice: Notice, now: int) -> int | None:
    """When a notice is told again whose attempt has failed, or None if it is given up."""
    too_old = now - max(notice.at, notice.asked or 0) >= OLDEST
    if notice.tries >= len(PAUSES) or too_old:
        return None
    return now + PAUSES[notice.tries]


class WebhookQuery(NamedTuple):
    """What a process can tell now.

    Attributes:
        now: the time, milliseconds.
        telling: message → receiver, of what it tells already.
        receivers: account → who is told.
    """

    now: int
    telling: Mapping[str, str]
    receivers: Mapping[str, str]


def to_tell(connection: Connection, wanted: WebhookQuery) -> list[Notice]:
    """What is due and can be told now, the oldest first."""
    now, telling, receivers = wanted
    busy = Counter(telling.values())
    full = [account for account, receiver in receivers.items() if busy[receiver] >= EACH]
    rows = connection.execute(
        select(tables.notices, _D.asked)
        .select_from(tables.notices)
        .outerjoin(tables.notified, and_(_D.message == _N.message, _D.id == _N.id))
        # Of two events of one message, the second is not told while the first is.
        .where(_N.due <= now, _N.account.not_in(full), _N.message.not_in(list(telling)))
        .order_by(_N.due)
        .limit(NOTICES_AT_ONCE - len(telling))
    ).mappings()
    found = []
    for row in rows.all():
        receiver = receivers.get(row["account"], "")
        if busy[receiver] < EACH:
            busy[receiver] += 1
            found.append(Notice(**row))
    return found


class NoticeLease(NamedTuple):
    """Notices that one process wants to tell, and the time."""

    now: int
    notices: list[Notice]


def lease_notices(connection: Connection, leases: list[NoticeLease]) -> list[list[Notice]]:
    """Take them, as far as nobody else has; each goes to one process.

    An attempt counts when it has failed: a process that ends meanwhile uses none up.
    """
    return [
        [notice for notice in notices if _take(connection, notice, now)] for now, notices in leases
    ]


def _take(connection: Connection, notice: Notice, now: int) -> bool:
    same = (_N.message == notice.message, _N.id == notice.id, _N.due == notice.due)
    ours = connection.execute(update(tables.notices).where(*same).values(due=now + LEASE))
    return bool(ours.rowcount)


def conclude(connection: Connection, verdicts: list[NextTry]) -> list[None]:
    """Write what came of it. What was replaced by something newer meanwhile is let be."""
    for verdict in verdicts:
        notice = verdict.notice
        this = (_N.message == notice.message, _N.id == notice.id)
        if verdict.due is None:
            done = connection.execute(delete(tables.notices).where(*this))
        else:
            values = {"due": verdict.due, "tries": notice.tries + 1}
            done = connection.execute(update(tables.notices).where(*this).values(values))
        if done.rowcount and verdict.known:
            _note(connection, verdict)
    return [None] * len(verdicts)


def _note(connection: Connection, verdict: NextTry) -> None:
    notice, failed = verdict.notice, verdict.failure is not None
    if verdict.due is not None:
        state = NoticeState.PENDING
    else:
        state = NoticeState.UNDELIVERED if failed else NoticeState.DELIVERED
    row: dict[str, Any] = {
        "id": notice.id, "account": notice.account, "event": notice.event, "at": notice.at,
        "state": state.value, "tries": notice.tries + failed, "tried": verdict.now,
        "failure": failure_text(verdict.failure),
    }  # fmt: skip
    if not failed:
        # Of the attempts before, the last reason stays.
        row["failure"] = case((_D.id == notice.id, _D.failure), else_=None)
    asked = case((_D.id == notice.id, _D.asked), else_=None)
    this = _D.message == notice.message
    done = connection.execute(update(tables.notified).where(this).values({**row, "asked": asked}))
    if not done.rowcount:
        row["failure"] = failure_text(verdict.failure)
        connection.execute(insert(tables.notified), {**row, "message": notice.message})


def tell_again(connection: Connection, message: str, state: str | None, now: int) -> bool:
    """Have the last event of a message told (once more), with all its attempts before it.

    Args:
        connection: in a transaction.
        message: whose.
        state: of the message, if it has come to its end; that is told if nothing else was.
        now: the time.

    Returns:
        Whether there is something to tell that was told before, or waits.
    """
    last = connection.execute(
        select(tables.notified).where(_D.message == message)
    ).mappings().first()  # fmt: skip
    if last is not None:
        values = {"asked": now, "state": NoticeState.PENDING.value}
        connection.execute(update(tables.notified).where(_D.message == message).values(values))
    waiting = connection.execute(
        update(tables.notices).where(_N.message == message).values(due=now, tries=0)
    )
    if waiting.rowcount:
        return True
    if last is None or (state is not None and last["event"] != state):
        return False
    connection.execute(
        insert(tables.notices),
        {"message": message, "id": last["id"], "account": last["account"],
         "event": last["event"], "at": last["at"], "due": now, "tries": 0},
    )  # fmt: skip
    return True


# What can be asked.


def of_message(connection: Connection, message: str) -> dict[str, Any] | None:
    """How telling about a message stands, or None if there is nothing to tell."""
    waiting = connection.execute(
        select(tables.notices).where(_N.message == message)
    ).mappings().first()  # fmt: skip
    last = connection.execute(
        select(tables.notified).where(_D.message == message)
    ).mappings().first()  # fmt: skip
    if waiting is None:
        return None if last is None else _shown(last, None)
    if last is not None and last["id"] == waiting["id"]:
        return _shown(last, waiting)
    return _shown({**waiting, "tried": None, "failure": None}, waiting)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFilter:
    """Which notices; those of the newest messages first.

    Attributes:
        state: ``undelivered``, or ``pending`` with an attempt that has failed.
        accounts: any of these; None for all.
        before: the message of the last one of the page before.
        limit: how many.
    """

    state: NoticeState = NoticeState.UNDELIVERED
    accounts: Collection[str] | None = None
    before: str | None = None
    limit: int = 50


def page(connection: Connection, wanted: NoticeFilter) -> list[dict[str, Any]]:
    """Notices of messages that were not heard."""
    query = select(tables.notified, _N.due).select_from(tables.notified)
    query = query.where(_D.event.not_in(OF_ACCOUNTS))
    if wanted.state is NoticeState.UNDELIVERED:
        query = query.outerjoin(tables.notices, and_(_N.message == _D.message, _N.id == _D.id))
        query = query.where(tables.UNDELIVERED)
    else:
        query = query.join(tables.notices, and_(_N.message == _D.message, _N.id == _D.id))
        query = query.where(_N.tries > 0)
    if wanted.accounts is not None:
        query = query.where(_D.account.in_(wanted.accounts))
    if wanted.before is not None:
        query = query.where(_D.message < wanted.before)
    rows = connection.execute(query.order_by(_D.message.desc()).limit(wanted.limit)).mappings()
    return [
        {"message": row["message"], "account": row["account"],
         **_shown(row, row if row["due"] is not None else None)}
        for row in rows
    ]  # fmt: skip


def counts(connection: Connection) -> dict[str, dict[str, int]]:
    """Account → how many notices of messages wait after an attempt that has failed, and how many
    were given up.

    Accounts without any are left out.
    """
    found: dict[str, dict[str, int]] = {}
    pending = select(_N.account, func.count()).where(_N.tries > 0, _N.event.not_in(OF_ACCOUNTS))
    given_up = select(_D.account, func.count()).where(
        tables.UNDELIVERED, _D.event.not_in(OF_ACCOUNTS)
    )
    pending, given_up = pending.group_by(_N.account), given_up.group_by(_D.account)
    for kind, query in ((NoticeState.PENDING, pending), (NoticeState.UNDELIVERED, given_up)):
        for account, number in connection.execute(query):
            found.setdefault(account, {"pending": 0, "undelivered": 0})[kind.value] = number
    return found


_Row = RowMapping | dict[str, Any]


def _shown(row: _Row, waiting: _Row | None) -> dict[str, Any]:
    state = NoticeState.PENDING if waiting is not None else NoticeState(row["state"])
    failed = (waiting or row)["tries"]
    return {
        "id": row["id"],
        "event": event_type(row["event"]),
        "event_at": when(row["at"]),
        "status": state.value,
        "attempts": failed + (state is NoticeState.DELIVERED),
        "last_attempt_at": when(row["tried"]),
        "next_attempt_at": None if waiting is None else when(waiting["due"]),
        "failure": _failure(row["failure"]),
    }


def _failure(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    failure = json.loads(text)
    return {"code": failure["code"], "message": failure["message"],
            "advice": fix_for(failure["code"])}  # fmt: skip
