"""The sandbox: aiosmtpd behind implicit TLS, with a test account and an inbox."""

from __future__ import annotations

import asyncio
import hmac
import logging
import ssl
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from smtps.errors import InputError
from smtps.sandbox.inbox import Inbox
from smtps.sandbox.persona import Act, Answer, Persona
from smtps.sandbox.personas import persona_named
from smtps.sandbox.pki import Authority
from smtps.sandbox.raw import Front
from smtps.sandbox.secure import Secured

USERNAME = "tester@example.test"
PASSWORD = "sandbox-password"  # noqa: S105  # known to all, good for loopback only


class _Dialogue(SMTP):  # type: ignore[misc]  # aiosmtpd's types are not read
    """One client, served according to the persona."""

    def __init__(self, sandbox: Sandbox, tls: ssl.SSLContext | None) -> None:
        persona = sandbox.persona
        super().__init__(
            _Handler(sandbox),
            hostname="sandbox.smtps.test",
            ident="ESMTP smtps sandbox",
            data_size_limit=persona.size,
            enable_SMTPUTF8=True,
            # With implicit TLS it is on from the first byte, but aiosmtpd knows only STARTTLS.
            auth_require_tls=persona.security == "starttls" and not persona.auth_in_clear,
            authenticator=sandbox.authenticate,
            tls_context=tls,
            loop=asyncio.get_running_loop(),
        )
        self._sandbox = sandbox
        self._persona = persona
        for verb, answer in persona.replies.items():
            if verb in self._smtp_methods and verb not in ("MAIL", "RCPT"):
                self._smtp_methods[verb] = partial(self._answer, answer)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.transport is None:
            self._client = transport
            self._sandbox.clients.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._sandbox.clients.discard(self._client)
        super().connection_lost(error)

    def eof_received(self) -> bool:
        super().eof_received()
        return False  # a client that has closed its side gets no more

    async def push(self, status: str | bytes) -> None:
        data = status.encode() if isinstance(status, str) else status
        end = self._persona.line_end.encode()
        self._writer.write(data.replace(b"\r\n", end) + end)
        await self._writer.drain()

    async def _handle_client(self) -> None:
        if self._persona.greeting_delay:
            await asyncio.sleep(self._persona.greeting_delay)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            if self._persona.greeting is not None:
                await self._answer(self._persona.greeting)
                self.transport.close()
            else:
                await super()._handle_client()

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        if not self._persona.bare_names and "." not in (hostname or ""):
            await self.push("550 5.7.1 EHLO needs a host name with a domain")
        else:
            await super().smtp_EHLO(hostname)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        offered = self._persona.auth
        mechanism = arg.partition(" ")[0].upper() if arg else ""
        if not offered:
            await self.push("503 5.5.1 AUTH is not offered here")
        elif mechanism and mechanism not in offered:
            await self.push(f"504 5.5.4 {mechanism} is not offered; try {' '.join(offered)}")
        elif mechanism and mechanism not in self._auth_methods:
            await self.push("535 5.7.8 No account of this sandbox has such credentials")
        else:
            await super().smtp_AUTH(arg)

    async def _answer(self, answer: Answer, _argument: str | None = None) -> None:
        """What the persona has to say in place of a reply."""
        for number, said in enumerate(answer if isinstance(answer, tuple) else (answer,)):
            if number:
                await self._reader.readuntil()
            if said is Act.LISTEN:
                continue
            if said is Act.SILENCE:
                await self._reader.read()  # until the client has had enough
            if isinstance(said, Act):
                self.transport.abort()
                await asyncio.Event().wait()  # until the lost connection cancels this
            else:
                await self.push(said)


_BACKLOG = 4096
"""Connections that wait to be taken: with fewer, a hundred at once would wait a second."""


