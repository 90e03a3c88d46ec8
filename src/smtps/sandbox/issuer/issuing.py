"""How an authorization server behaves, as a value: its form, its lives, and what it does wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from smtps.sandbox.issuer.dialects import FormName
from smtps.sandbox.issuer.refusals import Response

Rotation = Literal["grace", "revoke", "keep"]
"""What becomes of a refresh token that was used. ``grace``: another one comes, and the old one is
good until the new one is used, since its answer may have been lost. ``revoke``: another one comes,
and the old one ends the login. ``keep``: it stays."""

Stage = Literal[
    "metadata", "jwks", "authorize", "token", "code", "refresh", "poll", "program", "assertion",
    "device", "verify", "register", "revoke",
]  # fmt: skip
"""What a request is for; ``token`` is any of those to the token endpoint, ``program`` one for
client credentials, and ``assertion`` one for a service account."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is answered in place of the right thing.

    Attributes:
        answer: an error, by its name in ``refusals``, or a whole response.
        times: how often; None for always.
    """

    answer: str | Response
    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """One way to be.

    Attributes:
        form: that it speaks.
        life: seconds of an access token.
        expires_in: seconds that it says of that, where it is not the truth.
        ahead: seconds that the clock by which it makes tokens is ahead.
        rotation: of refresh tokens; None for what the form does.
        gives_refresh: whether there are any.
        login_life: seconds after which a login ends; None for never.
        unused: seconds without a refresh after which a login ends; None for never.
        interval: seconds between two questions about a device code (RFC 8628 section 3.2).
        device_life: seconds of a device code.
        approved: what happens to a device code without anybody's doing: True, False, or None.
        claims: changes to what access tokens say; None takes a claim away.
        metadata: the same for the metadata.
        redirect: the same for the authorization response.
        grants: the scopes that are granted, whatever was asked for.
        troubles: stage → what is answered there.
        secret: the client secret that people are given, if it is not the right one.
        lost: how many answers to a refresh are lost on the way, after it was done.
        mail: problem that the mail server finds with each token, whatever the token says.
    """

    form: FormName = "open"
    life: float = 3600
    expires_in: float | None = None
    ahead: float = 0.0
    rotation: Rotation | None = None
    gives_refresh: bool = True
    login_life: float | None = None
    unused: float | None = None
    interval: int = 5
    device_life: float = 900
    approved: bool | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    redirect: Mapping[str, str | None] = field(default_factory=dict)
    grants: tuple[str, ...] | None = None
    troubles: Mapping[Stage, Trouble] = field(default_factory=dict)
    secret: str | None = None
    lost: int = 0
    mail: str | None = None


def changed(found: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with changes; None takes a key away."""
    merged = {**found, **changes}
    return {name: value for name, value in merged.items() if value is not None}
