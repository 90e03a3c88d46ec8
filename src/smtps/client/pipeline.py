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

FULL = 16384
"""Octets that are worth a write: what TLS puts into one record. The server is at work on them while
those behind them are made ready.
"""

GOOD_NUMBER = 8
"""Transactions worth a write of their own. Of a large window the first are then answered while the
last are still being said: with 64 and a server 20 ms away, 7 % more messages a second.
"""


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
        self._written: list[Transaction] = []
        self._finished: list[Transaction] = []
        self._before: Transaction | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._flights

    @property
    def room(self) -> int:
        """How many more transactions had better be added now.

        None until half the window is free, or a good number: what goes out together costs one
        write, and the others keep the server busy meanwhile.
        """
        flights = self._flights
        if not flights:
            return self._window
        free = self._window - len(flights)
        enough = free >= GOOD_NUMBER or free * 2 >= self._window - 1
        return free if enough and flights[-1].wording.way.pipelining else 0

    def add(self, transaction: Transaction) -> None:
        """Line another up; ``advance`` says it."""
        self._flights.append(transaction)
        self._unsaid.append(transaction)

    async def advance(self) -> list[Transaction]:
        """Go on until at least one is over; errors are noted in it, not raised.

        Returns:
            Those that are over, in order; empty if there were none.
        """
        try:
            with self._dialogue.guard():
                while self._flights and not self._finished:
                    if self._unsaid:
                        await self._speak()
                        self._flush()
                    self._take_granted()
                    if not self._finished:
                        await self._listen()
                before = self._before
                if not self._flights and before and not before.granted and before.left_open:
                    await self._tidy_up()
        except SMTPSError as error:
            self._break(error)
        finished, self._finished = self._finished, []
        return finished

    async def _speak(self) -> None:
        """Say what can be said now."""
        dialogue = self._dialogue
        if dialogue.wire.has_unread:  # what has come while nobody listened
            await dialogue.hear()
        while self._unsaid:
            current = self._unsaid[0]
            while not current.said and (step := current.say(reset=self._reset_before(current))):
                group, content, stuffed = step
                self._before = current
                if content is None:
                    dialogue.say_group(group)
                    continue
                self._written.append(current)
                if stuffed or not dialogue.say_whole(group, content):
                    dialogue.say_group(group, 0 if stuffed else content.size)
                    await dialogue.say_content(content, stuffed=stuffed, take=self._overhear)
                elif dialogue.buffered >= FULL:
                    self._flush()
            if not current.said:
                return
            self._unsaid.popleft()

    def _reset_before(self, current: Transaction) -> bool:
        """Whether the server may have the recipients of the one before in mind, who would get this
        message too: after a refused BDAT it may (RFC 3030 section 2), and whether this one will be
        refused is not known yet.
        """
        before = self._before
        if before is None or before is current or before.granted:
            return False
        return before.wording.way.chunking if before.due else before.left_open

    def _flush(self) -> None:
        self._dialogue.flush()
        for transaction in self._written:
            transaction.complete = True
        self._written.clear()

    def _take_granted(self) -> None:
        """What the next ones hoped for, as far as it has come."""
        flights, granted = self._flights, self._dialogue.granting()
        while flights and flights[0].hopeful and (replies := granted()) is not None:
            flight = flights.popleft()
            flight.take_all(replies)
            self._finished.append(flight)

    async def _listen(self) -> None:
        """Take the replies that have come one by one, or wait for some."""
        answers = self._dialogue.answers()
        for answer in answers:
            self._take(answer)
        self._check_closing()
        self._settle()
        if not answers and self._flights and self._flights[0].due:
            await self._dialogue.hear()

    def _take(self, answer: Answer) -> None:
        owner = self._flights[0]
        owner.take(*answer)
        if owner.chunking_refused:
            raise ProtocolError(
                "smtp.chunking_refused",
                f"The server offers CHUNKING, and answers BDAT with {answer.reply}",
                phase=Phase.FINAL,
                smtp_code=answer.reply.code,
                lines=answer.reply.lines,
            )
        self._settle()

    def _overhear(self, answer: Answer) -> None:
        """An answer in the middle of a message; behind a 421 the server reads no further."""
        self._take(answer)
        self._check_closing()

    def _check_closing(self) -> None:
        if self._dialogue.closing is not None:
            raise refusal(Phase.MAIL, self._dialogue.closing)

    def _settle(self) -> None:
        """Take out what is over."""
        while self._flights and self._flights[0].over:
            self._finished.append(self._flights.popleft())

    def _break(self, error: SMTPSError) -> None:
        """The dialogue has ended: for each that is under way, that is its end too."""
        # With a 421 the server says that it reads no further (RFC 5321 section 3.8).
        unread = isinstance(error, RefusedError) and error.failure.smtp_code == 421
        for transaction in self._flights:
            if not transaction.over or transaction.chunking_refused:
                transaction.fail(error, unread=unread)
        self._unsaid.clear()
        self._settle()

    async def _tidy_up(self) -> None:
        """Leave no half transaction behind. What comes back cannot change what was decided."""
        self._before = None
        if not self._dialogue.usable:
            return
        try:
            await self._dialogue.exchange([RSET])
        except SMTPSError as error:
            self._dialogue.transcript.add("*", f"RSET failed: {error}")
