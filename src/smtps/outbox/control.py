"""What people and the clock decide about messages and accounts.

The outbox keeps the latest time that it has seen. If a process starts with an earlier clock, it
moves every pause back by the difference; otherwise those messages would wait that much longer. A
time of day that the caller has set stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, case, delete, select, tuple_, update

from smtps.errors import LocalError, Phase
from smtps.outbox import tables
from smtps.outbox.clock import JUMP
from smtps.outbox.decision import outcome
from smtps.outbox.lane_store import tell
from smtps.outbox.notices import tell_again
from smtps.outbox.records import AGAIN, FINAL, OPEN, WAITING, RecipientStatus, State
from smtps.outbox.tables import replace_one

_M, _R, _L = tables.messages.c, tables.recipients.c, tables.lanes.c

_IN_DOUBT = _R.standing.in_([RecipientStatus.UNCERTAIN.value, RecipientStatus.AGAIN.value])

PURGED_AT_ONCE = 200
"""Messages that expire, or whose remains are removed, in one transaction."""


UNENDED = WAITING | {State.SENDING}


class ControlError(LocalError):
    """It cannot be done with this message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message, phase=Phase.INPUT)


class Order(NamedTuple):
    """What is to be done with one message.

    Attributes:
        id: which.
        now: milliseconds since 1970.
        lifetime: milliseconds from now that it has, if it is sent again.
        notify: whether its account has somebody to tell.
    """

    id: str
    now: int
    lifetime: int = 0
    notify: bool = False


def cancel(connection: Connection, orders: list[Order]) -> list[ControlError | None]:
    """Do not send it (any more): what has been delivered stays delivered."""
    return [_cancel(connection, order) for order in orders]


def _cancel(connection: Connection, order: Order) -> ControlError | None:
    done = connection.execute(
        update(tables.messages)
        .where(_M.id == order.id, _M.state.in_(WAITING))
        .values(state=State.CANCELED.value, due=None, finished=order.now)
        .returning(_M.account)
    ).first()
    if done is None:
        return _impossible(connection, order.id, "canceled", State.CANCELED)
    _leave_open_ones(connection, [order.id])
    if order.notify:
        tell(connection, [(order.id, done.account, "canceled", order.now)])
    return None


def retry(connection: Connection, orders: list[Order]) -> list[ControlError | None]:
    """Send it now, or once more, to those who have not got it."""
    return [_retry(connection, order) for order in orders]


def _retry(connection: Connection, order: Order) -> ControlError | None:
    done = connection.execute(
        update(tables.messages)
        .where(_M.id == order.id, _M.state.in_(AGAIN | WAITING), _M.kept)
        .values(
            state=State.QUEUED.value, due=order.now, step=0, finished=None, failure=None,
            expires=order.now + order.lifetime, told=False,
        )
        .returning(_M.account)
    ).first()  # fmt: skip
    if done is None:
        if (error := _impossible(connection, order.id, "sent again", None)) is not None:
            return error
        return ControlError("outbox.body_gone", "The message itself has been deleted.")
    connection.execute(
        update(tables.recipients)
        .where(_R.message == order.id, _R.standing != RecipientStatus.ACCEPTED.value)
        .values(
            standing=case(
                (_IN_DOUBT, RecipientStatus.AGAIN.value), else_=RecipientStatus.PENDING.value
            )
        )
    )
    connection.execute(delete(tables.notices).where(tables.notices.c.message == order.id))
    # Somebody wants it now: the account waits no longer, unless it needs mending first.
    connection.execute(
        update(tables.lanes)
        .where(_L.account == done.account, _L.stopped.is_(False))
        .values(not_before=0)
    )
    return None


def notify(connection: Connection, orders: list[Order]) -> list[ControlError | None]:
    """Have the webhook told (once more) what has become of it."""
    return [_notify(connection, order) for order in orders]


