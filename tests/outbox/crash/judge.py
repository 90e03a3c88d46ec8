"""Holds what the callers were told against the outbox's tables, and both against the server."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.engine import make_url
from tests.outbox.crash.feeder import Told
from tests.outbox.crash.receiver import Receiver

from smtps.outbox import tables
from smtps.outbox.records import FINAL

UNKNOWN_ENDS = ("uncertain", "interrupted")
"""Outcomes of an attempt that may have been taken."""


@dataclass
class Finding:
    """How a run went.

    Attributes:
        accepted: messages that a caller has a 202 for.
        states: how they ended.
        taken: times that the server took one.
        attempts: outcome → number.
        explained: messages taken more than once, each time after an attempt that nobody could know
            the end of, where the account asks for that.
        wrongs: what must not be: a kind, and the message.
    """

    accepted: int = 0
    states: Counter[str] = field(default_factory=Counter)
    taken: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    explained: int = 0
    wrongs: list[tuple[str, str]] = field(default_factory=list)

    @property
    def counted(self) -> Counter[str]:
        """Kind of wrong → how many."""
        return Counter(kind for kind, _ in self.wrongs)


def engine(place: str) -> Engine:
    """Of the outbox's database, to be read behind its back."""
    if "://" in place:
        return create_engine(make_url(place).set(drivername="postgresql+psycopg"))
    return create_engine(f"sqlite:///{place}")


def unfinished(database: Engine) -> int:
    """Messages that still wait for something, and notices that were not heard."""
    messages = tables.messages
    count = select(func.count()).select_from(messages).where(messages.c.state.not_in(FINAL))
    told = select(func.count()).select_from(tables.notices)
    with database.connect() as connection:
        return sum(connection.execute(each).scalar() or 0 for each in (count, told))


def judge(
    database: Engine,
    told: Told,
    taken: dict[str, list[str]],
    retrying: set[str],
    receiver: Receiver | None = None,
) -> dict[str, Finding]:
    """The whole truth, for the accounts of each policy.

    Args:
        database: of the outbox.
        told: what the callers know.
        taken: what the server has written down.
        retrying: accounts that send again what may have arrived.
        receiver: of all webhooks, if there are any.

    Returns:
        ``hold`` and ``retry`` → what was found.
    """
    found = {"hold": Finding(), "retry": Finding()}
    rows: dict[str, list[Any]] = defaultdict(list)
    outcomes: dict[str, list[str]] = defaultdict(list)
    with database.connect() as connection:
        for row in connection.execute(select(tables.messages)):
            rows[row.message_id.strip("<>")].append(row)
        attempts = tables.attempts.c
        order = attempts.message, attempts.n
        for message, outcome in connection.execute(
            select(attempts.message, attempts.outcome).order_by(*order)
        ):
            outcomes[message].append(outcome)
    for name, digest in told.digests.items():
        kept = rows.pop(name, [])
        account = kept[0].account if kept else ""
        one = found["retry" if account in retrying else "hold"]
        one.wrongs += [(kind, name) for kind in _wrongs(told.ids.get(name, set()), kept)]
        if len(kept) != 1:
            continue
        message, tries = kept[0], outcomes[kept[0].id]
        bodies = taken.get(name, [])
        _count(one, message.state, tries, bodies)
        wrongs = _about_delivery(message, tries, bodies, digest, again=account in retrying)
        one.wrongs += [(kind, name) for kind in wrongs]
        if receiver and f"message.{message.state}" not in receiver.events[message.id]:
            one.wrongs.append(("its end was not told", name))
    found["hold"].wrongs += receiver.wrongs if receiver else []
    found["hold"].wrongs += [("kept, but handed over by nobody", name) for name in rows]
    unknown = taken.keys() - told.digests.keys()
    found["hold"].wrongs += [("taken, but handed over by nobody", name) for name in unknown]
    return found


def _count(one: Finding, state: str, tries: list[str], bodies: list[str]) -> None:
    one.accepted += 1
    one.states[state] += 1
    one.attempts.update(tries)
    one.taken += len(bodies)
    one.explained += len(bodies) > 1


def _wrongs(ids: set[str], kept: list[Any]) -> list[str]:
    """About acceptance."""
    wrongs = []
    if not ids:
        wrongs.append("never accepted")
    if len(ids) > 1:
        wrongs.append("one key, two names")
    if ids and not kept:
        wrongs.append("accepted and lost")
    if len(kept) > 1:
        wrongs.append("kept twice")
    if ids and kept and ids != {row.id for row in kept}:
        wrongs.append("kept under another name")
    return wrongs


def _about_delivery(
    message: Any, tries: list[str], bodies: list[str], digest: str, *, again: bool
) -> list[str]:
    wrongs = []
    if message.state not in FINAL or message.due is not None or message.finished is None:
        wrongs.append("not ended")
    if message.state == "sent" and not bodies:
        wrongs.append("sent, and not at the server")
    if bodies and message.state not in ("sent", "uncertain"):
        wrongs.append(f"at the server, and {message.state}")
    if any(body != digest for body in bodies):
        wrongs.append("taken with another body")
    if len(tries) != message.tries:
        wrongs.append("attempts that are not written down")
    if len(bodies) > 1 and not again:
        wrongs.append("taken twice, and the policy is hold")
    if len(bodies) > sum(tries.count(end) for end in (*UNKNOWN_ENDS, "sent")):
        wrongs.append("taken more often than its attempts say")
    return wrongs
