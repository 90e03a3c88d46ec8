"""The ICMP message behind a refused connection, and sockets with options of their own."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import sys

import pytest
from tests.net.conftest import Keep, Serve
from tests.net.servers import has_ipv6, refusing, says, silence

from smtps.net.dial import connect_tcp
from smtps.net.rejection import Rejection, connected, read, rejection
from smtps.net.resolve import Address

ICMP, ICMP6, LOCAL = 2, 3, 1


def queued(origin: int, kind: int, code: int, by: str) -> bytes:
    """``struct sock_extended_err`` with the address of whoever sent the message."""
    error = struct.pack("=IBBBBII", errno.EHOSTUNREACH, origin, kind, code, 0, 0, 0)
    family = socket.AF_INET6 if ":" in by else socket.AF_INET
    packed = socket.inet_pton(family, by)
    place = family.to_bytes(2, sys.byteorder) + bytes(2)
    return error + (place + packed + bytes(8) if ":" not in by else place + bytes(4) + packed)


@pytest.mark.parametrize(
    ("origin", "kind", "code", "by", "prohibited"),
    [
        (ICMP, 3, 0, "192.0.2.9", False),  # no network
        (ICMP, 3, 1, "192.0.2.9", False),  # no host
        (ICMP, 3, 3, "192.0.2.9", True),  # "port unreachable": iptables' REJECT
        (ICMP, 3, 9, "192.0.2.9", True),
        (ICMP, 3, 10, "192.0.2.9", True),  # firewalld's
        (ICMP, 3, 13, "192.0.2.9", True),
        (ICMP6, 1, 0, "2001:db8::9", False),
        (ICMP6, 1, 1, "2001:db8::9", True),
        (ICMP6, 1, 3, "2001:db8::9", False),
        (ICMP6, 1, 4, "2001:db8::9", True),
        (ICMP6, 1, 6, "2001:db8::9", True),
    ],
)
def test_what_a_message_means(origin: int, kind: int, code: int, by: str, prohibited: bool) -> None:
    assert read(queued(origin, kind, code, by)) == Rejection(by, kind, code, prohibited)


@pytest.mark.parametrize("data", [b"", bytes(15), queued(LOCAL, 0, 0, "192.0.2.9")])
def test_what_is_no_icmp_message(data: bytes) -> None:
    assert read(data) is None


def test_a_message_from_an_address_of_another_kind() -> None:
    found = read(queued(ICMP, 3, 1, "192.0.2.9")[:16] + b"\xff\xff")
    assert found is not None
    assert found.by == "an unknown router"


async def test_a_reset_is_no_message() -> None:
    with refusing() as place:
        assert await rejection(place) is None


async def test_a_port_that_is_open_rejects_nothing(serve: Serve) -> None:
    server = await serve(silence)
    assert await rejection(server.address) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_small_segments_are_agreed_upon(serve: Serve, keep: Keep, host: str) -> None:
    if host == "::1":
        assert has_ipv6()
    server = await serve(says(b"220 x\r\n"), host)
    wire = keep(await connect_tcp(server.address, timeout=5, segment=536))
    assert await wire.receive(asyncio.get_running_loop().time() + 5) == b"220 x\r\n"
    peer = await server.peer()
    plug = peer.writer.get_extra_info("socket")
    assert plug.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 536


async def test_a_connection_that_is_refused_leaves_no_socket() -> None:
    with refusing() as place, pytest.raises(ConnectionRefusedError):
        await connected(Address(place.ip, place.port))
