"""What the command and the service report about a login that was just made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smtps.oauth.standing import moment
from smtps.oauth.tokens import StoredLogin

if TYPE_CHECKING:  # an extra
    from smtps.oauth.token_source import StoredTokens


def login_facts(
    account: str, host: str, source: StoredTokens, login: StoredLogin | None
) -> dict[str, Any]:
    """Whose login, for what and until when; nothing secret.

    Args:
        account: its name.
        host: of its mail server.
        source: of its tokens.
        login: that was made; None for a program's, which needs none.
    """
    registration = source.exchange.registration
    tokens = login.tokens if login is not None else None
    asked = " ".join(registration.wanted_scopes)
    return {
        "account": account,
        "provider": registration.form.id if registration.form is not None else None,
        "host": host,
        "username": registration.username,
        "scope": (tokens.scope if tokens is not None else "") or asked,
        "state": "unknown",
        "access_expires_at": moment(tokens.expires_at) if tokens is not None else None,
        "login_ends_at": moment(login.ends_at) if login is not None else None,
        "renewable": tokens is not None and tokens.refresh_token is not None,
        "kept_in": source.store.where,
    }
