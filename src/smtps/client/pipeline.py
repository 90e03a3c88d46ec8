"""Transactions in flight: commands written, replies not all read, in the order of the wire.

The window is the number of messages that may be in flight at once. How much may go out before the
replies are in depends on what the server offers; client → above, server ← below the line:

    neither       MAIL       RCPT       DATA       message.        MAIL …
                  ───── 250 ───── 250 ───── 354 ──────────── 250 ─────────

    PIPELINING    MAIL RCPT DATA        message. MAIL RCPT DATA          message. …
                  ──────────────── 250 250 354 ─────────────────── 250 250 250 354

    + CHUNKING    MAIL RCPT BDAT message  MAIL RCPT BDAT message  MAIL RCPT BDAT message  …
                  ──────────────────────────── 250 250 250 ──────── 250 250 250 ────────

BDAT carries its message along (RFC 3030), so whole messages follow one another until the window is
full. DATA must be answered with 354 before its message (RFC 5321 section 4.1.1.4), so there only
the envelope of the next message can travel behind this one (RFC 2920 section 3.1).

A transaction written as a whole is *optimistic*: all replies that are due answer all that was to be
said. If each is a yes, the usual case, ``Connection.all_accepted`` takes them in one step and the
transaction is over; ``_complete_accepted`` does that. At the first reply that is not a yes,
``_handle_reply`` gives the replies to the transaction one by one, as in lock-step.

A reply may come before its command is fully sent: 421, or a refusal in the middle of a message.
``_on_early_reply`` takes it, since what was received counts before a write that fails.

Once a message is written as a whole (``complete``), a lost connection leaves it *uncertain*: the
server may have it. Everything behind it that was not complete goes over another connection. Servers
break all of this in known ways (a 503 for what came behind a message, a hang-up after ten RSET,
replies that never come); ``Learned`` remembers that for a server, which then gets one message, or
one command, at a time.
"""

from __future__ import annotations

from collections import deque
from math import inf

from smtps.client.attempts import Learned
from smtps.client.deadlines import HALTED
from smtps.client.dialogue import Dialogue
from smtps.client.result import out_of_sequence, refusal
from smtps.client.transaction import Stray, Transaction
from smtps.core.connection import Answer
from smtps.errors import (
    NetworkError,
    Phase,
    PhaseTimeoutError,
    ProtocolError,
    RefusedError,
    SessionError,
    SMTPSError,
)

FULL = 16384
"""Octets that are worth a write: what TLS puts into one record. The server is at work on them while
those behind them are made ready.
"""

FEW_RESETS = 5
"""A server that hangs up at RSET after fewer may have had another reason."""

LOST_AFTER = 30.0
"""Seconds behind the answer to MAIL after which commands that were sent with it count as lost, at a
server that has never answered such commands. Few servers take that long for a recipient, and they
are asked once more with all the time there is.
"""

RESET_REFUSED = "smtp.reset_refused"

GOOD_NUMBER = 8
"""Transactions worth a write of their own. Of a large window the first are then answered while the
last are still being said: with 64 and a server 20 ms away, 7 % more messages a second.
"""


PATIENCE = 3.0
"""Seconds for each reply that is due behind a refused MAIL. Nothing depends on these, and some
proxies never send them.
"""

AHEAD = 4096
"""Octets of commands that go out behind a message by DATA. Haraka hangs up after 8192, and nobody
would know what became of the message.
"""


