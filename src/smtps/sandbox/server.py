"""The sandbox: aiosmtpd behind implicit TLS, with a test account and an inbox."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import ssl
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from smtps.errors import InputError
from smtps.sandbox.inbox import Inbox
from smtps.sandbox.issuer.authorization_server import Clock
from smtps.sandbox.issuer.dialects import FormName, dialect_named
from smtps.sandbox.issuer.issuer import Issuer
from smtps.sandbox.issuer.issuing import Issuing
from smtps.sandbox.persona import Act, Answer, Persona, healthy_certificate
from smtps.sandbox.personas import persona_named
from smtps.sandbox.pki import Authority
from smtps.sandbox.raw import Front
from smtps.sandbox.secure import Secured
from smtps.sandbox.token_login import MECHANISMS, read_bearer

USERNAME = "tester@example.test"
PASSWORD = "sandbox-password"  # noqa: S105  # known to all, good for loopback only


LONGEST_AUTH = 12_288
"""Bytes of a line with AUTH (RFC 4954 section 4); a token may be long."""

_LONGEST_LINE = 1001


class _Limits(defaultdict[str, int]):
    """Bytes of a command's line."""

    def __missing__(self, verb: str) -> int:
        return LONGEST_AUTH if verb == "AUTH" else 512


class _Dialogue(SMTP):  # type: ignore[misc]  # aiosmtpd's types are not read
    """One client, served according to the persona."""

    def __init__(self, sandbox: Sandbox, tls: ssl.SSLContext | None) -> None:
        persona = sandbox.persona
        self.command_size_limits = _Limits()
        self.line_length_limit = LONGEST_AUTH + 2  # of the reader
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
        self.line_length_limit = _LONGEST_LINE  # of a message
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
        offered = self._sandbox.mechanisms
        mechanism = arg.partition(" ")[0].upper() if arg else ""
        if not offered:
            await self.push("503 5.5.1 AUTH is not offered here")
        elif mechanism and mechanism not in offered:
            await self.push(f"504 5.5.4 {mechanism} is not offered; try {' '.join(offered)}")
        elif mechanism and mechanism not in self._auth_methods:
            await self.push("535 5.7.8 No account of this sandbox has such credentials")
        else:
            await super().smtp_AUTH(arg)

    async def auth_XOAUTH2(self, _server: SMTP, words: list[str]) -> AuthResult:  # noqa: N802
        return await self._token("XOAUTH2", words)

    async def auth_OAUTHBEARER(self, _server: SMTP, words: list[str]) -> AuthResult:  # noqa: N802
        return await self._token("OAUTHBEARER", words)

    async def _token(self, mechanism: str, words: list[str]) -> AuthResult:
        """A login with an access token (RFC 7628 section 3)."""
        issuer = self._sandbox.issuer
        if issuer is None:
            refusal = "535 5.7.8 No account of this sandbox has such credentials"
            return AuthResult(success=False, handled=False, message=refusal)
        if len(words) > 1:
            data: Any = words[1].encode()
        else:
            await self.push("334 ")
            data = (await self._reader.readline()).strip()
        try:
            bearer = read_bearer(mechanism, base64.b64decode(data, validate=True))
        except ValueError:
            bearer = None
        if bearer is None:
            malformed = "501 5.5.2 The response is malformed"
            return AuthResult(success=False, handled=False, message=malformed)
        problem = issuer.problem_with(bearer.token, bearer.user)
        if problem is None:
            return AuthResult(success=True, auth_data=LoginPassword(bearer.user.encode(), b""))
        if (said := issuer.said_of(problem)) is not None:
            await self.push("334 " + base64.b64encode(said.encode()).decode())
            await self._reader.readline()  # a client says that it has read it
        return AuthResult(success=False, handled=False, message=issuer.form.refusal)

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
        persona, mechanisms = self._sandbox.persona, self._sandbox.mechanisms
        session.host_name = hostname
        envelope.smtp_utf8 = True
        offered = [line for line in lines[1:-1] if not line.startswith("250-AUTH")]
        if len(offered) < len(lines) - 2 and mechanisms:
            offered.append(f"250-AUTH {' '.join(mechanisms)}")
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
        oauth: whether to run an authorization server beside it, whose access tokens it takes: True,
            or the form to speak (``open``, ``microsoft``, ``google``), or an ``Issuing``. A persona
            that is about tokens brings its own.
        clock: seconds since 1970, for the lives of tokens.
        authority, inbox: to share with other sandboxes.

    Attributes:
        host, port: where it listens, once started.
        ca_file: PEM file of the authority to trust.
        username, password: the test account.
        inbox: the mail it took.
        issuer: the same as ``oauth``, or None where there is none.

    Raises:
        InputError: no such persona, or not a loopback address, or the port is taken.
    """

    def __init__(
        self,
        persona: str | Persona = "healthy",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        oauth: bool | FormName | Issuing = False,
        clock: Clock = time.time,
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
        self.issuer: Issuer | None = None
        self._issuing = self.persona.issuing or _issuing(oauth)
        self._clock = clock
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

    @property
    def oauth(self) -> Issuer:
        """The authorization server.

        Raises:
            InputError: there is none.
        """
        if self.issuer is None:
            raise InputError("oauth", "this sandbox has none; start it with oauth=True")
        return self.issuer

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The SASL mechanisms that it offers."""
        offered = self.persona.auth
        if self._issuing is None or not offered:
            return offered
        return tuple(dict.fromkeys((*offered, *MECHANISMS)))

    async def start(self) -> Self:
        """Make the certificates and listen."""
        self._directory = tempfile.TemporaryDirectory(prefix="smtps-sandbox-")
        self._authority.write(self.ca_file)
        try:
            await self._listen()
            if self._issuing is not None:
                await self._issue(self._issuing)
        except OSError as error:
            await self.stop()
            raise InputError(
                "port", f"cannot listen on {self.host} port {self.port}: {error.strerror}"
            ) from error
        return self

    async def _issue(self, issuing: Issuing) -> None:
        """Start the authorization server."""
        folder = self.ca_file.parent
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(healthy_certificate(self._authority).write(folder, "issuer"))
        issuer = Issuer(issuing, self.username, folder, clock=self._clock)
        await issuer.start(context, self._listen_on)
        persona = self.persona
        issuer.write_files(self.host, self.port, persona.asked_with, persona.grant)
        self.issuer = issuer

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
        if self.issuer is not None:
            await self.issuer.stop()
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
        found: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "ca_file": str(self.ca_file),
            "username": self.username,
            "password": self.password,
            "persona": self.persona.name,
        }
        return found if self.issuer is None else {**found, "oauth": self.issuer.as_json()}


def _issuing(oauth: bool | FormName | Issuing) -> Issuing | None:
    """What an argument means."""
    if isinstance(oauth, Issuing | None):
        return oauth
    if isinstance(oauth, str):
        return Issuing(form=dialect_named(oauth).name)
    return Issuing() if oauth else None


logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd tells every line there
