"""A session: one dialogue with one server, and the messages that go over it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial as partial_of
from typing import TypeVar, Unpack

from smtps.client.access import Access, deadline_of
from smtps.client.courier import MAX_WINDOW, WINDOW, Courier
from smtps.client.envelope import DSN, Envelope
from smtps.client.many import Many, named_wrongly, ready
from smtps.client.outgoing import AnyMessage
from smtps.client.result import Result
from smtps.client.source import Source, source_of
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

    async def _send(self, message: AnyMessage, envelope: Envelope | None, terms: Terms) -> Result:
        try:
            delivery = ready(message, envelope, self._put_to(terms))
        except CapabilityError:
            if not await self._ask_again():
                raise
            delivery = ready(message, envelope, self._put_to(terms))
        courier = Courier(self.dialogue, self.learned)
        courier.begin(delivery)
        while not courier.idle:
            await courier.advance()
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

    def _put_to(self, terms: Terms) -> Phrasebook:
        """How messages are put to this server, as it is now."""
        capabilities = self.dialogue.connection.capabilities
        way = Way.to(self.endpoint, capabilities, self.learned)
        book = self._phrasebook
        if (
            book is None
            or book.terms is not terms
            or book.capabilities is not capabilities
            or book.way != way
        ):
            book = self._phrasebook = Phrasebook(capabilities, terms, way)
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
