"""A session: one dialogue with one server, and the messages that go over it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar, Unpack

from smtps.client.access import Access, deadline_of
from smtps.client.courier import MAX_WINDOW, WINDOW, Courier
from smtps.client.delivery import Delivery
from smtps.client.envelope import DSN, Envelope
from smtps.client.outgoing import AnyMessage, check_capabilities, prepare
from smtps.client.result import Result, unsent
from smtps.client.source import END, Source, source_of
from smtps.client.terms import Terms, Way
from smtps.client.wording import Phrasebook
from smtps.errors import CapabilityError, InputError, SessionError
from smtps.net.egress import Allow
from smtps.options import Endpoint, EndpointOptions, Partial

Item = TypeVar("Item", bound=AnyMessage | tuple[AnyMessage, Envelope])
"""What ``send_many`` takes: a message, or one with its envelope."""


class Session(Access):
    """One dialogue with one server. Not to be shared between tasks at the same time."""

    _asked_again = False
    _phrasebook: Phrasebook | None = None

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
        if not self.usable:
            raise SessionError("session.broken", "This session is over; open another.")
        self.dialogue.deadline = deadline or deadline_of(self.endpoint)
        try:
            try:
                delivery = _ready(message, envelope, self._put_to(terms))
            except CapabilityError:
                if not await self._ask_again():
                    raise
                delivery = _ready(message, envelope, self._put_to(terms))
            courier = Courier(self.dialogue)
            courier.begin(delivery)
            while not courier.idle:
                await courier.advance()
        finally:
            self.dialogue.deadline = None
        return delivery.result(self.address, self.transcript)

    async def send_many(
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
        stands is ``refused``. Once the session has ended, what was not begun is ``deferred``.

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
        courier = Courier(self.dialogue, window=window)
        async with source_of(messages) as source:
            while True:
                room, book = courier.room, self._put_to(terms)
                while room:
                    item = source.take()
                    if item is END and not source.over:
                        item = await source.next(wait=courier.idle)
                    if item is END:
                        break
                    message, envelope = item if isinstance(item, tuple) else (item, None)
                    try:
                        courier.begin(_ready(message, envelope, book, item))
                        room = room - 1 if book.way.pipelining else 0
                    except (InputError, CapabilityError) as error:
                        again = isinstance(error, CapabilityError) and courier.idle
                        if again and await self._ask_again():
                            source.put_back(item)
                            book = self._put_to(terms)
                        else:
                            yield item, unsent(error)
                if courier.idle and source.over:
                    break
                self.dialogue.deadline = deadline_of(self.endpoint)
                finished = await courier.advance()
                self.dialogue.deadline = None
                for delivery in finished:
                    yield delivery.item, delivery.result(self.address, self.transcript)
        source.raise_error()

    async def _ask_again(self) -> bool:
        """EHLO once more; whether there is an answer that was not there before."""
        if self.mechanism is None or self._asked_again:
            return False
        self._asked_again = True
        return await self.hello_again()

    def _put_to(self, terms: Terms) -> Phrasebook:
        """How messages are put to this server, as it is now."""
        capabilities = self.dialogue.connection.capabilities
        book = self._phrasebook
        if book is None or book.terms is not terms or book.capabilities is not capabilities:
            book = Phrasebook(capabilities, terms, Way.to(self.endpoint, capabilities))
            self._phrasebook = book
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


def _terms(partial: Partial, dsn: DSN | None, require_tls: bool) -> Terms:
    if partial not in ("abort", "send"):
        raise InputError("partial", "must be 'abort' or 'send'")
    return Terms(partial=partial, dsn=dsn, require_tls=require_tls)


def _ready(
    message: AnyMessage, envelope: Envelope | None, book: Phrasebook, item: object = None
) -> Delivery:
    """Make a message ready for this server, and refuse early what it would refuse late."""
    outgoing, terms = prepare(message, envelope, seven_bit=book.seven_bit), book.terms
    check_capabilities(outgoing, book.capabilities, dsn=terms.dsn, require_tls=terms.require_tls)
    return Delivery(item, outgoing, book)
