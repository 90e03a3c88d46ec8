"""Transactions on their way: some said and not answered yet, in the order of the wire.

The next one is said behind the message of the one before, as far as the server pipelines. By BDAT
so many may be under way as the window allows; DATA has to be answered before its message, so there
it is the envelope of the next one that goes out with the message.
"""

from __future__ import annotations

from collections import deque

from smtps.client.dialogue import Dialogue
from smtps.client.refusals import refusal
from smtps.client.transaction import Transaction
from smtps.core.command import RSET
from smtps.core.connection import Answer
from smtps.errors import Phase, ProtocolError, RefusedError, SMTPSError


class Pipeline:
    """The transactions of one dialogue that are not over.

    Args:
        dialogue: ready, after EHLO and login.
        window: how many may be under way at once.
    """

    def __init__(self, dialogue: Dialogue, *, window: int = 1) -> None:
        self._dialogue = dialogue
        self._window = window
        self._flights: deque[Transaction] = deque()
        self._unsaid: deque[Transaction] = deque()
        self._owners: deque[Transaction | None] = deque()
        self._written: list[Transaction] = []
        self._before: Transaction | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._flights

    @property
    def room(self) -> bool:
        """Whether another transaction may be added."""
        flights = self._flights
        return not flights or (len(flights) < self._window and flights[-1].way.pipelining)

    def add(self, transaction: Transaction) -> None:
        """Line another up; ``advance`` says it."""
        self._flights.append(transaction)
        self._unsaid.append(transaction)

    async def advance(self) -> list[Transaction]:
        """Go on until at least one is over; errors are noted in it, not raised.

        Returns:
            Those that are over, in order; empty if there were none.
        """
        finished: list[Transaction] = []
        try:
            with self._dialogue.guard():
                while self._flights and not finished:
                    if self._unsaid:
                        await self._speak()
                        self._flush()
                    await self._listen()
                    finished = self._over()
                await self._tidy_up()
        except SMTPSError as error:
            self._break(error)
            finished += self._over()
        return finished

    async def _speak(self) -> None:
        """Say what can be said now."""
        while self._unsaid:
            current = self._unsaid[0]
            while (group := current.say()) is not None:
                commands = group.commands
                if self._reset_first(current):
                    commands = (RSET, *commands)
                    self._owners.append(None)
                self._before = current
                self._owners.extend([current] * (len(group.commands) + group.stuffed))
                self._dialogue.say(commands)
                if group.content is not None:
                    self._written.append(current)
                    if group.stuffed or not self._dialogue.say_small(group.content):
                        await self._dialogue.say_content(
                            group.content, stuffed=group.stuffed, take=self._take
                        )
                        self._check_closing()
            if not current.said:
                return
            self._unsaid.popleft()

    def _reset_first(self, current: Transaction) -> bool:
        """Whether the server may have the recipients of the one before in mind, who would get this
        message too: after a refused BDAT it may (RFC 3030 section 2), and whether this one will be
        refused is not known yet.
        """
        before = self._before
        if before is None or before is current:
            return False
        return before.left_open if before.over else before.way.chunking

    def _flush(self) -> None:
        self._dialogue.flush()
        for transaction in self._written:
            transaction.complete = True
        self._written.clear()

    async def _listen(self) -> None:
        """Wait for replies, and take all that have come."""
        if not self._owners:
            return
        for answer in await self._dialogue.next_answers():
            self._take(answer)
        self._check_closing()

    def _check_closing(self) -> None:
        """A 421 may answer one, and be the end of those behind it."""
        if self._dialogue.closing is not None:
            raise refusal(Phase.MAIL, self._dialogue.closing)

    def _take(self, answer: Answer) -> None:
        owner = self._owners.popleft()
        if owner is None:
            return
        owner.take(*answer)
        if owner.chunking_refused:
            raise ProtocolError(
                "smtp.chunking_refused",
                f"The server offers CHUNKING, and answers BDAT with {answer.reply}",
                phase=Phase.FINAL,
                smtp_code=answer.reply.code,
                lines=answer.reply.lines,
            )

    def _over(self) -> list[Transaction]:
        """Take out what is over."""
        finished = []
        while self._flights and self._flights[0].over:
            finished.append(self._flights.popleft())
        return finished

    def _break(self, error: SMTPSError) -> None:
        """The dialogue has ended: for each that is under way, that is its end too."""
        # With a 421 the server says that it reads no further (RFC 5321 section 3.8).
        unread = isinstance(error, RefusedError) and error.failure.smtp_code == 421
        for transaction in self._flights:
            if not transaction.over or transaction.chunking_refused:
                transaction.fail(error, unread=unread)
        self._unsaid.clear()

    async def _tidy_up(self) -> None:
        """Leave no half transaction behind. What comes back cannot change what was decided."""
        before = self._before
        if self._flights or before is None or not before.left_open or not self._dialogue.usable:
            return
        self._before = None
        try:
            await self._dialogue.exchange([RSET])
        except SMTPSError as error:
            self._dialogue.transcript.add("*", f"RSET failed: {error}")
