"""Requests to an authorization server, and what its answers say: pure, built by oauthlib.

Code with PKCE (RFC 6749 section 4.1, RFC 7636), device code (RFC 8628), client credentials (section
4.4), assertions (RFC 7523), refresh (section 6) and revocation (RFC 7009).
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from oauthlib.oauth2.rfc6749.errors import OAuth2Error
from oauthlib.oauth2.rfc6749.parameters import (
    parse_token_response,
    prepare_grant_uri,
    prepare_token_request,
    prepare_token_revocation_request,
)

from smtps.errors import InputError
from smtps.net.fetch import Document
from smtps.oauth import assertion, faults
from smtps.oauth.authority import Authority, Registration
from smtps.oauth.tokens import Secretive, Tokens

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

LONGEST_TOKEN = 16_384
"""Characters of a token: more than any mail server takes."""

LONGEST_LIFE = 10 * 365 * 86400
"""Seconds that a token may be good for."""


@dataclass(frozen=True, slots=True)
class Request(Secretive):
    """What to post.

    Attributes:
        url: where to.
        body: the form.
        headers: of the request.
        hidden: what of it is secret, should the server repeat it.
        renews: whether it renews a login.
    """

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)
    renews: bool = False


@dataclass(frozen=True, slots=True)
class Authorization(Secretive):
    """A login that a person has begun, until its answer comes.

    Attributes:
        url: for the browser.
        redirect_uri: where the answer goes.
        state: that it has to bring back (RFC 6749 section 10.12).
        verifier: proves who began it (RFC 7636).
        nonce: that an ID token has to repeat, if one is asked for.
    """

    url: str = field(repr=False)
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str | None = field(default=None, repr=False)


def authorization(
    authority: Authority, registration: Registration, redirect_uri: str
) -> Authorization:
    """Begin a login by a browser.

    Raises:
        InputError: the authorization server has no page for that.
    """
    if authority.authorization_endpoint is None:
        raise InputError("authorization_endpoint", f"is missing, and {authority.name} names none")
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    nonce = secrets.token_urlsafe(24) if "openid" in registration.wanted_scopes else None
    challenge = assertion.base64url(sha256(verifier.encode()).digest())
    more = {name: value for name, value in authority.parameters.items() if name not in _OURS}
    if nonce is not None:
        more["nonce"] = nonce
        if "offline_access" in registration.wanted_scopes:
            more.setdefault("prompt", "consent")  # OpenID Connect Core section 11
    if "@" in registration.username:
        more["login_hint"] = registration.username
    url = prepare_grant_uri(
        authority.authorization_endpoint, registration.client_id, "code",
        redirect_uri=redirect_uri, scope=list(registration.wanted_scopes), state=state,
        code_challenge=challenge, code_challenge_method="S256", **more,
    )  # fmt: skip
    return Authorization(url, redirect_uri, state, verifier, nonce)


_OURS = frozenset({"state", "nonce", "code_challenge", "code_challenge_method", "redirect_uri"})


def read_redirect(authority: Authority, begun: Authorization, answer: str) -> str:
    """The code in an answer: the URL that the browser was sent to, or its query, or a bare code.

    Args:
        authority: who was asked.
        begun: the login.
        answer: what came, or was pasted.

    Raises:
        TokenError: it does not belong to this login, or is an error.
    """
    query = _query(begun, answer)
    if query is None:  # a code that a page has shown: nothing but the verifier ties it to the login
        return answer.strip()
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=50)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise faults.not_ours("a parameter occurs twice (RFC 6749 section 3.1)")
    if not hmac.compare_digest(found.get("state", "").encode(), begun.state.encode()):
        raise faults.not_ours("its state is missing or wrong")
    _check_issuer(authority, found)
    if (refusal := faults.Refusal.of(found)) is not None:
        raise faults.refused(authority.name, refusal, secrets=(begun.state, begun.verifier))
    if not found.get("code") or len(found["code"]) > LONGEST_TOKEN:
        raise faults.not_ours("it has no code")
    return found["code"]


def _query(begun: Authorization, answer: str) -> str | None:
    """The query of an answer; None for a bare code."""
    text = answer.strip()
    if "://" in text:
        parts, wanted = urlsplit(text), urlsplit(begun.redirect_uri)
        if (parts.scheme, parts.netloc, parts.path or "/") != (
            wanted.scheme, wanted.netloc, wanted.path or "/",
        ):  # fmt: skip
            raise faults.not_ours(f"it is not at {begun.redirect_uri}")
        return parts.query
    if "=" in text and ("code=" in text or "error=" in text):
        return text.partition("?")[2] or text
    if not text or len(text) > LONGEST_TOKEN or not text.isascii() or " " in text:
        raise faults.not_ours("paste the whole address from the browser's address bar")
    return None


def _check_issuer(authority: Authority, found: Mapping[str, str]) -> None:
    """That an answer comes from the server that was asked (RFC 9207 section 2.4)."""
    named = found.get("iss")
    if named is None and authority.names_issuer:
        raise faults.issuer_mismatch(authority.name, authority.issuer or "", "(none)")
    if named is not None and authority.issuer is not None and named != authority.issuer:
        shown = faults.shown(named)
        raise faults.issuer_mismatch(authority.name, authority.issuer, shown)


def code_request(
    authority: Authority, registration: Registration, begun: Authorization, code: str, now: float
) -> Request:
    """The code for tokens."""
    return _request(
        authority, registration, now, "authorization_code",
        hidden=(code, begun.verifier, begun.state),
        code=code, redirect_uri=begun.redirect_uri, code_verifier=begun.verifier,
    )  # fmt: skip


def refresh_request(
    authority: Authority, registration: Registration, refresh_token: str, now: float
) -> Request:
    """A refresh token for tokens; the scope is that of the login."""
    return _request(
        authority, registration, now, "refresh_token", hidden=(refresh_token,),
        refresh_token=refresh_token,
    )  # fmt: skip


def app_request(authority: Authority, registration: Registration, now: float) -> Request:
    """A program's own right for tokens: client credentials, or a service account's assertion."""
    scopes = registration.wanted_scopes
    if registration.grant == "client_credentials":
        return _request(
            authority, registration, now, "client_credentials", hidden=(), scope=list(scopes)
        )
    signer = registration.signer() if registration.signer is not None else None
    if signer is None:
        raise InputError("client_key_file", "is needed with the grant jwt_bearer")
    subject = registration.subject or registration.username
    account = registration.client_id or signer.client_id or ""
    signed = assertion.grant_assertion(
        signer, account, authority.token_endpoint, now, subject=subject, scope=" ".join(scopes)
    )
    body = prepare_token_request(BEARER_GRANT, include_client_id=False, assertion=signed)
    return Request(authority.token_endpoint, body.encode(), _FORM, (signed,))


def device_request(authority: Authority, registration: Registration, now: float) -> Request:
    """Begin a login by a device code (RFC 8628 section 3.1).

    Raises:
        InputError: the authorization server has no such login.
    """
    if authority.device_endpoint is None:
        raise InputError("device_endpoint", f"is missing: {authority.name} has no device code")
    proof, headers, hidden = _proof(authority, registration, now)
    form = dict(proof)
    if "Authorization" not in headers:
        form["client_id"] = registration.client_id
    if registration.wanted_scopes:
        form["scope"] = " ".join(registration.wanted_scopes)
    return Request(authority.device_endpoint, urlencode(form).encode(), headers, hidden)


@dataclass(frozen=True, slots=True)
class DeviceCode(Secretive):
    """A login by a device code (RFC 8628 section 3.2).

    Attributes:
        code: for the token endpoint.
        user_code: for the person.
        url: where the person enters it; ``whole_url`` has it already.
        expires_in: seconds.
        interval: seconds between two questions.
    """

    code: str = field(repr=False)
    user_code: str
    url: str
    whole_url: str | None
    expires_in: float
    interval: float


def read_device(authority: Authority, answer: Document, request: Request) -> DeviceCode:
    """The device code in an answer.

    Raises:
        TokenError: it is an error, or nothing that can be used.
    """
    found, body = _object(authority, answer, request), answer.body
    try:
        url = found.get("verification_uri") or found["verification_url"]
        whole = found.get("verification_uri_complete")
        code = DeviceCode(
            str(found["device_code"]), faults.shown(str(found["user_code"])),
            faults.shown(str(url)), faults.shown(str(whole)) if whole else None,
            _seconds(found["expires_in"]), _seconds(found.get("interval", 5)),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError):
        raise faults.malformed(authority.name, "the device code is incomplete", body) from None
    if not code.url.startswith("https://"):
        raise faults.malformed(authority.name, "the page for the code is not HTTPS", body)
    return code


def poll_request(
    authority: Authority, registration: Registration, device: DeviceCode, now: float
) -> Request:
    """Ask whether the person has logged in (RFC 8628 section 3.4)."""
    return _request(
        authority, registration, now, DEVICE_GRANT, hidden=(device.code,), device_code=device.code
    )


def revocation_request(
    authority: Authority, registration: Registration, token: str, kind: str, now: float
) -> Request | None:
    """Revoke a token (RFC 7009); None where the server cannot.

    Args:
        authority, registration: who is asked, by whom.
        token: to revoke.
        kind: ``refresh_token`` or ``access_token``.
        now: seconds since 1970.
    """
    if authority.revocation_endpoint is None:
        return None
    proof, headers, hidden = _proof(authority, registration, now)
    proof.setdefault("client_id", registration.client_id)
    url, _, body = prepare_token_revocation_request(
        authority.revocation_endpoint, token, kind, **proof
    )
    return Request(url, body.encode(), headers, (token, *hidden))


_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


def _request(
    authority: Authority,
    registration: Registration,
    now: float,
    grant_type: str,
    *,
    hidden: tuple[str, ...],
    **parameters: Any,
) -> Request:
    """A request to the token endpoint, with the client's proof."""
    proof, headers, more = _proof(authority, registration, now)
    in_body = "Authorization" not in headers
    body = prepare_token_request(
        grant_type, include_client_id=in_body, client_id=registration.client_id,
        **{name: value for name, value in parameters.items() if value}, **proof,
    )  # fmt: skip
    renews = grant_type == "refresh_token"
    return Request(authority.token_endpoint, body.encode(), headers, (*hidden, *more), renews)


