"""From the replies of a message's transactions to its result; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import zip_longest

from smtps.client.refusals import heals, refusal
from smtps.client.result import Outcome, Recipient, Result, Status
from smtps.client.sequence import out_of_sequence
from smtps.client.transaction import Transaction
from smtps.client.transcript import Transcript
from smtps.core.address import Mailbox
from smtps.core.reply import Reply
from smtps.errors import Failure, InputError, Phase, ProtocolError, RefusedError, SMTPSError

_SENT = Outcome.SENT  # Python 3.11 takes long to find a member of an Enum


def judge(
    recipients: tuple[Mailbox, ...],
    transactions: list[Transaction],
    message_id: str | None = None,
    timings: Mapping[str, float] | None = None,
    transcript: Transcript | None = None,
) -> Result:
    """The result of a message that went out in one or more transactions.

    Args:
        recipients: all of them, in order.
        transactions: in order; each is for some of the recipients, a later one counts more.
        message_id, timings, transcript: go into the result.
    """
    timings = timings or {}
    if len(transactions) == 1:
        only = transactions[0]
        if only.granted and len(only.accepted) == len(recipients):
            taken = only.wording.accepted(only.rcpt_replies)
            return Result(_SENT, taken, message_id, only.final, None, timings, transcript)
    return _weigh(recipients, transactions, message_id, timings, transcript)


def _weigh(
    recipients: tuple[Mailbox, ...],
    transactions: list[Transaction],
    message_id: str | None,
    timings: Mapping[str, float],
    transcript: Transcript | None,
) -> Result:
    found: dict[Mailbox, Recipient] = {}
    for transaction in transactions:
        for who, reply in zip_longest(transaction.wording.people, transaction.rcpt_replies):
            found[who] = _recipient(who, reply, transaction)
    people = tuple(found.get(who, Recipient(str(who), Status.UNSENT)) for who in recipients)
    replies = [t.final for t in transactions if t.final is not None]
    statuses = {person.status for person in people}
    in_part = any(transaction.wording.partial == "send" for transaction in transactions)
    if in_part and Status.DEFERRED in statuses:
        statuses.discard(Status.REFUSED)  # who keeps the message from nobody
    outcome = _outcome(statuses)
    failure = None
    if outcome is not Outcome.SENT:
        failure = _first_failure(transactions, put_off=outcome is Outcome.DEFERRED)
    if failure is not None and outcome is Outcome.PARTIAL:
        failure = replace(failure, retryable=False)  # some would get it twice
    return Result(outcome, people, message_id, replies[-1] if replies else None, failure,
                  timings, transcript)  # fmt: skip


def _recipient(who: Mailbox, reply: Reply | None, transaction: Transaction) -> Recipient:
    decided = _decided(who, reply, transaction)
    if decided is not None:
        phase, answer = decided
        status = _status(phase, answer)
        return Recipient(str(who), status, reply if answer.positive else answer)
    left_over = who in transaction.overflow and not (transaction.again or transaction.confused)
    if left_over:  # for another transaction
        return Recipient(str(who), Status.DEFERRED, reply)
    if transaction.in_doubt:
        return Recipient(str(who), Status.UNCERTAIN)
    if transaction.again:
        return Recipient(str(who), Status.DEFERRED)
    if transaction.error is not None:
        final = _about_the_message(transaction.error) and not transaction.error.failure.retryable
        return Recipient(str(who), Status.REFUSED if final else Status.DEFERRED, reply)
    return Recipient(str(who), Status.UNSENT, reply)


def _decided(
    who: Mailbox, reply: Reply | None, transaction: Transaction
) -> tuple[Phase, Reply] | None:
    """The reply that decided for a recipient, if one did, and what it was said to."""
    if transaction.confused or transaction.again or who in transaction.overflow:
        return None
    # A sender refused is the reason for all that follows; a recipient refused, for that one.
    refused = _negative((Phase.MAIL, transaction.mail_reply), (Phase.RCPT, reply))
    if refused is not None or reply is None or not transaction.go_on:
        return refused
    if transaction.final is not None:
        return Phase.FINAL, transaction.final
    return _negative((Phase.DATA, transaction.data_reply))


def _negative(*replies: tuple[Phase, Reply | None]) -> tuple[Phase, Reply] | None:
    return next(((p, r) for p, r in replies if r is not None and not r.positive), None)


def _status(phase: Phase, reply: Reply) -> Status:
    if reply.positive:
        return Status.ACCEPTED
    return Status.DEFERRED if heals(phase, reply) else Status.REFUSED


def _about_the_message(error: SMTPSError) -> bool:
    """Whether it may be the last word on a message: the server refused it, or it cannot be read.
    Whatever else ends a session says nothing about the message.
    """
    return isinstance(error, RefusedError | InputError)


def _outcome(statuses: set[Status]) -> Outcome:
    if statuses == {Status.ACCEPTED}:
        return Outcome.SENT
    if Status.UNCERTAIN in statuses:
        return Outcome.UNCERTAIN
    if Status.ACCEPTED in statuses:
        return Outcome.PARTIAL
    if Status.REFUSED in statuses:
        return Outcome.REFUSED
    return Outcome.DEFERRED


def _first_failure(transactions: list[Transaction], *, put_off: bool) -> Failure | None:
    """The failure to report: the earliest that decided; a later one must not mask it.

    Args:
        transactions: in order.
        put_off: of the recipients, only those count who may be tried again.
    """
    for transaction in transactions:
        if transaction.in_doubt:
            return _uncertain(transaction)
        if (refused := _refusal(transaction, put_off=put_off)) is not None:
            return refused
        if transaction.error is not None:
            found, final = transaction.error.failure, _about_the_message(transaction.error)
            return found if final else replace(found, retryable=True)
        if transaction.again:
            return _out_of_sequence()
    return None


def _refusal(transaction: Transaction, *, put_off: bool) -> Failure | None:
    if transaction.again:
        return None
    rcpt = [
        reply
        for who, reply in transaction.recipients
        if not reply.positive
        and (not put_off or heals(Phase.RCPT, reply))
        and not (who in transaction.overflow and out_of_sequence(reply))
    ]
    candidates = (
        (Phase.MAIL, transaction.mail_reply),
        (Phase.RCPT, rcpt[0] if rcpt else None),
        (Phase.DATA, transaction.data_reply),
        (Phase.FINAL, transaction.final),
    )
    for phase, reply in candidates:
        if reply is not None and not reply.positive:
            return refusal(phase, reply).failure
    return None


def _out_of_sequence() -> Failure:
    return ProtocolError(
        "smtp.out_of_sequence",
        "The server refused commands only because of the order in which they came.",
        phase=Phase.MAIL,
        retryable=True,
    ).failure


def _uncertain(transaction: Transaction) -> Failure:
    why = f" ({transaction.error})" if transaction.error else ""
    return SMTPSError(
        "send.uncertain",
        f"The whole message went out, but no answer came{why}: it may have been delivered or not.",
        phase=Phase.FINAL,
        address=transaction.error.failure.address if transaction.error else None,
    ).failure
