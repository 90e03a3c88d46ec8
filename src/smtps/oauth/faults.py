"""What goes wrong with access tokens, as failures: tables, and pure functions that read them.

Words of the server are shown without secrets, printable and short; what cannot be told apart by a
code of ours is in ``seen``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

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
from smtps.oauth.aadsts import MICROSOFT, NUMBER, PAGE, WRONG_SECRET
from smtps.oauth.cause import (
    BEGINNING,
    ENDED,
    LOGIN_NEEDED,
    LOGIN_REFUSED,
    RENEWING,
    SECRET_WRONG,
    UNUSED,
    Cause,
    over,
)
from smtps.oauth.claims import is_guid

SHOWN = 400
"""Characters of the server's words that are shown."""


_WORDS: tuple[tuple[str, re.Pattern[str], Cause], ...] = (
    ("invalid_grant", re.compile("rapt|reauth", re.IGNORECASE),
     over("the Workspace administrator requires logins to be repeated")),
    ("invalid_grant", re.compile("account not found", re.IGNORECASE),
     Cause("oauth.client_unknown", "{} does not know this account: the service account may have "
           "been deleted")),
    ("invalid_grant", re.compile("invalid email|not a valid email", re.IGNORECASE),
     Cause("oauth.user_unknown", "{} does not know this user")),
    ("invalid_grant", re.compile(r"account (?:has been |is |was )?(?:deleted|disabled|suspended)",
                                 re.IGNORECASE),
     over("the account is disabled or deleted")),
    ("invalid_grant", re.compile(r"jwt signature|no valid verifier|key.{0,20}not found",
                                 re.IGNORECASE),
     Cause("oauth.client_key_refused", "{} does not accept the client's signature")),
    ("invalid_grant", re.compile(r"\bjwt\b|\biat\b|clock|short-lived token", re.IGNORECASE),
     Cause("oauth.clock", "{} finds that the assertion is not valid now")),
    ("invalid_grant", re.compile("expired or revoked|revoked", re.IGNORECASE),
     over("it has expired or was revoked")),
    ("invalid_grant", re.compile("due to inactivity", re.IGNORECASE),
     over("it was not used for too long", UNUSED)),
    ("invalid_grant", re.compile("already (?:been )?(?:redeemed|used)|malformed auth code",
                                 re.IGNORECASE),
     over("the code was used already, or is incomplete")),
    ("access_denied", re.compile("client not authorized", re.IGNORECASE),
     Cause("oauth.delegation_missing", "{} has not authorized the service account for the scope")),
    ("invalid_client", re.compile("secret", re.IGNORECASE),
     Cause(SECRET_WRONG, "{} does not accept the client secret")),
    ("invalid_request", re.compile("client_secret is missing", re.IGNORECASE),
     Cause("oauth.secret_missing", "{} requires the client secret")),
    ("unauthorized_client", re.compile("delegat|scope|service account", re.IGNORECASE),
     Cause("oauth.delegation_missing", "{} has not authorized the service account for the scope")),
)  # fmt: skip
"""Errors whose words say more: OAuth error, pattern, cause. Google's, for the most part."""

_ERRORS: Mapping[str, Cause] = {
    "invalid_grant": over("it is no longer valid"),
    "interaction_required": over("it requires an interactive login"),
    "login_required": over("it requires an interactive login"),
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
    "authorization_declined": Cause("oauth.access_denied", "The login was declined at {}"),
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
    "invalid_resource": Cause("oauth.scope_refused", "{} does not know the resource in the scope"),
    "restricted_client": Cause(
        "oauth.permission_missing", "The client's registration at {} does not list this scope"),
    "account_selection_required": over("it requires you to select an account again"),
    "unmet_authentication_requirements": over("it requires a stronger login"),
    "invalid_token": over("it is no longer valid"),
    "disallowed_useragent": Cause(
        "oauth.blocked_by_policy", "{} accepts logins in the system's own browser only"),
    "request_not_supported": Cause("oauth.request_refused", "{} does not support this request"),
    "unsupported_token_type": Cause("oauth.request_refused", "{} does not support this request"),
}  # fmt: skip
"""OAuth errors (RFC 6749 sections 4.1.2.1 and 5.2, RFC 8628 section 3.5, OpenID Connect Core
section 3.1.2.6, Google's)."""

_UNKNOWN = Cause(
    "oauth.request_refused", "{} refuses the request, for a reason that is not known to smtps"
)
_LIMITED = frozenset({429})
_IDS = ("trace_id", "correlation_id", "request_id")
_ID_OF_SECRET = Cause("oauth.secret_id", "{} does not accept the client secret, which is a GUID")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The error of an authorization server, as it is said.

    Attributes:
        error: OAuth error code.
        description: its words.
        subtype: Google's ``error_subtype``, or Microsoft's ``suberror``.
        code: Microsoft's number, where it stands apart.
        ids: by which the provider's support finds the request, such as ``trace_id``.
    """

    error: str
    description: str = ""
    subtype: str = ""
    code: int | None = None
    ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Refusal | None:
        """Read it; None if there is none."""
        error = found.get("error")
        if isinstance(error, Mapping):  # Google's other form
            text = str(error.get("status") or error.get("code") or "error").lower()
            return cls(text, str(error.get("message", "")))
        if not isinstance(error, str) or not error:
            return None
        codes = found.get("error_codes")
        first = codes[0] if isinstance(codes, list) and codes else None
        ids = ((name, found.get(name)) for name in _IDS)
        return cls(
            error,
            str(found.get("error_description", "")),
            str(found.get("error_subtype") or found.get("suberror") or ""),
            first if isinstance(first, int) and not isinstance(first, bool) else None,
            tuple(f"{name} {text}" for name, text in ids if isinstance(text, str) and text),
        )

    @property
    def number(self) -> int | None:
        """The number of Microsoft's, if there is one."""
        found = NUMBER.search(self.description)
        return int(found[1]) if found is not None else self.code

    @property
    def cause(self) -> Cause:
        """What it means."""
        if self.number is not None and (known := MICROSOFT.get(self.number)) is not None:
            return known
        text = f"{self.subtype} {self.description}"
        for error, words, cause in _WORDS:
            if error == self.error and words.search(text):
                return cause
        known = _ERRORS.get(self.error) or _UNKNOWN
        if self.number is None:
            return known
        page = PAGE.format(self.number)
        return known._replace(
            sentence=f"{known.sentence}; AADSTS{self.number} is not known to smtps, see {page}"
        )


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
        cause = Cause(LOGIN_REFUSED, cause.sentence.replace(RENEWING, BEGINNING))
    elif refusal.number == WRONG_SECRET and any(map(is_guid, secrets)):
        cause = _ID_OF_SECRET
    said = _said(refusal, secrets)
    return TokenError(
        cause.code,
        f"{cause.sentence.format(name)} ({said}).",
        phase=Phase.TOKEN,
        retryable=cause.retryable,
        retry_after=wait if cause.retryable else None,
        seen=said,
    )


def _said(refusal: Refusal, secrets: Iterable[str]) -> str:
    """Its words, with the ids that support asks for, even where the words are cut."""
    words, error = shown(refusal.description, secrets), shown(refusal.error, secrets)
    said = f"{error}: {words}" if words else error
    missing = [each for each in refusal.ids if each.partition(" ")[2] not in said]
    return f"{said} [{shown(', '.join(missing), secrets)}]" if missing else said


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
