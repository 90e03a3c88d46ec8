"""From the result of an attempt to what becomes of the message; pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from smtps.client.result import Recipient, Result, Status, reply_json
from smtps.errors import Failure
from smtps.outbox.records import OPEN, ClaimedMessage, RecipientStatus, State
from smtps.outbox.retry import MINUTE, STEPS, account_failure, pause, wait_of

DELAYED_AFTER = 15 * MINUTE
"""Milliseconds after which somebody is told, once, that a message is late."""

INTERRUPTED = Failure(
    code="outbox.interrupted",
    message="The service stopped while it was transmitting the message: it may have arrived.",
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What an account does with what does not go smoothly.

    Attributes:
        retry_uncertain: send again what may have arrived.
        steps: minutes after each attempt.
    """

    retry_uncertain: bool = False
    steps: tuple[float, ...] = STEPS


People = tuple[tuple[RecipientStatus, str | None], ...]
"""For each recipient of an attempt its standing, and as JSON the reply that decided."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a message.

    Attributes:
        state: its next one.
        due: milliseconds since 1970, if it waits for another attempt.
        step: attempts that have counted for the schedule.
        people: see People.
        event: what to tell, if anything; see ``records.EVENTS``.
        failure: why it is not sent for all, as JSON.
    """

    state: State
    due: int | None
    step: int
    people: People
    event: str | None = None
    failure: str | None = None


def decide(
    result: Result, claim: ClaimedMessage, now: int, policy: RetryPolicy, chance: float
) -> Decision:
    """Decide.

    Args:
        result: of the attempt.
        claim: the message.
        now: milliseconds since 1970.
        policy: of the account.
        chance: from 0 to 1, for the schedule.
    """
    failure = failure_text(result.failure)
    stopped_by = account_failure(result)
    again = stopped_by is not None and _told_again(result, claim)
    if stopped_by is not None and not (again and stopped_by.smtp_code == 421):
        # No fault of the message, and the account waits. It keeps its place, unless it was the one
        # to be told so the last time: then the others have their turn first.
        people: People = tuple(
            [(_remembered(RecipientStatus.PENDING, n, claim), None) for n in claim.people]
        )
        if again:
            return _again(result, claim, people, pause(claim.step, chance, policy.steps), now)
        state = State.RETRYING if claim.step else State.QUEUED
        return Decision(state, now, claim.step, people, None, failure)
    people = _standings(result, claim, policy)
    found = {standing for standing, _ in people}
    if found & OPEN:
        wait = wait_of(result.failure, pause(claim.step, chance, policy.steps))
        return _again(result, claim, people, wait, now)
    state = outcome(found | claim.others)
    failure = None if state is State.SENT else failure or claim.failure
    return Decision(state, None, claim.step, people, state.value, failure)


def _told_again(result: Result, claim: ClaimedMessage) -> bool:
    """Whether the server said to this very message what it said the last time. Then it may be the
    message, which would keep all others waiting whenever it comes round.
    """
    told = any(who.reply is not None and not who.reply.positive for who in result.recipients)
    if not told or result.failure is None or claim.failure is None:
        return False
    before = json.loads(claim.failure)
    if result.failure.smtp_code == 421:
        return bool(before["smtp_code"] == 421)
    return bool(before["code"] == result.failure.code)


def outcome(found: set[RecipientStatus]) -> State:
    """The state of a message none of whose recipients has anything to wait for."""
    if RecipientStatus.UNCERTAIN in found:
        return State.UNCERTAIN
    if found == {RecipientStatus.ACCEPTED}:
        return State.SENT
    return State.PARTIAL if RecipientStatus.ACCEPTED in found else State.FAILED


def _again(result: Result, claim: ClaimedMessage, people: People, wait: int, now: int) -> Decision:
    due = now + wait
    late = due - claim.created >= DELAYED_AFTER and not claim.told
    return Decision(
        State.RETRYING,
        due,
        claim.step + 1,
        people,
        "delayed" if late else None,
        failure_text(result.failure),
    )


def _standings(result: Result, claim: ClaimedMessage, policy: RetryPolicy) -> People:
    people = result.recipients
    if not people:  # it was not even begun
        retryable = result.failure is not None and result.failure.retryable
        status = Status.DEFERRED if retryable else Status.REFUSED
        people = (Recipient("", status),) * len(claim.people)
    standings = {
        Status.ACCEPTED: RecipientStatus.ACCEPTED,
        Status.REFUSED: RecipientStatus.REFUSED,
        Status.DEFERRED: RecipientStatus.DEFERRED,
        Status.UNSENT: RecipientStatus.PENDING,
        Status.UNCERTAIN: RecipientStatus.AGAIN
        if policy.retry_uncertain
        else RecipientStatus.UNCERTAIN,
    }
    if claim.terms.partial == "abort" and any(who.status is Status.REFUSED for who in people):
        standings |= {
            Status.DEFERRED: RecipientStatus.UNSENT,
            Status.UNSENT: RecipientStatus.UNSENT,
        }
    return tuple(
        [
            (_remembered(standings[who.status], n, claim), _reply(who))
            for n, who in zip(claim.people, people, strict=True)
        ]
    )


def _remembered(standing: RecipientStatus, number: int, claim: ClaimedMessage) -> RecipientStatus:
    """Who may have got it is not forgotten, whatever becomes of the next attempt."""
    return RecipientStatus.AGAIN if standing in OPEN and number in claim.doubtful else standing


def _reply(person: Recipient) -> str | None:
    found = reply_json(person.reply)
    return None if found is None else json.dumps(found)


def failure_text(failure: Failure | None) -> str | None:
    """A failure, for a column."""
    return None if failure is None else json.dumps(asdict(failure))
