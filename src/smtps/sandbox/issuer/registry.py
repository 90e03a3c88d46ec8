"""What the authorization server remembers: clients, codes, logins and tokens. Without a clock."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from smtps.sandbox.issuer.issuing import Rotation
from smtps.sandbox.issuer.jws import PublicKey
from smtps.sandbox.issuer.refusals import RefusalError
from smtps.sandbox.issuer.token_claims import Granted

MOST_TOKENS = 10_000
"""Access tokens that are remembered."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A program that asks for tokens.

    Attributes:
        client_id: its name.
        secret: with which it proves itself; None for a public client.
        key: with which it signs assertions; None for none.
        redirect_uris: where answers may go; a loopback one is good at any port (RFC 8252
            section 7.3).
    """

    client_id: str
    secret: str | None = field(default=None, repr=False)
    key: PublicKey | None = field(default=None, repr=False)
    redirect_uris: tuple[str, ...] = ()

    def has_secret(self, secret: str) -> bool:
        """Whether this is its secret."""
        own = self.secret
        return own is not None and hmac.compare_digest(own.encode(), secret.encode())

    def may_redirect_to(self, uri: str) -> bool:
        """Whether answers may go there."""
        try:
            wanted = _without_port(uri)
        except ValueError:
            return False
        return any(uri == each or wanted == _without_port(each) for each in self.redirect_uris)


def _without_port(uri: str) -> tuple[str, ...]:
    """A loopback URI without its port; any other with it."""
    parts = urlsplit(uri)
    host = parts.hostname if parts.hostname in LOOPBACK else parts.netloc
    return parts.scheme, str(host), parts.path or "/", parts.query, parts.fragment


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An authorization code, not redeemed yet.

    Attributes:
        granted: what it stands for.
        redirect_uri: where it went.
        challenge, method: of PKCE (RFC 7636 section 4.3); None without it.
        nonce: that the ID token has to repeat.
        offline: whether a refresh token was asked for.
        expires_at: seconds since 1970.
    """

    granted: Granted
    redirect_uri: str
    challenge: str | None
    method: str
    nonce: str | None
    offline: bool
    expires_at: float


@dataclass(slots=True, kw_only=True)
class DeviceLogin:
    """A device code, and what has become of it.

    Attributes:
        granted: what it stands for.
        user_code: that the person enters.
        offline: whether a refresh token was asked for.
        expires_at: seconds since 1970.
        interval: seconds between two questions.
        approved: what the person said; None before that.
        asked_at: when the program asked last.
    """

    granted: Granted
    user_code: str
    offline: bool
    expires_at: float
    interval: float
    approved: bool | None = None
    asked_at: float | None = None


@dataclass(slots=True, kw_only=True)
class Login:
    """A login that goes on by refresh tokens.

    Attributes:
        granted: what it is good for.
        began_at, used_at: when it began, and when a refresh token was used last.
        accepted: refresh tokens that are good, the oldest first.
        known: all that it ever had.
        ended: why it is over, as an error's name; None while it goes on.
    """

    granted: Granted
    began_at: float
    used_at: float
    accepted: list[str] = field(default_factory=list, repr=False)
    known: set[str] = field(default_factory=set, repr=False)
    ended: str | None = None

    def give(self, token: str) -> str:
        """One more refresh token."""
        self.accepted.append(token)
        self.known.add(token)
        return token

    def use(self, token: str, rotation: Rotation) -> None:
        """Use a refresh token.

        Raises:
            RefusalError: it is not good; with ``revoke``, none of the login is from now on.
        """
        if self.ended is not None:
            raise RefusalError(self.ended)
        if token not in self.accepted:
            if rotation == "revoke":
                self.ended = "token_reused"
            raise RefusalError("token_reused")
        if rotation == "revoke":
            self.accepted.clear()
        elif rotation == "grace" and token != self.accepted[0]:
            # The answer that brought it has arrived, so the tokens before it are of no more use.
            self.accepted[:] = [token]


@dataclass(slots=True, kw_only=True)
class Access:
    """An access token that was given.

    Attributes:
        claims: what it says.
        login: to which it belongs, if to one.
        revoked: whether it was.
    """

    claims: Mapping[str, Any]
    login: Login | None = None
    revoked: bool = False

    @property
    def live(self) -> bool:
        """Whether neither it nor its login is over."""
        return not self.revoked and (self.login is None or self.login.ended is None)


@dataclass(slots=True)
class Registry:
    """All of it.

    Attributes:
        clients: by their id.
        codes: by their value; a code that was redeemed stands in ``redeemed``, with its login.
        devices: by the device code.
        refreshes: refresh token → login.
        tokens: access token → what is known of it.
        assertions: ``jti`` of those that were used (RFC 7523 section 3).
    """

    clients: dict[str, Client] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    redeemed: dict[str, Login | None] = field(default_factory=dict)
    devices: dict[str, DeviceLogin] = field(default_factory=dict)
    refreshes: dict[str, Login] = field(default_factory=dict)
    tokens: dict[str, Access] = field(default_factory=dict)
    assertions: set[str] = field(default_factory=set)

    def keep(self, token: str, access: Access) -> None:
        """Remember an access token; the oldest is forgotten when there are too many."""
        self.tokens[token] = access
        if len(self.tokens) > MOST_TOKENS:
            del self.tokens[next(iter(self.tokens))]

    def revoke(self, token: str) -> bool:
        """Revoke an access token, or with a refresh token the whole login; whether it was known."""
        if (login := self.refreshes.get(token)) is not None:
            login.ended = login.ended or "login_revoked"
            return True
        if (access := self.tokens.get(token)) is not None:
            access.revoked = True
            return True
        return False
