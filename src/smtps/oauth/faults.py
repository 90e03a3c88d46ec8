"""What goes wrong with access tokens, as failures: tables, and pure functions that read them.

Words of the server are shown without secrets, printable and short; what cannot be told apart by a
code of ours is in ``seen``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from smtps.core.reply import printable
from smtps.errors import (
    InputError,
    NetworkError,
    Phase,
    PhaseTimeoutError,
    SMTPSError,
    TLSError,
    TokenError,
)
from smtps.oauth.claims import is_guid

LOGIN_NEEDED = "oauth.login_needed"
LOGIN_REFUSED = "oauth.login_refused"
INTERRUPTED = "oauth.refresh_interrupted"
UNUSED = "oauth.unused"
TESTING = "oauth.testing"
NO_REFRESH_TOKEN = "oauth.no_refresh_token"  # noqa: S105  # no secret, but a code
SECRET_WRONG = "oauth.secret_wrong"  # noqa: S105  # no secret, but a code

ENDED = frozenset({LOGIN_NEEDED, UNUSED, TESTING})
"""A login is over, and a person has to log in again."""

SHOWN = 400
"""Characters of the server's words that are shown."""


class Cause(NamedTuple):
    """What an error of a token endpoint means.

    Attributes:
        code: of the failure.
        sentence: what happened; ``{}`` stands for the authorization server.
        retryable: whether the same request may succeed later.
    """

    code: str
    sentence: str
    retryable: bool = False


_ENDED = "{} refuses to renew the login: "
_BEGUN = "{} refuses the login: "
"""The same of a login that is only begun."""

MICROSOFT: Mapping[int, Cause] = {
    16000: Cause(LOGIN_NEEDED, _ENDED + "it requires you to select an account again"),
    50011: Cause("oauth.redirect_refused", "{} does not know the redirect URI of this client"),
    50034: Cause("oauth.user_unknown", "{} does not know this user in the tenant"),
    50053: Cause(LOGIN_NEEDED, _ENDED + "the account is locked"),
    50057: Cause(LOGIN_NEEDED, _ENDED + "the account is disabled"),
    50058: Cause(LOGIN_NEEDED, _ENDED + "it requires an interactive login"),
    50072: Cause(LOGIN_NEEDED, _ENDED + "the user has to enroll in multifactor authentication"),
    50074: Cause(LOGIN_NEEDED, _ENDED + "it requires multifactor authentication"),
    50076: Cause(LOGIN_NEEDED, _ENDED + "it now requires multifactor authentication"),
    50078: Cause(LOGIN_NEEDED, _ENDED + "the multifactor authentication has expired"),
    50079: Cause(LOGIN_NEEDED, _ENDED + "the user has to set up multifactor authentication"),
    50105: Cause("oauth.user_not_assigned", "{} has not assigned this user to the application"),
    50126: Cause(LOGIN_NEEDED, _ENDED + "user name or password is wrong"),
    50132: Cause(LOGIN_NEEDED, _ENDED + "the session was revoked"),
    50133: Cause(LOGIN_NEEDED, _ENDED + "the password has expired or was changed"),
    50144: Cause(LOGIN_NEEDED, _ENDED + "the password has expired"),
    50158: Cause(LOGIN_NEEDED, _ENDED + "an external check is required"),
    50173: Cause(LOGIN_NEEDED, _ENDED + "the password was changed, or the login revoked"),
    53000: Cause("oauth.blocked_by_policy", "{} accepts logins from managed devices only"),
    53001: Cause("oauth.blocked_by_policy", "{} accepts logins from joined devices only"),
    53003: Cause("oauth.blocked_by_policy", "{} blocks this login by conditional access"),
    54005: Cause(LOGIN_NEEDED, _ENDED + "the code was used already"),
    65001: Cause("oauth.consent_needed", "{} has no consent for this application"),
    65004: Cause("oauth.access_denied", "Consent was declined at {}"),
    70000: Cause(LOGIN_NEEDED, _ENDED + "it is no longer valid"),
    70008: Cause(LOGIN_NEEDED, _ENDED + "it has expired"),
    70011: Cause("oauth.scope_refused", "{} does not know the scope"),
    70016: Cause("oauth.pending", "The login at {} is not finished", retryable=True),
    70019: Cause("oauth.device_code_expired", "The code for {} has expired"),
    70043: Cause(LOGIN_NEEDED, _ENDED + "conditional access limits how long a login lasts"),
    70044: Cause(LOGIN_NEEDED, _ENDED + "conditional access limits how long a login lasts"),
    90002: Cause("oauth.tenant_unknown", "{} does not know the tenant"),
    90019: Cause("oauth.tenant_unknown", "{} has to be told the tenant"),
    90023: Cause("oauth.request_refused", "{} refuses the request"),
    90094: Cause("oauth.consent_needed", "{} requires an administrator's consent"),
    135010: Cause("oauth.client_key_refused", "{} does not know the client's key"),
    500011: Cause("oauth.scope_refused", "{} does not know the resource in the scope"),
    500113: Cause("oauth.redirect_refused", "{} knows no redirect URI of this client"),
    500133: Cause("oauth.clock", "{} finds that the assertion is not valid now"),
    530003: Cause("oauth.blocked_by_policy", "{} accepts logins from registered devices only"),
    700016: Cause("oauth.client_unknown", "{} does not know the client in this tenant"),
    700024: Cause("oauth.clock", "{} finds that the assertion is not valid now"),
    700027: Cause("oauth.client_key_refused", "{} does not accept the client's signature"),
    700054: Cause("oauth.request_refused", "{} refuses the request"),
    700081: Cause(LOGIN_NEEDED, _ENDED + "it has lasted as long as it may"),
    700082: Cause(UNUSED, _ENDED + "it was not used for 90 days"),
    700084: Cause(LOGIN_NEEDED, _ENDED + "it has lasted as long as it may"),
    7000112: Cause("oauth.client_disabled", "{} has disabled the client"),
    7000114: Cause("oauth.grant_refused", "{} does not allow this client to log in like this"),
    7000215: Cause(SECRET_WRONG, "{} does not accept the client secret"),
    7000218: Cause("oauth.secret_missing", "{} requires a client secret or public client flows"),
    7000222: Cause("oauth.secret_expired", "The client secret has expired at {}"),
}
"""AADSTS numbers (Microsoft Entra: reference of authentication errors). They may change, so what
is not here goes by its OAuth error."""

