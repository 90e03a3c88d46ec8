"""One client of the sandbox: the server's half of the language, bent by the persona."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Any, Protocol, cast

from smtps.core.server_commands import Asked, Recipient, Refused, Sender
from smtps.core.server_connection import ServerConnection
from smtps.core.server_events import (
    STANDARD,
    Content,
    Event,
    Finished,
    Hello,
    Login,
    Offer,
    Response,
    Simple,
    Stage,
    StartTLS,
)
from smtps.core.server_sasl import Claim, Exchange
from smtps.sandbox.inbox import Inbox
from smtps.sandbox.persona import Act, Answer, Persona, Said
from smtps.sandbox.secure import Secured

NAME = "sandbox.smtps.test"

_EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")

_MOST_UNREAD = 1024 * 1024
"""Octets from a client that waits for an answer; beyond, nothing more is read."""


def offer_of(persona: Persona, mechanisms: tuple[str, ...]) -> Offer:
    """What the server of a persona offers."""
    return Offer(
        name=NAME,
        mechanisms=mechanisms,
        auth_in_clear=persona.auth_in_clear,
        starttls=persona.security == "starttls" and not persona.in_clear,
        size=persona.size,
        extensions=(*_EXTENSIONS, "CHUNKING") if persona.chunking else _EXTENSIONS,
        more=persona.offers,
    )


class Host(Protocol):
    """What a client's server has to know: the sandbox."""

    persona: Persona
    inbox: Inbox
    clients: set[Any]

    @property
    def mechanisms(self) -> tuple[str, ...]: ...
    def exchange(self, mechanism: str) -> Exchange | None: ...
    def knows(self, claim: Claim) -> bool: ...


