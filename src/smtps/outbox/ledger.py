"""What a lane writes: what it takes on, and what came of it.

Every statement is held against the lane's token. A lane that was only paused, and has been replaced
meanwhile, finds its token out of date before it sends another message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from smtps.errors import LocalError
from smtps.outbox import tables
from smtps.outbox.records import Claim, Wish, new_id, outgoing_of, terms_of
from smtps.outbox.rows import insert_all
from smtps.outbox.ruling import Ruling
from smtps.outbox.states import OPEN, Standing, State

_M, _R, _L = tables.messages.c, tables.recipients.c, tables.lanes.c
_OPEN = tuple(standing.value for standing in OPEN)


class LaneLostError(LocalError):
    """Another lane has taken the account over."""

    def __init__(self, account: str) -> None:
        super().__init__("outbox.lane_lost", f"Another worker sends for {account} now.")


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of an attempt.

    Attributes:
        account, token: who tells.
        claim: the message.
        ruling: what becomes of it.
        now: milliseconds since 1970.
        attempt: the columns of ``attempts`` beyond its key.
        notify: whether the account has somebody to tell.
    """

    account: str
    token: int
    claim: Claim
    ruling: Ruling
    now: int
    attempt: Mapping[str, Any]
    notify: bool = False


def mark(connection: Connection, wishes: list[Wish]) -> list[list[Claim] | LaneLostError]:
    """Hand out messages that are due, oldest first, and write that they are being sent."""
    return [_mark(connection, wish) for wish in wishes]


def _mark(connection: Connection, wish: Wish) -> list[Claim] | LaneLostError:
    if not _holds(connection, wish.account, wish.token):
        return LaneLostError(wish.account)
    due = (
        select(tables.messages)
        .where(_M.account == wish.account, _M.due <= wish.now, _M.expires > wish.now)
        .order_by(_M.due, _M.id)
        .limit(wish.most)
        .with_for_update(skip_locked=True)  # somebody may be canceling one of them just now
    )
    rows: list[Any] = []
    octets = 0
    for row in connection.execute(due).mappings().all():
        octets += row["size"]
        if rows and octets > wish.octets:
            break
        rows.append(row)
    if not rows:
        return []
    connection.execute(
        _MARK,
        {"ids": [row["id"] for row in rows], "new_lane": wish.token, "now": wish.now},
    )
    return _claims(connection, rows, wish.now)


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


def _claims(connection: Connection, rows: list[Any], now: int) -> list[Claim]:
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


def _claim(row: Any, data: bytes, people: list[tuple[int, str, str]], now: int) -> Claim:
    waiting = [(n, email) for n, email, standing in people if standing in _OPEN]
    return Claim(
        id=row["id"],
        number=row["tries"] + 1,
        step=row["step"],
        created=row["created"],
        expires=row["expires"],
        begun=now,
        told=row["told"],
        outgoing=outgoing_of(row, bytes(data), [email for _, email in waiting]),
        people=tuple(n for n, _ in waiting),
        doubtful=frozenset(n for n, _, standing in people if standing == Standing.AGAIN),
        others=frozenset(Standing(how) for _, _, how in people if how not in _OPEN),
        failure=row["failure"],
        terms=terms_of(row["terms"]),
    )


def release(connection: Connection, unbegun: list[tuple[int, list[Claim]]]) -> list[None]:
    """Put back what was taken on and not begun.

    Args:
        connection: in a transaction.
        unbegun: token and messages, for each lane.
    """
    for token, claims in unbegun:
        again = {claim.id for claim in claims if claim.number > 1}
        for ids, state in (
            ([c.id for c in claims if c.id not in again], State.QUEUED),
            ([c.id for c in claims if c.id in again], State.RETRYING),
        ):
            if ids:
                connection.execute(
                    update(tables.messages)
                    .where(_M.id.in_(ids), _M.lane == token, _M.state == State.SENDING.value)
                    .values(state=state.value, due=_M.begun, tries=_M.tries - 1)
                )
    return [None] * len(unbegun)


def settle(connection: Connection, lots: list[list[Settlement]]) -> list[set[str]]:
    """Write what came of attempts.

    The truth of a lane that has lost its account still counts for what nobody has begun anew.

    Returns:
        For each lot the names of the messages for which it was written.
    """
    ours = _settle(connection, [settlement for lot in lots for settlement in lot])
    return [{s.claim.id for s in lot} & ours for lot in lots]


