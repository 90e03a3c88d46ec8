"""Advice about access tokens: why the authorization server gave none (OAuth 2)."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR

OAUTH: dict[str, Advice] = {
    "oauth.timeout": Advice(
        _E, "The authorization server did not answer in time, so there was no access token to log "
        "in with.",
        "Try again later. If it stays silent, find out whether this machine may reach it over "
        "HTTPS.", _YOU),
}  # fmt: skip