_WORDS: tuple[tuple[str, re.Pattern[str], Cause], ...] = (
    ("invalid_grant", re.compile("rapt|reauth", re.IGNORECASE),
     Cause(LOGIN_NEEDED, _ENDED + "the Workspace administrator requires logins to be repeated")),
    ("invalid_grant", re.compile("account not found|invalid email|not a valid email",
                                 re.IGNORECASE),
     Cause("oauth.user_unknown", "{} does not know this user")),
    ("invalid_grant", re.compile(r"\bjwt\b|\biat\b|clock|short-lived token", re.IGNORECASE),
     Cause("oauth.clock", "{} finds that the assertion is not valid now")),
    ("invalid_grant", re.compile("expired or revoked|revoked", re.IGNORECASE),
     Cause(LOGIN_NEEDED, _ENDED + "it has expired or was revoked")),
    ("invalid_client", re.compile("secret", re.IGNORECASE),
     Cause(SECRET_WRONG, "{} does not accept the client secret")),
    ("unauthorized_client", re.compile("delegat|scope|service account", re.IGNORECASE),
     Cause("oauth.delegation_missing", "{} has not authorized the service account for the scope")),
)  # fmt: skip
"""Errors whose words say more: OAuth error, pattern, cause. Google's, for the most part."""

_ERRORS: Mapping[str, Cause] = {
    "invalid_grant": Cause(LOGIN_NEEDED, _ENDED + "it is no longer valid"),
    "interaction_required": Cause(LOGIN_NEEDED, _ENDED + "it requires an interactive login"),
    "login_required": Cause(LOGIN_NEEDED, _ENDED + "it requires an interactive login"),
    "consent_required": Cause("oauth.consent_needed", "{} has no consent for this application"),
    "admin_policy_enforced": Cause(
        "oauth.blocked_by_policy", "{} blocks this application by an administrator's policy"),
    "org_internal": Cause("oauth.access_denied", "{} accepts users of the organization only"),
    "invalid_client": Cause("oauth.client_refused", "{} does not accept the client"),
    "deleted_client": Cause("oauth.client_unknown", "The client was deleted at {}"),
    "disabled_client": Cause("oauth.client_disabled", "{} has disabled the client"),
    "unauthorized_client": Cause(
        "oauth.grant_refused", "{} does not allow this client to log in like this"),
    "unsupported_grant_type": Cause("oauth.grant_refused", "{} does not support this grant"),
    "unsupported_response_type": Cause("oauth.grant_refused", "{} does not support this grant"),
    "invalid_scope": Cause("oauth.scope_refused", "{} does not grant the scope"),
    "invalid_target": Cause("oauth.scope_refused", "{} does not grant the scope"),
    "insufficient_scope": Cause("oauth.scope_refused", "{} does not grant the scope"),
    "redirect_uri_mismatch": Cause(
        "oauth.redirect_refused", "{} does not know the redirect URI of this client"),
    "access_denied": Cause("oauth.access_denied", "The login was declined at {}"),
    "expired_token": Cause("oauth.device_code_expired", "The code for {} has expired"),
    "authorization_pending": Cause(
        "oauth.pending", "The login at {} is not finished", retryable=True),
    "slow_down": Cause("oauth.rate_limited", "{} limits how often it may be asked", retryable=True),
    "rate_limit_exceeded": Cause(
        "oauth.rate_limited", "{} limits how often it may be asked", retryable=True),
    "temporarily_unavailable": Cause(
        "oauth.server_failed", "{} is not available at the moment", retryable=True),
    "server_error": Cause("oauth.server_failed", "{} failed", retryable=True),
    "internal_failure": Cause("oauth.server_failed", "{} failed", retryable=True),
    "invalid_request": Cause("oauth.request_refused", "{} refuses the request"),
}  # fmt: skip
"""OAuth errors (RFC 6749 sections 4.1.2.1 and 5.2, RFC 8628 section 3.5, OpenID Connect Core
section 3.1.2.6, Google's)."""