def _proof(
    authority: Authority, registration: Registration, now: float
) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """By what the client proves itself: parameters, headers, and what of them is secret."""
    client = registration.client_id
    if registration.signer is not None and registration.grant != "jwt_bearer":
        signed = assertion.client_assertion(
            registration.signer(), client, authority.token_endpoint, now
        )
        found = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
        return found, dict(_FORM), (signed,)
    if registration.secret is None:
        return {}, dict(_FORM), ()
    secret = registration.secret()
    if authority.proof == "post":
        return {"client_secret": secret}, dict(_FORM), (secret,)
    pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
    basic = base64.b64encode(pair.encode()).decode()
    return {}, {**_FORM, "Authorization": f"Basic {basic}"}, (secret, basic)


def read_tokens(authority: Authority, answer: Document, request: Request, now: float) -> Tokens:
    """The tokens in an answer (RFC 6749 section 5.1).

    Args:
        authority: who was asked.
        answer: what came.
        request: that was made.
        now: when it was made, in seconds since 1970: a life counts from then at worst.

    Raises:
        TokenError: it is an error, or nothing that can be used.
    """
    found, body = _object(authority, answer, request), answer.body
    try:
        parse_token_response(json.dumps(found), None)
    except (OAuth2Error, ValueError, TypeError, AttributeError, OverflowError):
        raise faults.malformed(authority.name, "it has no access token", body) from None
    kind = str(found.get("token_type", "bearer")).lower()
    if kind != "bearer":
        raise faults.malformed(authority.name, f"its token is of type {faults.shown(kind)}", body)
    refresh_life = found.get("refresh_token_expires_in", found.get("refresh_expires_in"))
    scope = found.get("scope", "")
    try:
        return Tokens(
            access_token=str(_token(found, "access_token")),
            obtained_at=now,
            expires_at=_end(found.get("expires_in"), now),
            refresh_token=_token(found, "refresh_token"),
            refresh_expires_at=_end(refresh_life, now) if refresh_life else None,
            scope=faults.shown(" ".join(scope) if isinstance(scope, list) else str(scope)),
            id_token=_token(found, "id_token"),
        )
    except (ValueError, TypeError):
        raise faults.malformed(authority.name, "a value in it is not valid", body) from None