class _Handler:
    """aiosmtpd calls these by name; each answers with the reply to send."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Any, envelope: Any, hostname: str, lines: list[str]
    ) -> list[str]:
        persona = self._sandbox.persona
        session.host_name = hostname
        envelope.smtp_utf8 = True
        offered = [line for line in lines[1:-1] if not line.startswith("250-AUTH")]
        if len(offered) < len(lines) - 2 and persona.auth:
            offered.append(f"250-AUTH {' '.join(persona.auth)}")
        more = [f"250-{line}" for line in persona.offers]
        return [lines[0], "250-PIPELINING", *offered, *more, lines[-1]]

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        login = "250 2.1.0 OK" if session.authenticated else "530 5.7.0 Authentication required"
        answer = str(self._sandbox.persona.replies.get("MAIL", login))
        if answer.startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = str(self._sandbox.persona.replies.get("RCPT", "250 2.1.5 OK"))
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return answer

    async def handle_DATA(self, server: _Dialogue, _session: Any, envelope: Any) -> str:  # noqa: N802
        answer = self._sandbox.persona.replies.get("FINAL")
        if isinstance(answer, str):
            return answer
        stored = self._sandbox.inbox.add(
            envelope.mail_from or "", tuple(envelope.rcpt_tos), bytes(envelope.content)
        )
        if answer is not None:
            server.transport.abort()
            await asyncio.Event().wait()  # until the lost connection cancels this
        return f"250 2.0.0 OK: kept as {stored.id}"


class Sandbox:
    """A mail server for trying things out.

        async with Sandbox(persona="expired") as box:
            report = await smtps.check(box.host, port=box.port, ca_file=box.ca_file)

    Args:
        persona: how to misbehave; see ``personas``.
        host: loopback address to listen on.
        port: 0 takes a free one.
        authority, inbox: to share with other sandboxes.

    Attributes:
        host, port: where it listens, once started.
        ca_file: PEM file of the authority to trust.
        username, password: the test account.
        inbox: the mail it took.

    Raises:
        InputError: no such persona, or not a loopback address, or the port is taken.
    """

    def __init__(
        self,
        persona: str | Persona = "healthy",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        authority: Authority | None = None,
        inbox: Inbox | None = None,
    ) -> None:
        if host not in ("127.0.0.1", "::1", "localhost"):
            raise InputError("host", "the sandbox listens on loopback only: 127.0.0.1 or ::1")
        self.persona = persona if isinstance(persona, Persona) else persona_named(persona)
        self.host = self.persona.host or host
        self.port = port
        self.username = USERNAME
        self.password = PASSWORD
        self.inbox = inbox if inbox is not None else Inbox()
        self._authority = authority or Authority()
        self.clients: set[Any] = set()
        self._listen_on = host
        self._servers: list[asyncio.Server] = []
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    @property
    def ca_file(self) -> Path:
        """PEM file of the authority, as long as the sandbox runs."""
        assert self._directory is not None, "the sandbox is not running"
        return Path(self._directory.name) / "ca.pem"

    async def start(self) -> Self:
        """Make the certificates and listen."""
        self._directory = tempfile.TemporaryDirectory(prefix="smtps-sandbox-")
        self._authority.write(self.ca_file)
        try:
            await self._listen()
        except OSError as error:
            self._directory.cleanup()
            raise InputError(
                "port", f"cannot listen on {self.host} port {self.port}: {error.strerror}"
            ) from error
        return self

    async def _listen(self) -> None:
        persona = self.persona
        if persona.raw is not None:
            await self._serve(persona.raw)
            return
        context = None if persona.in_clear else self._context()
        if persona.security == "starttls":
            await self._serve(lambda: _Dialogue(self, context))
            return

        def client() -> asyncio.Protocol:
            dialogue = _Dialogue(self, None)
            return dialogue if context is None else Secured(context, dialogue)

        if (front := persona.front) is None:
            await self._serve(client)
        else:
            behind = await self._serve(client, port=0)
            await self._serve(lambda: Front(self._listen_on, behind, front))
        if persona.host is not None:  # a name that may lead to both families
            with suppress(OSError):  # of which a machine may have one
                await self._serve(client, host="::1", port=self.port)

    async def _serve(
        self, protocol: Any, *, host: str | None = None, port: int | None = None
    ) -> int:
        """Listen; returns the port, which is the sandbox's own unless one was given."""
        wanted = self.port if port is None else port
        server = await asyncio.get_running_loop().create_server(
            protocol, host or self._listen_on, wanted, backlog=_BACKLOG
        )
        self._servers.append(server)
        found: int = server.sockets[0].getsockname()[1]
        if port is None:
            self.port = found
        return found

    def _context(self) -> ssl.SSLContext:
        assert self._directory is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Weak keys and signatures are refused above that level, and some personas have them.
        context.set_ciphers("DEFAULT:!kRSA:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # some Pythons leave that to a file
        identity = self.persona.certify(self._authority)
        context.load_cert_chain(identity.write(Path(self._directory.name), "server"))
        if self.persona.adjust is not None:
            self.persona.adjust(context, self._authority)
        return context

    async def stop(self) -> None:
        """Stop listening and drop all clients."""
        for server in self._servers:
            server.close()
        for transport in list(self.clients):
            transport.abort()
        for server in self._servers:
            await server.wait_closed()
        await asyncio.sleep(0)
        self._servers.clear()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        """Judge a login, as aiosmtpd asks for it."""
        assert isinstance(data, LoginPassword)
        good = hmac.compare_digest(data.login, self.username.encode()) & hmac.compare_digest(
            data.password, self.password.encode()
        )
        if good:
            return AuthResult(success=True, auth_data=data)
        return AuthResult(success=False, handled=False)

    def as_json(self) -> dict[str, Any]:
        """What a script needs to know, on one line."""
        return {
            "host": self.host,
            "port": self.port,
            "ca_file": str(self.ca_file),
            "username": self.username,
            "password": self.password,
            "persona": self.persona.name,
        }


logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd tells every line there
