"""Why the network refuses a connection: the ICMP message behind an error of ``connect``.

The error alone does not tell. A firewall's "prohibited" and a machine that is switched off are both
EHOSTUNREACH, and a firewall's "port unreachable" is ECONNREFUSED, as is a port where nothing
listens. Linux keeps the message itself for whoever asks (IP_RECVERR, ip(7)).
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from smtps.net.resolve import Address

Option = tuple[int, int, int]
"""Level, name and value, for ``setsockopt``."""

_IP_RECVERR, _IPV6_RECVERR, _MSG_ERRQUEUE = 11, 25, 0x2000
_EXTENDED = struct.Struct("=IBBBBII")
"""``struct sock_extended_err`` of Linux: errno, origin, type, code, padding, info, data."""

_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3

_PROHIBITED = {
    _ORIGIN_ICMP: {(3, 3), (3, 9), (3, 10), (3, 13)},
    _ORIGIN_ICMP6: {(1, 1), (1, 4), (1, 5), (1, 6)},
}
"""Type and code of what firewalls send (RFC 1812 section 5.2.7.1, RFC 4443 section 3.1). A TCP port
where nothing listens is answered with a reset; only firewalls call it unreachable.
"""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An ICMP message that ended a connection attempt.

    Attributes:
        by: address of the router or firewall that sent it.
        kind, code: of ICMP or ICMPv6.
        prohibited: whether a firewall's rule is behind it, and no missing route or machine.
    """

    by: str
    kind: int
    code: int
    prohibited: bool

    def __str__(self) -> str:
        return f"ICMP type {self.kind} code {self.code} from {self.by}"


async def connected(address: Address, options: Sequence[Option] = ()) -> socket.socket:
    """A TCP socket that is connected, with options set before.

    Raises:
        OSError: as ``connect`` does.
    """
    plug, place = _socket(address, options)
    try:
        await asyncio.get_running_loop().sock_connect(plug, place)
    except BaseException:
        plug.close()
        raise
    return plug


async def rejection(address: Address) -> Rejection | None:
    """Connect once more, and say which ICMP message refuses it; None if none does.

    Waits as long as the system does; use it within a time-out.
    """
    if sys.platform != "linux":
        return None
    options = (
        ((socket.IPPROTO_IPV6, _IPV6_RECVERR, 1),)
        if address.is_ipv6
        else ((socket.IPPROTO_IP, _IP_RECVERR, 1),)
    )
    plug, place = _socket(address, options)
    with plug:
        try:
            await asyncio.get_running_loop().sock_connect(plug, place)
        except OSError:
            return _queued(plug)
    return None


def _socket(
    address: Address, options: Sequence[Option]
) -> tuple[socket.socket, tuple[object, ...]]:
    # Of an address as it is, so nobody is asked and nothing waits; it is read for its zone.
    found = socket.getaddrinfo(
        address.ip, address.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )
    family, kind, protocol, _, place = found[0]
    plug = socket.socket(family, kind, protocol)
    plug.setblocking(False)
    for option in options:
        plug.setsockopt(*option)
    return plug, place


def _queued(plug: socket.socket) -> Rejection | None:
    with suppress(OSError):  # nothing is queued: the error was the system's own, or a reset
        _, ancillary, _, _ = plug.recvmsg(512, 512, _MSG_ERRQUEUE)
        for _, _, data in ancillary:
            if (found := read(data)) is not None:
                return found
    return None


def read(data: bytes) -> Rejection | None:
    """The message in a ``sock_extended_err``, or None if the system itself raised the error."""
    if len(data) < _EXTENDED.size:
        return None
    _, origin, kind, code, *_ = _EXTENDED.unpack_from(data)
    if origin not in _PROHIBITED:
        return None
    by = _offender(data[_EXTENDED.size :])
    return Rejection(by, kind, code, (kind, code) in _PROHIBITED[origin])


def _offender(place: bytes) -> str:
    """The address in a ``sockaddr``."""
    family = int.from_bytes(place[:2], sys.byteorder)
    if family == socket.AF_INET and len(place) >= 8:
        return socket.inet_ntop(family, place[4:8])
    if family == socket.AF_INET6 and len(place) >= 24:
        return socket.inet_ntop(family, place[8:24])
    return "an unknown router"
