"""What an authorization server says when it refuses: the errors of each form, in its own words.

The numbers and texts are those of Microsoft Entra's reference of errors and of Google's answers;
the open form has the errors of RFC 6749, RFC 8628 and OpenID Connect.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from smtps.sandbox.issuer.dialects import FormName

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer of HTTP.

    Attributes:
        status: of it.
        body: its content.
        kind: media type.
        headers: more fields.
        times: how often the body comes, one behind the other.
        pause: seconds before each of them.
        cut: whether the connection breaks instead.
        error: the error that it is, for the list of requests.
    """

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    kind: str = JSON
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    times: int = 1
    pause: float = 0.0
    cut: bool = False
    error: str | None = None

    def pieces(self) -> Iterator[bytes]:
        """The body as it is written."""
        for _ in range(self.times):
            yield self.body


def as_json(found: Mapping[str, object], status: int = 200, error: str | None = None) -> Response:
    """An answer with a JSON object that is not to be kept (RFC 6749 section 5.1)."""
    body = json.dumps(found).encode()
    keep = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
    return Response(status=status, body=body, headers=keep, error=error)


class Words(NamedTuple):
    """How a form says one error.

    Attributes:
        error: OAuth error code.
        description: its words; ``{client}``, ``{tenant}``, ``{scope}``, ``{redirect}``,
            ``{grant}``, ``{when}`` are filled in.
        status: of HTTP.
        number: AADSTS number, at Microsoft.
        subtype: ``suberror`` at Microsoft, ``error_subtype`` at Google.
    """

    error: str
    description: str = ""
    status: int = 400
    number: int = 0
    subtype: str = ""


STANDARD: Mapping[str, Words] = {
    "access_denied": Words("access_denied", "The resource owner denied the request"),
    "assertion_expired": Words("invalid_grant", "The JWT is not valid at this time"),
    "assertion_refused": Words("invalid_grant", "The signature of the JWT is not valid"),
    "client_key_refused": Words("invalid_client", "The client assertion is not valid", 401),
    "client_unknown": Words("invalid_client", "There is no such client", 401),
    "code_refused": Words("invalid_grant", "The authorization code is not valid"),
    "conditional_access": Words("access_denied", "A policy of the organization blocks the login"),
    "consent_needed": Words("consent_required", "The application has no consent"),
    "delegation_missing": Words("unauthorized_client",
                                "The service account is not authorized for the scope", 401),
    "device_expired": Words("expired_token", "The device code has expired"),
    "device_scope": Words("invalid_scope", "The scope cannot be had by a device code"),
    "grant_unsupported": Words("unsupported_grant_type", "{grant} is not supported"),
    "interaction_required": Words("interaction_required", "The user has to log in again"),
    "login_expired": Words("invalid_grant", "The refresh token has expired"),
    "login_revoked": Words("invalid_grant", "The refresh token was revoked"),
    "mfa_required": Words("interaction_required", "A second factor is required"),
    "password_changed": Words("invalid_grant", "The password was changed"),
    "pending": Words("authorization_pending", "The login is not finished"),
    "pkce_refused": Words("invalid_grant", "The code verifier does not match the challenge"),
    "rate_limited": Words("slow_down", "There were too many requests", 429),
    "redirect_refused": Words("redirect_uri_mismatch", "The redirect URI is not registered"),
    "request_malformed": Words("invalid_request", "A parameter is missing or malformed"),
    "scope_unknown": Words("invalid_scope", "{scope} is not a scope of this server"),
    "secret_expired": Words("invalid_client", "The client secret has expired", 401),
    "secret_missing": Words("invalid_client", "The client has to prove itself", 401),
    "secret_wrong": Words("invalid_client", "The client secret is wrong", 401),
    "sign_in_frequency": Words("invalid_grant", "The session has lasted as long as it may"),
    "slow_down": Words("slow_down", "There were too many requests"),
    "tenant_unknown": Words("invalid_request", "There is no tenant {tenant}"),
    "token_reused": Words("invalid_grant", "The refresh token was used before"),
    "unavailable": Words("temporarily_unavailable", "The server is under maintenance", 503),
    "unused": Words("invalid_grant", "The refresh token was not used for too long"),
    "user_unknown": Words("invalid_grant", "There is no such user"),
}  # fmt: skip
"""RFC 6749 section 5.2, RFC 8628 section 3.5, OpenID Connect Core section 3.1.2.6."""

_EXPIRED = "The refresh token has expired"

