"""What the issuer publishes: metadata (RFC 8414, OpenID Connect Discovery) and keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smtps.sandbox.issuer.dialects import IDENTITY, Dialect, Service
from smtps.sandbox.issuer.granting import BEARER_GRANT, DEVICE_GRANT
from smtps.sandbox.issuer.jws import ALGORITHMS, SigningKey

_NAMES: Mapping[str, Service] = {
    "authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks",
    "device_authorization_endpoint": "device", "registration_endpoint": "register",
    "revocation_endpoint": "revoke",
}  # fmt: skip
"""Metadata → service."""

_NO_TENANT = ("common", "organizations", "consumers")

_GRANTS = {
    "open": ("authorization_code", "refresh_token", DEVICE_GRANT, "client_credentials",
             BEARER_GRANT),
    "microsoft": ("authorization_code", "refresh_token", DEVICE_GRANT, "client_credentials"),
    "google": ("authorization_code", "refresh_token", DEVICE_GRANT, BEARER_GRANT),
}  # fmt: skip


def metadata(dialect: Dialect, base: str, tenant: str) -> dict[str, Any]:
    """The document of an issuer.

    Args:
        dialect: the form.
        base: address of its server.
        tenant: for which it was asked.
    """
    issuer = base + dialect.issuer
    if dialect.name == "microsoft" and tenant in _NO_TENANT:
        issuer = f"{base}/{{tenantid}}/v2.0"  # Microsoft leaves that to be filled in
    found: dict[str, Any] = {"issuer": issuer}
    for name, service in _NAMES.items():
        if (url := dialect.url(base, service, tenant)) is not None:
            found[name] = url
    proofs = ["client_secret_post", "private_key_jwt", "client_secret_basic"]
    return found | {
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": list(_GRANTS[dialect.name]),
        "scopes_supported": [*IDENTITY, *dialect.mail_scopes],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": [*proofs, *["none"] * (not dialect.needs_secret)],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": dialect.names_issuer,
    }


def keys(key: SigningKey) -> dict[str, Any]:
    """The keys that tokens are signed with (RFC 7517 section 5)."""
    return {"keys": [key.jwk()]}
