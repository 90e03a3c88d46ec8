"""What a token endpoint gives, and what is kept of a login: values, without a clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

SOON = 0.8
"""Part of a token's life after which it is replaced."""

AHEAD = 60.0
"""Seconds that the clock may have been set back."""


class Secretive:
    """What holds secrets is not pickled, since a pickle is readable."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} holds secrets and cannot be pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens(Secretive):
    """An answer of a token endpoint (RFC 6749 section 5.1).

    Attributes:
        access_token: for the mail server.
        obtained_at: when it came, in seconds since 1970.
        expires_at: when it expires, if that was said.
        refresh_token: for the next one, if there is one.
        refresh_expires_at: when that expires, if that was said.
        scope: that was granted; empty where it is what was asked for.
        id_token: who logged in (OpenID Connect Core section 2), if that was asked for.
    """

    access_token: str = field(repr=False)
    obtained_at: float
    expires_at: float | None = None
    refresh_token: str | None = field(default=None, repr=False)
    refresh_expires_at: float | None = None
    scope: str = ""
    id_token: str | None = field(default=None, repr=False)

    @property
    def due_at(self) -> float:
        """When the access token should be replaced: most of its life is over then."""
        if self.expires_at is None:
            return float("inf")
        return self.obtained_at + SOON * (self.expires_at - self.obtained_at)

    def due(self, now: float) -> bool:
        """Whether the access token should be replaced, or the clock has been set back."""
        return now < self.obtained_at - AHEAD or now >= self.due_at

    def good(self, now: float) -> bool:
        """Whether the access token can still be used."""
        return self.expires_at is None or self.obtained_at - AHEAD <= now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLogin(Secretive):
    """What is kept of an account's login.

    Attributes:
        client: whose login it is: the client id, and the server and grant that it was made with. A
            login that belongs to other settings is not used.
        tokens: the last that were had.
        logged_in_at: when the person logged in, or the program got its first token.
        used_at: when the refresh token was used last.
        ends_at: when the login ends unless it is used, if that is known.
        refresh_begun: when the request was made whose answer has not come; None if all came.
        ended: why the server refused to renew it, or None.
        ended_code: the code of that failure.
        ended_at: when.
    """

    client: str
    tokens: Tokens
    logged_in_at: float
    used_at: float
    ends_at: float | None = None
    refresh_begun: float | None = None
    ended: str | None = None
    ended_code: str | None = None
    ended_at: float | None = None

    def renewed(self, tokens: Tokens, unused_days: int | None) -> Self:
        """The same with new tokens; the refresh token stays where no other one came."""
        kept = tokens.refresh_token or self.tokens.refresh_token
        if tokens.refresh_token is None:
            tokens = replace(
                tokens, refresh_token=kept, refresh_expires_at=self.tokens.refresh_expires_at
            )
        now = tokens.obtained_at
        return replace(
            self, tokens=tokens, used_at=now, ends_at=ends_at(tokens, unused_days),
            refresh_begun=None, ended=None, ended_code=None, ended_at=None,
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """For the place where it is kept. It holds the secrets."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Self:
        """Read it.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        if found["version"] != VERSION:
            raise ValueError("another version")
        names = {each.name for each in fields(cls)}
        values = {name: value for name, value in found.items() if name in names}
        token_names = {each.name for each in fields(Tokens)}
        tokens = {n: v for n, v in found["tokens"].items() if n in token_names}
        made = cls(**{**values, "tokens": Tokens(**tokens)})
        if not isinstance(made.tokens.access_token, str) or not isinstance(made.client, str):
            raise TypeError("a token is no text")
        for number in (made.logged_in_at, made.used_at, made.tokens.obtained_at):
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise TypeError("a time is no number")
        return made


VERSION = 1
"""Of the form in which logins are kept."""


def ends_at(tokens: Tokens, unused_days: int | None) -> float | None:
    """When a login ends unless it is used, in seconds since 1970; None if that is not known."""
    if tokens.refresh_token is None:
        return tokens.expires_at
    if tokens.refresh_expires_at is not None:
        return tokens.refresh_expires_at
    return None if unused_days is None else tokens.obtained_at + unused_days * 86400