ENTRA: Mapping[str, Words] = {
    "access_denied": Words(
        "authorization_declined", "The end user denied the authorization request."),
    "assertion_expired": Words(
        "invalid_client", "Client assertion is not within its valid time range. Current time: "
        "{when}.", 401, 700024),
    "client_key_refused": Words(
        "invalid_client", "The certificate with identifier used to sign the client assertion is "
        "not registered on application. [Reason - The key was not found.]", 401, 700027),
    "client_unknown": Words(
        "unauthorized_client", "Application with identifier '{client}' was not found in the "
        "directory '{tenant}'. This can happen if the application has not been installed by the "
        "administrator of the tenant or consented to by any user in the tenant. You may have sent "
        "your authentication request to the wrong tenant.", number=700016),
    "code_refused": Words(
        "invalid_grant", "OAuth2 Authorization code was already redeemed, please retry with a new "
        "valid code or use an existing refresh token.", number=54005),
    "conditional_access": Words(
        "invalid_grant", "Access has been blocked by Conditional Access policies. The access "
        "policy does not allow token issuance.", number=53003, subtype="message_only"),
    "consent_needed": Words(
        "invalid_grant", "The user or administrator has not consented to use the application with "
        "ID '{client}' named 'smtps sandbox'. Send an interactive authorization request for this "
        "user and resource.", number=65001, subtype="consent_required"),
    "device_expired": Words(
        "expired_token", "Verification code expired. Have the user retry the sign-in.",
        number=70019),
    "grant_unsupported": Words(
        "unsupported_grant_type", "The app requested an unsupported grant type '{grant}'.",
        number=70003),
    "interaction_required": Words(
        "interaction_required", "Session information is not sufficient for single-sign-on.",
        number=50058),
    "login_expired": Words(
        "invalid_grant", "The provided authorization code or refresh token has expired due to "
        "inactivity. Send a new interactive authorization request for this user and resource.",
        number=70008),
    "login_revoked": Words(
        "invalid_grant", "Session is not valid due to password expiration or recent password "
        "change.", number=50132),
    "mfa_required": Words(
        "interaction_required", "Due to a configuration change made by your administrator, or "
        "because you moved to a new location, you must use multi-factor authentication to access "
        "'00000002-0000-0ff1-ce00-000000000000'.", number=50076, subtype="basic_action"),
    "password_changed": Words(
        "invalid_grant", "The provided grant has expired due to it being revoked, a fresh auth "
        "token is needed. The user might have changed or reset their password. The grant was "
        "issued on '{when}' and the TokensValidFrom date (before which tokens are not valid) for "
        "this user is '{when}'.", number=50173),
    "pending": Words(
        "authorization_pending", "OAuth 2.0 device flow error. Authorization is pending. Continue "
        "polling.", number=70016),
    "pkce_refused": Words(
        "invalid_grant", "The Code_Verifier does not match the code_challenge supplied in the "
        "authorization request.", number=501481),
    "redirect_refused": Words(
        "invalid_client", "The redirect URI '{redirect}' specified in the request does not match "
        "the redirect URIs configured for the application '{client}'. Make sure the redirect URI "
        "sent in the request matches one added to your application in the Azure portal.",
        number=50011),
    "request_malformed": Words(
        "invalid_request", "Invalid request. Request is malformed or invalid.", number=9002313),
    "scope_unknown": Words(
        "invalid_scope", "The provided request must include a 'scope' input parameter. The "
        "provided value for the input parameter 'scope' is not valid. The scope {scope} is not "
        "valid.", number=70011),
    "secret_expired": Words(
        "invalid_client", "The provided client secret keys for app '{client}' are expired. Visit "
        "the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or "
        "consider using certificate credentials for added security: https://aka.ms/certCreds.",
        401, 7000222),
    "secret_missing": Words(
        "invalid_client", "The request body must contain the following parameter: "
        "'client_assertion' or 'client_secret'.", 401, 7000218),
    "secret_wrong": Words(
        "invalid_client", "Invalid client secret provided. Ensure the secret being sent in the "
        "request is the client secret value, not the client secret ID, for a secret added to app "
        "'{client}'.", 401, 7000215),
    "sign_in_frequency": Words(
        "invalid_grant", "The refresh token has expired or is invalid due to sign-in frequency "
        "checks by conditional access. The token was issued on {when} and the maximum allowed "
        "lifetime for this request is 604800.", number=70043),
    "tenant_unknown": Words(
        "invalid_request", "Tenant '{tenant}' not found. Check to make sure you have the correct "
        "tenant ID and are signing into the correct cloud. Check with your subscription "
        "administrator, this may happen if there are no active subscriptions for the tenant.",
        number=90002),
    "unused": Words(
        "invalid_grant", _EXPIRED + " due to inactivity. The token was issued on {when} and was "
        "inactive for 90.00:00:00.", number=700082),
    "user_unknown": Words(
        "invalid_grant", "The user account does not exist in the directory. To sign into this "
        "application, the account must be added to the directory.", number=50034),
}  # fmt: skip

