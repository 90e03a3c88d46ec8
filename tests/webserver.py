"""A web server of the tests' own, on loopback, that answers with the very octets a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Request:
    """What came.

    Attributes:
        line: method, target, version.
        fields: header fields, names in lower case.
        content: of it.
        connection: number of the connection, from 1.
        reader, writer: of the connection.
    """

    line: str
    fields: dict[str, str]
    content: bytes
    connection: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        """Send."""
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the client hangs up."""
        while await self.reader.read(65536):
            pass


@dataclass
class Site:
    """A server.

    Attributes:
        port: where it listens.
        requests: that came, each once it was there in full.
        connections: how many there were.
        ended: set whenever a connection is over.
    """

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)


Script = Callable[[Request], Awaitable[bool | None]]
"""Answers one request; True to wait for another one on the same connection."""


def answer(content: bytes = b"", *more: str, status: str = "200 OK") -> bytes:
    """A response with its length."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *more, "", ""]
    return "\r\n".join(head).encode() + content


def saying(data: bytes) -> Script:
    """Answers so, whatever is asked, and closes."""

    async def script(request: Request) -> None:
        await request.say(data)

    return script


@asynccontextmanager
async def website(
    script: Script | bytes, pem: Path | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Site]:
    """A server until the block ends.

    Args:
        script: how it answers.
        pem: file with key and certificate, for HTTPS.
        host: address to listen on.
    """
    act = saying(script) if isinstance(script, bytes) else script
    site, running = Site(), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        site.connections += 1
        number = site.connections
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    request = await _request(reader, writer, number)
                    site.requests.append(request)
                    if not await act(request):
                        break
        finally:
            running.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            site.ended.set()

    context = None
    if pem is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
    server = await asyncio.start_server(serve, host, 0, ssl=context)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()


async def _request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *lines = head.split("\r\n")
    pairs = [field.partition(":") for field in lines if field]
    fields = {name.lower(): value.strip() for name, _, value in pairs}
    content = await reader.readexactly(int(fields.get("content-length", "0")))
    return Request(line, fields, content, number, reader, writer)
