"""A service on a port of its own, and bare connections to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from smtps.config.settings import Settings
from smtps.http import serving as server

Wires = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[int]:
    """A service; its port."""
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()

    def tell(url: str) -> None:
        ready.set_result(int(url.rpartition(":")[2]))

    serving = asyncio.create_task(
        server.serve(Settings(port=0, grace=0, **settings), None, ready=tell, stop=stop)
    )
    try:
        yield await ready
    finally:
        stop.set()
        await serving


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Wires]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def answer(wires: Wires) -> tuple[int, dict[str, Any]]:
    """Status and document of an answer; 0 if there is none."""
    head = await wires[0].readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    body = await wires[0].readexactly(length)
    return int(head.split()[1]), json.loads(body)


async def ended(wires: Wires) -> bytes:
    """What comes until the service closes."""
    try:
        return await asyncio.wait_for(wires[0].read(), 20)
    except ConnectionError:
        return b""
