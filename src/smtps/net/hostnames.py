"""Host names: what may be looked up, and in which form (RFC 1123, RFC 5890)."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from smtps.errors import InputError

_HOST = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    r"(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*"
)
"""A quirk beside RFC 1123: the underscore, which container networks put into names."""

_NUMERIC = re.compile(r"(?:[0-9]+|0[xX][0-9A-Fa-f]*)")


_ZONE = re.compile(r"[A-Za-z0-9._-]{1,15}")
"""RFC 4007 section 11: the name or number of an interface."""


def loopback(name: str) -> str | None:
    """The address of a name below ``localhost``, which DNS is never asked for (RFC 6761 section
    6.3); None for any other. ``localhost`` itself may have more addresses than one.
    """
    return "127.0.0.1" if name.endswith(".localhost") else None


@lru_cache(maxsize=1024)
def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that ``host`` spells, with or without brackets, or None for a name."""
    text = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return ip_address(text)
    except ValueError:
        return None


def to_ascii(host: str, field: str = "host") -> str:
    """The form of a host that DNS, TLS and SMTP know: A-labels, no final dot, no brackets.

    Args:
        host: name (IDNs included) or literal address.
        field: what to call it in the error.

    Raises:
        InputError: it can be no host name. Numbers such as ``2130706433``, ``0x7f.1`` or ``127.1``
            are none: the resolver would make addresses of them that nobody reads as such.
    """
    if not isinstance(host, str):
        raise InputError(field, f"must be a string, not {type(host).__name__}")
    return _to_ascii(host, field)


@lru_cache(maxsize=1024)
def _to_ascii(host: str, field: str) -> str:
    if (address := literal(host)) is not None:
        zone = getattr(address, "scope_id", None)
        if zone is not None and not _ZONE.fullmatch(zone):
            raise InputError(field, "has an invalid zone", code="dns.invalid_name")
        return str(address)
    name = host.lower()
    if not name.isascii():
        name = _idna(name, field)
    name = name.removesuffix(".")
    if not _HOST.fullmatch(name):
        raise InputError(field, f"{host[:80]!r} is not a host name", code="dns.invalid_name")
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        raise InputError(
            field, f"{host[:80]!r} is neither a host name nor an address", code="dns.invalid_name"
        )
    return name


def _idna(name: str, field: str) -> str:
    import idna  # late: its tables take a while, and most names are ASCII  # noqa: PLC0415

    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError as error:
        raise InputError(
            field,
            f"{name[:80]!r} is not a valid international name: {error}",
            code="dns.invalid_name",
        ) from error
