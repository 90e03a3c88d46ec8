"""Small servers on loopback that do what a script says, and keep every byte they get."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import struct
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from smtps.net.resolve import Address
from smtps.net.wire import Wire

OLD, V12, V13 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

CHUNK = 65536


class Peer:
    """The server's side of one connection.

    Attributes:
        raw: every byte that came, as it came.
        text: what the client said inside TLS, or in the clear where there is none.
        error: what ended the script, if something did.
        done: set when the script is over.
        gone: set when the client is.
        tls: the server's side of TLS.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.raw = bytearray()
        self.text = bytearray()
        self.error: Exception | None = None
        self.done = asyncio.Event()
        self.gone = asyncio.Event()
        self.tls: ssl.SSLObject | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()

    async def hear(self) -> bytes:
        """The next raw bytes, such as a ClientHello; empty at the end."""
        data = await self.reader.read(CHUNK)
        self.raw += data
        return data

    async def listen(self) -> None:
        """Keep what comes until the client is gone."""
        with suppress(OSError):
            while await self.hear():
                pass
        self.gone.set()

    async def say(self, data: bytes) -> None:
        """Send, through TLS once it is up."""
        if self.tls is None:
            self.writer.write(data)
        elif data:
            view = memoryview(data)
            while view:
                view = view[self.tls.write(view) :]
        await self._flush()

    async def say_raw(self, data: bytes) -> None:
        """Send beside TLS."""
        self.writer.write(data)
        await self.writer.drain()

    async def read(self) -> bytes:
        """The next of what the client says; empty at the end, with or without a goodbye."""
        if self.tls is None:
            data = await self.hear()
        else:
            data = await self._decrypted(self.tls)
        self.text += data
        return data

    async def read_all(self, size: int) -> bytes:
        """Exactly as much as that."""
        start = len(self.text)
        while len(self.text) - start < size:
            if not await self.read():
                raise EOFError
        return bytes(self.text[start:])

    async def heard(self, size: int) -> bytes:
        """What the client has said, once the script has read that much of it."""
        await until(lambda: len(self.text) >= size)
        return bytes(self.text)

    async def handshake(self, context: ssl.SSLContext) -> None:
        """The server's part of it."""
        self.tls = context.wrap_bio(self._in, self._out, server_side=True)
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                self._feed(await self.hear())
            except ssl.SSLError:
                await self._flush()
                raise
            else:
                await self._flush()
                return

    async def say_goodbye(self) -> None:
        """close_notify; the connection stays."""
        assert self.tls is not None
        with suppress(ssl.SSLError):
            self.tls.unwrap()
        await self._flush()

    def hang_up(self) -> None:
        """End what the server sends; it could still hear."""
        self.writer.write_eof()

    def reset(self) -> None:
        """End the connection with an RST."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def _decrypted(self, tls: ssl.SSLObject) -> bytes:
        while True:
            try:
                return tls.read(CHUNK)
            except ssl.SSLWantReadError:
                await self._flush()
                self._feed(await self.hear())
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return b""

    def _feed(self, data: bytes) -> None:
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    async def _flush(self) -> None:
        if self._out.pending:
            self.writer.write(self._out.read())
        await self.writer.drain()


Script = Callable[[Peer], Awaitable[None]]


class Server:
    """A listening one.

    Attributes:
        address: where.
        peers: its connections, in the order of their coming.
    """

    def __init__(self, script: Script) -> None:
        self.peers: list[Peer] = []
        self.address = Address("", 0)
        self._script = script
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._faults: list[Exception] = []

    @property
    def port(self) -> int:
        return self.address.port

    async def peer(self) -> Peer:
        """The first connection, once it is there."""
        async with asyncio.timeout(5):
            await self._arrived.wait()
        return self.peers[0]

    async def finished(self) -> Peer:
        """The first connection, once its script is over."""
        peer = await self.peer()
        async with asyncio.timeout(5):
            await peer.done.wait()
        return peer

    def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Play the script for one connection."""
        peer = Peer(reader, writer)
        self.peers.append(peer)
        self._arrived.set()
        self._tasks.append(asyncio.create_task(self._play(peer)))

    async def _play(self, peer: Peer) -> None:
        try:
            await self._script(peer)
        except (OSError, EOFError) as error:
            peer.error = error
            peer.done.set()
            await peer.listen()
        except Exception as error:  # a mistake of the script
            self._faults.append(error)
        finally:
            peer.done.set()
            peer.writer.close()

    async def stop(self) -> None:
        """End every connection; a script's own mistake comes out here."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for peer in self.peers:
            # A transport that has closed with all written has no loop left to abort on.
            with suppress(AttributeError):
                peer.writer.transport.abort()
        await settle()
        if self._faults:
            raise self._faults[0]


@asynccontextmanager
async def serving(script: Script, host: str = "127.0.0.1", **options: Any) -> AsyncIterator[Server]:
    """A server that plays ``script`` to each client."""
    server = Server(script)
    listener = await asyncio.start_server(server.attend, host, 0, limit=CHUNK, **options)
    try:
        server.address = Address(host, listener.sockets[0].getsockname()[1])
        yield server
    finally:
        listener.close()
        await server.stop()
        await listener.wait_closed()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other tasks, or the system, are about to do."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def settle() -> None:
    """Two turns of the loop: enough for a transport to be closed."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