GOOGLE_WORDS: Mapping[str, Words] = {
    "access_denied": Words("access_denied", "Forbidden", 403),
    "assertion_expired": Words(
        "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
        "reasonable timeframe. Check your iat and exp values in the JWT claim."),
    "assertion_refused": Words("invalid_grant", "Invalid JWT Signature."),
    "client_unknown": Words("invalid_client", "The OAuth client was not found.", 401),
    "code_refused": Words("invalid_grant", "Malformed auth code."),
    "conditional_access": Words("admin_policy_enforced", "Your administrator's policy blocks it"),
    "delegation_missing": Words(
        "unauthorized_client", "Client is unauthorized to retrieve access tokens using this "
        "method, or client not authorized for any of the scopes requested.", 401),
    "device_scope": Words("invalid_scope", "Invalid device flow scope: {scope}"),
    "grant_unsupported": Words("unsupported_grant_type", "Invalid grant_type: {grant}"),
    "interaction_required": Words(
        "invalid_grant", "reauth related error (invalid_rapt)", subtype="invalid_rapt"),
    "login_expired": Words("invalid_grant", "Token has been expired or revoked."),
    "login_revoked": Words("invalid_grant", "Token has been expired or revoked."),
    "password_changed": Words("invalid_grant", "Token has been expired or revoked."),
    "pending": Words("authorization_pending", "Precondition Required", 428),
    "pkce_refused": Words("invalid_grant", "Invalid code verifier."),
    "rate_limited": Words("rate_limit_exceeded", "Rate Limit Exceeded", 403),
    "redirect_refused": Words("redirect_uri_mismatch", "Bad Request"),
    "scope_unknown": Words("invalid_scope", "Some requested scopes were invalid."),
    "secret_missing": Words("invalid_request", "client_secret is missing."),
    "secret_wrong": Words("invalid_client", "The provided client secret is invalid.", 401),
    "slow_down": Words("slow_down", "Forbidden", 403),
    "unused": Words("invalid_grant", "Token has been expired or revoked."),
    "user_unknown": Words("invalid_grant", "Invalid email or User ID"),
}  # fmt: skip

WORDS: Mapping[FormName, Mapping[str, Words]] = {
    "open": STANDARD, "microsoft": ENTRA, "google": GOOGLE_WORDS,
}  # fmt: skip
"""Form → error → how it is said there; what is not there is said as the standards do."""


class RefusalError(Exception):
    """An error that the server answers with.

    Args:
        problem: of STANDARD.
        details: what is filled into its words.
    """

    def __init__(self, problem: str, **details: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.details = details

    def words(self, form: FormName) -> Words:
        """How a form says it."""
        return WORDS[form].get(self.problem) or STANDARD[self.problem]

    def response(self, form: FormName, now: float) -> Response:
        """The answer.

        Args:
            form: whose words to use.
            now: seconds since 1970.
        """
        words = self.words(form)
        when = datetime.fromtimestamp(now, UTC)
        text = words.description.format_map(_Filled({**self.details, "when": _moment(when)}))
        found: dict[str, object] = {"error": words.error, "error_description": text}
        if form == "microsoft" and words.number:
            found = _entra(words, text, when)
        elif words.subtype:
            found["error_subtype"] = words.subtype
        return as_json(found, words.status, words.error)


class _Filled(dict[str, str]):
    def __missing__(self, _key: str) -> str:
        return "(none)"


_TRACE = "5a17d80c-0000-4000-8000-747261636500"
_CORRELATION = "5a17d80c-0000-4000-8000-636f72720000"


def _entra(words: Words, text: str, when: datetime) -> dict[str, object]:
    stamp = when.strftime("%Y-%m-%d %H:%M:%SZ")
    found: dict[str, object] = {
        "error": words.error,
        "error_description": f"AADSTS{words.number}: {text} Trace ID: {_TRACE} "
        f"Correlation ID: {_CORRELATION} Timestamp: {stamp}",
        "error_codes": [words.number],
        "timestamp": stamp,
        "trace_id": _TRACE,
        "correlation_id": _CORRELATION,
    }
    if words.subtype:
        found["suberror"] = words.subtype
    return found


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
