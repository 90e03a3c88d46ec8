"""An authorization server without I/O: a request in, a response out. The clock is an argument.

What it grants is decided in ``granting``, what a token says in ``token_claims``, how it refuses in
``refusals``; ``issuing`` says what it does wrong.
"""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from smtps.sandbox.issuer import published, sign_in
from smtps.sandbox.issuer.dialects import OFFLINE, TENANTS, Service, dialect_named
from smtps.sandbox.issuer.granting import STAGES, Granting, Mint, known_scopes
from smtps.sandbox.issuer.issuing import Issuing, Stage, changed
from smtps.sandbox.issuer.jws import read_signed, signing_key
from smtps.sandbox.issuer.proof import Door
from smtps.sandbox.issuer.refusals import RefusalError, Response, as_json
from smtps.sandbox.issuer.registry import Client, Code, DeviceLogin, Registry
from smtps.sandbox.issuer.token_claims import Granted, Problem, judge

CODE_LIFE = 600.0
"""Seconds to redeem an authorization code (RFC 6749 section 4.1.2)."""

MOST_ASKED = 1000
"""Requests that are remembered."""

Clock = Callable[[], float]
"""Seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came by HTTP.

    Attributes:
        method: of HTTP.
        target: path and query.
        headers: fields, with names in lower case.
        body: content.
    """

    method: str = "GET"
    target: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def parameters(self) -> dict[str, str]:
        """Those of the query, and of a form or a JSON object in the body."""
        found = dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))
        try:
            text = self.body.decode()
            if "json" in self.headers.get("content-type", ""):
                return found | dict(json.loads(text or "{}"))
            return found | dict(parse_qsl(text, keep_blank_values=True))
        except (ValueError, TypeError, RecursionError):
            raise RefusalError("request_malformed") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as a test looks at it.

    Attributes:
        at: when it came, in seconds since 1970.
        stage: what it was for, such as ``code``, ``refresh``, ``device``; None for nothing.
        method, path: of HTTP.
        form: its parameters; they hold secrets, so they are not shown by ``repr``.
        headers: names in lower case; not shown either.
        status: of the answer.
        error: OAuth error code of the answer, or None.
    """

    at: float
    stage: Stage | None
    method: str
    path: str
    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    status: int
    error: str | None


class AuthorizationServer:
    """One server; see the head of the file.

    Args:
        issuing: how it behaves.
        user: who logs in where the request names nobody.
        clock: seconds since 1970.
        random: makes what cannot be guessed.

    Attributes:
        base: where it is reached, such as ``https://127.0.0.1:4433``; set once that is known.
        requests: that came, the newest last.
        registry: what it remembers.
    """

    def __init__(
        self,
        issuing: Issuing,
        user: str,
        *,
        clock: Clock = time.time,
        random: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self.issuing = issuing
        self.dialect = dialect_named(issuing.form)
        self.base = "https://127.0.0.1"
        self.requests: deque[Asked] = deque(maxlen=MOST_ASKED)
        self.registry = Registry()
        self._user = user
        self.clock = clock
        self._random = random
        self._key = signing_key("issuer")
        self._troubles: Counter[Stage] = Counter()
        self._lost = 0

    @property
    def issuer(self) -> str:
        """Its identifier."""
        return self.base + self.dialect.issuer

    @property
    def mint(self) -> Mint:
        """Makes tokens."""
        return Mint(
            dialect=self.dialect, issuing=self.issuing, registry=self.registry, key=self._key,
            base=self.base, random=self._random,
        )  # fmt: skip

    def answer(self, request: Request) -> Response:
        """Answer a request, and remember it."""
        path = urlsplit(request.target).path
        found = self.dialect.service(path)
        stage: Stage | None = None
        form: dict[str, str] = {}
        try:
            form = request.parameters()
            stage = _stage(found[0] if found else None, form)
            response = self._answer(request, found, stage, form)
        except RefusalError as error:
            response = error.response(self.dialect.name, self.clock())
        self.requests.append(
            Asked(
                at=self.clock(), stage=stage, method=request.method, path=path, form=form,
                headers=request.headers, status=response.status, error=response.error,
            )
        )  # fmt: skip
        return response

    def _answer(
        self,
        request: Request,
        found: tuple[Service, str] | None,
        stage: Stage | None,
        form: dict[str, str],
    ) -> Response:
        if found is None or stage is None:
            return sign_in.told("Not found", "There is nothing here.", 404)
        service, tenant = found
        if tenant not in TENANTS:
            raise RefusalError("tenant_unknown", tenant=tenant)
        if service != "authorize" and (trouble := self._trouble(service, stage, form, tenant)):
            return trouble
        if service in ("token", "device") and request.method != "POST":
            raise RefusalError("request_malformed")
        perform: Callable[[Request, dict[str, str], str], Response] = getattr(self, f"_{service}")
        return perform(request, form, tenant)

    def _trouble(
        self, service: Service, stage: Stage, form: Mapping[str, str], tenant: str
    ) -> Response | None:
        """What is answered in place of the right thing, if anything is."""
        for each in (service, stage) if service == "token" else (stage,):
            trouble = self.issuing.troubles.get(each)
            if trouble is None or self._troubles[each] == trouble.times:
                continue
            self._troubles[each] += 1
            if isinstance(trouble.answer, Response):
                return trouble.answer
            raise RefusalError(
                trouble.answer, client=form.get("client_id", ""), tenant=tenant,
                redirect=form.get("redirect_uri", ""), scope=form.get("scope", ""),
            )  # fmt: skip
        return None

    def _metadata(self, _request: Request, _form: dict[str, str], tenant: str) -> Response:
        found = published.metadata(self.dialect, self.base, tenant)
        return as_json(changed(found, self.issuing.metadata))

    def _jwks(self, _request: Request, _form: dict[str, str], _tenant: str) -> Response:
        return as_json(published.keys(self._key))

    def _authorize(self, _request: Request, form: dict[str, str], tenant: str) -> Response:
        try:
            redirect = self._redirect(form, tenant)
        except RefusalError as error:  # nobody to send back to: the person reads it
            said = json.loads(error.response(self.dialect.name, self.clock()).body)
            text = f"{said['error']}: {said['error_description']}"
            return sign_in.told("The login cannot begin", text, 400, said["error"])
        try:
            found = self._approved(form, tenant)
        except RefusalError as error:
            said = json.loads(error.response(self.dialect.name, self.clock()).body)
            found = {"error": said["error"], "error_description": said["error_description"]}
        if isinstance(found, Response):
            return found
        back = {"state": form["state"]} if "state" in form else {}
        if self.dialect.names_issuer:
            back["iss"] = self.issuer
        back = changed(found | back, self.issuing.redirect)
        if form.get("response_mode") == "form_post":
            return sign_in.go_back(redirect, back, found.get("error"))
        query = urlencode(back)
        where = f"{redirect}{'&' if '?' in redirect else '?'}{query}"
        return Response(status=302, headers=(("Location", where), ("Cache-Control", "no-store")),
                        error=found.get("error"))  # fmt: skip

    def _redirect(self, form: Mapping[str, str], tenant: str) -> str:
        """Where the answer goes."""
        client = self._door(tenant).known(form.get("client_id", ""))
        redirect = form.get("redirect_uri", "")
        if not client.may_redirect_to(redirect):
            raise RefusalError("redirect_refused", redirect=redirect, client=client.client_id)
        return redirect

    def _approved(self, form: dict[str, str], tenant: str) -> dict[str, str] | Response:
        """The code, or the page where the person has yet to say yes."""
        if trouble := self._trouble("authorize", "authorize", form, tenant):
            return trouble
        method = form.get("code_challenge_method", "plain")
        if form.get("response_type") != "code" or method not in ("S256", "plain"):
            raise RefusalError("request_malformed")
        challenge = form.get("code_challenge")
        if self.dialect.needs_pkce and (challenge is None or method != "S256"):
            raise RefusalError("request_malformed")
        scopes = known_scopes(self.dialect, form.get("scope", ""))
        user = form.get("login_hint") or self._user
        decision = form.pop("approve", None)
        if decision is None:
            return sign_in.log_in(user, form["client_id"], form["scope"], form)
        if decision != "yes":
            raise RefusalError("access_denied")
        granted = Granted(
            user=user, client=form["client_id"], scopes=scopes, audience=form.get("resource")
        )
        value = self.dialect.prefixes[0] + self._random()
        self.registry.codes[value] = Code(
            granted=granted, redirect_uri=form["redirect_uri"], challenge=challenge,
            method=method, nonce=form.get("nonce"), offline=self._offline(form, scopes),
            expires_at=self.clock() + CODE_LIFE,
        )  # fmt: skip
        return {"code": value}

    def _offline(self, form: Mapping[str, str], scopes: tuple[str, ...]) -> bool:
        """Whether a refresh token was asked for."""
        if self.dialect.offline_scope:
            return OFFLINE in scopes
        return form.get("access_type") == "offline"

    def _token(self, request: Request, form: dict[str, str], tenant: str) -> Response:
        answer = Granting(
            mint=self.mint, door=self._door(tenant), form=form, headers=request.headers,
            now=self.clock(),
        ).answer()  # fmt: skip
        if form["grant_type"] == "refresh_token" and self._lost < self.issuing.lost:
            self._lost += 1
            return Response(cut=True)
        return answer

    def _door(self, tenant: str) -> Door:
        token = self.dialect.paths["token"]
        audiences = {
            self.issuer,
            *self.dialect.called,
            *(self.base + path.replace("{tenant}", tenant) for path in token),
        }
        return Door(
            self.registry, tuple(audiences), self.clock(), self.dialect.needs_secret, tenant
        )

    def _device(self, request: Request, form: dict[str, str], tenant: str) -> Response:
        """Begin a login by a device code (RFC 8628 section 3.1)."""
        client = self._door(tenant).client(form, request.headers)
        scopes = known_scopes(self.dialect, form.get("scope", ""))
        if refused := set(scopes) & set(self.dialect.device_refused):
            raise RefusalError("device_scope", scope=" ".join(refused))
        code, text = self._random(), self._random().upper()
        letters = [each for each in text if each in "BCDFGHJKLMNPQRSTVWXZ"] + ["B"] * 8
        user_code = f"{''.join(letters[:4])}-{''.join(letters[4:8])}"
        issuing = self.issuing
        self.registry.devices[code] = DeviceLogin(
            granted=Granted(user=self._user, client=client.client_id, scopes=scopes),
            user_code=user_code, offline=OFFLINE in scopes or not self.dialect.offline_scope,
            expires_at=self.clock() + issuing.device_life, interval=issuing.interval,
            approved=issuing.approved,
        )  # fmt: skip
        page = self.dialect.url(self.base, "verify", "common")
        named = "verification_url" if self.dialect.name == "google" else "verification_uri"
        found: dict[str, Any] = {
            "device_code": code, "user_code": user_code, named: page,
            "expires_in": int(issuing.device_life), "interval": issuing.interval,
        }  # fmt: skip
        if self.dialect.name == "open":
            found["verification_uri_complete"] = f"{page}?user_code={user_code}"
        elif self.dialect.name == "microsoft":
            found["message"] = (
                f"To sign in, use a web browser to open the page {page} and enter the code "
                f"{user_code} to authenticate."
            )
        return as_json(found)

    def _verify(self, request: Request, form: dict[str, str], _tenant: str) -> Response:
        """Enter a device code."""
        code = form.get("user_code", "").strip().upper()
        if request.method != "POST" and "approve" not in form:
            return sign_in.enter_code(code)
        for device in self.registry.devices.values():
            if device.user_code == code and device.approved is None:
                device.approved = form.get("approve", "yes") == "yes"
                user = form.get("login_hint") or self._user
                device.granted = replace(device.granted, user=user)
                return sign_in.told("Done", "You can close this page and return to the program.")
        return sign_in.told("Unknown code", "There is no such code, or it was used.", 400)

    def _register(self, _request: Request, form: dict[str, Any], _tenant: str) -> Response:
        """Register a client (RFC 7591)."""
        uris = form.get("redirect_uris", [])
        if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
            raise RefusalError("request_malformed")
        public = form.get("token_endpoint_auth_method") == "none"
        name, secret = f"client-{self._random()}", None if public else self._random()
        self.registry.clients[name] = Client(
            client_id=name, secret=secret, redirect_uris=tuple(uris)
        )
        found: dict[str, Any] = {
            **form, "client_id": name, "client_id_issued_at": int(self.clock()),
        }  # fmt: skip
        if secret is not None:
            found |= {"client_secret": secret, "client_secret_expires_at": 0}
        return as_json(found, 201)

    def _revoke(self, request: Request, form: dict[str, str], tenant: str) -> Response:
        """Revoke a token (RFC 7009); at Google, whoever has it may."""
        google = self.dialect.name == "google"
        if not google:
            self._door(tenant).client(form, request.headers)
        known = self.registry.revoke(form.get("token", ""))
        if google and not known:
            found = {"error": "invalid_token", "error_description": "Token expired or revoked"}
            return as_json(found, 400, "invalid_token")
        return as_json({})

    def problem_with(self, token: str, user: str) -> Problem | None:
        """What the mail server has against a token; None if it takes it.

        Args:
            token: of a login.
            user: who logs in.
        """
        if self.issuing.mail is not None:
            return "refused"
        known = self.registry.tokens.get(token)
        if known is not None and not known.live:
            return "unknown"
        claims = None if known is None else known.claims
        if not self.dialect.opaque:
            signed = read_signed(token)
            genuine = signed is not None and signed.verified_by(self._key.key.public_key())
            claims = signed.claims if signed is not None and genuine else None
        if claims is None:
            return "unknown"
        return judge(self.dialect, self.base, claims, user, self.clock())


def _stage(service: Service | None, form: Mapping[str, str]) -> Stage | None:
    if service == "token":
        return STAGES.get(form.get("grant_type", ""), "token")
    return service