# Scripts.


async def silence(peer: Peer) -> None:
    """Accept, and no more."""
    await peer.listen()


async def attention(peer: Peer) -> None:
    """Read all that the client says, and answer nothing."""
    while await peer.read():
        pass


async def deafness(peer: Peer) -> None:
    """Read nothing at all."""
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.Event().wait()


def says(data: bytes, *, first: bool = True) -> Script:
    """Send that in the clear, before or after the client has said something."""

    async def script(peer: Peer) -> None:
        if not first:
            await peer.hear()
        await peer.say(data)
        await peer.listen()

    return script


def secured(context: ssl.SSLContext, then: Script | None = None) -> Script:
    """Do the handshake, then that, then listen."""

    async def script(peer: Peer) -> None:
        await peer.handshake(context)
        if then is not None:
            await then(peer)
        await attention(peer)
        await peer.listen()

    return script


# Contexts.


def server_context(
    pem: Path,
    *,
    minimum: ssl.TLSVersion = V12,
    maximum: ssl.TLSVersion = V13,
    ciphers: str | None = None,
    group: str | None = None,
    clients: Path | None = None,
    dh: Path | None = None,
) -> ssl.SSLContext:
    """A server's context that takes any key and version which this OpenSSL has at all."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"{ciphers or 'DEFAULT'}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.1 is old: that is the point
        context.minimum_version = minimum
        context.maximum_version = maximum
    context.load_cert_chain(pem)
    if group is not None:
        context.set_ecdh_curve(group)
    if dh is not None:
        context.load_dh_params(str(dh))
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


# Places without a server.


@contextmanager
def refusing() -> Iterator[Address]:
    """A port that is taken, and where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield Address("127.0.0.1", taken.getsockname()[1])


@contextmanager
def silent_listener() -> Iterator[tuple[Address, socket.socket]]:
    """A port that the system answers for, with nobody behind it who could accept."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        listener.setblocking(False)
        yield Address("127.0.0.1", listener.getsockname()[1]), listener


@contextmanager
def black_hole() -> Iterator[Address]:
    """A port that answers nothing at all: the queue of its listener is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers: list[socket.socket] = []
        try:
            while not fillers or select.select([], fillers[-1:], [], 0.05)[1]:
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
                fillers.append(filler)
            yield Address("127.0.0.1", listener.getsockname()[1])
        finally:
            for filler in fillers:
                filler.close()


def has_ipv6() -> bool:
    """Whether this machine has the loopback address of IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


# What a wire leaves behind.


def open_sockets() -> set[str]:
    """The sockets of this process, by inode."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            target = str(entry.readlink())
            if target.startswith("socket:"):
                found.add(target)
    return found


async def read_all(wire: Wire, size: int) -> bytes:
    """Exactly as much, or what came until the end."""
    data = bytearray()
    while len(data) < size and (piece := await wire.receive()):
        data += piece
    return bytes(data)