_NUMBER = re.compile(r"\bAADSTS(\d{5,7})\b")
_LIMITED = frozenset({429})
_WRONG_SECRET = 7000215
_ID_OF_SECRET = Cause("oauth.secret_id", "{} does not accept the client secret, which is a GUID")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The error of an authorization server, as it is said.

    Attributes:
        error: OAuth error code.
        description: its words.
        subtype: Google's ``error_subtype``.
    """

    error: str
    description: str = ""
    subtype: str = ""

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Refusal | None:
        """Read it; None if there is none."""
        error = found.get("error")
        if isinstance(error, Mapping):  # Google's other form
            text = str(error.get("status") or error.get("code") or "error").lower()
            return cls(text, str(error.get("message", "")))
        if not isinstance(error, str) or not error:
            return None
        return cls(error, str(found.get("error_description", "")),
                   str(found.get("error_subtype", "")))  # fmt: skip

    @property
    def number(self) -> int | None:
        """The number of Microsoft's, if there is one."""
        found = _NUMBER.search(self.description)
        return int(found[1]) if found is not None else None

    @property
    def cause(self) -> Cause:
        """What it means."""
        if self.number is not None and (known := MICROSOFT.get(self.number)) is not None:
            return known
        text = f"{self.subtype} {self.description}"
        for error, words, cause in _WORDS:
            if error == self.error and words.search(text):
                return cause
        return _ERRORS.get(self.error) or Cause("oauth.request_refused", "{} refuses the request")


