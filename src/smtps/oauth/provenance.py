"""Where an access token came from, and what it was asked for: what it can be compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from smtps.oauth.forms import INTERACTIVE, Form, Grant

Origin = Literal[
    "environment", "request", "given", "source", "store", "renewed", "client_credentials",
    "jwt_bearer",
]  # fmt: skip
"""A variable; an HTTP request; an argument; a token source of the caller; and of an account: its
stored login, a renewal just now, or a program's own grant just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What is known of a token besides its text; nothing secret.

    Attributes:
        origin: where it came from.
        form: of the provider, if it is a known one.
        grant: how it was had, if that is known.
        client_id: that asked for it.
        tenant: Microsoft's, as the settings name it.
        wanted: scopes that were asked for.
        granted: scopes that the authorization server says it has granted; empty if it did not.
        expires_at: when it said that the token expires, in seconds since 1970.
        user: who logged in, if the authorization server said so.
        renewable: whether there is a refresh token; None where nothing is kept.
        logged_in_at: when the login was made, in seconds since 1970.
        refresh_expires_at: when the refresh token expires, if that was said.
    """

    origin: Origin
    form: Form | None = None
    grant: Grant | None = None
    client_id: str | None = None
    tenant: str | None = None
    wanted: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    expires_at: float | None = None
    user: str | None = None
    renewable: bool | None = None
    logged_in_at: float | None = None
    refresh_expires_at: float | None = None

    @property
    def by_program(self) -> bool | None:
        """Whether a program got it without a person; None if that is not known."""
        return None if self.grant is None else self.grant not in INTERACTIVE


class Described(Protocol):
    """A token source that knows where its tokens come from."""

    async def provenance(self, token: str | None) -> Provenance:
        """What is known of a token that it gave, or of the one that it could not give."""
