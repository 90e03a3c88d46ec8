"""A session: one dialogue with one server, and the messages sent over it.

``send_many`` opens another session if the connection is lost before the last message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
)
from contextlib import asynccontextmanager
from email.message import Message as PythonMessage
from functools import partial as partial_of
from typing import Any, TypeVar, Unpack

from smtps.client.attempts import Learned
from smtps.client.commands import CommandFactory, SendOptions, UsableExtensions
from smtps.client.delivery import MAX_WINDOW, WINDOW, Delivery, MessageSender
from smtps.client.handshake import NAME_REFUSED, Access, Leave, deadline_of
from smtps.client.outgoing import DSN, AnyMessage, Envelope, check_capabilities, prepare
from smtps.client.result import Outcome, Result, unsent
from smtps.client.source import ANOTHER_WAY, ATTEMPTS, END, End, Guarded, Losses, Source, source_of
from smtps.endpoint import Endpoint, EndpointOptions, Partial
from smtps.errors import CapabilityError, InputError, SessionError
from smtps.net.egress import Allow


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


Item = TypeVar("Item", bound=AnyMessage | tuple[AnyMessage, Envelope])
"""What ``send_many`` takes: a message, or one with its envelope."""


class Session(Access):
    """One dialogue with one server. Not to be shared between tasks at the same time."""

    _asked_again = False
    _factory: CommandFactory | None = None

    async def send(
        self,
        message: AnyMessage,
        envelope: Envelope | None = None,
        *,
        partial: Partial = "abort",
        dsn: DSN | None = None,
        require_tls: bool = False,
        deadline: float | None = None,
    ) -> Result:
        """Send one message.

        Args:
            message: ``smtps.Message``, ``email.message.EmailMessage``, or bytes with an envelope.
            envelope: who it is from and for; read from the message when left out.
            partial: ``abort``: one refused recipient and nothing is sent. ``send``: the others
                get it.
            dsn: delivery status notifications to ask for.
            require_tls: ask for TLS on the whole way (RFC 8689).
            deadline: the loop's time at which all has to be over; else ``timeouts.total`` counts.

        Returns:
            What became of it, whatever the server did. After the final 250 nothing turns it into
            a failure, and without a final reply it is never called one.

        Raises:
            InputError, CapabilityError: it cannot be sent as it stands; nothing was.
            SessionError: the session is over.
        """
        terms = _terms(partial, dsn, require_tls)
        if not (self.usable or self.dialogue.interrupted):
            raise SessionError(
                "session.broken", "This session is over; open another.", retryable=True
            )
        self.dialogue.deadline = deadline or deadline_of(self.endpoint)
        try:
            result = await self._send(message, envelope, terms)
            if named_wrongly(result) and self.usable and await self.hello_by_address():
                result = await self._send(message, envelope, terms)
        finally:
            self.dialogue.deadline = None
        return result

    async def _send(
        self, message: AnyMessage, envelope: Envelope | None, terms: SendOptions
    ) -> Result:
        try:
            delivery = ready(message, envelope, self._put_to(terms))
        except CapabilityError:
            if not await self._ask_again():
                raise
            delivery = ready(message, envelope, self._put_to(terms))
        message_sender = MessageSender(self.dialogue, self.learned)
        message_sender.begin(delivery)
        while not message_sender.idle:
            await message_sender.advance()
        return delivery.result(self.address, self.transcript, logged_in=self.mechanism is not None)

    def send_many(
        self,
        messages: Iterable[Item] | AsyncIterable[Item] | Source[Item],
        *,
        window: int = WINDOW,
        partial: Partial = "abort",
        dsn: DSN | None = None,
        require_tls: bool = False,
    ) -> AsyncGenerator[tuple[Item, Result]]:
        """Send many messages, some under way at the same time.

        Each message gets exactly one result, as soon as it is there. What cannot be sent as it
        stands is ``refused``. If the connection ends, what was not handed over goes over another,
        which takes the place of the first in this session; if there is none, it is ``deferred``.

        Args:
            messages: each as ``send`` takes it, or a pair of it and its envelope.
            window: how many may be under way at once. More hide the network's delay, at a price:
                if the connection breaks, each that is out and not answered is ``uncertain``. A
                server without PIPELINING gets one at a time, one without CHUNKING two in part.
            partial, dsn, require_tls: see ``send``; for all of them.

        Yields:
            The message as it was given, and what became of it.

        Raises:
            InputError: the window, or ``partial``.
            Exception: what ``messages`` raised, once all that was begun has its result.
        """
        terms = _terms(partial, dsn, require_tls)
        if not isinstance(window, int) or not 1 <= window <= MAX_WINDOW:
            raise InputError("window", f"must be from 1 to {MAX_WINDOW}")
        put_to = partial_of(self._put_to, terms)
        return Many(self, put_to, self._ask_again, source_of(messages), window).run()

    async def _ask_again(self) -> bool:
        """EHLO once more; whether there is an answer that was not there before."""
        if self.mechanism is None or self._asked_again:
            return False
        self._asked_again = True
        return await self.hello_again()

    def _put_to(self, terms: SendOptions) -> CommandFactory:
        """How messages are put to this server, as it is now."""
        capabilities = self.dialogue.connection.capabilities
        way = UsableExtensions.to(self.endpoint, capabilities, self.learned)
        book = self._factory
        if (
            book is None
            or book.terms is not terms
            or book.capabilities is not capabilities
            or book.way != way
        ):
            book = self._factory = CommandFactory(capabilities, terms, way)
        return book


@asynccontextmanager
async def connect(
    host: str | Endpoint, *, allow: Allow | None = None, **options: Unpack[EndpointOptions]
) -> AsyncIterator[Session]:
    """A session for the length of a block.

        async with smtps.connect("smtp.example.com", username="u", password="p") as session:
            result = await session.send(message)

    Args:
        host: name or address of the server, or a whole Endpoint.
        allow: egress policy, asked about each resolved address.
        **options: the other fields of Endpoint.

    Raises:
        SMTPSError: it did not come to a session.
    """
    endpoint = host if isinstance(host, Endpoint) else Endpoint(host, **options)
    async with await Session.open(endpoint, allow=allow) as session:
        yield session


def _terms(partial: Partial, dsn: DSN | None, require_tls: bool) -> SendOptions:
    if partial not in ("abort", "send"):
        raise InputError("partial", "must be 'abort' or 'send'")
    return SendOptions(partial=partial, dsn=dsn, require_tls=require_tls)


async def send(
    message: AnyMessage,
    host: str | Endpoint,
    *,
    envelope: Envelope | None = None,
    partial: Partial = "abort",
    dsn: DSN | None = None,
    require_tls: bool = False,
    allow: Allow | None = None,
    leave: Leave | None = None,
    **options: Unpack[EndpointOptions],
) -> Result:
    """Connect, log in, send, quit.

    Args:
        message: ``smtps.Message``, ``email.message.EmailMessage``, or bytes with an envelope.
        host: name or address of the server, or a whole Endpoint.
        envelope, partial, dsn, require_tls: see ``Session.send``.
        allow: egress policy, asked about each resolved address.
        leave: takes the session over when the message has its result; see ``client.pool``.
        **options: the other fields of Endpoint.

    Raises:
        InputError: it cannot be sent as it stands; no connection was made.
        SMTPSError: it did not come to a session. From then on all is in the result.
    """
    endpoint = host if isinstance(host, Endpoint) else Endpoint(host, **options)
    ready = prepare(message, envelope)
    if not isinstance(message, PythonMessage):  # which depends on what the server offers
        message = ready
    deadline = deadline_of(endpoint)
    learned = Learned()
    for _ in range(ATTEMPTS):
        session = await Session.open(
            endpoint, allow=allow, deadline=deadline, leave=leave, learned=learned
        )
        async with session:
            result = await session.send(
                message,
                envelope,
                partial=partial,
                dsn=dsn,
                require_tls=require_tls,
                deadline=deadline,
            )
            session.dialogue.deadline = deadline  # for QUIT too
        if result.failure is None or result.failure.code not in ANOTHER_WAY:
            break
        learned.chunking = learned.chunking and result.failure.code != "smtp.chunking_refused"
    timings = {**session.timings, **result.timings}
    return result._replace(timings=timings, passed_over=session.passed_over)
