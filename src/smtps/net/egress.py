"""Which addresses may be connected to: judged on the address itself, whatever name led to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from smtps.errors import ForbiddenError, Phase
from smtps.net.resolve import Address

MAIL_PORTS = frozenset({25, 465, 587, 2465, 2525, 2587})
"""The portofcall API's table of ports, and the alternatives that large providers offer."""

WEB_PORTS = frozenset({443})
"""Where the documents of autoconfig are."""

_CLOSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
"""IANA IPv4 Special-Purpose Address Registry and multicast. Written out: what Python's
``is_global`` says has changed between patch releases (CVE-2024-4032)."""

_OPEN_V6 = IPv6Network("2000::/3")
"""All global unicast; everything else is special."""

_CLOSED_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocols, Teredo among them: it carries an IPv4 address inside
        "2001:db8::/32", "2002::/16",  # documentation; 6to4: the same
        "3fff::/20",  # documentation
    )
)  # fmt: skip

_COMPATIBLE = IPv6Network("::/96")
"""IPv4 addresses in a form that is no longer in use, but for ``::`` and ``::1``."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are the IPv4 address that is reached."""


@dataclass(frozen=True, slots=True)
class Egress:
    """A policy.

    Attributes:
        private: addresses that are not public may be reached.
        ports: the only ports, or None for all.
    """

    private: bool = False
    ports: frozenset[int] | None = MAIL_PORTS

    def __call__(self, address: Address) -> bool:
        """Whether a connection may go to this address."""
        if self.ports is not None and address.port not in self.ports:
            return False
        return self.private or is_public(address.ip)


def is_public(text: str) -> bool:
    """Whether a literal address is reachable on the public Internet."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return _public_v4(address) if isinstance(address, IPv4Address) else _public_v6(address)


def _public_v4(address: IPv4Address) -> bool:
    return not any(address in network for network in _CLOSED_V4)


def _public_v6(address: IPv6Address) -> bool:
    if address not in _COMPATIBLE and (inside := embedded(address)) is not None:
        return _public_v4(inside)
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped or compatible (RFC 4291 section
    2.5.5), or of a translator (RFC 6052); None for any other.
    """
    if isinstance(address, IPv4Address) or int(address) <= 1:  # "::" and "::1" are of their own
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    within = address in _NAT64 or address in _COMPATIBLE
    return IPv4Address(int(address) & 0xFFFFFFFF) if within else None


Allow = Callable[[Address], bool]
"""What is asked about the very address that is connected to, never about a name."""


def admit(addresses: Iterable[Address], allow: Allow | None) -> None:
    """Make sure that the policy allows every address of a name.

    One forbidden address forbids them all: a name that leads both out and in is a trick.

    Raises:
        ForbiddenError: always with the same words, so that nobody can map a network by them.
    """
    if allow is not None and not all(allow(address) for address in addresses):
        raise forbidden()


def forbidden() -> ForbiddenError:
    """The one answer for all targets that are not allowed."""
    return ForbiddenError(
        "net.forbidden", "Connections to this target are not allowed.", phase=Phase.TCP
    )
