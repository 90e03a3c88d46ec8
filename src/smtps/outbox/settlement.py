"""Records the outcomes of attempts, each under the token of the lane that made it.

A lane may learn an outcome after another lane has taken over its account. The new lane could only
guess then, so the known outcome replaces the guess, whatever has happened to the message since.
Of the transcript only the lines about this message are kept; a session's transcript has its
neighbours' lines too.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from smtps.client.result import Result, Status
from smtps.core.reply import Reply
from smtps.outbox import tables
from smtps.outbox.decision import INTERRUPTED, Decision, failure_text, outcome
from smtps.outbox.lane_store import tell
from smtps.outbox.records import GUESS, OPEN, ClaimedMessage, RecipientStatus, State, Tried
from smtps.outbox.tables import insert_all


def attempt_log(claim: ClaimedMessage, result: Result) -> str:
    """The dialogue as a JSON list of lines: ``>`` ours, ``<`` the server's, ``*`` a remark."""
    return json.dumps(list(_lines(claim, result)), ensure_ascii=False)


def _lines(claim: ClaimedMessage, result: Result) -> Iterator[str]:
    begun = any(
        who.reply is not None or who.status is Status.UNCERTAIN for who in result.recipients
    )
    if begun:
        yield f"> MAIL FROM:<{claim.outgoing.envelope.sender or ''}>"
        for who in result.recipients:
            yield f"> RCPT TO:<{who.email}>"
            if who.reply is not None and who.reply is not result.reply:
                yield from _reply(who.reply)
    if result.reply is not None:
        yield f"* {claim.outgoing.content.size} bytes of message"
        yield from _reply(result.reply)
    if result.failure is not None:
        yield f"* {result.failure.code}: {result.failure.message}"


def _reply(reply: Reply) -> Iterator[str]:
    *others, last = reply.lines
    for line in others:
        yield f"< {reply.code}-{line}"
    yield f"< {reply.code} {last}".rstrip()


_M, _R, _A = tables.messages.c, tables.recipients.c, tables.attempts.c
_UNCERTAIN = RecipientStatus.UNCERTAIN.value
_OPEN = tuple(standing.value for standing in OPEN)


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """What came of an attempt.

    Attributes:
        account, token: who tells.
        claim: the message.
        decision: what becomes of it.
        now: milliseconds since 1970.
        attempt: the columns of ``attempts`` beyond its key.
        notify: whether the account has a webhook.
    """

    account: str
    token: int
    claim: ClaimedMessage | Tried
    decision: Decision
    now: int
    attempt: Mapping[str, Any]
    notify: bool = False


def record_results(connection: Connection, lots: list[list[AttemptResult]]) -> list[set[str]]:
    """Write what came of attempts; what is written already changes nothing.

    Returns:
        For each lot the names of the messages whose attempt this ended.
    """
    settlements = {(s.claim.id, s.claim.number): s for lot in lots for s in lot}
    found = connection.execute(
        select(_M.id, _M.lane, _M.tries, _M.state)
        .where(_M.id.in_(sorted({id_ for id_, _ in settlements})))
        .order_by(_M.id)  # so that two processes never wait for each other
        .with_for_update()
    )
    rows = {row.id: row for row in found}
    ours: list[AttemptResult] = []
    late: list[AttemptResult] = []
    for s in settlements.values():
        if (row := rows.get(s.claim.id)) is None:
            continue  # its record was too old to be kept
        under_way = row.state == State.SENDING and row.tries == s.claim.number
        (ours if under_way and row.lane == s.token else late).append(s)
    _settle(connection, ours)
    written = {s.claim.id for s in ours} | _amend(connection, late, rows)
    return [{s.claim.id for s in lot} & written for lot in lots]


def _settle(connection: Connection, counted: list[AttemptResult]) -> None:
    if not counted:
        return
    _settle_messages(connection, counted)
    _settle_recipients(connection, counted)
    insert_all(connection, tables.attempts, [_attempt(s) for s in counted])
    tell(connection, [
        (s.claim.id, s.account, s.decision.event, s.now)
        for s in counted if s.notify and s.decision.event
    ])  # fmt: skip
    # An earlier attempt may have been known better meanwhile.
    _reconsider(connection, [s for s in counted if s.claim.number > 1])


def _settle_messages(connection: Connection, counted: list[AttemptResult]) -> None:
    sent = [s.claim.id for s in counted if s.decision.state is State.SENT]
    if sent:  # most, and in one statement
        connection.execute(_SENT, {"ids": sent, "now": max(s.now for s in counted)})
    others = [_row(s) for s in counted if s.decision.state is not State.SENT]
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


def _row(s: AttemptResult) -> dict[str, Any]:
    decision = s.decision
    return {
        "message": s.claim.id,
        "new_state": decision.state.value,
        "new_due": decision.due,
        "new_step": decision.step,
        "new_failure": decision.failure,
        "new_told": s.claim.told or decision.event == "delayed",
        "new_finished": None if decision.due is not None else s.now,
    }


