"""How providers speak OAuth 2, as data: where their endpoints are, what they call things.

The open form is that of the standards: RFC 8414, RFC 7591, RFC 9068, RFC 9207. The others are those
of Microsoft Entra with Exchange Online, and of Google.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from smtps.errors import InputError, did_you_mean

FormName = Literal["open", "microsoft", "google"]
FORMS: tuple[FormName, ...] = get_args(FormName)

Service = Literal[
    "metadata", "jwks", "authorize", "token", "device", "verify", "register", "revoke"
]
"""What the issuer has an address for; ``verify`` is the page where a device code is entered."""

TENANT = "5a17d80c-0000-4000-8000-736d74707300"
"""The sandbox's directory in Microsoft's form."""

DOMAIN = "example.test"
"""The domain of its users."""

TENANTS = (TENANT, DOMAIN, "common", "organizations", "consumers")
"""What may stand for ``{tenant}``."""

OFFLINE = "offline_access"

IDENTITY = ("openid", "profile", "email", OFFLINE)
"""Scopes that belong to no resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One form.

    Attributes:
        name: of the form.
        issuer: path of the issuer, behind the server's address.
        paths: service → its paths, the first of which is announced. ``{tenant}`` is any of TENANTS.
        mail_scope: that lets a program send as a person; others that do are in ``other_scopes``.
        app_scope: that a program asks for in its own name.
        app_role: what it is then granted.
        audience: of tokens for the mail server; it takes those for ``other_audiences`` too.
        opaque: whether access tokens say nothing to clients.
        prefixes: what codes, access tokens and refresh tokens begin with.
        offline_scope: whether a refresh token needs the scope ``offline_access``; else the
            parameter ``access_type=offline``.
        needs_secret: whether each client has to prove itself.
        needs_pkce: whether a login by browser has to use PKCE (RFC 7636).
        names_issuer: whether the authorization response names the issuer (RFC 9207).
        called: what assertions may call it besides its own addresses: libraries name the provider,
            wherever they send them.
        device_refused: scopes that a device code is refused for.
        challenge: the mail server's error for a token that it refuses, as JSON; None for none.
            ``status`` in it is filled in.
        status: problem with a token → its status there (RFC 7628 section 3.2.2).
        refusal: the mail server's reply after that.
    """

    name: FormName
    issuer: str
    paths: Mapping[Service, tuple[str, ...]]
    mail_scope: str
    app_scope: str
    audience: str
    other_scopes: tuple[str, ...] = ()
    app_role: str | None = None
    other_audiences: tuple[str, ...] = ()
    opaque: bool = False
    prefixes: tuple[str, str, str] = ("", "", "")
    offline_scope: bool = True
    needs_secret: bool = False
    needs_pkce: bool = False
    names_issuer: bool = False
    called: tuple[str, ...] = ()
    device_refused: tuple[str, ...] = ()
    challenge: Mapping[str, str] | None = None
    status: Mapping[str, str] = field(default_factory=dict)
    refusal: str = "535 5.7.8 Authentication credentials invalid"

    @property
    def mail_scopes(self) -> tuple[str, ...]:
        """All scopes that let a program send as a person."""
        return (self.mail_scope, *self.other_scopes)

    def service(self, path: str) -> tuple[Service, str] | None:
        """What is at a path, and for which tenant; None for nothing."""
        for service, paths in self.paths.items():
            for each in paths:
                before, holder, behind = each.partition("{tenant}")
                if not holder:
                    if path == each:
                        return service, TENANT
                elif path.startswith(before) and path.endswith(behind):
                    tenant = path[len(before) : len(path) - len(behind)]
                    if tenant and "/" not in tenant:
                        return service, tenant
        return None

    def url(self, base: str, service: Service, tenant: str = TENANT) -> str | None:
        """Where a service is; None where the form has none."""
        paths = self.paths.get(service)
        return None if paths is None else base + paths[0].replace("{tenant}", tenant)

    def error(self, problem: str, base: str) -> str | None:
        """The mail server's error for a token, as JSON; None where it says none."""
        if self.challenge is None:
            return None
        status = self.status.get(problem, self.challenge["status"])
        found = {**self.challenge, "status": status}
        return json.dumps({name: value.replace("{base}", base) for name, value in found.items()})


