"""An authorization server of the tests' own: HTTPS on loopback, and it misbehaves where it is told.

It keeps to the standards unless a trouble is set, counts what it is asked, and knows each token
that it gave. Its clock is the test's.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from tests.net.pki import PKI
from tests.webserver import Request, Script, answer, website

from smtps.oauth.authority import Registration
from smtps.oauth.grants import BEARER_GRANT, DEVICE_GRANT

CLIENT, SECRET = "client-1", "client-secret-canary"
USER = "ann@example.com"


@dataclass
class Pending:
    """A login that a person is at."""

    challenge: str
    redirect_uri: str
    scope: str
    nonce: str | None


@dataclass
class Device:
    """A device code, and what has become of it."""

    scope: str
    approved: bool | None = None


@dataclass
class AuthorizationServer:
    """Its state.

    Attributes:
        ca: PEM file to trust.
        life: seconds of an access token.
        rotates: whether each refresh gives a new refresh token and ends the old one.
        grace: whether a refresh token is still taken until one of those that were given for it is
            used: its answer may not have arrived.
        revokes_on_reuse: whether an old refresh token ends the login.
        gives_refresh: whether a login comes with a refresh token.
        makes: access tokens that the mail server refuses, in place of its own.
        iss: what the authorization response says it is from; None for nothing.
        metadata: changes to the metadata.
        slow_downs: how often the device is asked to slow down first.
        troubles: what to answer next in place of the right thing, in turn: a function of the
            request, or octets.
        asked: form of each request to the token endpoint.
        refreshed: how often tokens were renewed.
        live: access token → user.
        expires: whether the mail server refuses tokens whose life is over.
        script: answers requests in place of ``act``.
    """

    ca: Path
    life: float = 3600
    rotates: bool = True
    grace: bool = False
    revokes_on_reuse: bool = True
    gives_refresh: bool = True
    makes: Callable[[], str] | None = None
    iss: str | None = "own"
    metadata: dict[str, Any] = field(default_factory=dict)
    slow_downs: int = 0
    interval: int = 5
    troubles: deque[Any] = field(default_factory=deque)
    asked: list[dict[str, str]] = field(default_factory=list)
    refreshed: int = 0
    live: dict[str, str] = field(default_factory=dict)
    revoked: list[str] = field(default_factory=list)
    ended: bool = False
    public: bool = False
    port: int = 0
    count: int = 0
    refresh_tokens: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    codes: dict[str, Pending] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    authorization_header: str = ""
    script: Script | None = None
    expires: bool = False
    ends: dict[str, float] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def registration(self, **changes: Any) -> Registration:
        """A client of it."""
        values: dict[str, Any] = {
            "grant": "code", "username": USER, "client_id": CLIENT, "issuer": self.issuer,
            "scopes": ("mail", "offline_access"), "ca_file": str(self.ca),
            "secret": None if self.public else (lambda: SECRET),
        }  # fmt: skip
        return Registration(**(values | changes))

    async def act(self, request: Request) -> bool | None:
        """Answer one request."""
        path, query = urlsplit(request.line.split()[1])[2:4]
        if path == "/token" and self.troubles:
            trouble = self.troubles.popleft()
            form = dict(parse_qsl(request.content.decode()))
            self.asked.append(form)
            if callable(trouble):
                found = trouble(request)
                if asyncio.iscoroutine(found):
                    await found
                    return None
                trouble = found
            if isinstance(trouble, bytes):
                await request.say(trouble)
                return None
            status, body = trouble
            await request.say(answer(json.dumps(body).encode(), status=status))
            return None
        route = {
            "/.well-known/oauth-authorization-server": self._metadata,
            "/authorize": self._authorize, "/token": self._token, "/device": self._device,
            "/revoke": self._revoke,
        }.get(path)  # fmt: skip
        if route is None:
            await request.say(answer(b"no", status="404 Not Found"))
            return None
        form = dict(parse_qsl(request.content.decode() or query))
        self.authorization_header = request.fields.get("authorization", "")
        status, body, *more = route(form)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        await request.say(answer(content, *more, status=status))
        return None

    def _metadata(self, _form: dict[str, str]) -> Any:
        base = self.issuer
        found = {
            "issuer": base, "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token", "device_authorization_endpoint": f"{base}/device",
            "revocation_endpoint": f"{base}/revoke",
            "authorization_response_iss_parameter_supported": self.iss == "own",
        } | self.metadata  # fmt: skip
        return "200 OK", found

    def _authorize(self, form: dict[str, str]) -> Any:
        """A person who says yes at once."""
        assert form["code_challenge_method"] == "S256"
        assert form["client_id"] == CLIENT
        self.count += 1
        code = f"code-canary-{self.count}"
        self.codes[code] = Pending(
            form["code_challenge"], form["redirect_uri"], form["scope"], form.get("nonce")
        )
        found = {"code": code, "state": form["state"]}
        if self.iss is not None:
            found["iss"] = self.issuer if self.iss == "own" else self.iss
        return "302 Found", b"", f"Location: {form['redirect_uri']}?{urlencode(found)}"

    def _token(self, form: dict[str, str]) -> Any:
        self.asked.append(form)
        if (problem := self._client(form)) is not None:
            return problem
        kind = form.get("grant_type", "")
        routes = {
            "authorization_code": self._code, "refresh_token": self._refresh,
            "client_credentials": self._app, BEARER_GRANT: self._app, DEVICE_GRANT: self._poll,
        }  # fmt: skip
        return routes[kind](form)

    def _client(self, form: dict[str, str]) -> Any:
        if self.public or "client_assertion" in form or "assertion" in form:
            return None
        scheme, _, pair = self.authorization_header.partition(" ")
        name, _, secret = base64.b64decode(pair).decode().partition(":")
        if (scheme, unquote(name), unquote(secret)) != ("Basic", CLIENT, SECRET):
            return "401 Unauthorized", {"error": "invalid_client", "error_description": "secret"}
        return None

    def _code(self, form: dict[str, str]) -> Any:
        begun = self.codes.pop(form["code"], None)
        if begun is None or begun.redirect_uri != form["redirect_uri"]:
            return "400 Bad Request", {"error": "invalid_grant"}
        digest = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest())
        if digest.rstrip(b"=").decode() != begun.challenge:
            return "400 Bad Request", {"error": "invalid_grant", "error_description": "PKCE"}
        self.ended = False
        self.taken.clear()
        more = {} if begun.nonce is None else {"id_token": self.id_token(begun.nonce)}
        return "200 OK", self._given(begun.scope, fresh=True) | more

    def id_token(self, nonce: str, audience: str = CLIENT) -> str:
        claims = {"iss": self.issuer, "aud": audience, "sub": "1", "nonce": nonce, "email": USER}
        parts: tuple[dict[str, Any], ...] = ({"alg": "none"}, claims, {})
        return ".".join(
            base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts
        )

    def _refresh(self, form: dict[str, str]) -> Any:
        token = form["refresh_token"]
        taken = self.taken if self.rotates else self.refresh_tokens
        if self.ended or token not in taken:
            if self.revokes_on_reuse and token in self.refresh_tokens:
                self.ended = True
                self.live.clear()
            return "400 Bad Request", {
                "error": "invalid_grant", "error_description": f"reused {token} or expired"
            }  # fmt: skip
        self.refreshed += 1
        if self.rotates:
            self.taken[:] = [token] if token != taken[0] else taken
        if self.rotates and not self.grace:
            self.taken.clear()
        return "200 OK", self._given("mail", fresh=self.rotates)

    def _app(self, form: dict[str, str]) -> Any:
        return "200 OK", self._given(form.get("scope", ""), fresh=False, refresh=False)

    def _given(self, scope: str, *, fresh: bool, refresh: bool = True) -> Any:
        self.count += 1
        access = f"access-canary-{self.count}" if self.makes is None else self.makes()
        if self.makes is None:
            self.live[access] = USER
        self.ends[access] = time.time() + self.life
        found: dict[str, Any] = {
            "access_token": access, "token_type": "Bearer", "expires_in": self.life, "scope": scope
        }  # fmt: skip
        if refresh and fresh and self.gives_refresh:
            self.refresh_tokens.append(f"refresh-canary-{self.count}")
            found["refresh_token"] = self.refresh_tokens[-1]
            self.taken.append(self.refresh_tokens[-1])
        return found

    def _device(self, form: dict[str, str]) -> Any:
        self.count += 1
        code = f"device-canary-{self.count}"
        self.devices[code] = Device(form["scope"])
        return "200 OK", {
            "device_code": code, "user_code": "WDJB-MJHT", "expires_in": 600,
            "interval": self.interval, "verification_uri": f"{self.issuer}/link",
        }  # fmt: skip

    def _poll(self, form: dict[str, str]) -> Any:
        device = self.devices[form["device_code"]]
        if self.slow_downs:
            self.slow_downs -= 1
            return "400 Bad Request", {"error": "slow_down"}
        if device.approved is None:
            return "400 Bad Request", {"error": "authorization_pending"}
        if not device.approved:
            return "400 Bad Request", {"error": "access_denied"}
        return "200 OK", self._given(device.scope, fresh=True)

    def _revoke(self, form: dict[str, str]) -> Any:
        self.revoked.append(form["token"])
        self.ended = True
        return "200 OK", b""

    def takes(self, token: str, user: str) -> bool:
        """Whether a token is good for a user."""
        over = self.expires and time.time() >= self.ends[token]
        return self.live.get(token) == user and not over

    def browse(self, url: str) -> str:
        """What a browser is sent to by a person who says yes."""
        form = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        _, _, location = self._authorize(form)
        return str(location.partition(": ")[2])


@asynccontextmanager
async def authorization_server(pki: PKI, **options: Any) -> AsyncIterator[AuthorizationServer]:
    """Serves until the end of the block."""
    server = AuthorizationServer(pki.ca, **options)

    async def act(request: Request) -> bool | None:
        return await (server.script or server.act)(request)

    async with website(act, pki.good.pem) as site:
        server.port = site.port
        yield server
