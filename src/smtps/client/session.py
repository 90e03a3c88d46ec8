"""A session: connect, log in, send, quit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self, TypeVar, Unpack

from smtps.client.content import EMPTY
from smtps.client.courier import MAX_WINDOW, WINDOW, Courier
from smtps.client.delivery import RECIPIENTS_PER_TRANSACTION, Delivery, Terms
from smtps.client.dialogue import Dialogue
from smtps.client.envelope import DSN, Envelope
from smtps.client.login import login
from smtps.client.outgoing import AnyMessage, check_capabilities, prepare
from smtps.client.pipeline import Pipeline
from smtps.client.refusals import refusal
from smtps.client.result import Result, unsent
from smtps.client.source import END, Source
from smtps.client.transaction import Transaction, Way
from smtps.client.transcript import Transcript
from smtps.core.capabilities import Capabilities
from smtps.core.command import NOOP, QUIT, RSET, STARTTLS, ehlo, helo, mail, rcpt
from smtps.core.reply import Limits, Reply
from smtps.errors import (
    CapabilityError,
    InputError,
    Phase,
    ProtocolError,
    RefusedError,
    SessionError,
    SMTPSError,
)
from smtps.net.dial import address_literal, connect_any, secure
from smtps.net.egress import Allow
from smtps.net.resolve import resolve
from smtps.net.tls import ClientHello, TLSFacts, context_for
from smtps.net.wire import Wire
from smtps.options import Endpoint, EndpointOptions, Partial

Item = TypeVar("Item", bound=AnyMessage | tuple[AnyMessage, Envelope])
"""What ``send_many`` takes: a message, or one with its envelope."""

NAME_REFUSED = frozenset({501, 504, 550})
"""Replies to EHLO that are about the client's name."""

NO_EHLO = frozenset({500, 502})
"""Replies of a server that knows only HELO."""


