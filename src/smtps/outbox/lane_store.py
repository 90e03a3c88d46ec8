"""What a lane takes on, and what of it it gives back.

Every statement is held against the lane's token. A lane that was only paused, and has been replaced
meanwhile, finds its token out of date before it sends another message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    and_,
    bindparam,
    case,
    delete,
    select,
    update,
)

from smtps.errors import LocalError
from smtps.outbox import tables
from smtps.outbox.records import (
    GUESS,
    OPEN,
    ClaimedMessage,
    ClaimRequest,
    RecipientStatus,
    State,
    Tried,
    new_id,
    outgoing_of,
    terms_of,
)
from smtps.outbox.tables import insert_all

_M, _R, _L, _A = tables.messages.c, tables.recipients.c, tables.lanes.c, tables.attempts.c
_OPEN = tuple(standing.value for standing in OPEN)


class LaneLostError(LocalError):
    """Another lane has taken the account over."""

    def __init__(self, account: str) -> None:
        super().__init__("outbox.lane_lost", f"Another worker now sends for {account}.")


def claim_due(
    connection: Connection, requests: list[ClaimRequest]
) -> list[list[ClaimedMessage] | LaneLostError]:
    """Hand out messages that are due, oldest first, and write that they are being sent."""
    return [_mark(connection, request) for request in requests]


def _mark(connection: Connection, request: ClaimRequest) -> list[ClaimedMessage] | LaneLostError:
    if not _holds(connection, request.account, request.token):
        return LaneLostError(request.account)
    due = (
        select(tables.messages)
        .where(_M.account == request.account, _M.due <= request.now, _M.expires > request.now)
        .order_by(_M.due, _M.id)
        .limit(request.most)
        .with_for_update(skip_locked=True)  # somebody may be canceling one of them just now
    )
    rows: list[Any] = []
    octets = 0
    for row in connection.execute(due).mappings().all():
        octets += row["size"]
        if rows and octets > request.octets:
            break
        rows.append(row)
    if not rows:
        return []
    connection.execute(
        _MARK,
        {"ids": [row["id"] for row in rows], "new_lane": request.token, "now": request.now},
    )
    return _claims(connection, rows, request.now)


_MARK = (
    update(tables.messages)
    .where(_M.id.in_(bindparam("ids", expanding=True)))
    .values(
        state=State.SENDING.value,
        due=None,
        begun=bindparam("now"),
        tries=_M.tries + 1,
        lane=bindparam("new_lane"),
    )
)


def _claims(connection: Connection, rows: list[Any], now: int) -> list[ClaimedMessage]:
    ids = [row["id"] for row in rows]
    bodies = dict(
        connection.execute(
            select(tables.bodies.c.id, tables.bodies.c.data).where(tables.bodies.c.id.in_(ids))
        ).all()
    )
    people: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    found = connection.execute(
        select(_R.message, _R.n, _R.email, _R.standing)
        .where(_R.message.in_(ids))
        .order_by(_R.message, _R.n)
    )
    for message, n, email, standing in found:
        people[message].append((n, email, standing))
    return [_claim(row, bodies[row["id"]], people[row["id"]], now) for row in rows]


def _claim(row: Any, data: bytes, people: list[tuple[int, str, str]], now: int) -> ClaimedMessage:
    waiting = [(n, email) for n, email, standing in people if standing in _OPEN]
    return ClaimedMessage(
        id=row["id"],
        number=row["tries"] + 1,
        step=row["step"],
        created=row["created"],
        expires=row["expires"],
        begun=now,
        told=row["told"],
        outgoing=outgoing_of(row, bytes(data), [email for _, email in waiting]),
        people=tuple(n for n, _ in waiting),
        doubtful=frozenset(n for n, _, standing in people if standing == RecipientStatus.AGAIN),
        others=frozenset(RecipientStatus(how) for _, _, how in people if how not in _OPEN),
        failure=row["failure"],
        terms=terms_of(row["terms"]),
    )


class Released(NamedTuple):
    """What a lane has taken on and not begun.

    Attributes:
        token: the lane's.
        claims: the messages.
    """

    token: int
    claims: Sequence[ClaimedMessage | Tried]


class Forsaken(NamedTuple):
    """What a lane may have taken on without having learned of it.

    Attributes:
        account, token: whose.
        begun: the time of its request, which no other request of this lane has.
    """

    account: str
    token: int
    begun: int


def release(connection: Connection, unbegun: list[Released]) -> list[None]:
    """Put back what was taken on and not begun.

    Args:
        connection: in a transaction.
        unbegun: for each lane.
    """
    for token, claims in unbegun:
        if claims:
            connection.execute(_put_back(_M.id.in_([claim.id for claim in claims]), token))
            _take_guesses_back(connection, token, claims)
    return [None] * len(unbegun)


def forsake(connection: Connection, all_forsaken: list[Forsaken]) -> list[None]:
    """Put back what was taken on, if it was, by a request whose answer never came."""
    for account, token, begun in all_forsaken:
        these = and_(_M.account == account, _M.begun == begun)
        connection.execute(_put_back(these, token))
    return [None] * len(all_forsaken)


def _put_back(these: ColumnElement[bool], token: int, *states: State) -> Update:
    again = case((_M.tries > 1, State.RETRYING.value), else_=State.QUEUED.value)
    forget = {"finished": None, "failure": None} if states else {}
    return (
        update(tables.messages)
        .where(these, _M.lane == token, _M.state.in_(states or (State.SENDING,)))
        .values(state=again, due=_M.begun, tries=_M.tries - 1, **forget)
    )


def _take_guesses_back(
    connection: Connection, token: int, claims: Sequence[ClaimedMessage | Tried]
) -> None:
    """The lane that came after could not know that these were not begun."""
    of = {claim.id: claim for claim in claims}
    found = connection.execute(
        select(_M.id)
        .join(tables.attempts, and_(_A.message == _M.id, _A.n == _M.tries, _A.outcome == GUESS))
        .where(_M.id.in_(sorted(of)), _M.lane == token, _M.state.in_(_GUESSED))
        .with_for_update(of=tables.messages)
    )
    for id_ in found.scalars().all():
        claim = of[id_]
        this = and_(_M.id == id_, _M.tries == claim.number)
        if not connection.execute(_put_back(this, token, *_GUESSED)).rowcount:
            continue
        connection.execute(delete(tables.attempts).where(_A.message == id_, _A.n == claim.number))
        connection.execute(delete(tables.notices).where(tables.notices.c.message == id_))
        for n in claim.people:
            standing = RecipientStatus.AGAIN if n in claim.doubtful else RecipientStatus.PENDING
            connection.execute(
                update(tables.recipients)
                .where(_R.message == id_, _R.n == n)
                .values(standing=standing.value)
            )


_GUESSED = (State.UNCERTAIN, State.RETRYING)


def tell(
    connection: Connection, news: Iterable[tuple[str, str, str | None, int]], *, wait: int = 0
) -> None:
    """Have somebody told; what was not told yet about the same message is out of date.

    Args:
        connection: in a transaction.
        news: message, account, event, and the time in milliseconds.
        wait: milliseconds, as more may be known then.
    """
    rows = [
        {"message": message, "id": new_id(now), "account": account, "event": event, "at": now,
         "due": now + wait, "tries": 0}
        for message, account, event, now in news
    ]  # fmt: skip
    if rows:
        old = [row["message"] for row in rows]
        connection.execute(delete(tables.notices).where(tables.notices.c.message.in_(old)))
        insert_all(connection, tables.notices, rows)


def _holds(connection: Connection, account: str, token: int) -> bool:
    row = connection.execute(
        select(_L.token).where(_L.account == account).with_for_update()
    ).first()
    return row is not None and row[0] == token
