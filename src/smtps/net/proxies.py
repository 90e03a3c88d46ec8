"""HTTP proxies: one that is named, or those of the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

from smtps.credentials import without_password
from smtps.errors import InputError

ENVIRONMENT: Literal["environment"] = "environment"
"""What a setting says for the proxies of ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``ALL_PROXY``."""

_USUAL_PORT = 8080


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy (RFC 9110 section 7.6.1 and 9.3.6), reached without TLS.

    Attributes:
        host, port: where it is.
        credentials: user and password, or None.
    """

    host: str
    port: int
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def proxy_for(url: str, setting: str | None, field: str) -> Proxy | None:
    """The proxy that requests to ``url`` go through, or None.

    Args:
        url: ``http://…`` or ``https://…``.
        setting: None for none, ``environment``, or ``http://[user:password@]host[:port]``.
        field: the setting's name, for an error.

    Raises:
        InputError: it is a proxy that cannot be used; the message holds no password.
    """
    if setting is None:
        return None
    if setting != ENVIRONMENT:
        return _parsed(setting, field, "")
    name, text = _from_environment(url)
    return None if text is None else _parsed(text, field, f"{name} in the environment ")


def shown(setting: str) -> str:
    """The setting without its password."""
    return setting if setting == ENVIRONMENT else without_password(_with_scheme(setting))


def _with_scheme(text: str) -> str:
    return text if "://" in text else f"http://{text}"


def _from_environment(url: str) -> tuple[str, str | None]:
    """The variable that names the proxy, and what it says; NO_PROXY goes before."""
    # Late: few use it, and it loads much.
    from urllib import request  # noqa: PLC0415

    parts = urlsplit(url)
    proxies = request.getproxies_environment()
    # The types do not know it.
    if request.proxy_bypass_environment(parts.hostname or "", proxies):  # type: ignore[attr-defined]
        return "", None
    for scheme in (parts.scheme, "all"):
        if text := proxies.get(scheme):
            return f"{scheme.upper()}_PROXY", text
    return "", None


def _parsed(text: str, field: str, whose: str) -> Proxy:
    try:
        parts = urlsplit(_with_scheme(text))
        port = parts.port or _USUAL_PORT
    except ValueError:
        raise InputError(field, f"{whose}is not the URL of a proxy") from None
    if parts.scheme != "http":
        raise InputError(
            field,
            f"{whose}names a proxy of type {parts.scheme}://, which is not supported; give an HTTP "
            "proxy (http://host:port), or leave the setting out to connect directly",
        )
    if not parts.hostname:
        raise InputError(field, f"{whose}names no host")
    credentials = None
    if parts.username is not None:
        credentials = unquote(parts.username), unquote(parts.password or "")
    return Proxy(parts.hostname, port, credentials)
