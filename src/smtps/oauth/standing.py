"""How the login of an account stands: pure, from what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from smtps.oauth.cause import LOGIN_NEEDED
from smtps.oauth.tokens import StoredLogin

State = Literal["ready", "login_needed", "unknown"]
"""``unknown``: a program that has not asked for a token yet, or a login that cannot be read now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a login stands. Times are seconds since 1970.

    Attributes:
        state: whether tokens can be had with it.
        since: when that began, as far as it is known.
        made_at: when the login was made; None where there is none.
        access_expires_at: of the access token.
        ends_at: when the login ends unless it is used.
        code: of the failure with which it ended, or that keeps it from being read.
        reason: for people.
        command: that mends it; None where nothing has to be mended.
    """

    state: State
    since: float
    made_at: float | None = None
    access_expires_at: float | None = None
    ends_at: float | None = None
    code: str | None = None
    reason: str | None = None
    command: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For programs and for the page."""
        return {
            "state": self.state,
            "since": moment(self.since),
            "access_expires_at": moment(self.access_expires_at),
            "login_ends_at": moment(self.ends_at),
            "code": self.code,
            "reason": self.reason,
            "command": self.command,
        }


def standing_of(
    login: StoredLogin | None, now: float, command: str, *, interactive: bool
) -> Standing:
    """Judge a login.

    Args:
        login: what is kept; None if there is none.
        now: the time, in seconds since 1970.
        command: that makes another.
        interactive: whether a person has to log in.
    """
    if login is None:
        if not interactive:
            return Standing(state="unknown", since=now)
        return Standing(state="login_needed", since=now, code=LOGIN_NEEDED,
                        reason="There is no login yet.", command=command)  # fmt: skip
    tokens = login.tokens
    if not interactive:
        return Standing(state="ready", since=login.logged_in_at, made_at=login.logged_in_at,
                        access_expires_at=tokens.expires_at)  # fmt: skip
    alone = tokens.refresh_token is None
    ends = tokens.expires_at if alone else login.ends_at
    since, code, reason = _end(login, ends, now)
    if code is None:
        return Standing(state="ready", since=tokens.obtained_at, made_at=login.logged_in_at,
                        access_expires_at=tokens.expires_at, ends_at=ends)  # fmt: skip
    return Standing(
        state="login_needed", since=since, made_at=login.logged_in_at,
        access_expires_at=tokens.expires_at, ends_at=ends, code=code, reason=reason,
        command=command,
    )  # fmt: skip


def _end(login: StoredLogin, ends: float | None, now: float) -> tuple[float, str | None, str]:
    """Since when a login is of no more use, the code and the reason; no code for one that is."""
    if login.ended is not None:
        code = login.ended_code or LOGIN_NEEDED
        return login.ended_at or now, code, f"{login.ended}."
    if ends is not None and ends <= now:
        if login.tokens.refresh_token is None:
            reason = "The access token has expired, and the login came without a refresh token."
        else:
            reason = "The login has expired, because it was not used for too long."
        return ends, LOGIN_NEEDED, reason
    return now, None, ""


def moment(seconds: float | None) -> str | None:
    """Seconds since 1970 in the form of RFC 3339 section 5.6, in UTC; None for None."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
