"""Getting in and out: connect, TLS, greeting, EHLO, login; QUIT."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Self

from smtps.client.attempts import Learned
from smtps.client.dialogue import Dialogue
from smtps.client.login import login
from smtps.client.opening import Opening
from smtps.client.result import meaning, refusal
from smtps.client.transcript import Transcript
from smtps.core.capabilities import Capabilities
from smtps.core.command import NOOP, QUIT, STARTTLS, ehlo, helo
from smtps.core.reply import Limits, Reply
from smtps.endpoint import Endpoint
from smtps.errors import Failure, Phase, ProtocolError, RefusedError, SMTPSError
from smtps.net.dial import address_literal, secure
from smtps.net.egress import Allow
from smtps.net.timing import spend, timed
from smtps.net.tls import ClientHello, TLSFacts, context_for
from smtps.net.wire import Wire

NAME_REFUSED = "smtp.ehlo_name_refused"

_ABOUT_THE_NAME = frozenset({501, 504, 550})
"""Replies to EHLO that are about the client's name, unless their words tell something else."""

NO_EHLO = frozenset({500, 502})
"""Replies of a server that knows only HELO."""

Leave = Callable[["Access"], Awaitable[None]]
"""Takes over a session that has done its work, and sees to it that it quits."""


class Access:
    """One dialogue with one server, before any message. Not to be shared between tasks at a time.

    Attributes:
        endpoint: what it was opened with.
        dialogue: the conversation, with its transcript.
        greeting: the server's first reply.
        mechanism: SASL mechanism that the login used, or None.
        tried: all that it tried, in turn.
        ehlo_name: the name that the server accepted.
        ehlo_refusal: what a server that knows only HELO has answered to EHLO, or None.
        passed_over: failures at other addresses of the server, in turn.
        learned: what it has shown about itself.
        reopens: whether another connection may take the place of this one when it has ended.
        allow: egress policy for it.
        timings: milliseconds of each phase so far.
    """

    def __init__(
        self,
        wire: Wire,
        endpoint: Endpoint,
        *,
        transcript: Transcript | None = None,
        limits: Limits | None = None,
        leave: Leave | None = None,
        learned: Learned | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.learned = learned or Learned()
        transcript = transcript or Transcript(kept=endpoint.transcript)
        self.dialogue = Dialogue(wire, endpoint.timeouts, transcript=transcript, limits=limits)
        self.greeting: Reply | None = None
        self.mechanism: str | None = None
        self.tried: list[str] = []
        self.ehlo_name = endpoint.ehlo_name
        self.ehlo_refusal: Reply | None = None
        self.timings: dict[str, float] = {}
        self.passed_over: tuple[Failure, ...] = ()
        self.reopens = False
        self.allow: Allow | None = None
        self._wire = wire
        self._leave = leave
        self._verified: bool | None = None  # before there is TLS
        self._tls: TLSFacts | None = None

    @classmethod
    async def open(
        cls,
        endpoint: Endpoint,
        *,
        allow: Allow | None = None,
        deadline: float | None = None,
        leave: Leave | None = None,
        learned: Learned | None = None,
    ) -> Self:
        """Connect, secure, greet and, with credentials, log in.

        Args:
            endpoint: where, how, who.
            allow: egress policy, asked about each resolved address.
            deadline: the loop's time at which all has to be over; else ``timeouts.total`` counts.
            leave: takes the session over at its end, see ``leave``.
            learned: what earlier sessions have found out about the server.

        Raises:
            SMTPSError: it did not come to a session; no connection is left.
        """
        check_endpoint(endpoint)
        deadline = deadline or deadline_of(endpoint)
        entry = Opening(endpoint, allow, leave, learned or Learned())
        session = await entry.enter(cls, deadline)
        session.dialogue.deadline = None
        return session

    async def withdraw(self, error: SMTPSError) -> None:
        """Leave a server that did not let this client in: politely, if that is what it said."""
        if isinstance(error, RefusedError):
            await self.leave()
        else:
            self.dialogue.abort()

    async def reopen(self) -> bool:
        """Another connection in place of this one; whether there is one."""
        try:
            other = await self.open(
                self.endpoint, allow=self.allow, leave=self._leave, learned=self.learned
            )
        except SMTPSError as error:
            self.transcript.add("*", f"no other connection: {error}")
            return False
        await self.quit()
        self.__dict__.update(other.__dict__)
        return True

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
        self._verified = False
        with timed(self.timings, Phase.TLS):
            try:
                self._verified = await secure(
                    self._wire, self.endpoint, dialogue.deadline, hello=hello, session=resume
                )
            except SMTPSError:
                self._wire.abort()
                raise
        if dialogue.transcript.kept and (tls := self.tls) is not None:
            trust = "certificate verified" if tls.verified else "certificate not verified"
            dialogue.transcript.add("*", f"{tls.version}, {tls.cipher}, {trust}")

    async def upgrade(self, hello: ClientHello | None = None, resume: Any = None) -> None:
        """STARTTLS (RFC 3207).

        Raises:
            ProtocolError: the server does not offer it, or bytes were slipped in before TLS.
        """
        await self.request_tls()
        await self.start_tls(hello, resume)

    async def request_tls(self) -> None:
        """STARTTLS up to its answer; the handshake is due next.

        Raises:
            ProtocolError: the server does not offer it, or bytes were slipped in before TLS.
        """
        if "STARTTLS" not in self.capabilities:
            self.dialogue.abort()
            raise ProtocolError(
                "tls.starttls_not_offered",
                "The server does not offer STARTTLS on this port, or something on the network path "
                "removed the offer.",
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
        if self.learned.literal:
            self.ehlo_name = self._literal
        with timed(self.timings, Phase.EHLO):
            reply = await self.dialogue.command(ehlo(self.ehlo_name))
            if _about_the_name(reply) and not self.ehlo_by_address:
                self.ehlo_name = self._literal
                reply = await self.dialogue.command(ehlo(self.ehlo_name))
                self.learned.literal = reply.positive
            if reply.code in NO_EHLO:
                self.ehlo_refusal = reply
                reply = await self.dialogue.command(helo(self.ehlo_name))
        if not reply.positive:
            raise self._refused(Phase.EHLO, reply)
        self.dialogue.left_open = False
        self.learned.recognise(*(self.greeting.lines if self.greeting else ()), *reply.lines)
        return reply

    @property
    def ehlo_by_address(self) -> bool:
        """Whether the client gave its address in place of a name (RFC 5321 section 4.1.4)."""
        return self.ehlo_name.startswith("[")

    @property
    def _literal(self) -> str:
        return address_literal(self._wire.local_ip)

    async def hello_by_address(self) -> bool:
        """EHLO with the address literal, since the server has refused a message for the name.

        Returns:
            Whether it was taken, and had not been given before.
        """
        if self.ehlo_by_address:
            return False
        before, self.ehlo_name = self.ehlo_name, self._literal
        taken = await self.hello_again()
        if taken:
            self.learned.literal = True
        else:
            self.ehlo_name = before
        return taken

    async def hello_again(self) -> bool:
        """EHLO after the login, as some servers offer more to those they know.

        Returns:
            Whether it was answered. Nothing depends on it: a server that refuses it has said what
            it offers before.
        """
        try:
            with timed(self.timings, Phase.EHLO):
                reply = await self.dialogue.command(ehlo(self.ehlo_name))
        except SMTPSError as error:
            self.transcript.add("*", f"EHLO failed: {error}")
            return False
        if reply.positive:
            self.dialogue.left_open = False
        return reply.positive

    async def login(self) -> None:
        """Log in with the strongest mechanism that both sides have.

        Raises:
            LoginError: the server said no, or there is no common mechanism.
        """
        try:
            with timed(self.timings, Phase.AUTH):
                binding = self._wire.channel_binding()
                self.mechanism = await login(
                    self.dialogue, self.endpoint, binding, self.tried, self.timings
                )
        finally:
            spend(self.timings, Phase.AUTH, -self.timings.get(Phase.TOKEN, 0.0))

    @property
    def tls(self) -> TLSFacts | None:
        """Facts of TLS, also of a handshake that failed; read when first asked for."""
        if self._tls is None and self._verified is not None:
            facts, pinned = self._wire.facts(), self._verified
            self._tls = replace(facts, verified=True) if pinned and not facts.verified else facts
        return self._tls

    @property
    def capabilities(self) -> Capabilities:
        """What the server offered in its last answer to EHLO."""
        return self.dialogue.connection.capabilities

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
    def worn(self) -> bool:
        """Whether the server will hang up at the next RSET."""
        return self.learned.resets is not None and self.dialogue.resets >= self.learned.resets

    @property
    def has_unread(self) -> bool:
        """Whether the server has said something that nobody asked for, or hung up."""
        return self._wire.has_unread

    @property
    def address(self) -> str:
        """The server's network address."""
        return self._wire.address

    async def noop(self) -> None:
        """Ask whether the server is still there.

        Raises:
            SMTPSError: it is not.
        """
        reply = await self.dialogue.command(NOOP)
        if not reply.positive:
            raise self._refused(Phase.EHLO, reply, "smtp.noop_refused")

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

    async def leave(self) -> None:
        """Quit, or have it done by whoever was named for it when the session was opened."""
        await (self.quit() if self._leave is None else self._leave(self))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, asyncio.CancelledError):
            self.dialogue.abort()
            await asyncio.sleep(0)
        else:
            await self.leave()

    def _refused(self, phase: Phase, reply: Reply, code: str | None = None) -> RefusedError:
        return refusal(phase, reply, code=code).locate(address=self._wire.address)


def _about_the_name(reply: Reply) -> bool:
    found = meaning(Phase.EHLO, reply) if not reply.positive else ""
    return found == NAME_REFUSED or (found == "smtp.ehlo_refused" and reply.code in _ABOUT_THE_NAME)


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
