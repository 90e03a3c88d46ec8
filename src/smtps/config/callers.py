"""Who may call the service: tokens, host names, origins, and trusted proxies.

A page on any site can make its reader's browser talk to 127.0.0.1, directly or through a name of
its own that points there (DNS rebinding). The first shows in Origin and Sec-Fetch-Site, the second
in Host.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.types import Scope

_PREFIX = "sha256:"


def new_token() -> str:
    """A fresh token of 256 random bits."""
    return f"smtps_{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> str:
    """What the configuration holds. A plain hash will do: the token itself is random."""
    return _PREFIX + hashlib.sha256(token.encode()).hexdigest()


def is_hash(text: str) -> bool:
    """Whether the configuration's value has the right form."""
    digits = text.removeprefix(_PREFIX)
    return (
        text.startswith(_PREFIX) and len(digits) == 64 and not set(digits) - set("0123456789abcdef")
    )


def find_token(tokens: Mapping[str, str], header: str) -> str | None:
    """The name of the token in an Authorization header, or None.

    Every known hash is compared, and each in constant time.
    """
    scheme, _, token = header.partition(" ")
    presented = hash_token(token.strip()).encode()
    found = None
    for name, known in tokens.items():
        if hmac.compare_digest(known.encode(), presented) and scheme.lower() == "bearer":
            found = name
    return found


def token_needed(path: str) -> bool:
    """Whether a path needs a token: all do that do something or tell something."""
    open_paths = ("/web/", "/docs", "/openapi.json", "/healthz", "/readyz", "/favicon.ico")
    return path != "/" and not path.startswith(open_paths)


LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def judge_origin(
    headers: Mapping[str, str], path: str, hosts: Collection[str] | None
) -> str | None:
    """The code of what is wrong, or None.

    Args:
        headers: names in small letters.
        path: what is asked for; pages may be linked to from anywhere.
        hosts: names the service goes by, or None for any.
    """
    host = headers.get("host", "")
    if hosts is not None and _without_port(host) not in hosts:
        return "api.wrong_host"
    origin = headers.get("origin")
    if origin is not None and _place(origin) != host.lower():
        return "api.wrong_origin"
    elsewhere = headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
    if elsewhere and path.startswith(("/api/", "/smtps/", "/probe")):
        return "api.wrong_origin"
    return None


def _place(origin: str) -> str | None:
    """Host and port of an origin (RFC 6454 section 6.2); None if it has none."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


HOPS = 32
"""Proxies, one behind the other, that are believed."""

LINE = 64
"""Bits of an IPv6 address that one line has (RFC 6177): whoever has one address has them all."""

_PORT = re.compile(r"(\[[^]]*\]|[\d.]+):\d+")
_FOR = re.compile(r'(?:^|[;\s])for="?([^";,\s]*)', re.IGNORECASE)


class Proxies:
    """Those whose word counts.

    Args:
        networks: of the proxies, such as ``10.0.0.0/8``.

    Raises:
        ValueError: one is no network.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [
            ip_network(network, strict=False) for network in networks
        ]

    def trusted(self, address: str) -> bool:
        """Whether an address is a proxy's."""
        if not self._networks:
            return False
        try:
            found = _plain(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)

    def caller(self, scope: Scope) -> str:
        """The address that a request is from; empty if unknown.

        The right-most address that is no proxy's. What stands left of it anybody may have written,
        as may a whole field that came through no proxy.
        """
        peer = scope["client"][0] if scope.get("client") else ""
        if not self.trusted(peer):
            return peer
        told = {name: self._walk(peer, hops(scope, name)) for name in _FIELDS}
        found = {caller for caller in told.values() if caller is not None}
        # A proxy writes one of the two fields and may let the other pass: which one, who knows?
        return found.pop() if len(found) == 1 else peer

    def _walk(self, peer: str, hops: Iterator[str]) -> str | None:
        """From the nearest hop to the first that is no proxy's; None without any."""
        last = None
        for _, hop in zip(range(HOPS), hops, strict=False):
            try:
                last = str(_plain(hop))
            except ValueError:  # "unknown", "_hidden", nonsense: the one who wrote it counts
                return last or peer
            if not self.trusted(last):
                return last
        return last


def line(address: str) -> str:
    """What shares are counted by: an IPv4 address, or an IPv6 network of one line."""
    if ":" not in address:
        return address
    try:
        found = _plain(address)
    except ValueError:
        return address
    return str(ip_network((found, LINE), strict=False)) if found.version == 6 else str(found)


def hops(scope: Scope, field: bytes) -> Iterator[str]:
    """The addresses in a field, the nearest first, however many lines it has."""
    for name, value in reversed(scope["headers"]):
        if name.lower() != field:
            continue
        rest = value.decode("latin-1")
        while rest:
            rest, _, entry = rest.rpartition(",")
            if field == b"forwarded":
                found = _FOR.search(entry)
                entry = found[1] if found else ""
            entry = entry.strip()
            if match := _PORT.fullmatch(entry):
                entry = match[1]
            yield entry.removeprefix("[").removesuffix("]")


def _plain(address: str) -> IPv4Address | IPv6Address:
    """An address; the IPv4 one of one that is mapped (RFC 4291 section 2.5.5.2).

    Raises:
        ValueError: it is none.
    """
    found = ip_address(address)
    return (getattr(found, "ipv4_mapped", None) or found) if found.version == 6 else found


_FIELDS = (b"x-forwarded-for", b"forwarded")
"""The usual field, and that of RFC 7239."""