def refused(
    name: str,
    refusal: Refusal,
    *,
    secrets: Iterable[str] = (),
    wait: int | None = None,
    renewing: bool = False,
) -> TokenError:
    """The error that a server's error makes.

    Args:
        name: of the authorization server.
        refusal: what it said.
        secrets: that it may have repeated.
        wait: seconds that it asks to wait.
        renewing: whether a login was to be renewed; else it was only begun.
    """
    cause = refusal.cause
    secrets = tuple(secrets)
    if cause.code in ENDED and not renewing:
        cause = Cause(LOGIN_REFUSED, cause.sentence.replace(_ENDED, _BEGUN))
    elif refusal.number == _WRONG_SECRET and any(map(is_guid, secrets)):
        cause = _ID_OF_SECRET
    words = shown(refusal.description, secrets)
    said = f"{shown(refusal.error, secrets)}: {words}" if words else shown(refusal.error, secrets)
    return TokenError(
        cause.code,
        f"{cause.sentence.format(name)} ({said}).",
        phase=Phase.TOKEN,
        retryable=cause.retryable,
        retry_after=wait if cause.retryable else None,
        seen=said,
    )


def of_status(name: str, status: int, body: bytes, wait: int | None = None) -> TokenError:
    """The error for an answer that is neither tokens nor an error of OAuth.

    Args:
        name: of the authorization server.
        status: HTTP status code.
        body: of the answer; not shown, as it may repeat what was sent.
        wait: seconds that the server asks to wait.
    """
    if status in _LIMITED:
        return TokenError(
            "oauth.rate_limited", f"{name} limits how often it may be asked (HTTP {status}).",
            phase=Phase.TOKEN, retryable=True, retry_after=wait,
        )  # fmt: skip
    if status >= 500:
        return TokenError(
            "oauth.server_failed", f"{name} failed (HTTP {status}).",
            phase=Phase.TOKEN, retryable=True, retry_after=wait,
        )  # fmt: skip
    return malformed(name, f"the answer with HTTP status {status} is not JSON", body)


def malformed(name: str, why: str, body: bytes) -> TokenError:
    """The error for an answer that is not what the standard says."""
    start = body.lstrip()[:200].lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<?xml")):
        why += "; it is a web page, as login pages of networks and proxies are"
    return TokenError(
        "oauth.malformed", f"The answer of {name} cannot be used: {why}.",
        phase=Phase.TOKEN, retryable=True,
    )  # fmt: skip


def unreachable(name: str, error: SMTPSError) -> SMTPSError:
    """The error for an authorization server that gave no answer; a local one stays as it is.

    Args:
        name: of the authorization server.
        error: why.
    """
    failure = error.failure
    words = failure.message.rstrip(".")
    if isinstance(error, InputError):
        return error
    if isinstance(error, TLSError):
        code, retryable = "oauth.tls_failed", False
    elif isinstance(error, PhaseTimeoutError):
        code, retryable = "oauth.timeout", True
    elif failure.code in ("web.too_large", "web.malformed"):
        code, retryable = "oauth.malformed", True
    elif isinstance(error, NetworkError):
        code, retryable = "oauth.unreachable", True
    else:
        code, retryable = "oauth.forbidden", False
    return TokenError(
        code, f"{name} could not be asked for an access token: {words}.",
        phase=Phase.TOKEN, retryable=retryable, address=failure.address,
    )  # fmt: skip


def issuer_mismatch(name: str, wanted: str, found: str) -> TokenError:
    """The error for an answer that comes from another issuer (RFC 8414 section 3.3, RFC 9207)."""
    return TokenError(
        "oauth.issuer_mismatch",
        f"The answer is not from {name}: it names the issuer {found}, not {wanted}.",
        phase=Phase.TOKEN,
    )


def not_ours(why: str) -> TokenError:
    """The error for a redirect that does not belong to the login that was begun."""
    return TokenError(
        "oauth.not_this_login",
        f"The answer does not belong to this login: {why}.",
        phase=Phase.TOKEN,
    )


def login_needed(command: str, why: str, *, code: str = LOGIN_NEEDED, seen: str | None = None,
                 again: bool = True) -> TokenError:  # fmt: skip
    """The error for a login that has to be repeated, or has never been.

    Args:
        command: that logs in.
        why: a clause.
        code: a more telling one.
        seen: the server's words.
        again: whether there was a login before.
    """
    remedy = f"Log in{' again' if again else ''}: {command}"
    return TokenError(code, f"{why}. {remedy}", phase=Phase.TOKEN, seen=seen)


def shown(text: str, secrets: Iterable[str] = ()) -> str:
    """Words of a server as they may be shown."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    text = printable(" ".join(text.split()))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def json_object(body: bytes) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
