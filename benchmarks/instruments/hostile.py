"""Servers that mean harm: ``silent``, ``endless`` and ``digits``, each on a port; prints them."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Awaitable, Callable

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(sys.argv[1], sys.argv[2])
ENDLESS = b"220-" + b"x" * (16 << 20)
DIGITS = b"111 " * (64 << 10)


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Takes the connection and says nothing."""
    await reader.read()


def saying(
    data: bytes,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Says this in place of a greeting, for as long as anybody listens."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for at in range(0, len(data), 16384):
                writer.write(data[at : at + 16384])
                await writer.drain()
                if writer.is_closing():
                    return
            await asyncio.sleep(60)
        except OSError:
            pass

    return serve


async def main() -> None:
    servers = {
        "silent": await asyncio.start_server(silent, "127.0.0.1", 0, backlog=2000),
        "endless": await asyncio.start_server(saying(ENDLESS), "127.0.0.1", 0, ssl=CONTEXT),
        "digits": await asyncio.start_server(saying(DIGITS), "127.0.0.1", 0, ssl=CONTEXT),
    }
    ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
