"""What may listen on a port instead of a mail server: protocols that know a few bytes."""

from __future__ import annotations

import asyncio
import socket
import struct
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


class Intolerant(Silent):
    """Stands before a TLS server, and drops what offers TLS 1.3 (RFC 8446 section 4.2.1).

    Args:
        host, port: of the server behind.
    """

    def __init__(self, host: str, port: int) -> None:
        self._behind = (host, port)
        self._other: _Behind | None = None
        self._waiting = bytearray()
        self._task: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        """Hand on, unless the first bytes are too modern."""
        if self._other is not None:
            self._other.transport.write(data)
            return
        self._waiting += data
        if b"\x00\x2b\x00" in self._waiting:  # supported_versions, which only TLS 1.3 has
            return
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._other = await loop.create_connection(lambda: _Behind(self), *self._behind)
        self._other.transport.write(bytes(self._waiting))

    def connection_lost(self, _error: Exception | None) -> None:
        """The other side goes too."""
        if self._task is not None:
            self._task.cancel()
        if self._other is not None:
            self._other.transport.close()


class _Behind(Silent):
    """The connection to the server behind."""

    def __init__(self, front: Intolerant) -> None:
        self._front = front

    def data_received(self, data: bytes) -> None:
        self._front.transport.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._front.transport.close()
