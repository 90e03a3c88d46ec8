"""What was seen of the access token of a login."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from smtps.oauth import claims
from smtps.oauth.claims import Claims
from smtps.oauth.forms import Form, all_forms, form_for_host
from smtps.oauth.provenance import Provenance


class Challenge(NamedTuple):
    """What a server said of a token that it refused (RFC 7628 section 3.2.2).

    Attributes:
        status: such as ``invalid_token`` or ``insufficient_scope``; Google and Microsoft say 400.
        scopes: that a token needs.
        configuration: where the metadata of its authorization server is.
    """

    status: str | None = None
    scopes: tuple[str, ...] = ()
    configuration: str | None = None

    def as_json(self) -> dict[str, Any]:
        """``{"status", "scopes", "configuration"}``."""
        return {**self._asdict(), "scopes": list(self.scopes)}


_SAID = re.compile(r"(?:^|, )(status|scope|openid-configuration): (.*?)(?=, [\w-]+: |$)")


def challenge_of(said: str | None) -> Challenge | None:
    """Read what ``sasl.decode_bearer_error`` made of it; None if it says none of this."""
    found = dict(_SAID.findall(said or ""))
    if not found:
        return None
    scopes = tuple(found.get("scope", "").split())
    return Challenge(found.get("status"), scopes, found.get("openid-configuration"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """The access token of a login.

    Attributes:
        provenance: where it came from, and what it was asked for.
        claims: what it says of itself, untrusted; None where there is no token.
        mistaken: what it is in place of an access token, if that can be seen.
        milliseconds: that it took to get it; None where it was there.
        provider: whose token it is, if that is known.
        username: the login name.
    """

    provenance: Provenance
    claims: Claims | None = None
    mistaken: str | None = None
    milliseconds: float | None = None
    provider: Form | None = None
    username: str | None = None

    @property
    def wanted(self) -> tuple[str, ...]:
        """Scopes of which one is needed to send mail; empty where that is not known."""
        scopes = self.provenance.wanted if self.provider is None else self.provider.scopes
        return tuple(scope for scope in scopes if scope not in _BOOKKEEPING)

    @property
    def role(self) -> str | None:
        """What lets a program send mail by itself at this provider, in place of a scope."""
        return None if self.provider is None else self.provider.app_role

    @property
    def scopes(self) -> tuple[str, ...]:
        """Its scopes, as it says itself, or as they were granted."""
        return (self.claims.scopes if self.claims is not None else ()) or self.provenance.granted

    @property
    def expires_at(self) -> float | None:
        """When it expires, as it says itself, or as its server did; in seconds since 1970."""
        said = self.claims.expires_at if self.claims is not None else None
        return self.provenance.expires_at if said is None else said

    @property
    def user(self) -> str | None:
        """Whose it is, as it says itself, or as its server did."""
        return (self.claims.user if self.claims is not None else None) or self.provenance.user

    def as_json(self) -> dict[str, Any]:
        """The object ``token`` of a report. It has nothing of which the token could be made."""
        known, read = self.provenance, self.claims
        return {
            "origin": known.origin,
            "milliseconds": self.milliseconds,
            "provider": self.provider.id if self.provider is not None else None,
            "kind": read.kind if read is not None else None,
            "unread": read.unread if read is not None else None,
            "issuer": read.issuer if read is not None else None,
            "audience": list(read.audience) if read is not None else [],
            "scopes": list(self.scopes),
            "roles": list(read.roles) if read is not None else [],
            "issued_at": _moment(read.issued_at) if read is not None else None,
            "not_before": _moment(read.not_before) if read is not None else None,
            "expires_at": _moment(self.expires_at),
            "tenant": (read.tenant if read is not None else None) or known.tenant,
            "user": self.user,
            "application": (read.application if read is not None else None) or known.client_id,
            "object_id": read.object_id if read is not None else None,
            "app_only": known.by_program
            if read is None or read.app_only is None
            else read.app_only,
            "renewable": known.renewable,
        }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else moment(seconds)


def moment(seconds: float) -> str:
    """A time as reports show it, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


_BOOKKEEPING = frozenset({"openid", "profile", "email", "offline_access", "address", "phone"})
"""Scopes that let nobody send mail (OpenID Connect Core section 5.4)."""


def describe(
    token: str | None,
    provenance: Provenance,
    *,
    host: str,
    username: str | None,
    milliseconds: float | None = None,
) -> TokenFacts:
    """Read a token.

    Args:
        token: its text, or None if it could not be had.
        provenance: what is known of it.
        host: of the mail server.
        username: the login name.
        milliseconds: that it took to get it.
    """
    read = claims.read(token) if token is not None else None
    return TokenFacts(
        provenance=provenance,
        claims=read,
        mistaken=claims.mistaken(token) if token is not None else None,
        milliseconds=milliseconds,
        provider=provenance.form or form_for_host(host) or _maker(read),
        username=username,
    )


def _maker(read: Claims | None) -> Form | None:
    """The provider that a readable token is of, by whom it is for or what it is for."""
    if read is None or not read.readable:
        return None
    for form in all_forms():
        meant = any(
            same_resource(each, other) for each in read.audience for other in form.audiences
        )
        if meant or (form.app_role is not None and form.app_role in read.roles):
            return form
    return None


def same_resource(one: str, other: str) -> bool:
    """Whether two audiences are the same; the slash behind a host is written or left out."""
    return one.rstrip("/").casefold() == other.rstrip("/").casefold()


def covers(scope: str, wanted: str) -> bool:
    """Whether a scope is the wanted one, which may stand with its resource or without."""
    return scope == wanted or wanted.endswith(f"/{scope}") or scope.endswith(f"/{wanted}")
