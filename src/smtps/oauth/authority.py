"""An authorization server, and who asks it for what: values, and how its metadata is read.

Metadata is RFC 8414's or OpenID Connect Discovery's. It has to name the very issuer that it was
asked for (RFC 8414 section 3.3), and its endpoints have to be HTTPS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smtps.core.reply import printable
from smtps.errors import InputError
from smtps.oauth.faults import issuer_mismatch, json_object, malformed
from smtps.oauth.forms import INTERACTIVE, ClientProof, Form, Grant

if TYPE_CHECKING:
    from smtps.oauth.assertion import Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Where an authorization server is.

    Attributes:
        name: for people: the provider's name, or its host.
        issuer: its identifier, or None where it is not known.
        authorization_endpoint, token_endpoint, device_endpoint, revocation_endpoint: URLs.
        parameters: more of the authorization request.
        proof: how a client hands over its secret.
        names_issuer: whether each authorization response must name the issuer (RFC 9207).
        public: whether it may be reached at public addresses only.
        unused_days: after so many days without use a login ends, if that is known.
    """

    name: str
    token_endpoint: str
    issuer: str | None = None
    authorization_endpoint: str | None = None
    device_endpoint: str | None = None
    revocation_endpoint: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    proof: ClientProof = "basic"
    names_issuer: bool = False
    public: bool = False
    unused_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A client at an authorization server, and what it asks for: the table ``oauth`` of an account.

    Attributes:
        grant: how tokens are had.
        username: whose mailbox it is.
        client_id: of the client.
        secret: reads the client's secret; None for a public client.
        signer: reads the key with which the client proves itself (RFC 7523); None for none.
        form: of the provider, if it is a known one.
        issuer: whose metadata has the endpoints, where neither form nor endpoints are given.
        authorization_endpoint, token_endpoint, device_endpoint: given by the operator.
        tenant: fills ``{tenant}`` in the form's endpoints.
        scopes: to ask for; empty for those of the form.
        subject: the mailbox for which a service account acts (``jwt_bearer``).
        redirect_uri: that is registered, where the loopback redirect is not.
        ca_file: PEM file of the only authorities to trust for HTTPS.
        resolver: DNS server in place of the system's.
    """

    grant: Grant
    username: str
    client_id: str
    secret: Callable[[], str] | None = field(default=None, repr=False)
    signer: Callable[[], Signer] | None = field(default=None, repr=False)
    form: Form | None = None
    issuer: str | None = None
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    device_endpoint: str | None = None
    tenant: str | None = None
    scopes: tuple[str, ...] = ()
    subject: str | None = None
    redirect_uri: str | None = None
    ca_file: str | None = None
    resolver: str | None = None

    @property
    def interactive(self) -> bool:
        """Whether a person logs in."""
        return self.grant in INTERACTIVE

    @property
    def wanted_scopes(self) -> tuple[str, ...]:
        """The scopes to ask for."""
        if self.scopes or self.form is None:
            return self.scopes
        return self.form.scopes if self.interactive else self.form.app_scopes

    @property
    def metadata_issuer(self) -> str | None:
        """The issuer whose metadata has to be read, or None."""
        if self.token_endpoint is not None:
            return None
        if self.form is not None and self.form.token_endpoint is not None:
            return None
        return self.issuer or (self.form.issuer if self.form is not None else None)

    def authority(self) -> Authority:
        """The authorization server, where no metadata is needed.

        Raises:
            InputError: there is no token endpoint.
        """
        form, given = self.form, self.token_endpoint is not None
        if form is not None and not given:
            return self._of_form(form)
        if self.token_endpoint is None:
            raise InputError(
                "token_endpoint", "is missing; give provider, issuer, or the endpoints"
            )
        return Authority(
            name=form.name if form is not None else str(urlsplit(self.token_endpoint).hostname),
            issuer=self.issuer,
            authorization_endpoint=self.authorization_endpoint,
            token_endpoint=self.token_endpoint,
            device_endpoint=self.device_endpoint,
            parameters=form.parameters if form is not None else {},
            proof=form.proof if form is not None else "basic",
            unused_days=form.unused_days if form is not None else None,
        )

    def _of_form(self, form: Form) -> Authority:
        def filled(url: str | None) -> str | None:
            return url and url.replace("{tenant}", self.tenant or form.tenant or "")

        return Authority(
            name=form.name,
            issuer=self.issuer or form.issuer,
            authorization_endpoint=filled(
                self.authorization_endpoint or form.authorization_endpoint
            ),
            token_endpoint=str(filled(form.token_endpoint)),
            device_endpoint=filled(self.device_endpoint or form.device_endpoint),
            revocation_endpoint=filled(form.revocation_endpoint),
            parameters=form.parameters,
            proof=form.proof,
            public=True,
            unused_days=form.unused_days,
        )


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where the metadata of an issuer may be: RFC 8414 section 3.1, then OpenID Connect Discovery
    section 4.1.

    Raises:
        InputError: the issuer is no URL as RFC 8414 section 2 wants it.
    """
    check_https("issuer", issuer)
    parts = urlsplit(issuer)
    if parts.query or parts.fragment:
        raise InputError("issuer", "must be a URL without a query or a fragment")
    path = parts.path.rstrip("/")
    base = f"https://{parts.netloc}"
    return (
        f"{base}/.well-known/oauth-authorization-server{path}",
        f"{base}{path}/.well-known/openid-configuration",
    )


_ENDPOINTS = {
    "authorization_endpoint": "authorization_endpoint",
    "token_endpoint": "token_endpoint",
    "device_authorization_endpoint": "device_endpoint",
    "revocation_endpoint": "revocation_endpoint",
}
"""Metadata (RFC 8414 section 2, RFC 8628 section 4) → field."""


def read_metadata(issuer: str, body: bytes, *, public: bool, form: Form | None = None) -> Authority:
    """The authorization server that a document of metadata describes.

    Args:
        issuer: whose it should be.
        body: the document.
        public: whether its endpoints may be at public addresses only.
        form: of the provider, if it is a known one.

    Raises:
        TokenError: the document is no such thing, or another issuer's.
    """
    name = form.name if form is not None else str(urlsplit(issuer).hostname)
    found = json_object(body)
    if found is None:
        raise malformed(name, "its metadata is not a JSON object", body)
    if found.get("issuer") != issuer:
        raise issuer_mismatch(name, issuer, printable(str(found.get("issuer"))[:200]))
    endpoints = {}
    for key, field_name in _ENDPOINTS.items():
        url = found.get(key)
        if url is None:
            continue
        if not isinstance(url, str) or not _is_https(url):
            raise malformed(name, f"{key} in its metadata is not an HTTPS URL", body)
        endpoints[field_name] = url
    if "token_endpoint" not in endpoints:
        raise malformed(name, "its metadata has no token_endpoint", body)
    methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    post_only = isinstance(methods, list) and "client_secret_basic" not in methods
    return Authority(
        name=name,
        issuer=issuer,
        parameters=form.parameters if form is not None else {},
        proof="post" if post_only else "basic",
        names_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        public=public,
        unused_days=form.unused_days if form is not None else None,
        **endpoints,
    )


def check_https(field_name: str, url: str) -> None:
    """Make sure that a URL of the settings is one of HTTPS.

    Raises:
        InputError: it is not.
    """
    if not _is_https(url):
        raise InputError(field_name, "must be a URL that begins with https://")


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    clean = url.isascii() and url.isprintable() and " " not in url
    return clean and parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
