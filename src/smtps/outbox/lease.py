"""Leases: one lane at a time sends an account's mail, and a new lane supersedes the one before.

A lane gets a token when it acquires the account's lease; the token is one more than the last. The
row of the account holds the newest token, and every statement of a lane, in ``lane_store`` and
``settlement``, says "and the token is still mine". So a lane that was cut off, suspended or merely
slow cannot claim anything any more, whatever its clock says; no lane ever has to know whether
another one is alive.

    lane 7   acquire ─ claim A, B ─ send A ─ 250 ── (the database is lost) ── record A
    lane 8                                   acquire ─ A, B are "sending": a guess ─ claim …
                                             token 8: from here on lane 7 claims nothing

What lane 7 had claimed stands as ``sending`` and has no outcome. Its messages may have arrived, so
lane 8 makes them ``uncertain``, or sends them again if the account says ``retry_uncertain``. On
PostgreSQL it waits for ``RESPITE`` first, since lane 7 may be about to record an outcome. If lane 7
does learn one later, that replaces the guess (see ``settlement``), but only the guess: an outcome
that was observed is never overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from json import dumps
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from smtps.outbox import tables
from smtps.outbox.decision import INTERRUPTED
from smtps.outbox.lane_store import tell
from smtps.outbox.records import GUESS, OPEN, LaneLease, RecipientStatus, State
from smtps.outbox.retry import CircuitBreaker, RateLimit
from smtps.outbox.tables import insert_all, insert_new

_M, _R, _L = tables.messages.c, tables.recipients.c, tables.lanes.c

RESPITE = 10_000
"""Milliseconds on PostgreSQL before what a lane left half sent is sent again, or told as uncertain:
its process may be alive and about to write what came of it, when the database was lost for both."""


class LeaseRequest(NamedTuple):
    """Who takes what over.

    Attributes:
        account: its name.
        per_minute, per_day: its limits.
        retry_uncertain: send again what may have arrived.
        notify: whether the account has a webhook.
        now: milliseconds since 1970.
    """

    account: str
    per_minute: float | None
    per_day: int | None
    retry_uncertain: bool
    notify: bool
    now: int


def acquire(connection: Connection, takeovers: list[LeaseRequest]) -> list[LaneLease]:
    """Take accounts over, and decide about what their last lanes left half sent."""
    return [_take(connection, takeover) for takeover in takeovers]


def _take(connection: Connection, who: LeaseRequest) -> LaneLease:
    add_lanes(connection, [who.account])
    connection.execute(
        update(tables.lanes).where(_L.account == who.account).values(token=_L.token + 1)
    )
    row = connection.execute(select(tables.lanes).where(_L.account == who.account)).mappings().one()
    allowance = RateLimit(
        who.per_minute, who.per_day, row["level"], row["level_at"], row["day"], row["spent"]
    ).set_to(who.now)
    circuit = CircuitBreaker(
        row["failures"], row["not_before"], row["stopped"], row["code"], row["reason"]
    )
    orphans = _adopt(connection, who, row["token"])
    return LaneLease(who.account, row["token"], allowance, circuit, orphans)


def _adopt(connection: Connection, who: LeaseRequest, token: int) -> int:
    """Messages that were on their way when their lane ended: nobody can know how far they came."""
    orphans = connection.execute(
        select(_M.id, _M.tries, _M.begun)
        .where(_M.account == who.account, _M.state == State.SENDING.value, _M.lane < token)
        .with_for_update()  # the lane before may be telling what became of one of them just now
    ).all()
    if not orphans:
        return 0
    ids = [row.id for row in orphans]
    failure = dumps(asdict(INTERRUPTED))
    again = who.retry_uncertain
    # A file has one owner, who is dead; a process on another machine may live and know.
    respite = RESPITE if connection.dialect.name == "postgresql" else 0
    values: dict[str, Any] = {"failure": failure}
    if again:
        due = who.now + respite
        values |= {"state": State.RETRYING.value, "due": due, "step": _M.step + 1}
    else:
        values |= {"state": State.UNCERTAIN.value, "finished": who.now}
    doubt = RecipientStatus.AGAIN if again else RecipientStatus.UNCERTAIN
    connection.execute(
        update(tables.recipients)
        .where(_R.message.in_(ids), _R.standing.in_(OPEN))
        .values(standing=doubt.value)
    )
    connection.execute(update(tables.messages).where(_M.id.in_(ids)).values(values))
    insert_all(
        connection,
        tables.attempts,
        [
            {"message": row.id, "n": row.tries, "begun": row.begun, "outcome": GUESS,
             "failure": failure}
            for row in orphans
        ],
    )  # fmt: skip
    if who.notify and not again:
        tell(connection, [(id_, who.account, "uncertain", who.now) for id_ in ids], wait=respite)
    return len(ids)


def save_limits(connection: Connection, leases: list[LaneLease]) -> list[None]:
    """Write how an account stands: its allowance and its circuit."""
    for lease in leases:
        allowance, circuit = lease.allowance, lease.circuit
        connection.execute(
            update(tables.lanes)
            .where(_L.account == lease.account, _L.token == lease.token)
            .values(
                level=allowance.level, level_at=allowance.at, day=allowance.day,
                spent=allowance.spent, failures=circuit.failures, not_before=circuit.not_before,
                stopped=circuit.stopped, code=circuit.code, reason=circuit.reason,
            )
        )  # fmt: skip
    return [None] * len(leases)


def add_lanes(connection: Connection, accounts: Iterable[str]) -> None:
    """A row for each account that has none."""
    rows = [
        {"account": name, "token": 0, "level": 0.0, "level_at": 0, "day": 0, "spent": 0,
         "failures": 0, "not_before": 0, "stopped": False}
        for name in accounts
    ]  # fmt: skip
    if rows:
        insert_new(connection, tables.lanes, rows)


def add_accounts(connection: Connection, names: list[tuple[str, ...]]) -> list[None]:
    """The same, for all accounts of a configuration."""
    for several in names:
        add_lanes(connection, sorted(several))
    return [None] * len(names)
