"""As much of HTTP as a caller needs who counts everything."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class LostError(Exception):
    """No whole answer came."""


class Caller:
    """One connection that is kept, and made again where the service has closed it while it was
    idle (RFC 9112 section 9.3.1).

    Args:
        port: of the service, on loopback.
        token: to show, or None.

    Attributes:
        reconnected: how often it was made again.
    """

    def __init__(self, port: int, token: str | None = None) -> None:
        self._port = port
        self._token = token
        self._wires: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.reconnected = 0

    async def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        kind: str = "application/json",
        headers: str = "",
        seconds: float = 60.0,
    ) -> tuple[int, bytes]:
        """Status and body of an answer.

        Raises:
            LostError: there is none.
        """
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        if self._token is not None:
            head += f"Authorization: Bearer {self._token}\r\n"
        if body:
            head += f"Content-Type: {kind}\r\n"
        request = (head + headers + "\r\n").encode("latin-1", "replace") + body
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(request, kept=self._wires is not None)
        except (OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError
            await self.close()
            raise LostError(f"{type(error).__name__} {error}"[:100]) from error

    async def _exchange(self, request: bytes, *, kept: bool) -> tuple[int, bytes]:
        if self._wires is None:
            self._wires = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._wires
        try:
            writer.write(request)
            with suppress(ConnectionError):
                await writer.drain()  # an answer may have come before the whole was read
            head = await reader.readuntil(b"\r\n\r\n")
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            begun = isinstance(error, asyncio.IncompleteReadError) and error.partial
            await self.close()
            if kept and not begun:
                self.reconnected += 1
                return await self._exchange(request, kept=False)
            raise
        status = int(head.split(b" ", 2)[1])
        lower = head.lower()
        body = await _body(reader, lower)
        if b"connection: close" in lower:
            await self.close()
        return status, body

    async def close(self) -> None:
        """Forget the connection."""
        if self._wires is not None:
            self._wires[1].transport.abort()
            self._wires = None


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if b"transfer-encoding: chunked" in head:
        pieces = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            pieces.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return b"".join(pieces)
    _, _, rest = head.partition(b"content-length:")
    return await reader.readexactly(int(rest.split(b"\r\n")[0])) if rest else b""
