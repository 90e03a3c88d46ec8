"""The token endpoint: which grant gets what (RFC 6749 section 4, RFC 7636, RFC 7523, RFC 8628)."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from smtps.sandbox.issuer.dialects import IDENTITY, OFFLINE, Dialect
from smtps.sandbox.issuer.issuing import Issuing, Rotation, Stage, changed
from smtps.sandbox.issuer.jws import SigningKey, base64url, read_signed
from smtps.sandbox.issuer.proof import Door
from smtps.sandbox.issuer.refusals import RefusalError, Response, as_json
from smtps.sandbox.issuer.registry import Access, Client, Login, Registry
from smtps.sandbox.issuer.token_claims import Granted, claims_for, id_claims

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"

STAGES: Mapping[str, Stage] = {
    "authorization_code": "code", "refresh_token": "refresh", "client_credentials": "program",
    DEVICE_GRANT: "poll", BEARER_GRANT: "assertion",
}  # fmt: skip
"""``grant_type`` → what the request is for."""

Random = Callable[[], str]
"""Returns a new value that cannot be guessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mint:
    """Makes tokens.

    Attributes:
        dialect: the form.
        issuing: how the server behaves.
        registry: where they are kept.
        key: that signs them.
        base: address of the server.
        random: makes what cannot be guessed.
    """

    dialect: Dialect
    issuing: Issuing
    registry: Registry
    key: SigningKey
    base: str
    random: Random

    def access_token(
        self, granted: Granted, now: float, life: float, login: Login | None = None
    ) -> str:
        """An access token; it says what the server's behaviour makes of it."""
        dialect = self.dialect
        now, number = now + self.issuing.ahead, self.random()
        said = claims_for(dialect, self.base, granted, now=now, life=life, number=number)
        claims = changed(said, self.issuing.claims)
        if dialect.opaque:
            token = dialect.prefixes[1] + self.random()
        else:
            token = self.key.sign(claims, "at+jwt" if dialect.name == "open" else "JWT")
        self.registry.keep(token, Access(claims=claims, login=login))
        return token

    def tokens(
        self, granted: Granted, now: float, *, login: Login | None, nonce: str | None = None
    ) -> Response:
        """The answer with them (RFC 6749 section 5.1)."""
        issuing, dialect = self.issuing, self.dialect
        if issuing.grants is not None:
            granted = replace(granted, scopes=issuing.grants)
        life = issuing.life if issuing.expires_in is None else issuing.expires_in
        found: dict[str, Any] = {
            "token_type": "Bearer", "expires_in": int(life) if life == int(life) else life,
            "access_token": self.access_token(granted, now, issuing.life, login),
        }  # fmt: skip
        if dialect.name == "microsoft":
            found["ext_expires_in"] = found["expires_in"]
        if granted.user is not None or dialect.name != "microsoft":
            found["scope"] = " ".join(scope for scope in granted.scopes if scope != OFFLINE)
        if login is not None and issuing.gives_refresh and not self._keeps(login):
            token = login.give(dialect.prefixes[2] + self.random())
            self.registry.refreshes[token] = login
            found["refresh_token"] = token
            if issuing.login_life is not None:
                end = login.began_at + issuing.login_life
                found["refresh_token_expires_in"] = max(int(end - now), 0)
        if "openid" in granted.scopes and granted.user is not None:
            found["id_token"] = self.key.sign(
                id_claims(self.base, dialect, granted, now, nonce)
            )  # fmt: skip
        return as_json(found)

    def _keeps(self, login: Login) -> bool:
        """Whether a refresh brings no other refresh token."""
        return self.rotation == "keep" and bool(login.known)

    @property
    def rotation(self) -> Rotation:
        """What becomes of a refresh token that was used."""
        usual: Rotation = "keep" if self.dialect.name == "google" else "grace"
        return self.issuing.rotation or usual