def _settle(connection: Connection, settlements: list[Settlement]) -> set[str]:
    ours = _still_ours(connection, settlements)
    counted = [s for s in settlements if s.claim.id in ours]
    if not counted:
        return ours
    _settle_messages(connection, counted)
    _settle_recipients(connection, counted)
    insert_all(
        connection,
        tables.attempts,
        [
            {"message": s.claim.id, "n": s.claim.number, "begun": s.claim.begun, **s.attempt}
            for s in counted
        ],
    )
    tell(connection, [
        (s.claim.id, s.account, s.ruling.event, s.now)
        for s in counted if s.notify and s.ruling.event
    ])  # fmt: skip
    return ours


def _still_ours(connection: Connection, settlements: list[Settlement]) -> set[str]:
    wanted = {s.claim.id: s for s in settlements}
    found = connection.execute(
        select(_M.id, _M.lane, _M.tries, _M.state)
        .where(_M.id.in_(list(wanted)), _M.state.in_(_UNSETTLED))
        .with_for_update()
    )
    ours = {
        id_: state
        for id_, lane, tries, state in found
        if (lane, tries) == (wanted[id_].token, wanted[id_].claim.number)
    }
    _take_back(connection, [wanted[id_].claim for id_ in ours if ours[id_] != State.SENDING])
    return set(ours)


_UNSETTLED = (State.SENDING.value, State.UNCERTAIN.value, State.RETRYING.value)
"""Being sent; or taken over by a lane that could only guess, and not begun anew since."""


def _take_back(connection: Connection, claims: list[Claim]) -> None:
    """Forget what the lane that came after has guessed about attempts."""
    for claim in claims:
        connection.execute(
            delete(tables.attempts).where(
                tables.attempts.c.message == claim.id, tables.attempts.c.n == claim.number
            )
        )
        connection.execute(
            update(tables.recipients)
            .where(_R.message == claim.id, _R.n.in_(claim.people))
            .values(standing=Standing.PENDING.value)
        )


def _settle_messages(connection: Connection, counted: list[Settlement]) -> None:
    sent = [s.claim.id for s in counted if s.ruling.state is State.SENT]
    if sent:  # most, and in one statement
        connection.execute(_SENT, {"ids": sent, "now": max(s.now for s in counted)})
    others = [_row(s) for s in counted if s.ruling.state is not State.SENT]
    if others:
        connection.execute(_OTHERS, others)


_SENT = (
    update(tables.messages)
    .where(_M.id.in_(bindparam("ids", expanding=True)))
    .values(state=State.SENT.value, due=None, failure=None, finished=bindparam("now"))
)
_OTHERS = (
    update(tables.messages)
    .where(_M.id == bindparam("message"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("state", "due", "step", "failure", "told", "finished")
        }
    )
)


def _row(s: Settlement) -> dict[str, Any]:
    ruling = s.ruling
    return {
        "message": s.claim.id,
        "new_state": ruling.state.value,
        "new_due": ruling.due,
        "new_step": ruling.step,
        "new_failure": ruling.failure,
        "new_told": s.claim.told or ruling.event == "delayed",
        "new_finished": None if ruling.due is not None else s.now,
    }


def _settle_recipients(connection: Connection, counted: list[Settlement]) -> None:
    """Most messages end alike for all their recipients; the others are written one by one."""
    alike: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    others = []
    for s in counted:
        if len(kinds := set(s.ruling.people)) == 1:
            standing, reply = next(iter(kinds))
            alike[standing.value, reply].append(s.claim.id)
            continue
        for n, (standing, reply) in zip(s.claim.people, s.ruling.people, strict=True):
            others.append({"id": s.claim.id, "number": n, "standing": standing.value,
                           "reply": reply})  # fmt: skip
    for (value, reply), ids in alike.items():
        connection.execute(_ALIKE, {"ids": ids, "new_standing": value, "new_reply": reply})
    if others:
        connection.execute(_EACH, [
            {"id": o["id"], "number": o["number"], "new_standing": o["standing"],
             "new_reply": o["reply"]} for o in others
        ])  # fmt: skip


_NEW: dict[str, Any] = {"standing": bindparam("new_standing"), "reply": bindparam("new_reply")}
_ALIKE = (
    update(tables.recipients)
    .where(_R.message.in_(bindparam("ids", expanding=True)), _R.standing.in_(_OPEN))
    .values(_NEW)
)
_EACH = (
    update(tables.recipients)
    .where(_R.message == bindparam("id"), _R.n == bindparam("number"))
    .values(_NEW)
)


def tell(connection: Connection, news: Iterable[tuple[str, str, str | None, int]]) -> None:
    """Have somebody told; what was not told yet about the same message is out of date.

    Args:
        connection: in a transaction.
        news: message, account, event, and the time in milliseconds.
    """
    rows = [
        {"message": message, "id": new_id(now), "account": account, "event": event, "at": now,
         "due": now, "tries": 0}
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
