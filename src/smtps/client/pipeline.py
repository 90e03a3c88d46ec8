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
        self._speaking: Transaction | None = None
        self._owners: deque[Transaction | None] = deque()
        self._written: list[Transaction] = []
        self._left_open = False

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._flights

    @property
    def room(self) -> bool:
        """Whether another transaction may begin."""
        return (
            len(self._flights) < self._window
            and (self._speaking is None or self._speaking.said)
            and (not self._flights or self._flights[-1].way.pipelining)
        )

    async def add(self, transaction: Transaction) -> None:
        """Begin another. It goes out with the next ``advance``, a large one in part at once."""
        behind = self._flights[-1] if self._flights else None
        self._flights.append(transaction)
        self._speaking = transaction
        try:
            async with self._dialogue.guard():
                # Whatever becomes of the one before, its recipients must be forgotten: after a
                # refused BDAT a server may still have them in mind (RFC 3030 section 2), and they
                # would get this message too.
                if behind is not None and (self._left_open or behind.way.chunking):
                    self._dialogue.say((RSET,))
                    self._owners.append(None)
                    self._left_open = False
                await self._speak()
        except SMTPSError as error:
            self._break(error)

    async def advance(self) -> list[Transaction]:
        """Go on until at least one is over; errors are noted in it, not raised.

        Returns:
            Those that are over, in order. Empty if there were none, or if there is room for
            another that could go out in the same write.
        """
        finished = self._over()
        try:
            async with self._dialogue.guard():
                while self._flights and not finished:
                    full = not self.room
                    await self._speak()
                    if full and self.room and self._written:
                        return finished  # another may go out in the same write
                    self._flush()
                    await self._listen()
                    finished = self._over()
        except SMTPSError as error:
            self._break(error)
            return finished + self._over()
        await self._tidy_up()
        return finished

    async def _speak(self) -> None:
        """Say what can be said now."""
        current = self._speaking
        if current is None:
            return
        while (group := current.say()) is not None:
            self._owners.extend([current] * (len(group.commands) + group.stuffed))
            self._dialogue.say(group.commands)
            if group.content is not None:
                self._written.append(current)
                await self._dialogue.say_content(
                    group.content, stuffed=group.stuffed, take=self._take
                )

    def _flush(self) -> None:
        self._dialogue.flush()
        for transaction in self._written:
            transaction.complete = True
        self._written.clear()

    async def _listen(self) -> None:
        """Wait for a reply, and take all that have come with it."""
        if not self._dialogue.connection.pending:
            return
        answer: Answer | None = await self._dialogue.next_answer()
        while answer is not None:
            self._take(answer)
            answer = self._dialogue.ready_answer()
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
            transaction = self._flights.popleft()
            self._left_open = transaction.left_open
            finished.append(transaction)
        return finished

    def _break(self, error: SMTPSError) -> None:
        """The dialogue has ended: for each that is under way, that is its end too."""
        # With a 421 the server says that it reads no further (RFC 5321 section 3.8).
        unread = isinstance(error, RefusedError) and error.failure.smtp_code == 421
        for transaction in self._flights:
            if not transaction.over or transaction.chunking_refused:
                transaction.fail(error, unread=unread)

    async def _tidy_up(self) -> None:
        """Leave no half transaction behind. What comes back cannot change what was decided."""
        if self._flights or not self._left_open or not self._dialogue.usable:
            return
        self._left_open = False
        try:
            await self._dialogue.exchange([RSET])
        except SMTPSError as error:
            self._dialogue.transcript.add("*", f"RSET failed: {error}")
