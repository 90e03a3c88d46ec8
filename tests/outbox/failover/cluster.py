"""A PostgreSQL primary with a standby, and an address that leads to whichever is the primary."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import Self

from tests.outbox.database import Server, free_port

SETTINGS = {"wal_keep_size": "256MB", "hot_standby": "on"}


class Front:
    """Passes connections on to one port, as a name or a virtual address does.

    Attributes:
        port: on 127.0.0.1, the same for as long as it runs.
        target: where connections go from now on.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._server: asyncio.Server | None = None
        self._wires: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=200)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for wire in list(self._wires):
            wire.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._wires.add(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            self._wires.add(back)
            try:
                ways = [
                    asyncio.create_task(_pass_on(reader, back)),
                    asyncio.create_task(_pass_on(there, writer)),
                ]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
            finally:
                self._wires.discard(back)
                back.transport.abort()
        except OSError:
            pass
        finally:
            self._wires.discard(writer)
            writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


class Cluster:
    """Two servers in turn.

    Commits are confirmed by the standby as well, so nothing that was confirmed goes with a primary.

    Attributes:
        primary: the one that can be written.
        front: leads to it.
    """

    def __init__(self) -> None:
        self.primary = Server(free_port(), **SETTINGS)
        self.standby: Server | None = None
        self.front = Front(self.primary.port or 0)
        self._old: Server | None = None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.primary.__enter__)
        await self.front.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.front.__aexit__()
        for server in (self.primary, self.standby, self._old):
            if server is not None:
                await asyncio.to_thread(server.__exit__)

    def database(self) -> str:
        """The URL of a new database, by way of the front."""
        name = self.primary.database().rpartition("/")[2]
        return f"postgresql://postgres@127.0.0.1:{self.front.port}/{name}"

    def direct(self, place: str) -> str:
        """The same database, for whoever shares the thread of the front."""
        name = place.rpartition("/")[2]
        return f"postgresql://postgres@127.0.0.1:{self.primary.port}/{name}"

    async def add_standby(self) -> None:
        """Have a copy of the primary follow it, and confirm each commit."""
        self.standby = await asyncio.to_thread(self.primary.standby, free_port())
        await asyncio.to_thread(self.primary.synchronous)

    def read_only(self) -> None:
        """The primary takes nothing more: it is being replaced."""
        self.primary.read_only()

    def lose(self, how: str) -> None:
        """The primary is gone: ``stop``ped, ``kill``ed, or its machine ``hang``s."""
        self._old = self.primary
        if how == "hang":
            self.primary.signal(signal.SIGSTOP)
        elif how == "kill":
            self.primary.kill()
        else:
            self.primary.stop("immediate")

    async def promote(self) -> None:
        """The standby takes its place, under the same name."""
        assert self.standby is not None
        await asyncio.to_thread(self.standby.promote)
        self.primary, self.standby = self.standby, None
        self.front.target = self.primary.port or 0
        if self._old is not None:  # it must not come back
            await asyncio.to_thread(self._old.kill)
            await asyncio.to_thread(self._old.__exit__)
            self._old = None
