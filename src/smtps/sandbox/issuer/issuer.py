"""The sandbox's issuer as a test holds it: ``box.oauth``."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smtps.sandbox.issuer import account_files
from smtps.sandbox.issuer.account_files import Grant
from smtps.sandbox.issuer.authorization_server import Asked, AuthorizationServer, Clock
from smtps.sandbox.issuer.dialects import TENANT, Dialect
from smtps.sandbox.issuer.https import Listener
from smtps.sandbox.issuer.issuing import Issuing
from smtps.sandbox.issuer.jws import signing_key
from smtps.sandbox.issuer.registry import Client
from smtps.sandbox.issuer.token_claims import Granted, Problem

CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105  # known to all, good for loopback only


@dataclass(frozen=True, slots=True)
class Names:
    """How a form names the sandbox's client and its service account."""

    client_id: str
    account: str


_NAMES = {
    "open": Names("sandbox-client", "sandbox-service"),
    "microsoft": Names("11111111-2222-4333-8444-555555555555", ""),
    "google": Names(
        "123456789012-sandbox.apps.googleusercontent.com",
        "sandbox@smtps-sandbox.iam.gserviceaccount.com",
    ),
}

REDIRECTS = ("http://127.0.0.1", "http://localhost", "http://[::1]")


class Issuer:
    """An authorization server that runs beside the sandbox.

        box.oauth.token_for("ann@example.test", expires_in=3)

    Args:
        issuing: how it behaves.
        user: who logs in where nobody else is named.
        folder: for the files of its client.
        clock: seconds since 1970.

    Attributes:
        client_id, client_secret: of its client, which may log in by any grant.
        ca_file: PEM file of the authority to trust.
        requests: what it was asked, the newest last; see ``Asked``.
    """

    def __init__(
        self, issuing: Issuing, user: str, folder: Path, *, clock: Clock = time.time
    ) -> None:
        self._server = AuthorizationServer(issuing, user, clock=clock)
        self._folder = folder
        self._names = _NAMES[issuing.form]
        self._user = user
        self._listener: Listener | None = None
        self.client_id = self._names.client_id
        self.client_secret = issuing.secret or CLIENT_SECRET
        self.ca_file = folder / "ca.pem"
        key = signing_key("client").key.public_key()
        own = Client(
            client_id=self.client_id, secret=CLIENT_SECRET, key=key, redirect_uris=REDIRECTS
        )
        clients = self._server.registry.clients
        clients[own.client_id] = own
        if self._names.account:
            clients[self._names.account] = Client(client_id=self._names.account, key=key)

    async def start(self, context: ssl.SSLContext, host: str, port: int = 0) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        self._listener = Listener(self._server.answer, context)
        found = await self._listener.start(host, port)
        self._server.base = (
            f"https://[{host}]:{found}" if ":" in host else f"https://{host}:{found}"
        )

    async def stop(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            await self._listener.stop()
            self._listener = None

    @property
    def form(self) -> Dialect:
        """The form that it speaks."""
        return self._server.dialect

    @property
    def issuer(self) -> str:
        """Its identifier, whose metadata has the endpoints."""
        return self._server.issuer

    @property
    def authorization_endpoint(self) -> str:
        """Where a person logs in: one button, or ``approve=yes`` in the query."""
        return self._url("authorize")

    @property
    def token_endpoint(self) -> str:
        """Where tokens are."""
        return self._url("token")

    @property
    def device_authorization_endpoint(self) -> str:
        """Where a login by a device code begins."""
        return self._url("device")

    @property
    def tenant(self) -> str:
        """The directory, in Microsoft's form."""
        return TENANT

    @property
    def scope(self) -> str:
        """The scope that lets a program send as a person."""
        return self.form.mail_scope

    @property
    def requests(self) -> list[Asked]:
        """What it was asked, the newest last."""
        return list(self._server.requests)

    def _url(self, service: Any) -> str:
        return self.form.url(self._server.base, service) or ""

    def token_for(
        self,
        user: str | None = None,
        *,
        scope: str | None = None,
        audience: str | None = None,
        expires_in: float | None = None,
    ) -> str:
        """An access token, as if it had been granted.

        Args:
            user: the mailbox; default the sandbox's own.
            scope: what it is good for; default sending mail.
            audience: whom it is for; default the mail server.
            expires_in: seconds; negative for a token that has expired. Default the server's.
        """
        server = self._server
        usual = server.issuing.grants or (self.scope,)
        scopes = usual if scope is None else tuple(scope.split())
        granted = Granted(
            user=user or self._user, client=self.client_id, scopes=scopes, audience=audience
        )
        life = server.issuing.life if expires_in is None else expires_in
        return server.mint.access_token(granted, server.clock(), life)

    def revoke(self, token: str) -> bool:
        """Revoke an access token, or with a refresh token the whole login.

        Returns:
            Whether the token is one of this server's.
        """
        return self._server.registry.revoke(token)

    def problem_with(self, token: str, user: str) -> Problem | None:
        """What the mail server has against a token; None if it takes it."""
        return self._server.problem_with(token, user)

    def said_of(self, problem: Problem) -> str | None:
        """What the mail server says of a problem in its challenge; None for nothing."""
        return self.form.error(problem, self._server.base)

    @property
    def accounts_file(self) -> Path:
        """A file of accounts (``SMTPS_ACCOUNTS``): ``sandbox``, and one for each grant."""
        return self._folder / account_files.ACCOUNTS

    @property
    def key_file(self) -> Path:
        """PEM file with the key of the client, and its certificate (RFC 7523)."""
        return self._folder / account_files.KEY

    @property
    def service_account_file(self) -> Path:
        """JSON file of a service account, as Google gives it out."""
        return self._folder / account_files.SERVICE

    def write_files(self, host: str, port: int, security: str, grant: Grant) -> None:
        """Write all of these, beside ``ca_file``.

        Args:
            host, port, security: of the mail server.
            grant: of the account ``sandbox``.
        """
        endpoints = {
            "issuer": self.issuer, "authorization_endpoint": self.authorization_endpoint,
            "token_endpoint": self.token_endpoint,
            "device_endpoint": self.device_authorization_endpoint,
        }  # fmt: skip
        place = account_files.Place(
            host=host, port=port, security=security, username=self._user, folder=self._folder,
            form=self.form.name, scope=self.scope, client_id=self.client_id,
            secret=self.client_secret, account=self._names.account, endpoints=endpoints,
        )  # fmt: skip
        for name, content in account_files.files(place, grant, signing_key("client")).items():
            path = self._folder / name
            path.touch(mode=0o600)
            path.write_bytes(content)

    def as_json(self) -> dict[str, Any]:
        """What a script needs to know."""
        return {
            "issuer": self.issuer,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "access_token": self.token_for(),
            "ca_file": str(self.ca_file),
            "authorization_endpoint": self.authorization_endpoint,
            "token_endpoint": self.token_endpoint,
            "device_authorization_endpoint": self.device_authorization_endpoint,
        }
