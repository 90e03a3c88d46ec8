"""Many messages over one session, and over another if its connection ends before they do."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from smtps.client.commands import CommandFactory
from smtps.client.delivery import Delivery, MessageSender
from smtps.client.handshake import NAME_REFUSED, Access, deadline_of
from smtps.client.outgoing import AnyMessage, Envelope, check_capabilities, prepare
from smtps.client.result import Outcome, Result, unsent
from smtps.client.source import END, End, Guarded, Losses
from smtps.errors import CapabilityError, InputError


def ready(
    message: AnyMessage, envelope: Envelope | None, book: CommandFactory, item: object = None
) -> Delivery:
    """Make a message ready for this server, and refuse early what it would refuse late.

    Raises:
        InputError, CapabilityError: it cannot be sent as it stands.
    """
    outgoing = prepare(message, envelope, seven_bit=book.seven_bit, ascii_header=book.ascii_header)
    terms = book.terms
    check_capabilities(outgoing, book.capabilities, dsn=terms.dsn, require_tls=terms.require_tls)
    return Delivery(item, outgoing, book)


def named_wrongly(result: Result) -> bool:
    """Whether a message was refused for nothing but the client's name in EHLO."""
    failure = result.failure
    if failure is None or failure.code != NAME_REFUSED:
        return False
    return result.outcome in (Outcome.REFUSED, Outcome.DEFERRED)


class Many:
    """One call of ``Session.send_many``.

    Args:
        session: ready.
        put_to: how messages are put to the server, as it is now.
        ask_again: whether the server offers more by now.
        source: of the messages.
        window: how many may be under way at once.
    """

    def __init__(
        self,
        session: Access,
        put_to: Callable[[], CommandFactory],
        ask_again: Callable[[], Awaitable[bool]],
        source: Guarded[Any],
        window: int,
    ) -> None:
        self._session = session
        self._put_to = put_to
        self._ask_again = ask_again
        self._source = source
        self._window = window
        self._sender = MessageSender(session.dialogue, session.learned, window=window)
        self._losses = Losses()
        self._connection = self._losses.connection()
        self._put_off: list[tuple[Any, Result]] = []
        self._again: deque[Any] = deque()
        self._going_on = session.dialogue.alive

    async def run(self) -> AsyncGenerator[tuple[Any, Result]]:
        """Send them all; see there."""
        session, source = self._session, self._source
        async with source:
            while True:
                if (self._put_off or self._ends) and self._sender.idle:
                    for found in await self._mend():
                        yield found
                for found in await self._begin():
                    yield found
                if self._sender.idle and source.over and not self._again:
                    break
                session.dialogue.deadline = deadline_of(session.endpoint)
                finished = await self._sender.advance()
                session.dialogue.deadline = None
                for delivery in finished:
                    result = delivery.result(
                        session.address, session.transcript, logged_in=session.mechanism is not None
                    )
                    if result.failure is None or not self._keep(delivery.item, result):
                        self._connection.decided(delivery.item)
                        yield delivery.item, result
        source.raise_error()

    async def _begin(self) -> list[tuple[Any, Result]]:
        """Begin as many as there is room for.

        Returns:
            Those that cannot be sent as they stand.
        """
        refused: list[tuple[Any, Result]] = []
        room, book = self._room, self._put_to()
        while room and len(refused) < self._window:
            if (item := await self._next()) is END:
                break
            message, envelope = item if isinstance(item, tuple) else (item, None)
            try:
                self._sender.begin(ready(message, envelope, book, item))
                room = room - 1 if book.way.pipelining else 0
            except (InputError, CapabilityError) as error:
                again = isinstance(error, CapabilityError) and self._sender.idle
                if again and await self._ask_again():
                    self._again.appendleft(item)
                    book = self._put_to()
                else:
                    refused.append((item, unsent(error)))
        return refused

    @property
    def _room(self) -> int:
        return 0 if self._put_off or self._ends else self._sender.room

    @property
    def _ends(self) -> bool:
        """Whether another connection has to take the place of this one."""
        session = self._session
        over = session.dialogue.broken is not None or session.worn or not session.dialogue.alive
        return over and self._going_on and session.reopens

    async def _next(self) -> Any | End:
        if self._again:
            return self._again.popleft()
        item = self._source.take()
        if item is END and not self._source.over:
            item = await self._source.next(wait=self._sender.idle)
        return item

    def _keep(self, item: Any, result: Result) -> bool:
        """Whether a message has no result yet, since it may be sent in another way."""
        session = self._session
        renamed = named_wrongly(result) and not session.ehlo_by_address
        lost = self._going_on and not session.dialogue.alive and session.reopens
        if not renamed and not (lost and self._connection.go_again(item, result)):
            return False
        self._put_off.append((item, result))
        return True

    async def _mend(self) -> list[tuple[Any, Result]]:
        """With nothing under way: see to it that what was put off can be sent.

        Returns:
            What cannot, with its result.
        """
        session = self._session
        more = self._put_off or self._again or not self._source.over
        if more and self._ends:
            self._going_on = await session.reopen()
            self._sender = MessageSender(session.dialogue, session.learned, window=self._window)
            self._connection = self._losses.connection()
        if not self._put_off:
            return []
        put_off, self._put_off = self._put_off, []
        named = any(named_wrongly(result) for _, result in put_off)
        refused = named and not await session.hello_by_address()
        if not session.dialogue.alive:
            return put_off
        over = [found for found in put_off if refused and named_wrongly(found[1])]
        put_off = [found for found in put_off if not (refused and named_wrongly(found[1]))]
        self._again.extendleft(item for item, _ in reversed(put_off))
        return over
