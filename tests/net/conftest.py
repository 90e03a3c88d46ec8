"""Certificates, servers and wires for the tests of the network floor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from smtps.net.dial import connect_tcp
from smtps.net.resolve import Address
from smtps.net.wire import Wire
from tests.net.pki import PKI
from tests.net.servers import Script, Server, serving, settle

Serve = Callable[..., Awaitable[Server]]
Dial = Callable[[Server | Address], Awaitable[Wire]]


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> PKI:
    """All certificates."""
    return PKI(tmp_path_factory.mktemp("pki"))


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers, and stops them."""
    async with AsyncExitStack() as stack:

        async def start(script: Script, host: str = "127.0.0.1", **options: Any) -> Server:
            return await stack.enter_async_context(serving(script, host, **options))

        yield start


@pytest.fixture
async def dial(serve: Serve) -> AsyncIterator[Dial]:
    """Opens wires, and drops them before the servers stop."""
    wires: list[Wire] = []

    async def connect(to: Server | Address) -> Wire:
        address = to.address if isinstance(to, Server) else to
        wire = await connect_tcp(address, timeout=5)
        wires.append(wire)
        return wire

    yield connect
    for wire in wires:
        wire.abort()
    await settle()