def _notify(connection: Connection, order: Order) -> ControlError | None:
    row = connection.execute(select(_M.account, _M.state).where(_M.id == order.id)).first()
    if row is None:
        return ControlError("outbox.not_found", f"There is no message {order.id}.")
    if not order.notify:
        return ControlError("outbox.no_webhook", f"The account {row.account} has no webhook.")
    ended = row.state if row.state in FINAL else None
    if tell_again(connection, order.id, ended, order.now):
        return None
    if ended is None:
        return ControlError(
            "outbox.nothing_to_tell",
            f"There is no event to deliver yet: the message is {row.state}.",
        )
    tell(connection, [(order.id, row.account, ended, order.now)])
    return None


def _impossible(
    connection: Connection, id_: str, what: str, already: State | None
) -> ControlError | None:
    state = connection.execute(select(_M.state).where(_M.id == id_)).scalar()
    if state is None:
        return ControlError("outbox.not_found", f"There is no message {id_}.")
    if state == already:
        return None
    if state in (State.SENDING, State.SENT) or already is not None:
        return ControlError("outbox.too_late", f"The message cannot be {what}: it is {state}.")
    return None


def resume(connection: Connection, accounts: list[str]) -> list[bool]:
    """Let accounts send again at once; False for one that is not known."""
    return [
        connection.execute(
            update(tables.lanes)
            .where(_L.account == account)
            .values(failures=0, not_before=0, stopped=False, code=None, reason=None)
        ).rowcount
        > 0
        for account in accounts
    ]


def expire(connection: Connection, times: list[int]) -> list[int]:
    """End what was not delivered in time; returns how many, at most AT_ONCE."""
    return [_expire(connection, now) for now in times]


def _expire(connection: Connection, now: int) -> int:
    rows = connection.execute(
        select(_M.id, _M.account)
        .where(_M.expires <= now, _M.due.is_not(None))
        .limit(PURGED_AT_ONCE)
        .with_for_update(skip_locked=True)  # somebody may be canceling one of them just now
    ).all()
    if not rows:
        return 0
    ids = [row.id for row in rows]
    _leave_open_ones(connection, ids)
    standings: dict[str, set[RecipientStatus]] = defaultdict(set)
    for message, standing in connection.execute(
        select(_R.message, _R.standing).where(_R.message.in_(ids)).distinct()
    ):
        standings[message].add(RecipientStatus(standing))
    states = [(row, _in_the_end(standings[row.id])) for row in rows]
    for row, state in states:
        connection.execute(
            update(tables.messages)
            .where(_M.id == row.id)
            .values(state=state.value, due=None, finished=now)
        )
    tell(connection, [(row.id, row.account, state.value, now) for row, state in states])
    return len(ids)


def _in_the_end(standings: set[RecipientStatus]) -> State:
    """What a message is called whose time is over: by what has come of it, if anything has."""
    state = outcome(standings)
    return State.EXPIRED if state is State.FAILED else state


def _leave_open_ones(connection: Connection, ids: list[str]) -> None:
    connection.execute(
        update(tables.recipients)
        .where(_R.message.in_(ids), _R.standing.in_(OPEN))
        .values(
            standing=case(
                (_IN_DOUBT, RecipientStatus.UNCERTAIN.value), else_=RecipientStatus.UNSENT.value
            )
        )
    )


class Retention(NamedTuple):
    """What is old enough to go, in milliseconds since 1970.

    Attributes:
        bodies: of messages that ended before.
        records: the same for all that is known of them.
        keys: used before.
    """

    bodies: int
    records: int
    keys: int


def purge(connection: Connection, ages: list[Retention]) -> list[int]:
    """Remove what is old; returns how many rows, at most a few times AT_ONCE."""
    return [_purge(connection, age) for age in ages]


