"""The files for programs that log in at the sandbox: keys, and accounts that use them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from smtps.sandbox.issuer.dialects import OFFLINE, TENANT, FormName
from smtps.sandbox.issuer.jws import SigningKey

Grant = Literal["code", "device", "program", "key", "service"]
"""How an account logs in: by browser, by a device code, as a program with a secret or a key, as a
service account."""

ACCOUNTS = "accounts.toml"
SECRET, KEY, SERVICE = "client-secret", "client.pem", "service-account.json"

GRANTS: Mapping[FormName, tuple[Grant, ...]] = {
    "open": ("code", "device", "program", "key", "service"),
    "microsoft": ("code", "device", "program", "key"),
    "google": ("code", "service"),
}
"""Form → grants that it has for mail."""

_CALLED = {"program": "client_credentials", "key": "client_credentials", "service": "jwt_bearer"}
"""Grant → what the settings call it, where that is something else."""

_PROOF: Mapping[Grant, tuple[str, str]] = {
    "key": ("client_key_file", KEY), "service": ("client_key_file", SERVICE),
}  # fmt: skip
"""Grant → by which setting and file a client proves itself, where that is no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What accounts have to know.

    Attributes:
        host, port: of the mail server.
        security: how TLS begins there.
        username: the mailbox.
        folder: where the files are.
        form: that the issuer speaks.
        scope: that lets a program send.
        client_id, secret: of its client.
        account: the service account.
        endpoints: setting → URL.
    """

    host: str
    port: int
    security: str
    username: str
    folder: Path
    form: FormName
    scope: str
    client_id: str
    secret: str = field(repr=False)
    account: str
    endpoints: Mapping[str, str]


def files(place: Place, grant: Grant, key: SigningKey) -> dict[str, bytes]:
    """Name → content.

    Args:
        place: what they have to know.
        grant: of the account ``sandbox``; there is one more for each grant of the form.
        key: of the client and of the service account.
    """
    names: dict[str, Grant] = {"sandbox": grant, **{each: each for each in GRANTS[place.form]}}
    accounts = "\n".join(_account(name, place, each) for name, each in names.items())
    return {
        ACCOUNTS: accounts.encode(),
        SECRET: place.secret.encode(),
        KEY: key.pem() + _certificate(key),
        SERVICE: _service_account(place, key),
    }


def _account(name: str, place: Place, grant: Grant) -> str:
    """A table as the user's file of accounts has it."""
    setting, file = _PROOF.get(grant, ("client_secret_file", SECRET))
    oauth: dict[str, Any] = {"grant": _CALLED.get(grant, grant), **_where(place, grant)}
    if grant != "service":
        oauth["client_id"] = place.client_id
    oauth |= {setting: str(place.folder / file), "ca_file": str(place.folder / "ca.pem")}
    server = {
        "host": place.host, "port": place.port, "security": place.security,
        "username": place.username, "ca_file": str(place.folder / "ca.pem"),
    }  # fmt: skip
    return (
        f"[accounts.{name}]\n{_lines(server)}\n[accounts.{name}.oauth]\n{_lines(oauth)}"
    )  # fmt: skip


def _where(place: Place, grant: Grant) -> dict[str, Any]:
    """The settings that name the authorization server: its issuer in the open form, else the
    provider and its endpoints.
    """
    if place.form == "open":
        more = [OFFLINE] if grant in ("code", "device") else []
        return {"issuer": place.endpoints["issuer"], "scopes": [place.scope, *more]}
    urls = {name: url for name, url in place.endpoints.items() if name != "issuer"}
    tenant = {"tenant": TENANT} if place.form == "microsoft" else {}
    return {"provider": place.form, **urls, **tenant}


def _lines(table: Mapping[str, Any]) -> str:
    """Strings, numbers and lists are the same in TOML as in JSON."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())


def _service_account(place: Place, key: SigningKey) -> bytes:
    """As Google gives it out."""
    return json.dumps({
        "type": "service_account", "project_id": "smtps-sandbox",
        "private_key_id": key.key_id, "private_key": key.pem().decode(),
        "client_email": place.account or place.client_id, "client_id": "1",
        "auth_uri": place.endpoints["authorization_endpoint"],
        "token_uri": place.endpoints["token_endpoint"],
    }).encode()  # fmt: skip


def _certificate(key: SigningKey) -> bytes:
    """A certificate that the key has signed itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smtps sandbox client")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=90))
    )  # fmt: skip
    return builder.sign(key.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
