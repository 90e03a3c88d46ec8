"""What may listen on a port instead of a mail server: protocols that know a few bytes."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from typing import cast

ALERT, HANDSHAKE, SERVER_HELLO, FATAL = 21, 22, 2, 2
TLS_1_2 = b"\x03\x03"


def record(kind: int, body: bytes) -> bytes:
    """A TLS record (RFC 8446 section 5.1)."""
    return bytes([kind]) + TLS_1_2 + struct.pack(">H", len(body)) + body


def alert(number: int) -> bytes:
    """A fatal alert (RFC 8446 section 6)."""
    return record(ALERT, bytes([FATAL, number]))


def _server_hello(cipher: int) -> bytes:
    """A ServerHello of TLS 1.2 without extensions, so without renegotiation_info (RFC 5746)."""
    body = TLS_1_2 + bytes(32) + b"\x00" + struct.pack(">H", cipher) + b"\x00"
    return record(HANDSHAKE, bytes([SERVER_HELLO]) + len(body).to_bytes(3) + body)


OLD_SERVER_HELLO = _server_hello(0xC02F)


def _hello_retry(group: int) -> bytes:
    """A HelloRetryRequest (RFC 8446 section 4.1.4) for a group."""
    random = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    extensions = (
        bytes.fromhex("002b00020304") + bytes.fromhex("00330002") + struct.pack(">H", group)
    )
    body = TLS_1_2 + random + b"\x00\x13\x01\x00" + struct.pack(">H", len(extensions)) + extensions
    return record(HANDSHAKE, bytes([SERVER_HELLO]) + len(body).to_bytes(3) + body)


RARE_GROUP = 0x11ED
"""SecP384r1MLKEM1024: no release of OpenSSL offers it by itself."""

HELLO_RETRY = _hello_retry(RARE_GROUP)

_GROUPS = re.compile(rb"\x00\x0a..\x00([\x02-\xff])", re.DOTALL)
"""The head of the extension supported_groups, with the length of its list (RFC 8446 4.2.7)."""


def _offers(hello: bytes, group: int) -> bool:
    """Whether a ClientHello offers a group for the key exchange."""
    found = _GROUPS.search(hello)
    listed = hello[found.end() : found.end() + found[1][0]] if found else b""
    return group in struct.unpack(f">{len(listed) // 2}H", listed[: len(listed) // 2 * 2])


class Silent(asyncio.Protocol):
    """Takes the connection and says nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)


class Speaks(Silent):
    """Says its line at once, whatever the client says."""

    def __init__(self, line: bytes) -> None:
        self._line = line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Speak."""
        super().connection_made(transport)
        self.transport.write(self._line)


class Answers(Silent):
    """Answers the client's first bytes with its own, and hangs up."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def data_received(self, _data: bytes) -> None:
        """Answer."""
        self.transport.write(self._answer)
        self.transport.close()


class HangsUp(Silent):
    """Hangs up at the client's first bytes."""

    def data_received(self, _data: bytes) -> None:
        """Hang up."""
        self.transport.close()


class Resets(Silent):
    """Cuts the connection at the client's first bytes: RST instead of FIN."""

    def data_received(self, _data: bytes) -> None:
        """Cut."""
        plug = self.transport.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class PostQuantum(Silent):
    """Takes key exchange by one post-quantum group only, and says so where TLS 1.3 lets it.

    A hello without a key share is asked for one of that group; any other is refused.
    """

    def data_received(self, data: bytes) -> None:
        """Answer the hello."""
        offered = _offers(data, RARE_GROUP)
        self.transport.write(HELLO_RETRY if offered else alert(40))
        if not offered:
            self.transport.close()


class Front(Silent):
    """Stands before a server, and looks at the client's first bytes.

    Args:
        host, port: of the server behind.
        passes: what to hand on of the first bytes; None waits for more, or for ever.
    """

    def __init__(self, host: str, port: int, passes: Callable[[bytes], bytes | None]) -> None:
        self._behind = (host, port)
        self._passes = passes
        self._other: _Behind | None = None
        self._waiting = bytearray()
        self._task: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        """Hand on, once the first bytes are such that pass."""
        if self._other is not None:
            self._other.transport.write(data)
            return
        self._waiting += data
        if self._task is None and self._passes(bytes(self._waiting)) is not None:
            self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._other = await loop.create_connection(lambda: _Behind(self), *self._behind)
        self._other.transport.write(self._passes(bytes(self._waiting)) or b"")

    def connection_lost(self, _error: Exception | None) -> None:
        """The other side goes too."""
        if self._task is not None:
            self._task.cancel()
        if self._other is not None:
            self._other.transport.close()


def no_tls_1_3(first: bytes) -> bytes | None:
    """What a device passes that drops what offers TLS 1.3 (RFC 8446 section 4.2.1)."""
    return None if b"\x00\x2b\x00" in first else first  # supported_versions


def one_packet(first: bytes) -> bytes | None:
    """What a device passes that drops a ClientHello of more than one packet."""
    return first if len(first) <= 1400 else None


def behind_proxy_header(first: bytes) -> bytes | None:
    """What a server reads that expects a PROXY header first."""
    header, end, rest = first.partition(b"\r\n")
    return rest if end and header.startswith(b"PROXY ") else None


class _Behind(Silent):
    """The connection to the server behind."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def data_received(self, data: bytes) -> None:
        self._front.transport.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._front.transport.close()
