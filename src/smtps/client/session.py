"""A session: one dialogue with one server, and the messages sent over it.

``send_many`` opens another session if the connection is lost before the last message.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from email.message import Message as PythonMessage
from functools import partial as partial_of
from typing import Self, TypeVar, Unpack

from smtps.client.attempts import Learned
from smtps.client.commands import CommandFactory, SendOptions, UsableExtensions
from smtps.client.delivery import MAX_WINDOW, WINDOW, MessageSender
from smtps.client.handshake import Access, Leave, deadline_of
from smtps.client.many import Many, named_wrongly, ready
from smtps.client.outgoing import DSN, AnyMessage, Envelope, prepare
from smtps.client.result import Result
from smtps.client.source import ATTEMPTS, Source, may_go_again, source_of
from smtps.client.transcript import Transcript
from smtps.core.capabilities import Capabilities
from smtps.core.reply import Reply
from smtps.endpoint import Endpoint, EndpointOptions, Partial
from smtps.errors import CapabilityError, InputError, SessionError
from smtps.net.egress import Allow
from smtps.net.tls import TLSFacts

Item = TypeVar("Item", bound=AnyMessage | tuple[AnyMessage, Envelope])
"""What ``send_many`` takes: a message, or one with its envelope."""


class Session:
    """One dialogue with one server. Not to be shared between tasks at the same time.

    Args:
        access: has got in.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._asked_again = False
        self._factory: CommandFactory | None = None

    @classmethod
    async def open(cls, endpoint: Endpoint, *, allow: Allow | None = None) -> Self:
        """Connect, secure, greet and, with credentials, log in.

        Args:
            endpoint: where, how, who.
            allow: egress policy, asked about each resolved address.

        Raises:
            SMTPSError: it did not come to a session; no connection is left.
        """
        return cls(await Access.open(endpoint, allow=allow))

    @property
    def endpoint(self) -> Endpoint:
        """What it was opened with."""
        return self._access.endpoint

    @property
    def address(self) -> str:
        """The server's address."""
        return self._access.address

    @property
    def greeting(self) -> Reply | None:
        """The server's first reply."""
        return self._access.greeting

    @property
    def capabilities(self) -> Capabilities:
        """What the server offered in its last reply to EHLO."""
        return self._access.capabilities

    @property
    def tls(self) -> TLSFacts | None:
        """Facts of the TLS connection."""
        return self._access.tls

    @property
    def mechanism(self) -> str | None:
        """SASL mechanism that the login used, if there was one."""
        return self._access.mechanism

    @property
    def transcript(self) -> Transcript:
        """The dialogue so far, without secrets."""
        return self._access.transcript

    @property
    def timings(self) -> dict[str, float]:
        """Milliseconds of each phase so far."""
        return self._access.timings

    @property
    def usable(self) -> bool:
        """Whether another message can be sent."""
        return self._access.usable

    async def noop(self) -> None:
        """Ask whether the server is still there.

        Raises:
            SMTPSError: it is not.
        """
        await self._access.noop()

    async def quit(self) -> None:
        """Leave politely; the session is over afterwards."""
        await self._access.quit()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await self._access.__aexit__(kind, error, trace)

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
            envelope: sender and recipients; read from the message when left out.
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
        terms, access = _terms(partial, dsn, require_tls), self._access
        if not (access.usable or access.dialogue.interrupted):
            raise SessionError(
                "session.broken", "This session has ended; open a new one.", retryable=True
            )
        access.dialogue.deadline = deadline or deadline_of(access.endpoint)
        try:
            result = await self._send(message, envelope, terms)
            if named_wrongly(result) and access.usable and await access.hello_by_address():
                result = await self._send(message, envelope, terms)
        finally:
            access.dialogue.deadline = None
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
        message_sender = MessageSender(self._access.dialogue, self._access.learned)
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
        return Many(self._access, put_to, self._ask_again, source_of(messages), window).run()

    async def _ask_again(self) -> bool:
        """EHLO once more; whether there is an answer that was not there before."""
        if self.mechanism is None or self._asked_again:
            return False
        self._asked_again = True
        return await self._access.hello_again()

    def _put_to(self, terms: SendOptions) -> CommandFactory:
        """How messages are put to this server, as it is now."""
        capabilities = self._access.dialogue.connection.capabilities
        way = UsableExtensions.to(self.endpoint, capabilities, self._access.learned)
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
        leave: takes the session over when the message has its result; see ``client.lending``.
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
        access = await Access.open(
            endpoint, allow=allow, deadline=deadline, leave=leave, learned=learned
        )
        async with access:
            result = await Session(access).send(
                message,
                envelope,
                partial=partial,
                dsn=dsn,
                require_tls=require_tls,
                deadline=deadline,
            )
            access.dialogue.deadline = deadline  # for QUIT too
        if result.failure is None or not may_go_again(result, reused=False):
            break
        learned.note(result.failure)
    timings = {**access.timings, **result.timings}
    return replace(result, timings=timings, passed_over=access.passed_over)