class Session:
    """One dialogue with one server. Not to be shared between tasks at the same time.

    Attributes:
        endpoint: what it was opened with.
        dialogue: the conversation, with its transcript.
        tls: facts of the TLS connection.
        greeting: the server's first reply.
        mechanism: SASL mechanism that the login used, or None.
        ehlo_name: the name that the server accepted.
        timings: milliseconds of each phase so far.
    """

    def __init__(
        self,
        wire: Wire,
        endpoint: Endpoint,
        *,
        transcript: Transcript | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.endpoint = endpoint
        transcript = transcript or Transcript(kept=endpoint.transcript)
        self.dialogue = Dialogue(wire, endpoint.timeouts, transcript=transcript, limits=limits)
        self.tls: TLSFacts | None = None
        self.greeting: Reply | None = None
        self.mechanism: str | None = None
        self.ehlo_name = endpoint.ehlo_name
        self.timings: dict[str, float] = {}
        self._wire = wire
        self._asked_again = False

    @classmethod
    async def open(
        cls, endpoint: Endpoint, *, allow: Allow | None = None, deadline: float | None = None
    ) -> Self:
        """Connect, secure, greet and, with credentials, log in.

        Args:
            endpoint: where, how, who.
            allow: egress policy, asked about each resolved address.
            deadline: the loop's time at which all has to be over; else ``timeouts.total`` counts.

        Raises:
            SMTPSError: it did not come to a session; no connection is left.
        """
        check_endpoint(endpoint)
        deadline = deadline or deadline_of(endpoint)
        seconds = endpoint.timeouts
        timings: dict[str, float] = {}
        with timed(timings, Phase.DNS):
            addresses = await resolve(
                endpoint.host,
                endpoint.port,
                timeout=seconds.dns,
                deadline=deadline,
                resolver=endpoint.resolver,
            )
        with timed(timings, Phase.TCP):
            wire = await connect_any(addresses, timeout=seconds.tcp, allow=allow, deadline=deadline)
        session = cls(wire, endpoint)
        session.timings = timings
        session.dialogue.deadline = deadline
        try:
            await session.begin()
            if endpoint.wants_login:
                await session.login()
        except RefusedError:
            await session.quit()
            raise
        except BaseException:
            wire.abort()
            raise
        session.dialogue.deadline = None
        return session

    async def begin(self, hello: ClientHello | None = None, resume: Any = None) -> None:
        """From the open wire to the answer to EHLO, TLS on the way.

        Args:
            hello: another way to say hello, to find out what the server does with it.
            resume: the TLS session of an earlier connection.

        Raises:
            SMTPSError: see ``open``.
        """
        if self.endpoint.security == "implicit":
            await self.start_tls(hello, resume)
            await self.greet()
            await self.hello()
        else:
            await self.greet()
            await self.hello()
            await self.upgrade(hello, resume)
            await self.hello()

    async def start_tls(self, hello: ClientHello | None = None, resume: Any = None) -> None:
        """The handshake; ``tls`` has the facts also when it fails."""
        dialogue = self.dialogue
        with timed(self.timings, Phase.TLS):
            try:
                self.tls = await secure(
                    self._wire, self.endpoint, dialogue.deadline, hello=hello, session=resume
                )
            except SMTPSError:
                self.tls = self._wire.facts()
                self._wire.abort()
                raise
        tls = self.tls
        trust = "certificate verified" if tls.verified else "certificate not verified"
        dialogue.transcript.add("*", f"{tls.version}, {tls.cipher}, {trust}")

    async def upgrade(self, hello: ClientHello | None = None, resume: Any = None) -> None:
        """STARTTLS (RFC 3207).

        Raises:
            ProtocolError: the server does not offer it, or bytes were slipped in before TLS.
        """
        if "STARTTLS" not in self.capabilities:
            self.dialogue.abort()
            raise ProtocolError(
                "tls.starttls_not_offered",
                "The server does not offer STARTTLS on this port, or somebody removed the offer.",
                phase=Phase.TLS,
                retryable=False,
                address=self._wire.address,
            )
        reply = await self.dialogue.command(STARTTLS)
        if not reply.positive:
            raise self._refused(Phase.TLS, reply)
        if self._wire.has_unread:
            self.dialogue.connection.receive_data(await self._wire.receive())
        try:
            self.dialogue.connection.upgraded()
        except ProtocolError as error:
            self._wire.abort()
            error.locate(address=self._wire.address)
            raise
        await self.start_tls(hello, resume)

    async def greet(self) -> Reply:
        """Wait for the greeting.

        Raises:
            RefusedError: the server wants nothing to do with this client.
        """
        with timed(self.timings, Phase.GREETING):
            self.greeting = await self.dialogue.greeting()
        if not self.greeting.positive:
            raise self._refused(Phase.GREETING, self.greeting)
        return self.greeting

    async def hello(self) -> Reply:
        """EHLO; with an address literal if the name is refused, and HELO if EHLO is unknown.

        Raises:
            RefusedError: the server takes neither.
        """
        with timed(self.timings, Phase.EHLO):
            reply = await self.dialogue.command(ehlo(self.ehlo_name))
            if reply.code in NAME_REFUSED and "." not in self.ehlo_name:
                self.ehlo_name = address_literal(self._wire.local_ip)
                reply = await self.dialogue.command(ehlo(self.ehlo_name))
            if reply.code in NO_EHLO:
                reply = await self.dialogue.command(helo(self.ehlo_name))
        if not reply.positive:
            raise self._refused(Phase.EHLO, reply)
        return reply

    async def login(self) -> None:
        """Log in with the strongest mechanism that both sides have.

        Raises:
            LoginError: the server said no, or there is no common mechanism.
        """
        with timed(self.timings, Phase.AUTH):
            binding = self._wire.channel_binding()
            self.mechanism = await login(self.dialogue, self.endpoint, binding)

    @property
    def capabilities(self) -> Capabilities:
        """What the server offered in its last answer to EHLO."""
        return self.dialogue.connection.capabilities

    @property
    def _way(self) -> Way:
        """How this server can be sent to."""
        capabilities, endpoint = self.capabilities, self.endpoint
        return Way(
            endpoint.pipelining and "PIPELINING" in capabilities,
            endpoint.chunking and "CHUNKING" in capabilities,
        )

    @property
    def tls_session(self) -> Any:
        """What a later connection may take up again."""
        return self._wire.tls_session

    @property
    def transcript(self) -> Transcript:
        """What was said, without secrets."""
        return self.dialogue.transcript

    @property
    def usable(self) -> bool:
        """Whether another message may be sent here."""
        return self.dialogue.usable

    @property
    def has_unread(self) -> bool:
        """Whether the server has said something that nobody asked for, or hung up."""
        return self._wire.has_unread

    @property
    def address(self) -> str:
        """The server's network address."""
        return self._wire.address

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
        courier = Courier(self.dialogue)
        try:
            delivery = self._prepare(message, envelope, terms)
        except CapabilityError:
            if not await self._ask_again():
                raise
            delivery = self._prepare(message, envelope, terms)
        courier.begin(delivery)
        while not courier.idle:
            await courier.advance()
        self.dialogue.deadline = None
        return delivery.result(self.address, self.transcript)

    async def send_many(
        self,
        messages: Iterable[Item] | AsyncIterable[Item],
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
        """
        terms = _terms(partial, dsn, require_tls)
        if not isinstance(window, int) or not 1 <= window <= MAX_WINDOW:
            raise InputError("window", f"must be from 1 to {MAX_WINDOW}")
        courier = Courier(self.dialogue, window=window)
        async with Source(messages) as source:
            while True:
                while courier.room:
                    item = source.take()
                    if item is END and not source.over:
                        item = await source.next(wait=courier.idle)
                    if item is END:
                        break
                    message, envelope = item if isinstance(item, tuple) else (item, None)
                    try:
                        courier.begin(self._prepare(message, envelope, terms, item))
                    except (InputError, CapabilityError) as error:
                        again = isinstance(error, CapabilityError) and courier.idle
                        if again and await self._ask_again():
                            source.put_back(item)
                        else:
                            yield item, unsent(error)
                if courier.idle and source.over:
                    break
                self.dialogue.deadline = deadline_of(self.endpoint)
                for delivery in await courier.advance():
                    yield delivery.item, delivery.result(self.address, self.transcript)
        self.dialogue.deadline = None

    def _prepare(
        self, message: AnyMessage, envelope: Envelope | None, terms: Terms, item: object = None
    ) -> Delivery:
        """Make a message ready for this server, and refuse early what it would refuse late."""
        capabilities = self.capabilities
        outgoing = prepare(message, envelope, seven_bit="8BITMIME" not in capabilities)
        check_capabilities(outgoing, capabilities, dsn=terms.dsn, require_tls=terms.require_tls)
        return Delivery(item, outgoing, terms, capabilities, self._way)

    async def _ask_again(self) -> bool:
        """EHLO once more, as some servers offer more to those they know; whether it was done."""
        if self.mechanism is None or self._asked_again:
            return False
        self._asked_again = True
        await self.hello()
        return True

    async def ask(self, envelope: Envelope, *, size: int | None = None) -> Transaction:
        """Ask whether sender and recipients would be taken; no message is sent.

        Args:
            envelope: whom to ask for.
            size: octets to announce, for a server that offers SIZE.

        Returns:
            The transaction as far as it went, with the server's replies.
        """
        sender = mail(
            envelope.sender,
            size=size if "SIZE" in self.capabilities else None,
            smtputf8=envelope.needs_smtputf8,
        )
        room = self.capabilities.limits.get("RCPTMAX", RECIPIENTS_PER_TRANSACTION)
        commands = {who: rcpt(who) for who in envelope.recipients[:room]}
        asked = Transaction(sender, commands, EMPTY, "send", self._way, ask_only=True)
        pipeline = Pipeline(self.dialogue)
        pipeline.add(asked)
        while not pipeline.idle:
            await pipeline.advance()
        return asked

    async def noop(self) -> None:
        """Ask whether the server is still there.

        Raises:
            SMTPSError: it is not.
        """
        reply = await self.dialogue.command(NOOP)
        if not reply.positive:
            raise self._refused(Phase.EHLO, reply, "smtp.noop_refused")

    async def reset(self) -> None:
        """Abandon what was begun (RSET)."""
        await self.dialogue.command(RSET)

    async def quit(self) -> None:
        """Leave politely and close. Never fails: nothing depends on the answer."""
        try:
            if self.dialogue.usable:
                await self.dialogue.command(QUIT)
        except SMTPSError as error:
            self.transcript.add("*", f"QUIT failed: {error}")
        except BaseException:
            self.dialogue.abort()
            raise
        await self.dialogue.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, asyncio.CancelledError):
            self.dialogue.abort()
            await asyncio.sleep(0)
        else:
            await self.quit()

    def _refused(self, phase: Phase, reply: Reply, code: str | None = None) -> RefusedError:
        return refusal(phase, reply, code=code).locate(address=self._wire.address)


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


def check_endpoint(endpoint: Endpoint) -> None:
    """Find out what cannot be used before anything is looked up or connected.

    Raises:
        InputError: the client's name, or a file; names the field.
    """
    ehlo(endpoint.ehlo_name)
    context_for(endpoint)


def deadline_of(endpoint: Endpoint) -> float | None:
    """When ``timeouts.total`` is over, in the loop's time."""
    total = endpoint.timeouts.total
    return None if total is None else asyncio.get_running_loop().time() + total


@contextmanager
def timed(timings: dict[str, float], name: str) -> Iterator[None]:
    """Add the milliseconds of the block to ``timings``, also when it fails."""
    start = time.perf_counter()
    try:
        yield
    finally:
        spent = (time.perf_counter() - start) * 1000
        timings[str(name)] = round(timings.get(str(name), 0.0) + spent, 3)


def _terms(partial: Partial, dsn: DSN | None, require_tls: bool) -> Terms:
    if partial not in ("abort", "send"):
        raise InputError("partial", "must be 'abort' or 'send'")
    return Terms(partial=partial, dsn=dsn, require_tls=require_tls)
