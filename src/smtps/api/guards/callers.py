"""Whom a request is from, where a proxy stands before the service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from starlette.types import Scope

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
        """The address that a request is from; empty where nobody knows.

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
