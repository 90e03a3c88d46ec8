"""An account as files describe it: a server, a user, and where the secret or the token comes from.

These are the rules, once, for the accounts of the service's settings and for those of a user's own
file, which is read without pydantic.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from smtps.config.login_place import LoginPlace
from smtps.credentials import SOURCES, TokenSource
from smtps.endpoint import EHLO_NAME, MAX_TIMEOUT, Endpoint, Security, Timeouts
from smtps.errors import InputError
from smtps.oauth.authority import Registration, check_https
from smtps.oauth.forms import INTERACTIVE, Form, Grant, form_for_host, form_of, known_form

if TYPE_CHECKING:
    from smtps.net.egress import Allow
    from smtps.oauth.assertion import Signer
    from smtps.oauth.token_source import StoredTokens
    from smtps.oauth.token_store import TokenStore

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""What an account may be called."""

SECRETS = ("client_secret_env", "client_secret_file", "client_secret_command")
"""Settings of the table ``oauth`` that say where the client's secret is."""

_TENANT = re.compile(r"[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True, kw_only=True)
class OAuthTable:
    """The table ``oauth`` of an account.

    Attributes:
        provider: of the table of providers; left out, it follows from the account's server.
        issuer: whose metadata has the endpoints (RFC 8414).
        authorization_endpoint, token_endpoint, device_endpoint: in place of an issuer.
        grant: how tokens are had.
        client_id: of the client that you have registered at the provider.
        client_secret_env, client_secret_file, client_secret_command: where its secret is.
        client_key_file: the key with which it proves itself (RFC 7523).
        tenant: Microsoft's directory.
        scopes: to ask for in place of the usual ones.
        subject: the mailbox for which a service account acts; default the user name.
        redirect_uri: that is registered, where no loopback redirect is.
        ca_file: PEM file of the only authorities to trust for the authorization server.
        keep: where the login is kept; default outbox where that has a key, else file.
        keep_command: that keeps it, in place of that.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    provider: str | None = None
    issuer: str | None = None
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    device_endpoint: str | None = None
    grant: Grant = "code"
    client_id: str | None = None
    client_secret_env: str | None = None
    client_secret_file: str | None = None
    client_secret_command: str | None = None
    client_key_file: str | None = None
    tenant: str | None = None
    scopes: tuple[str, ...] = ()
    subject: str | None = None
    redirect_uri: str | None = None
    ca_file: str | None = None
    keep: Literal["file", "keyring", "outbox"] | None = None
    keep_command: str | None = None

    def form(self, host: str) -> Form | None:
        """The provider's form, if it is a known provider."""
        if self.provider is not None:
            return form_of(self.provider)
        given = self.issuer is not None or self.token_endpoint is not None
        return None if given else form_for_host(host)

    def check(self, host: str) -> None:
        """Judge it.

        Args:
            host: of the account's server.

        Raises:
            InputError: something is wrong; names the setting.
        """
        form = self.form(host)
        self._check_place(form)
        self._check_urls()
        self._check_keep()
        if form is not None and self.token_endpoint is None:
            _check_grant(form, self.grant)
        self._check_client(form)
        if form is None and not self.scopes:
            raise InputError("scopes", "is missing: what to ask the authorization server for")
        program = self.grant not in INTERACTIVE
        if program and form is not None and form.app_tenant and self.tenant is None:
            raise InputError("tenant", f"is needed with {self.grant}: the directory's ID")
        if self.tenant is not None and not _TENANT.fullmatch(self.tenant):
            raise InputError("tenant", "must be the directory's ID or a domain of it")

    def _check_place(self, form: Form | None) -> None:
        if self.provider is not None:
            known_form(self.provider)
        if form is None and self.issuer is None and self.token_endpoint is None:
            raise InputError(
                "provider", "is missing, and the server is not one of a known provider; set "
                "provider, issuer, or authorization_endpoint and token_endpoint",
            )  # fmt: skip
        alone = self.token_endpoint is not None and self.authorization_endpoint is None
        if alone and self.grant == "code":
            raise InputError("authorization_endpoint", "is missing beside token_endpoint")

    def _check_urls(self) -> None:
        names = ("issuer", "authorization_endpoint", "token_endpoint", "device_endpoint")
        for name in names:
            if (url := getattr(self, name)) is not None:
                check_https(name, url)
        redirect = self.redirect_uri
        loopback = ("http://127.0.0.1", "http://localhost", "http://[::1]")
        if redirect is not None and not redirect.startswith((*loopback, "https://")):
            raise InputError("redirect_uri", "must be http on loopback, or https")

    def _check_client(self, form: Form | None) -> None:
        secrets = [name for name in SECRETS if getattr(self, name) is not None]
        if len(secrets) > 1 or (secrets and self.client_key_file is not None):
            both = " and ".join([*secrets, *["client_key_file"] * (len(secrets) < 2)])
            raise InputError(secrets[0], f"{both} cannot be given together; choose one")
        if self.grant == "jwt_bearer" and self.client_key_file is None:
            raise InputError("client_key_file", "is needed with jwt_bearer")
        if self.client_id is None and self.grant != "jwt_bearer":
            raise InputError("client_id", _no_client(form))
        if secrets or self.client_key_file is not None:
            return
        if self.grant == "client_credentials":
            wanted = "client_secret_file, client_secret_env or client_key_file"
            raise InputError("client_key_file", f"is missing: give {wanted}")
        if form is not None and form.needs_secret and self.token_endpoint is None:
            raise InputError(
                "client_secret_file", f"is missing: clients of {form.name} have a secret"
            )

    def registration(self, host: str, username: str, resolver: str | None = None) -> Registration:
        """The client, and what it asks for; secrets are read when they are needed."""
        return Registration(
            grant=self.grant,
            username=username,
            client_id=self.client_id or "",
            secret=self._secret(),
            signer=None if self.client_key_file is None else self._signer,
            form=self.form(host),
            issuer=self.issuer,
            authorization_endpoint=self.authorization_endpoint,
            token_endpoint=self.token_endpoint,
            device_endpoint=self.device_endpoint,
            tenant=self.tenant,
            scopes=tuple(self.scopes),
            subject=self.subject,
            redirect_uri=self.redirect_uri,
            ca_file=self.ca_file,
            resolver=resolver,
        )

    def store(self, place: LoginPlace) -> TokenStore:
        """Where the login is kept.

        Args:
            place: where the service, or the user, keeps logins.

        Raises:
            TokenError: there is no folder.
            InputError: there is no such database, or its keys cannot be read.
        """
        from smtps.oauth.other_stores import CommandStore, KeyringStore  # noqa: PLC0415
        from smtps.oauth.token_store import FileStore, state_folder  # noqa: PLC0415

        if self.in_outbox(place):
            return place.rows()
        folder = place.folder if place.folder is not None else state_folder()
        if self.keep_command is not None:
            return CommandStore(self.keep_command, folder)
        return KeyringStore(folder) if self.keep == "keyring" else FileStore(folder)

    def in_outbox(self, place: LoginPlace) -> bool:
        """Whether the login is kept in the outbox's database."""
        usual = self.keep is None and self.keep_command is None
        return self.keep == "outbox" or (usual and place.source is not None)

    def _check_keep(self) -> None:
        if self.keep_command is None:
            return
        if self.keep not in (None, "file"):
            raise InputError("keep", "cannot be given with keep_command")
        try:
            there = bool(shlex.split(self.keep_command))
        except ValueError as error:
            raise InputError("keep_command", f"cannot be read: {error}") from error
        if not there:
            raise InputError("keep_command", "must name a program")

    def _secret(self) -> Callable[[], str] | None:
        for name in SECRETS:
            if (where := getattr(self, name)) is not None:
                return partial(_fetched, name, where)
        return None

    def _signer(self) -> Signer:
        from smtps.oauth.assertion import Signer  # noqa: PLC0415

        return Signer.of_file(str(self.client_key_file), "oauth.client_key_file")


@dataclass(frozen=True, kw_only=True)
class ServerAccount:
    """An account: server and credentials.

    Attributes:
        host, port, security: of the server; see Endpoint.
        username: to log in with.
        password_env, password_file, password_command, password_keyring: where the password is.
        oauth: where access tokens come from, in place of a password.
        mechanism, ca_file, fingerprint, ehlo_name: see Endpoint.
        timeout: seconds for a message.
    """

    host: str
    port: int = 0
    security: Security | None = None
    username: str | None = None
    password_env: str | None = None
    password_file: str | None = None
    password_command: str | None = None
    password_keyring: str | None = None
    oauth: OAuthTable | None = field(default=None)
    mechanism: str | None = None
    ca_file: str | None = None
    fingerprint: str | None = None
    ehlo_name: str = EHLO_NAME
    timeout: float | None = None

    def check_server(self) -> None:
        """Judge it; what is behind the names of secrets is not looked at.

        Raises:
            InputError: something is wrong; names the setting.
        """
        if not 0 <= self.port <= 65535:
            raise InputError("port", "must be between 1 and 65535")
        if self.timeout is not None and not 0 < self.timeout <= MAX_TIMEOUT:
            raise InputError(
                "timeout", f"must be more than 0 and at most {MAX_TIMEOUT:.0f} seconds"
            )
        given = [name for name in SOURCES if getattr(self, name) is not None]
        given += ["oauth"] * (self.oauth is not None)
        external = (self.mechanism or "").upper() == "EXTERNAL"
        if len(given) > 1 or (bool(given) != (self.username is not None) and not external):
            names = ", ".join((*SOURCES, "oauth"))
            raise InputError("username", f"needs username and one of {names}, or neither of them")
        try:
            if self.oauth is not None:
                self.oauth.check(self.host)
        except InputError as error:
            raise InputError(f"oauth.{error.field}", error.problem) from None

    def password(self) -> str | None:
        """The password, from wherever it is; None where there is none.

        Raises:
            InputError: it cannot be read.
        """
        for source, fetch in SOURCES.items():
            if (where := getattr(self, source)) is not None:
                return fetch(where, self.username)
        return None

    def tokens(
        self, name: str, place: LoginPlace | None = None, *, resolver: str | None = None,
        allow: Allow | None = None, config: str | None = None,
    ) -> StoredTokens:  # fmt: skip
        """The source of access tokens of an account that has the table ``oauth``.

        Args:
            name: of the account.
            place: where logins are kept; None for the user's own folder.
            resolver: DNS server in place of the system's.
            allow: egress policy.
            config: the file of settings that has the account, where it is not the user's own.

        Raises:
            TokenError: there is no folder.
            InputError: the login cannot be kept where the account says.
        """
        from smtps.oauth.exchange import Exchange  # noqa: PLC0415
        from smtps.oauth.token_source import StoredTokens  # noqa: PLC0415

        assert self.oauth is not None
        registration = self.oauth.registration(self.host, self.username or "", resolver)
        store = self.oauth.store(place or LoginPlace())
        return StoredTokens(name, Exchange(registration, allow=allow), store, config=config)

    def endpoint(
        self,
        password: str | None,
        resolver: str | None = None,
        *,
        tokens: TokenSource | None = None,
        transcript: bool = False,
    ) -> Endpoint:
        """The server, and who to be there.

        Args:
            password, tokens: one of them, or neither.
            resolver: DNS server in place of the system's.
            transcript: see Endpoint.

        Raises:
            InputError: a value cannot be used.
        """
        return Endpoint(
            self.host,
            self.port,
            security=cast(Security, self.security),
            username=self.username,
            password=password,
            token_source=tokens,
            mechanism=self.mechanism,
            ca_file=self.ca_file,
            fingerprint=self.fingerprint,
            ehlo_name=self.ehlo_name,
            transcript=transcript,
            resolver=resolver,
            timeouts=Timeouts(total=self.timeout),
        )


def _check_grant(form: Form, grant: Grant) -> None:
    if grant not in form.grants:
        allowed = ", ".join(form.grants)
        raise InputError(
            "grant", f"{form.name} does not offer {grant} for sending mail; use {allowed}"
        )


def _no_client(form: Form | None) -> str:
    if form is not None and form.closed:
        return f"is missing. {form.closed}"
    return "is missing: the ID of a client that you register; smtps login prints how to"


def _fetched(name: str, where: str) -> str:
    """The client's secret.

    Raises:
        InputError: it cannot be read; names the setting.
    """
    source = SOURCES[name.replace("client_secret", "password")]
    try:
        return source(where, None)
    except InputError as error:
        raise InputError(f"oauth.{name}", error.problem) from None
