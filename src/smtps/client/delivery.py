"""Messages over one session, as many in flight at once as the window allows.

A message with many recipients takes several transactions, one after the other; their replies become
one ``Result``. All of that is pure.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from smtps.client.attempts import Learned
from smtps.client.commands import CommandFactory
from smtps.client.dialogue import Dialogue
from smtps.client.outgoing import Outgoing
from smtps.client.pipeline import Pipeline
from smtps.client.result import (
    Outcome,
    Recipient,
    Result,
    Status,
    behind_a_login,
    heals,
    out_of_sequence,
    refusal,
)
from smtps.client.transaction import Stray, Transaction
from smtps.client.transcript import Transcript
from smtps.core.address import Mailbox
from smtps.core.reply import Reply
from smtps.errors import Failure, InputError, Phase, ProtocolError, RefusedError, SMTPSError

_SENT = Outcome.SENT  # Python 3.11 takes long to find a member of an Enum


def result_of(
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
        if only.all_accepted and len(only.accepted) == len(recipients):
            taken = only.commands.accepted(only.rcpt_replies)
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
        for who, reply in zip_longest(transaction.commands.people, transaction.rcpt_replies):
            found[who] = _recipient(who, reply, transaction)
    people = tuple(found.get(who, Recipient(str(who), Status.UNSENT)) for who in recipients)
    replies = [t.final for t in transactions if t.final is not None]
    statuses = {person.status for person in people}
    in_part = any(transaction.commands.partial == "send" for transaction in transactions)
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
        "The server refused commands only because of the order in which they arrived.",
        phase=Phase.MAIL,
        retryable=True,
    ).failure


def _uncertain(transaction: Transaction) -> Failure:
    why = f" ({transaction.error})" if transaction.error else ""
    return SMTPSError(
        "send.uncertain",
        f"The whole message was sent, but no reply arrived{why}: it may or may not have been "
        "delivered.",
        phase=Phase.FINAL,
        address=transaction.error.failure.address if transaction.error else None,
    ).failure


class Delivery:
    """A message on its way.

    Args:
        item: what the caller handed over, to tell deliveries apart.
        outgoing: the message, ready.
        factory: how it is put to the server.

    Attributes:
        more: whether it takes more than one transaction.
    """

    __slots__ = (
        "_abort",
        "_began",
        "_done",
        "_factory",
        "_groups",
        "_outgoing",
        "_stray",
        "_unasked",
        "item",
        "more",
    )  # fmt: skip

    def __init__(self, item: Any, outgoing: Outgoing, factory: CommandFactory) -> None:
        self.item = item
        self._outgoing = outgoing
        self._factory = factory
        self._done: list[Transaction] = []
        self._stray: Transaction | None = None
        self._began = time.perf_counter_ns()
        people, room = outgoing.envelope.recipients, factory.room
        self._unasked = 0
        self._groups = [people]
        self._abort = factory.terms.partial == "abort"
        self.more = len(people) > room
        if self.more:
            self._groups = [people[at : at + room] for at in range(0, len(people), room)]
            self._unasked = len(self._groups) if self._abort else 0

    def next(self) -> Transaction | None:
        """The next transaction; ask when the one before is over. None: there is no more to do."""
        last = self._done[-1] if self._done else None
        if last is None and not self.more:
            return self._add(self._groups.pop())
        if last is not None:
            if last.error is None and last.again:
                return self._repeat(last)
            self._stray = None
            if self._is_the_end(last):
                return None
        if self._unasked:
            # No recipient may get it if one is refused, so all are asked before any is served.
            group = self._groups[-self._unasked]
            self._unasked -= 1
            self._done.clear()
            return self._add(group, ask_only=True)
        if last is not None and last.ask_only:
            self._done.clear()
        elif last is not None and last.overflow:
            self._groups.insert(0, tuple(last.overflow))
        return self._add(self._groups.pop(0)) if self._groups else None

    def _is_the_end(self, last: Transaction) -> bool:
        """Whether nothing may follow it."""
        if last.error is not None:
            return True
        if last.ask_only:
            return not last.go_on
        return self._abort and not last.taken  # who is left over shall not get what others did not

    def result(self, address: str, transcript: Transcript, *, logged_in: bool) -> Result:
        """What became of it.

        Args:
            address: the server's, for the failure.
            transcript: of the session.
            logged_in: whether the server has accepted a login.
        """
        outgoing, spent = self._outgoing, time.perf_counter_ns() - self._began
        timings = {"send": spent // 1000 / 1000}
        people = outgoing.envelope.recipients
        result = result_of(people, self._told(), outgoing.message_id, timings, transcript)
        failure = result.failure
        if failure is None:
            return result
        if logged_in:
            failure = behind_a_login(failure)
        return replace(result, failure=replace(failure, address=failure.address or address))

    def _repeat(self, last: Transaction) -> Transaction:
        """The same once more, in a way that lets nothing but the message decide."""
        self._stray = last
        lockstep = last.lockstep or last.stray is Stray.GROUP
        self._done[-1] = Transaction(
            last.commands, last.content, ask_only=last.ask_only, lockstep=lockstep
        )
        return self._done[-1]

    def _told(self) -> list[Transaction]:
        """The transactions to judge by. If one could not be repeated, what it came to counts."""
        if self._stray is None or self._done[-1].begun:
            return self._done
        self._stray.error = self._done[-1].error
        return [*self._done[:-1], self._stray]

    def _add(self, people: tuple[Mailbox, ...], *, ask_only: bool = False) -> Transaction:
        commands = self._factory.commands(self._outgoing, people)
        transaction = Transaction(commands, self._outgoing.content, ask_only=ask_only)
        self._done.append(transaction)
        return transaction


WINDOW = 4
"""Messages under way at once. Each of them is ``uncertain`` if the connection breaks."""

MAX_WINDOW = 1000


class MessageSender:
    """Takes messages to one server.

    Args:
        dialogue: ready, after EHLO and login.
        learned: of the server so far.
        window: how many may be under way at once.
    """

    def __init__(self, dialogue: Dialogue, learned: Learned, *, window: int = 1) -> None:
        self._pipeline = Pipeline(dialogue, learned, window=window)
        self._dialogue = dialogue
        self._under_way: deque[Delivery] = deque()
        self._next: list[tuple[Delivery, Transaction]] = []

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._under_way and not self._next

    @property
    def room(self) -> int:
        """How many more messages had better begin now."""
        return 0 if self._next else self._pipeline.room

    def begin(self, delivery: Delivery) -> None:
        """Take another message on; ``advance`` sends it."""
        if (transaction := delivery.next()) is not None:
            self._under_way.append(delivery)
            self._pipeline.add(transaction)

    async def advance(self) -> list[Delivery]:
        """Go on until something is over.

        Returns:
            The deliveries that are over; perhaps none yet.
        """
        while self._next and self._pipeline.room:
            delivery, transaction = self._next.pop(0)
            self._under_way.append(delivery)
            self._pipeline.add(transaction)
        finished = []
        for transaction in await self._pipeline.advance():  # in the order in which they began
            delivery = self._under_way.popleft()
            enough = transaction.all_accepted and not delivery.more
            following = delivery.next() if not enough and self._dialogue.alive else None
            if following is None:
                finished.append(delivery)
            else:
                self._next.append((delivery, following))
        return finished
