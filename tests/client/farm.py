"""Strict servers behind real TLS: one for each connection, with a count of them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.dialogues.strict import Strict, Taken
from tests.net.pki import PKI

import smtps


class Farm:
    """What all connections to one port saw.

    Attributes:
        port: where it listens.
        servers: one for each connection so far.
        open: connections that are open now; ``most`` at the same time.
    """

    def __init__(self, ca: Path, make: Callable[[int], Strict]) -> None:
        self.port = 0
        self.servers: list[Strict] = []
        self.open = self.most = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.readers: list[asyncio.StreamReader] = []
        self.delay = 0.0
        self._ca = ca
        self._make = make

    @property
    def taken(self) -> list[Taken]:
        """All that was delivered, whichever connection took it."""
        return [message for server in self.servers for message in server.taken]

    def endpoint(self, **options: Any) -> smtps.Endpoint:
        """For the client."""
        return smtps.Endpoint("127.0.0.1", self.port, ca_file=self._ca, **options)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        server = self._make(len(self.servers))
        self.servers.append(server)
        self.writers.append(writer)
        self.readers.append(reader)
        self.open += 1
        self.most = max(self.most, self.open)
        with suppress(OSError):
            while True:
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(bytes(server.out))
                server.out.clear()
                await writer.drain()
                if server.closed or not (data := await reader.read(65536)):
                    break
                server.feed(data)
        self.open -= 1
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def farm(pki: PKI, make: Callable[[int], Strict] = lambda _: Strict()) -> AsyncIterator[Farm]:
    """Serves until the end of the block.

    Args:
        pki: certificates.
        make: number of the connection, from 0 → its server.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.good.pem)
    found = Farm(pki.ca, make)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=context)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for writer in found.writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)
