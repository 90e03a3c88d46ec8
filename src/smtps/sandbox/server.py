"""The sandbox: a mail server behind implicit TLS, with a test account and an inbox."""

from __future__ import annotations

import asyncio
import hmac
import ssl
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from smtps.core.server_sasl import EXCHANGES, Claim, Exchange
from smtps.errors import InputError
from smtps.sandbox.inbox import Inbox
from smtps.sandbox.issuer.authorization_server import Clock
from smtps.sandbox.issuer.dialects import FormName, dialect_named
from smtps.sandbox.issuer.issuer import Issuer
from smtps.sandbox.issuer.issuing import Issuing
from smtps.sandbox.persona import Persona, healthy_certificate
from smtps.sandbox.personas import persona_named
from smtps.sandbox.pki import Authority
from smtps.sandbox.raw import Front
from smtps.sandbox.scram import SCRAM, ScramExchange, stored
from smtps.sandbox.secure import Secured
from smtps.sandbox.smtp_protocol import SMTPProtocol
from smtps.sandbox.token_login import MECHANISMS, TokenExchange

USERNAME = "tester@example.test"
PASSWORD = "sandbox-password"  # noqa: S105  # known to all, good for loopback only


_BACKLOG = 4096
"""Connections that wait to be taken: with fewer, a hundred at once would wait a second."""


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
            await self._serve(lambda: SMTPProtocol(self, context))
            return

        def client() -> asyncio.Protocol:
            protocol = SMTPProtocol(self, None)
            return protocol if context is None else Secured(context, protocol)

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

    def exchange(self, mechanism: str) -> Exchange | None:
        """A run of a SASL mechanism; None for one that no account here has credentials for."""
        if mechanism in SCRAM:
            return ScramExchange(mechanism, self._stored_key)
        if mechanism in MECHANISMS:
            return None if self.issuer is None else TokenExchange(mechanism, self.issuer)
        kind = EXCHANGES.get(mechanism)
        return None if kind is None else kind()

    def knows(self, claim: Claim) -> bool:
        """Whether a client is who it says."""
        user = hmac.compare_digest(claim.user.encode(), self.username.encode())
        password = hmac.compare_digest(claim.password.encode(), self.password.encode())
        return (claim.proven or (user and password)) and not claim.acts_for

    def _stored_key(self, mechanism: str, user: str) -> Any:
        """What SCRAM needs to know of an account; of an unknown one, what no password fits."""
        return stored(mechanism, self.password if user == self.username else None)

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