@dataclass(frozen=True, slots=True, kw_only=True)
class Granting:
    """One request to the token endpoint.

    Attributes:
        mint: makes tokens.
        door: who may ask.
        form: its parameters.
        headers: of it.
        now: seconds since 1970.
    """

    mint: Mint
    door: Door
    form: Mapping[str, str]
    headers: Mapping[str, str]
    now: float

    def answer(self) -> Response:
        """Tokens.

        Raises:
            RefusalError: there are none.
        """
        kind = self.form.get("grant_type", "")
        stage = STAGES.get(kind)
        if stage is None or stage in _UNSUPPORTED.get(self.mint.dialect.name, ()):
            raise RefusalError("grant_unsupported", grant=kind)
        if stage == "assertion":
            return self._assertion()
        client = self.door.client(self.form, self.headers)
        return getattr(self, f"_{stage}")(client)  # type: ignore[no-any-return]

    def _need(self, name: str) -> str:
        if not (value := self.form.get(name)):
            raise RefusalError("request_malformed")
        return value

    def _code(self, client: Client) -> Response:
        value, registry = self._need("code"), self.mint.registry
        if (again := registry.redeemed.get(value)) is not None:
            again.ended = again.ended or "login_revoked"  # RFC 6749 section 4.1.2
        code = registry.codes.pop(value, None)
        if code is None or code.granted.client != client.client_id or self.now >= code.expires_at:
            raise RefusalError("code_refused")
        if self.form.get("redirect_uri") != code.redirect_uri:
            uri = self.form.get("redirect_uri", "")
            raise RefusalError("redirect_refused", redirect=uri, client=client.client_id)
        if code.challenge is not None and not _proves(
            self.form.get("code_verifier", ""), code.challenge, code.method
        ):
            raise RefusalError("pkce_refused")
        login = self._login(code.granted, offline=code.offline)
        registry.redeemed[value] = login
        return self.mint.tokens(code.granted, self.now, login=login, nonce=code.nonce)

    def _login(self, granted: Granted, *, offline: bool) -> Login | None:
        """A login that goes on, if one was asked for."""
        if not offline:
            return None
        return Login(granted=granted, began_at=self.now, used_at=self.now)

    def _refresh(self, client: Client) -> Response:
        token = self._need("refresh_token")
        login = self.mint.registry.refreshes.get(token)
        if login is None or login.granted.client != client.client_id:
            raise RefusalError("login_expired", client=client.client_id)
        issuing = self.mint.issuing
        if issuing.login_life is not None and self.now >= login.began_at + issuing.login_life:
            login.ended = login.ended or "login_expired"
        if issuing.unused is not None and self.now >= login.used_at + issuing.unused:
            login.ended = login.ended or "unused"
        login.use(token, self.mint.rotation)
        login.used_at = self.now
        return self.mint.tokens(login.granted, self.now, login=login)

    def _poll(self, client: Client) -> Response:
        device = self.mint.registry.devices.get(self._need("device_code"))
        if device is None or device.granted.client != client.client_id:
            raise RefusalError("code_refused")
        before, device.asked_at = device.asked_at, self.now
        if self.now >= device.expires_at:
            raise RefusalError("device_expired")
        if before is not None and self.now < before + 0.9 * device.interval:
            device.interval += 5  # RFC 8628 section 3.5
            raise RefusalError("slow_down")
        if device.approved is None:
            raise RefusalError("pending")
        if not device.approved:
            raise RefusalError("access_denied")
        del self.mint.registry.devices[self.form["device_code"]]
        login = self._login(device.granted, offline=device.offline)
        return self.mint.tokens(device.granted, self.now, login=login)

    def _program(self, client: Client) -> Response:
        if not {"client_secret", "client_assertion"} & self.form.keys() and (
            not self.headers.get("authorization")
        ):
            raise RefusalError("secret_missing", client=client.client_id)
        scopes = self._app_scopes(self.form.get("scope", ""))
        granted = Granted(user=None, client=client.client_id, scopes=scopes)
        return self.mint.tokens(granted, self.now, login=None)

    def _app_scopes(self, asked: str) -> tuple[str, ...]:
        """What a program gets in its own name; at Microsoft, the roles that it has there."""
        dialect = self.mint.dialect
        if dialect.name != "microsoft":
            return known_scopes(dialect, asked or dialect.app_scope)
        resource, suffix, rest = asked.partition("/.default")
        if not suffix or rest or " " in resource:
            raise RefusalError("scope_unknown", scope=asked)
        role = "Mail.Send" if "graph" in resource else dialect.app_role
        return (f"{resource}/{role}",)

    def _assertion(self) -> Response:
        signed = read_signed(self._need("assertion"))
        if signed is None:
            raise RefusalError("assertion_refused")
        client = self.door.known(str(signed.claims.get("iss", "")))
        self.door.check(signed, client, "assertion_refused")
        asked = str(signed.claims.get("scope", "")) or self.form.get("scope", "")
        scopes = known_scopes(self.mint.dialect, asked)
        subject = signed.claims.get("sub")
        user = None if subject in (None, client.client_id) else str(subject)
        granted = Granted(user=user, client=client.client_id, scopes=scopes)
        return self.mint.tokens(granted, self.now, login=None)


_UNSUPPORTED: Mapping[str, tuple[Stage, ...]] = {
    "google": ("program",), "microsoft": ("assertion",),
}  # fmt: skip
"""Form → grants that it does not have."""


def known_scopes(dialect: Dialect, asked: str) -> tuple[str, ...]:
    """The scopes of a request.

    Raises:
        RefusalError: one of them is not a scope of this server.
    """
    scopes = tuple(dict.fromkeys(asked.split()))
    unknown = [scope for scope in scopes if not _is_scope(dialect, scope)]
    if unknown or not scopes:
        raise RefusalError("scope_unknown", scope=" ".join(unknown))
    return scopes


def _is_scope(dialect: Dialect, scope: str) -> bool:
    """Microsoft knows those of each resource that has an address; Google those of its own."""
    if scope in IDENTITY or scope in dialect.mail_scopes:
        return True
    if dialect.name == "microsoft":
        return "://" not in scope or scope.startswith("https://")
    return dialect.name == "google" and scope.startswith("https://www.googleapis.com/auth/")


def _proves(verifier: str, challenge: str, method: str) -> bool:
    """Whether a verifier belongs to a challenge (RFC 7636 section 4.6)."""
    found = verifier if method == "plain" else base64url(sha256(verifier.encode()).digest())
    return hmac.compare_digest(found.encode(), challenge.encode())
