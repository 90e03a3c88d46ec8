"""The sandbox: aiosmtpd behind implicit TLS, with test accounts and an inbox."""

from __future__ import annotations

import asyncio
import hmac
import logging
import ssl
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from smtps.errors import InputError
from smtps.sandbox.certificates import Authority
from smtps.sandbox.inbox import Inbox
from smtps.sandbox.personas import Persona, persona_named

USERNAME = "tester@example.test"
PASSWORD = "sandbox-password"  # noqa: S105  # known to all, good for loopback only

MAX_MESSAGE = 64 * 1024 * 1024


class _Dialogue(SMTP):  # type: ignore[misc]  # aiosmtpd's types are not read
    """One client, served according to the persona."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(
            _Handler(sandbox),
            hostname="sandbox.smtps.test",
            ident="ESMTP smtps sandbox",
            data_size_limit=MAX_MESSAGE,
            enable_SMTPUTF8=True,
            auth_require_tls=False,  # TLS is on from the first byte; aiosmtpd knows only STARTTLS
            authenticator=sandbox.authenticate,
            loop=asyncio.get_running_loop(),
        )
        self._sandbox = sandbox

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._client = transport
        self._sandbox.clients.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._sandbox.clients.discard(self._client)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        if self._sandbox.persona.greeting_delay:
            await asyncio.sleep(self._sandbox.persona.greeting_delay)
        with suppress(ConnectionError):
            await super()._handle_client()


class _Handler:
    """aiosmtpd calls these by name; each answers with the reply to send."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Any, _envelope: Any, hostname: str, lines: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [lines[0], "250-PIPELINING", *lines[1:]]

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        stored = self._sandbox.inbox.add(
            envelope.mail_from or "", tuple(envelope.rcpt_tos), bytes(envelope.content)
        )
        if self._sandbox.persona.drops_after_data:
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
        self.host = host
        self.port = port
        self.username = USERNAME
        self.password = PASSWORD
        self.inbox = inbox if inbox is not None else Inbox()
        self._authority = authority
        self.clients: set[Any] = set()
        self._server: asyncio.Server | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    @property
    def ca_file(self) -> Path:
        """PEM file of the authority, as long as the sandbox runs."""
        assert self._directory is not None, "the sandbox is not running"
        return Path(self._directory.name) / "ca.pem"

    async def start(self) -> Self:
        """Make the certificates and listen."""
        self._directory = tempfile.TemporaryDirectory(prefix="smtps-sandbox-")
        directory = Path(self._directory.name)
        authority = self._authority or Authority()
        authority.write(directory / "ca.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.persona.certify(authority).write(directory, "server"))
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: _Dialogue(self), self.host, self.port, ssl=context
            )
        except OSError as error:
            self._directory.cleanup()
            raise InputError(
                "port", f"cannot listen on {self.host} port {self.port}: {error.strerror}"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Stop listening and drop all clients."""
        if self._server is not None:
            self._server.close()
            for transport in list(self.clients):
                transport.abort()
            await self._server.wait_closed()
            await asyncio.sleep(0)
            self._server = None
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
        if good and not self.persona.refuses_login:
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
