"""What an access token says in each form, and whether the mail server takes it: pure functions.

Opaque tokens say the same, only not to clients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

from smtps.sandbox.issuer.dialects import IDENTITY, TENANT, Dialect

Problem = Literal["unknown", "issuer", "audience", "expired", "scope", "user", "refused"]
"""What the mail server has against a token."""

GRAPH = "https://graph.microsoft.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What was granted.

    Attributes:
        user: mailbox of the person who logged in, or for whom a service account acts; None for a
            program in its own name.
        client: that asked.
        scopes: that it got.
        audience: that the token is for; None for the usual one.
    """

    user: str | None
    client: str
    scopes: tuple[str, ...]
    audience: str | None = None


def claims_for(
    dialect: Dialect, base: str, granted: Granted, *, now: float, life: float, number: str
) -> dict[str, Any]:
    """What a token says.

    Args:
        dialect: the form.
        base: address of the issuer's server.
        granted: to whom, for what.
        now: seconds since 1970.
        life: seconds.
        number: that no other token has.
    """
    times = {"iat": int(now), "nbf": int(now), "exp": int(now + life), "jti": number}
    return {**_SAYS[dialect.name](dialect, base, granted), **times}


def _open(dialect: Dialect, base: str, granted: Granted) -> dict[str, Any]:
    """RFC 9068 section 2.2."""
    person = {} if granted.user is None else {"email": granted.user}
    return {
        "iss": base + dialect.issuer, "aud": granted.audience or dialect.audience,
        "sub": granted.user or granted.client, "client_id": granted.client,
        "scope": " ".join(granted.scopes), **person,
    }  # fmt: skip


def _microsoft(_dialect: Dialect, base: str, granted: Granted) -> dict[str, Any]:
    """A token of version 1.0, as Exchange Online has them."""
    resource, names = resource_of(granted.scopes)
    app = granted.user is None
    owner = granted.client if app else granted.user
    identity = str(uuid5(NAMESPACE_URL, f"mailto:{owner}"))
    common = {
        "iss": f"{base}/{TENANT}/", "aud": granted.audience or resource, "appid": granted.client,
        "tid": TENANT, "oid": identity, "sub": identity, "ver": "1.0",
        "idtyp": "app" if app else "user",
    }  # fmt: skip
    if app:
        return {**common, "roles": list(names)}
    return {**common, "scp": " ".join(names), "upn": granted.user, "unique_name": granted.user}


def _google(dialect: Dialect, base: str, granted: Granted) -> dict[str, Any]:
    return {
        "iss": base, "aud": granted.audience or dialect.audience, "azp": granted.client,
        "sub": granted.user or granted.client, "email": granted.user or granted.client,
        "scope": " ".join(granted.scopes),
    }  # fmt: skip


_SAYS: Mapping[str, Callable[[Dialect, str, Granted], dict[str, Any]]] = {
    "open": _open, "microsoft": _microsoft, "google": _google,
}  # fmt: skip


def resource_of(scopes: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Microsoft: the resource that scopes belong to, and their names there.

    A scope without a resource belongs to Graph.
    """
    resource, names = GRAPH, []
    for scope in scopes:
        if scope in IDENTITY:
            continue
        head, slash, name = scope.rpartition("/")
        if slash and "://" in head:
            resource = head
        names.append(name)
    return resource, tuple(names)


def id_claims(
    base: str, dialect: Dialect, granted: Granted, now: float, nonce: str | None
) -> dict[str, Any]:
    """What an ID token says (OpenID Connect Core section 2)."""
    more = {} if nonce is None else {"nonce": nonce}
    if dialect.name == "microsoft":
        more |= {"tid": TENANT, "oid": str(uuid5(NAMESPACE_URL, f"mailto:{granted.user}")),
                 "ver": "2.0"}  # fmt: skip
    return {
        "iss": base + dialect.issuer, "aud": granted.client, "sub": granted.user,
        "iat": int(now), "exp": int(now) + 3600, "email": granted.user,
        "preferred_username": granted.user, "name": "Sandbox Tester", **more,
    }  # fmt: skip


def judge(
    dialect: Dialect, base: str, claims: Mapping[str, Any], user: str, now: float
) -> Problem | None:
    """What the mail server has against a token that is genuine; None if it takes it.

    Args:
        dialect: the form.
        base: address of the issuer's server.
        claims: what the token says.
        user: that logs in.
        now: seconds since 1970.
    """
    issuer = f"{base}/{TENANT}/" if dialect.name == "microsoft" else base + dialect.issuer
    if claims.get("iss") != issuer:
        return "issuer"
    if claims.get("aud") not in (dialect.audience, *dialect.other_audiences):
        return "audience"
    if not float(claims.get("nbf", 0)) <= now < float(claims.get("exp", 0)):
        return "expired"
    if not _permits(dialect, claims):
        return "scope"
    owner = owner_of(claims)
    return "user" if owner is not None and owner.casefold() != user.casefold() else None


def _permits(dialect: Dialect, claims: Mapping[str, Any]) -> bool:
    """Whether a token lets its bearer send mail.

    A person's token has a scope for that, a program's at Microsoft a role of another name.
    """
    if "roles" in claims:
        return dialect.app_role in claims["roles"]
    if "scp" in claims:
        wanted = {scope.rpartition("/")[2] for scope in dialect.mail_scopes}
        return not wanted.isdisjoint(str(claims["scp"]).split())
    return not set(dialect.mail_scopes).isdisjoint(str(claims.get("scope", "")).split())


def owner_of(claims: Mapping[str, Any]) -> str | None:
    """The mailbox that a token is for; None for a program's own, to which all mailboxes are open.

    A program of the open form may be named as its mailbox.
    """
    for name in ("upn", "email"):
        if name in claims:
            return str(claims[name])
    return None
