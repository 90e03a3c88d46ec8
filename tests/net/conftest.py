"""Certificates, servers and wires for the tests of the network floor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from tests.net.servers import Script, Server, serving, settle

from smtps.net.dial import connect_tcp
from smtps.net.wire import Wire

Serve = Callable[..., Awaitable[Server]]
Dial = Callable[[Server], Awaitable[Wire]]
Keep = Callable[[Wire], Wire]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers, and stops them."""
    async with AsyncExitStack() as stack:

        async def start(script: Script, host: str = "127.0.0.1", **options: Any) -> Server:
            return await stack.enter_async_context(serving(script, host, **options))

        yield start


@pytest.fixture
async def keep(serve: Serve) -> AsyncIterator[Keep]:
    """Takes wires in charge, and drops them before the servers stop."""
    wires: list[Wire] = []

    def take(wire: Wire) -> Wire:
        wires.append(wire)
        return wire

    yield take
    for wire in wires:
        wire.abort()
    await settle()


@pytest.fixture
def dial(keep: Keep) -> Dial:
    """Opens wires to servers."""

    async def connect(server: Server) -> Wire:
        return keep(await connect_tcp(server.address, timeout=5))

    return connect