class SMTPProtocol(asyncio.Protocol):
    """Serves one client according to the persona.

    Args:
        sandbox: whose client it is.
        tls: for STARTTLS, None without.
    """

    def __init__(self, sandbox: Host, tls: ssl.SSLContext | None) -> None:
        self._sandbox = sandbox
        self._persona = sandbox.persona
        self._tls = tls
        self._transport: asyncio.Transport | None = None
        self._client: asyncio.Transport | None = None
        self._connection = ServerConnection(
            offer_of(sandbox.persona, sandbox.mechanisms),
            secured=sandbox.persona.security != "starttls",
        )
        self._script: deque[Said] = deque()
        self._for_a_line = False
        self._deaf = False
        self._paused = False
        self._late: asyncio.TimerHandle | None = None
        self._exchange: Exchange | None = None
        self._sender = ""
        self._recipients: list[str] = []
        self._data: list[bytes] = []

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there, or has finished its handshake after STARTTLS."""
        self._transport = cast(asyncio.Transport, transport)
        if self._client is not None:
            self._connection.upgraded()
            return
        self._client = self._transport
        self._sandbox.clients.add(self._client)
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(self._persona.greeting_delay, self._greet)

    def data_received(self, data: bytes) -> None:
        """Some octets came."""
        if self._deaf:
            return
        self._connection.receive_data(data)
        self._go_on()
        if self._connection.unread > _MOST_UNREAD:
            self._pause_reading()

    def eof_received(self) -> bool:
        """A client that has closed its side gets no more."""
        return False

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """The client has left."""
        if self._late is not None:
            self._late.cancel()
        self._sandbox.clients.discard(self._client)
        self._deaf = True
        self._transport = None

    def pause_writing(self) -> None:
        """A client that reads no replies is not listened to either."""
        self._pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        self._resume_reading()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and self._paused:
            self._paused = False
            self._transport.resume_reading()

    # The dialogue.

    def _greet(self) -> None:
        self._late = None
        if self._persona.greeting is None:
            self._connection.answer(f"220 {NAME} ESMTP smtps sandbox")
        else:
            self._perform(self._persona.greeting)
        self._go_on()

    def _go_on(self) -> None:
        """Answer what can be answered, and write it all at once."""
        while not self._deaf:
            if self._script:
                if not self._play():
                    break
                continue
            if self._greeted_otherwise():
                self._connection.close()
                break
            event = self._connection.next_event()
            if event is None:
                break
            self._handle(event)
        self._flush()

    def _greeted_otherwise(self) -> bool:
        """Whether the persona had a greeting of its own, after which it says no more."""
        return self._persona.greeting is not None and self._late is None

    def _flush(self) -> None:
        if self._transport is None:
            return
        data = self._connection.data_to_send()
        if self._persona.line_end != "\r\n":
            data = data.replace(b"\r\n", self._persona.line_end.encode())
        if data:
            self._transport.write(data)
        if self._connection.stage is Stage.CLOSED:
            self._deaf = True
            self._transport.close()
        elif self._connection.stage is Stage.UPGRADING:
            self._begin_tls()

    def _begin_tls(self) -> None:
        assert self._tls is not None
        assert self._transport is not None
        secured = Secured(self._tls, self, upgrades=True)
        self._transport.set_protocol(secured)
        secured.connection_made(self._transport)

    def _handle(self, event: Event) -> None:
        if isinstance(event, Content):
            self._data.append(event.data)
            return
        said = self._persona.replies.get(_key(event))
        if said is not None:
            if isinstance(event, Finished) and not isinstance(said, str):
                self._store()  # it has the mail, and does not say so
            self._note(event, said)
            self._perform(said)
        else:
            self._answer(event)

    def _answer(self, event: Event) -> None:
        """What a server that is well says."""
        connection = self._connection
        match event:
            case Hello():
                self._hello(event)
            case StartTLS():
                connection.answer("220 2.0.0 Ready to start TLS")
            case Login():
                self._begin_login(event)
            case Response(data=data):
                self._continue_login(data)
            case Sender() if not connection.logged_in:
                connection.answer("530 5.7.0 Authentication required")
            case Sender() | Recipient():
                said = "250 2.1.0 OK" if isinstance(event, Sender) else "250 2.1.5 OK"
                self._note(event, said)
                connection.answer(said)
            case Finished():
                self._finish(event)
            case Simple(verb=verb):
                connection.answer(STANDARD[verb])

    def _hello(self, event: Hello) -> None:
        if not self._persona.bare_names and "." not in event.name:
            self._connection.answer("550 5.7.1 EHLO needs a host name with a domain")
        else:
            self._connection.greet()

    def _note(self, event: Event, said: Answer) -> None:
        """Keep the envelope of what is accepted."""
        accepted = isinstance(said, str) and said.startswith("2")
        if isinstance(event, Sender) and accepted:
            self._sender, self._recipients, self._data = event.path, [], []
        elif isinstance(event, Recipient) and accepted:
            self._recipients.append(event.path)

    def _finish(self, event: Finished) -> None:
        if event.too_large:
            self._data = []
            self._connection.answer("552 5.3.4 The message is too large")
        elif not event.last:
            self._connection.answer(f"250 2.0.0 {event.octets} bytes received")
        else:
            self._connection.answer(f"250 2.0.0 OK: kept as {self._store()}")

    def _store(self) -> str:
        data, self._data = b"".join(self._data), []
        box = self._sandbox
        return box.inbox.add(self._sender, tuple(self._recipients), data, box.persona.name).id

    # Logins.

    def _begin_login(self, event: Login) -> None:
        self._exchange = self._sandbox.exchange(event.mechanism)
        if self._exchange is None:
            self._connection.answer("535 5.7.8 No account of this sandbox has such credentials")
            return
        self._continue_login(event.initial)

    def _continue_login(self, response: bytes | None) -> None:
        assert self._exchange is not None
        try:
            found = self._exchange.step(response)
        except Refused as refused:
            self._connection.answer(refused.reply)
            return
        if isinstance(found, Claim):
            good = self._sandbox.knows(found)
            self._connection.answer("235 2.7.0 Welcome" if good else _WRONG)
        else:
            self._connection.challenge(found)

    # What the persona says in place of a reply.

    def _perform(self, answer: Answer) -> None:
        self._script.extend(answer if isinstance(answer, tuple) else (answer,))
        self._for_a_line = False

    def _play(self) -> bool:
        """Do the next thing; False where a line of the client has to come first."""
        if self._for_a_line and self._connection.next_line() is None:
            return False
        self._for_a_line = True
        said = self._script.popleft()
        match said:
            case Act.LISTEN:
                pass
            case Act.SILENCE:
                self._deaf = True  # until the client has had enough
            case Act.HANG_UP:
                self._flush()
                self._deaf = True
                if self._transport is not None:
                    self._transport.abort()
            case str() if self._script:
                self._connection.say(said)
            case str():
                self._connection.answer(said)
        return True


_WRONG = "535 5.7.8 Authentication credentials invalid"


def _key(event: Event) -> str:
    """What a persona's replies call it."""
    match event:
        case Hello(extended=extended):
            return "EHLO" if extended else "HELO"
        case Finished(last=last):
            return "FINAL" if last else ""
        case Simple(verb=verb):
            return verb
    return _KEYS.get(type(event), "")


_KEYS: dict[type, str] = {
    StartTLS: Asked.STARTTLS,
    Login: Asked.AUTH,
    Sender: Asked.MAIL,
    Recipient: Asked.RCPT,
}
