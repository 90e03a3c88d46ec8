"""How providers want OAuth 2 to be spoken: a table, in ``forms.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, get_args

from smtps.errors import InputError, did_you_mean

Grant = Literal["code", "device", "client_credentials", "jwt_bearer"]
GRANTS: tuple[Grant, ...] = get_args(Grant)
INTERACTIVE: frozenset[Grant] = frozenset({"code", "device"})
"""Grants with which a person logs in; with the others, a program does."""

ClientProof = Literal["basic", "post"]
"""How a client hands over its secret (RFC 6749 section 2.3.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A row of the table; see the head of the file.

    Attributes:
        id: what the setting ``provider`` says.
        name: as people know it.
        hosts: domains of its submission servers.
        issuer: whose metadata has the endpoints, where the row has none; else what the provider's
            answers name.
        grants: that work for sending mail, the usual one first.
        scopes, app_scopes: for a person's login, and for a program's.
        parameters: more of the authorization request.
        tenant: stands for ``{tenant}`` in the endpoints unless the operator names one.
        app_tenant: whether a program's login has to name one.
        redirect_host: how the loopback redirect is written.
        proof: how the client hands over its secret.
        needs_secret: whether there is always one.
        unused_days: after so many days without use a login ends.
        audiences: whom a readable token may be for; empty where that is not known.
        app_role: what lets a program send mail by itself, in place of a scope.
        test_days: after so many days each login of a client that is being tested ends.
        closed: why no client can be made, and what to do.
        client, app_client: how to make a client id, a line each.
        remark, links: what else to know, and where to read on.
    """

    id: str
    name: str
    hosts: tuple[str, ...] = ()
    issuer: str | None = None
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    device_endpoint: str | None = None
    revocation_endpoint: str | None = None
    grants: tuple[Grant, ...] = ("code",)
    scopes: tuple[str, ...] = ()
    app_scopes: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    tenant: str | None = None
    app_tenant: bool = False
    redirect_host: str = "127.0.0.1"
    proof: ClientProof = "basic"
    needs_secret: bool = False
    unused_days: int | None = None
    test_days: int | None = None
    audiences: tuple[str, ...] = ()
    app_role: str | None = None
    closed: str | None = None
    remark: str | None = None
    client: tuple[str, ...] = ()
    app_client: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Read a row of the file.

        Raises:
            TypeError: a key is missing or unknown.
        """
        found: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in row.items()}
        return cls(**found)

    def how_to_register(self, grant: Grant) -> tuple[str, ...]:
        """How to make a client id for a grant, a line each."""
        return self.client if grant in INTERACTIVE else self.app_client or self.client


@cache
def all_forms() -> tuple[Form, ...]:
    """All rows."""
    text = Path(__file__).with_name("forms.toml").read_text(encoding="utf-8")
    return tuple(Form.of(row) for row in tomllib.loads(text)["form"])


def form_of(provider: str) -> Form | None:
    """The row with this id."""
    return next((form for form in all_forms() if form.id == provider.strip().casefold()), None)


def known_form(provider: str) -> Form:
    """The row with this id.

    Raises:
        InputError: there is none; names those that there are.
    """
    if (form := form_of(provider)) is None:
        known = [each.id for each in all_forms()]
        near = did_you_mean(provider, known)
        raise InputError("provider", f"must be one of {', '.join(known)}{near}")
    return form


def form_for_host(host: str) -> Form | None:
    """The row of the provider that runs a submission server."""
    name = f".{host.strip().casefold().removesuffix('.')}"
    found = (f for f in all_forms() if any(name.endswith(f".{end}") for end in f.hosts))
    return next(found, None)