OPEN = Dialect(
    name="open",
    issuer="",
    paths={
        "metadata": ("/.well-known/oauth-authorization-server",
                     "/.well-known/openid-configuration"),
        "jwks": ("/jwks",), "authorize": ("/authorize",), "token": ("/token",),
        "device": ("/device",), "verify": ("/activate",), "register": ("/register",),
        "revoke": ("/revoke",),
    },
    mail_scope="urn:ietf:params:oauth:scope:mail",
    other_scopes=("mail",),
    app_scope="urn:ietf:params:oauth:scope:mail",
    audience="smtp://sandbox.smtps.test",
    needs_pkce=True,
    names_issuer=True,
    challenge={"status": "invalid_token", "schemes": "bearer",
               "scope": "urn:ietf:params:oauth:scope:mail",
               "openid-configuration": "{base}/.well-known/openid-configuration"},
    status={"scope": "insufficient_scope"},
)  # fmt: skip

MICROSOFT = Dialect(
    name="microsoft",
    issuer=f"/{TENANT}/v2.0",
    paths={
        "metadata": ("/{tenant}/v2.0/.well-known/openid-configuration",),
        "jwks": ("/{tenant}/discovery/v2.0/keys",),
        "authorize": ("/{tenant}/oauth2/v2.0/authorize",),
        "token": ("/{tenant}/oauth2/v2.0/token",),
        "device": ("/{tenant}/oauth2/v2.0/devicecode",),
        "verify": ("/common/oauth2/deviceauth", "/{tenant}/oauth2/deviceauth"),
    },
    mail_scope="https://outlook.office.com/SMTP.Send",
    other_scopes=("https://outlook.office365.com/SMTP.Send",),
    app_scope="https://outlook.office365.com/.default",
    app_role="SMTP.SendAsApp",
    audience="https://outlook.office.com",
    other_audiences=("https://outlook.office365.com",),
    prefixes=("1.AXoA", "", "1.AXoA"),
    refusal="535 5.7.3 Authentication unsuccessful "
    "[SMTPSSANDBOX.prod.outlook.test 2026-11-30T12:00:00.000Z 08DE2F0000000000]",
)  # fmt: skip

GOOGLE = Dialect(
    name="google",
    issuer="",
    paths={
        "metadata": ("/.well-known/openid-configuration",),
        "jwks": ("/oauth2/v3/certs",), "authorize": ("/o/oauth2/v2/auth", "/o/oauth2/auth"),
        "token": ("/token", "/oauth2/v4/token"), "device": ("/device/code",),
        "verify": ("/device",), "revoke": ("/revoke",),
    },
    mail_scope="https://mail.google.com/",
    app_scope="https://mail.google.com/",
    audience="https://mail.google.com/",
    opaque=True,
    prefixes=("4/0", "ya29.a0", "1//0"),
    offline_scope=False,
    needs_secret=True,
    called=("https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token"),
    device_refused=("https://mail.google.com/",),
    challenge={"status": "400", "schemes": "Bearer", "scope": "https://mail.google.com/"},
    refusal="535-5.7.8 Username and Password not accepted. For more information, go to\r\n"
    "535 5.7.8  https://support.google.com/mail/?p=BadCredentials sandbox - gsmtp",
)  # fmt: skip

DIALECTS: Mapping[str, Dialect] = {each.name: each for each in (OPEN, MICROSOFT, GOOGLE)}


def dialect_named(name: str) -> Dialect:
    """Look one up.

    Raises:
        InputError: there is no such form.
    """
    try:
        return DIALECTS[name]
    except KeyError:
        near = did_you_mean(name, FORMS)
        raise InputError("oauth", f"must be one of {', '.join(FORMS)}{near}") from None