def _purge(connection: Connection, age: Retention) -> int:
    ended = (
        select(_M.id)
        # "Not in" so that SQLite reads those that ended before, and not all of each state.
        .where(_M.finished.is_not(None), _M.state.not_in(UNENDED))
        .limit(PURGED_AT_ONCE)
        .with_for_update(skip_locked=True)  # somebody may want one of them sent again just now
    )
    with_body = ended.where(_M.kept, _M.finished <= age.bodies)
    ids = connection.execute(with_body).scalars().all()
    gone = len(ids)
    connection.execute(update(tables.messages).where(_M.id.in_(ids)).values(kept=False))
    connection.execute(delete(tables.bodies).where(tables.bodies.c.id.in_(ids)))
    ids = connection.execute(ended.where(_M.finished <= age.records)).scalars().all()
    gone += len(ids)
    for name in tables.OF_A_MESSAGE:
        connection.execute(delete(name.table).where(name.in_(ids)))
    connection.execute(delete(tables.messages).where(_M.id.in_(ids)))
    keys = tables.keys.c
    old = select(keys.scope, keys.key).where(keys.created <= age.keys).limit(PURGED_AT_ONCE)
    these = tuple_(keys.scope, keys.key).in_(old)  # by its primary key; there may be millions
    gone += connection.execute(delete(tables.keys).where(these)).rowcount
    return gone


def write_meta(connection: Connection, pairs: list[tuple[str, str]]) -> list[None]:
    """Keep something about the outbox itself."""
    for name, value in pairs:
        replace_one(connection, tables.meta, {"name": name, "value": value})
    return [None] * len(pairs)


def try_out(connection: Connection, nothing: list[None]) -> list[None]:
    """Write what is there already, to see whether anything can be written."""
    meta = tables.meta.c
    connection.execute(update(tables.meta).where(meta.name == "schema").values(value=meta.value))
    return nothing


SEEN = "seen"

_N, _T = tables.notices.c, tables.meta.c


AWAY = 60 * 60_000
"""Milliseconds between two looks: after more, the clock may have been set forward instead."""


class Seen(NamedTuple):
    """What a look has shown.

    Attributes:
        moved: milliseconds by which waits were moved.
        long_ago: whether the look before was long ago, by this clock.
    """

    moved: int = 0
    long_ago: bool = False


class Sight(NamedTuple):
    """A look at the clock.

    Attributes:
        now: milliseconds since 1970.
        back: whether the clock may have gone back since the last look; otherwise another process
            has a clock that is ahead.
    """

    now: int
    back: bool


def look(connection: Connection, sights: Sequence[Sight]) -> list[Seen]:
    """Keep the time that is seen, and move what waits if it is behind the one before."""
    return [_look(connection, sight) for sight in sights]


def _look(connection: Connection, sight: Sight) -> Seen:
    # Of two processes that find the clock behind, the second waits for what the first has seen.
    query = select(_T.value).where(_T.name == SEEN).with_for_update()
    seen = int(connection.execute(query).scalar() or "0")
    by = seen - sight.now
    if by < JUMP:
        if by < 0:
            write_meta(connection, [(SEEN, str(sight.now))])
        return Seen(long_ago=seen > 0 and by < -AWAY)
    if not sight.back:
        return Seen()
    waiting = _M.state.in_((State.QUEUED.value, State.RETRYING.value))
    connection.execute(
        update(tables.messages)
        .where(waiting, _M.due > sight.now)
        .values(due=_moved(_M.due, by, sight.now))
    )
    connection.execute(
        update(tables.lanes)
        .where(_L.not_before > sight.now)
        .values(not_before=_moved(_L.not_before, by, sight.now))
    )
    connection.execute(
        update(tables.notices).where(_N.due > sight.now).values(due=_moved(_N.due, by, sight.now))
    )
    write_meta(connection, [(SEEN, str(sight.now))])
    return Seen(moved=by)


def _moved(column: Column[Any], by: int, now: int) -> Any:
    return case((column - by < now, now), else_=column - by)