class Pipeline:
    """The transactions of one dialogue that are not over.

    Args:
        dialogue: ready, after EHLO and login.
        learned: of the server so far; more is added.
        window: how many may be under way at once.
    """

    def __init__(self, dialogue: Dialogue, learned: Learned, *, window: int = 1) -> None:
        self._dialogue = dialogue
        self._learned = learned
        self._window = window
        self._in_flight: deque[Transaction] = deque()
        self._unsaid: deque[Transaction] = deque()
        self._written: list[Transaction] = []
        self._finished: list[Transaction] = []
        self._before: Transaction | None = None
        self._recognised = False

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._in_flight

    @property
    def room(self) -> int:
        """How many more transactions had better be added now.

        None until half the window is free, or a good number: what goes out together costs one
        write, and the others keep the server busy meanwhile.
        """
        in_flight = self._in_flight
        if not in_flight:
            return self._window
        free = self._window - len(in_flight)
        enough = free >= GOOD_NUMBER or free * 2 >= self._window - 1
        return free if enough and in_flight[-1].commands.way.pipelining else 0

    def add(self, transaction: Transaction) -> None:
        """Line another up; ``advance`` says it."""
        self._in_flight.append(transaction)
        self._unsaid.append(transaction)

    async def advance(self) -> list[Transaction]:
        """Go on until at least one is over; errors are noted in it, not raised.

        Returns:
            Those that are over, in order; empty if there were none.
        """
        try:
            with self._dialogue.guard():
                try:
                    await self._go_on()
                except (OSError, NetworkError):
                    await self._dialogue.hear_the_rest()
                    self._handle_replies()  # what was received counts before what went wrong
                    raise
            if self._dialogue.connection.overfull:
                self._check_surplus()
        except SMTPSError as error:
            self._fail_all(error)
        finished, self._finished = self._finished, []
        return finished

    def _check_surplus(self) -> None:
        """Behind a reply too many the ones before it may have answered other commands."""
        try:
            with self._dialogue.guard():
                self._dialogue.connection.expect_silence()
        except ProtocolError as error:
            for transaction in self._finished:
                transaction.doubt(error)
            raise

    async def _go_on(self) -> None:
        dialogue = self._dialogue
        while self._in_flight and not self._finished:
            if dialogue.halting:
                dialogue.heed(at_stake=self._message_at_stake)
            elif (
                self._unsaid and dialogue.alive
            ):  # else an answer that ends it is to be taken first
                await self._write_pending()
                self._flush()
            self._complete_accepted()
            if not self._finished:
                await self._read_replies()

    @property
    def _message_at_stake(self) -> bool:
        """Whether a whole message is out, or on its way out, and not answered."""
        return bool(self._written) or any(flight.in_doubt for flight in self._in_flight)

    async def _write_pending(self) -> None:
        """Say what can be said now."""
        dialogue = self._dialogue
        await dialogue.hear_out()
        if dialogue.connection.pending and dialogue.wire.has_unread:
            await dialogue.hear()  # what has come while nobody listened
        while self._unsaid and not dialogue.halting:
            current = self._unsaid[0]
            behind = current is not self._in_flight[0]
            if behind and not self._may_overlap(current):
                return
            reset = self._reset_before(current)
            await self._write_one(current, reset=reset, behind=behind)
            if current.unwanted:
                raise self._data_for_nobody(current)
            if not current.said:
                return
            self._unsaid.popleft()
            if not current.due:  # it had nothing more to say
                self._remove_finished()

    async def _write_one(self, current: Transaction, *, reset: bool, behind: bool) -> None:
        """Say what can be said now of one of them; for the arguments see ``Transaction.say``."""
        dialogue, proven = self._dialogue, self._learned.proven
        while not current.said and (step := current.say(reset=reset, behind=behind, proven=proven)):
            group, content, stuffed = step
            self._before = current
            if content is None:
                dialogue.say_group(group)
                continue
            self._learned.proven = proven or current.together
            if not stuffed and dialogue.say_whole(group, content):
                self._written.append(current)
                if dialogue.buffered >= FULL:
                    self._flush()
            else:
                self._flush()  # what stands before it is out long before its own end is
                self._written.append(current)
                dialogue.say_group(group, 0 if stuffed else content.size)
                await dialogue.say_content(content, stuffed=stuffed, take=self._on_early_reply)

    def _may_overlap(self, current: Transaction) -> bool:
        """Whether it may begin although the one before it is not answered."""
        learned, way = self._learned, current.commands.way
        if not (learned.overlapping and learned.pipelining and way.pipelining) or current.lockstep:
            return False
        if not way.chunking:
            return current.commands.octets <= AHEAD
        if learned.resets is None:
            return True
        return self._resets_left > len(self._in_flight) - len(self._unsaid)

    @property
    def _resets_left(self) -> float:
        """How many RSET the server will take on this connection."""
        most = self._learned.resets
        return inf if most is None else most - self._dialogue.resets

    def _reset_before(self, current: Transaction) -> bool:
        """Whether the server may have the recipients of the one before in mind, who would get this
        message too: after a refused BDAT it may (RFC 3030 section 2), and whether this one will be
        refused is not known yet. More often than needed is no good either: Exim hangs up after ten,
        so the last of them goes out alone.
        """
        before = self._before
        if before is current:
            return False
        if before is not None and before.due:
            reset = before.commands.way.chunking
        else:
            reset = self._dialogue.left_open
        if not self._learned.pipelining or (reset and not self._resets_left):
            current.lockstep = True  # if the server hangs up, nothing shall be in doubt
        return reset

    def _flush(self) -> None:
        self._dialogue.flush()
        for transaction in self._written:
            transaction.complete = True
        self._written.clear()

    def _complete_accepted(self) -> None:
        """What the next ones hoped for, as far as it has come."""
        in_flight, all_accepted = self._in_flight, self._dialogue.granting()
        while in_flight and in_flight[0].optimistic and (replies := all_accepted()) is not None:
            flight = in_flight.popleft()
            flight.take_all(replies)
            if self._recognised and self._dialogue.settled:
                self._finished.append(flight)  # as most of them
            else:
                self._finish(flight)

    async def _read_replies(self) -> None:
        """Take the replies that have come one by one, or wait for some."""
        if self._handle_replies() or not self._in_flight or not self._in_flight[0].due:
            return
        if self._dialogue.halting:
            self._dialogue.heed(at_stake=self._message_at_stake)
        if self._only_formal_replies_due():
            try:
                await self._dialogue.hear(PATIENCE)
            except PhaseTimeoutError:
                self._learned.pipelining = False  # asked one by one, it need not answer them
                raise
        elif self._in_flight[0].half_answered and not self._learned.proven:
            try:
                await self._dialogue.hear(LOST_AFTER)
            except PhaseTimeoutError as error:
                raise self._lost_commands() from error
        else:
            await self._dialogue.hear()

    def _handle_replies(self) -> bool:
        """Take the answers that have come; whether there were any."""
        answers = self._dialogue.answers()
        for answer in answers:
            self._handle_reply(answer)
        self._check_closing()
        self._remove_finished()
        return bool(answers)

    def _only_formal_replies_due(self) -> bool:
        """Whether all that is due stands behind a refused MAIL, so that nothing depends on it."""
        refused = (
            self._in_flight[0].mail_reply is not None and not self._in_flight[0].mail_reply.positive
        )
        return refused and not (len(self._in_flight) > 1 and self._in_flight[1].due)

    def _lost_commands(self) -> ProtocolError:
        """The error of a server that answers the first of several commands and no other."""
        self._learned.pipelining = False
        return ProtocolError(
            "smtp.pipelining_refused",
            "The server offers PIPELINING, but answered MAIL and none of the commands sent with "
            "it.",
            phase=Phase.RCPT,
        )

    def _data_for_nobody(self, transaction: Transaction) -> ProtocolError:
        """The error of a server that wants a message and has refused those it is for."""
        self._learned.pipelining = False  # asked one by one, it is not told DATA then
        reply = transaction.data_reply
        assert reply is not None
        return ProtocolError(
            "smtp.out_of_sequence",
            f"The server asks for a message that it has refused: {reply}",
            phase=Phase.DATA,
            smtp_code=reply.code,
            lines=reply.lines,
        )

    def _handle_reply(self, answer: Answer) -> None:
        in_flight = self._in_flight
        owner = in_flight[0]
        owner.take(*answer, followed=len(in_flight) > 1 and in_flight[1].due > 0)
        if owner.stray is Stray.MESSAGE:
            self._learned.overlapping = False
        elif owner.stray is Stray.GROUP:
            self._learned.pipelining = False
        elif owner.lockstep and not answer.reply.positive and out_of_sequence(answer.reply):
            self._learned.pipelining = True  # it means what it says, alone as in a group
        if owner.chunking_refused:
            raise ProtocolError(
                "smtp.chunking_refused",
                f"The server offers CHUNKING, but answers BDAT with {answer.reply}",
                phase=Phase.FINAL,
                smtp_code=answer.reply.code,
                lines=answer.reply.lines,
            )
        if owner.confused or (owner.stuck and not owner.due):
            raise _lost_count(owner, answer)
        self._remove_finished()

    def _on_early_reply(self, answer: Answer) -> None:
        """An answer in the middle of a message; behind a 421 the server reads no further."""
        self._handle_reply(answer)
        self._check_closing()

    def _check_closing(self) -> None:
        if self._dialogue.closing is not None:
            raise refusal(Phase.MAIL, self._dialogue.closing)

    def _remove_finished(self) -> None:
        """Take out what is over."""
        while self._in_flight and self._in_flight[0].over:
            self._finish(self._in_flight.popleft())

    def _finish(self, transaction: Transaction) -> None:
        self._dialogue.note_end(
            left_open=transaction.leaves_open(before=self._dialogue.left_open),
            reset=transaction.reset,
            taken=transaction.taken,
        )
        if not self._recognised and transaction.final is not None:
            self._learned.recognise(*transaction.final.lines)
            self._recognised = True
        self._finished.append(transaction)

    def _fail_all(self, error: SMTPSError) -> None:
        """The dialogue has ended: for each that is under way, that is its end too.

        It ended at the first; the others may go over another connection, unless their message was
        handed over and may have been read.
        """
        # With a 421 the server says that it reads no further (RFC 5321 section 3.8), and one that
        # refuses RSET and hangs up has read no further either.
        closing = isinstance(error, RefusedError) and error.failure.smtp_code == 421
        out_of_step = isinstance(error, ProtocolError) and error.code != RESET_REFUSED
        asked = bool(self._in_flight) and error.code != HALTED
        if asked and self._in_flight[0].reset_due and self._dialogue.resets >= FEW_RESETS:
            self._learned.resets = self._dialogue.resets
        if self._in_flight and isinstance(error, RefusedError) and error.phase is Phase.DATA:
            self._in_flight[0].refuse_midway(error)
        others = error if closing or isinstance(error, SessionError) else self._dialogue.over(error)
        reason = error
        for transaction in self._in_flight:
            if not transaction.over or transaction.chunking_refused or transaction.confused:
                unread = closing or (self._in_flight[0].stuck and not out_of_step)
                transaction.fail(reason, unread=unread)
            reason = others
        self._unsaid.clear()
        self._remove_finished()


def _lost_count(transaction: Transaction, answer: Answer) -> ProtocolError:
    """The error for replies that make the later ones ambiguous."""
    if transaction.confused:
        code, what = "smtp.out_of_sequence", "The server's replies contradict each other"
    else:
        code, what = RESET_REFUSED, "The server refuses to reset after the previous message"
    return ProtocolError(
        code, f"{what}: {answer.reply}", smtp_code=answer.reply.code, lines=answer.reply.lines
    )