def check_id_token(
    authority: Authority, registration: Registration, begun: Authorization, tokens: Tokens
) -> None:
    """That the ID token belongs to this login (OpenID Connect Core section 3.1.3.7).

    It came from the token endpoint over TLS, which stands for its signature.

    Raises:
        TokenError: it does not.
    """
    if begun.nonce is None or tokens.id_token is None:
        return
    claims = claims_of(tokens.id_token) or {}
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), begun.nonce.encode()):
        raise faults.not_ours("the nonce of its ID token is missing or wrong")
    audience = claims.get("aud")
    if registration.client_id not in (audience if isinstance(audience, list) else [audience]):
        raise faults.not_ours("its ID token is for another client")
    issuer = claims.get("iss")
    if authority.issuer is not None and issuer != authority.issuer:
        raise faults.issuer_mismatch(authority.name, authority.issuer, faults.shown(str(issuer)))


def claims_of(token: str) -> dict[str, Any] | None:
    """What a JWT says, unproven; None for what is no JWT (RFC 7519)."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        data = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    except ValueError:
        return None
    return faults.json_object(data)


def _object(authority: Authority, answer: Document, request: Request) -> dict[str, Any]:
    """The JSON object of a good answer.

    Raises:
        TokenError: it is an error, or something else.
    """
    found = faults.json_object(answer.body)
    wait = answer.retry_after
    refusal = None if found is None else faults.Refusal.of(found)
    if refusal is not None:
        error = faults.refused(
            authority.name, refusal, secrets=request.hidden, wait=wait, renewing=request.renews
        )
        if error.code != "oauth.request_refused" or answer.status < 429:
            raise error
    if found is None or answer.status != 200:
        raise faults.of_status(authority.name, answer.status, answer.body, wait)
    return found


def _token(found: Mapping[str, Any], name: str) -> str | None:
    """A token that can be sent on; ABNF of RFC 6749 appendix A.12: visible ASCII."""
    value = found.get(name)
    if value is None or (value == "" and name != "access_token"):
        return None
    visible = isinstance(value, str) and value.isascii() and value.isprintable()
    if not visible or not value or len(value) > LONGEST_TOKEN:
        raise ValueError(name)
    return str(value)


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds <= LONGEST_LIFE:
        raise ValueError("no number of seconds")
    return seconds


def _end(value: Any, now: float) -> float | None:
    return None if value is None or value == "" else now + _seconds(value)