def _settle_recipients(connection: Connection, counted: list[AttemptResult]) -> None:
    """Most messages end alike for all their recipients; the others are written one by one."""
    alike: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    others = []
    for s in counted:
        if len(kinds := set(s.decision.people)) == 1:
            standing, reply = next(iter(kinds))
            alike[standing.value, reply].append(s.claim.id)
            continue
        for n, (standing, reply) in zip(s.claim.people, s.decision.people, strict=True):
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
    .where(
        _R.message == bindparam("id"),
        _R.n == bindparam("number"),
        _R.standing
        != RecipientStatus.ACCEPTED.value,  # as is known of an earlier attempt meanwhile
    )
    .values(_NEW)
)


def _attempt(s: AttemptResult) -> dict[str, Any]:
    return {"message": s.claim.id, "n": s.claim.number, "begun": s.claim.begun, **s.attempt}


# What is known late.


def _amend(
    connection: Connection, late: Sequence[AttemptResult], rows: Mapping[str, Any]
) -> set[str]:
    """Put what is known in the place of what the lane that came after has guessed.

    Returns:
        The names of the messages whose last attempt it was.
    """
    guesses = {
        (row.message, row.n)
        for row in connection.execute(
            select(_A.message, _A.n).where(
                _A.message.in_([s.claim.id for s in late]), _A.outcome == GUESS
            )
        )
    }
    late = [s for s in late if (s.claim.id, s.claim.number) in guesses]
    for s in late:
        connection.execute(
            delete(tables.attempts).where(_A.message == s.claim.id, _A.n == s.claim.number)
        )
    last: list[AttemptResult] = []
    others: list[AttemptResult] = []
    for s in late:
        row = rows[s.claim.id]
        undecided = row.state in (State.UNCERTAIN, State.RETRYING)
        is_last = row.tries == s.claim.number and row.lane == s.token and undecided
        (last if is_last else others).append(s)
    for s in last:
        _reopen(connection, s)
    _settle(connection, last)
    for s in others:
        insert_all(connection, tables.attempts, [_attempt(_with_doubt(s, rows[s.claim.id].tries))])
        _correct(connection, s)
    _reconsider(connection, [s for s in others if rows[s.claim.id].state != State.SENDING])
    return {s.claim.id for s in last}


def _with_doubt(s: AttemptResult, tries: int) -> AttemptResult:
    """With why the message was sent once more, if it was."""
    if tries == s.claim.number or s.attempt["failure"] is not None:
        return s
    return replace(s, attempt={**s.attempt, "failure": failure_text(INTERRUPTED)})


def _reopen(connection: Connection, s: AttemptResult) -> None:
    connection.execute(
        update(tables.recipients)
        .where(_R.message == s.claim.id, _R.n.in_(s.claim.people))
        .values(standing=RecipientStatus.PENDING.value)
    )


def _correct(connection: Connection, s: AttemptResult) -> None:
    """What is known of each recipient, where nobody knows better since."""
    for n, (standing, reply) in zip(s.claim.people, s.decision.people, strict=True):
        known = standing is RecipientStatus.ACCEPTED
        # That it was not delivered changes nothing for those who wait, or do not any more.
        connection.execute(
            update(tables.recipients)
            .where(
                _R.message == s.claim.id, _R.n == n,
                _R.standing != standing.value if known else _R.standing == _UNCERTAIN,
            )
            .values(
                standing=(RecipientStatus.UNSENT if standing in OPEN else standing).value,
                reply=None if standing in OPEN else reply,
            )
        )  # fmt: skip


def _reconsider(connection: Connection, settlements: Sequence[AttemptResult]) -> None:
    """Make the states of messages agree with those of their recipients.

    Args:
        connection: in a transaction.
        settlements: of messages of which another attempt is known better now.
    """
    if not settlements:
        return
    of = {s.claim.id: s for s in settlements}
    standings: dict[str, set[RecipientStatus]] = defaultdict(set)
    for message, standing in connection.execute(
        select(_R.message, _R.standing).where(_R.message.in_(list(of))).distinct()
    ):
        standings[message].add(RecipientStatus(standing))
    states = connection.execute(select(_M.id, _M.state).where(_M.id.in_(list(of)))).all()
    for id_, before in states:
        found, s = standings[id_], of[id_]
        if found & OPEN or before == State.SENDING:
            continue
        state = outcome(found)
        if state == before or (before in _DECIDED and state is not State.SENT):
            continue
        values: dict[str, Any] = {"state": state.value, "due": None, "finished": s.now}
        if state is State.SENT:
            values["failure"] = None
        connection.execute(update(tables.messages).where(_M.id == id_).values(values))
        if s.notify:
            tell(connection, [(id_, s.account, state.value, s.now)])


_DECIDED = (State.CANCELED, State.EXPIRED)
"""By people or by time; only that it had arrived already says more."""
