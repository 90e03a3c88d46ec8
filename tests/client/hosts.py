"""Several addresses of one name, each with a server of its own, and who knows them."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tests.dialogues.strict import Strict
from tests.nameserver import Zone, name_server
from tests.net.pki import PKI, Party
from tests.net.servers import CHUNK, Peer, Script, Server, server_context

import smtps
from smtps.net.resolve import Address

HOST = "xn--mnchen-3ya.test"
"""A name that the certificates of the tests are for."""

OFFERS = ("PIPELINING", "CHUNKING", "SIZE 100000", "AUTH PLAIN")


class Hosts:
    """What all of them saw.

    Attributes:
        servers: address → its server.
        strict: address → the submission servers behind it, one for each connection.
        port: of all of them.
        resolver: the name server.
    """

    def __init__(self, pki: PKI) -> None:
        self.servers: dict[str, Server] = {}
        self.strict: dict[str, list[Strict]] = {}
        self.port = 0
        self.resolver = ""
        self._pki = pki

    def endpoint(self, **options: Any) -> smtps.Endpoint:
        """For the client."""
        options = {"ca_file": self._pki.ca, "resolver": self.resolver, **options}
        options.setdefault("security", "implicit")
        return smtps.Endpoint(HOST, self.port, **options)

    def said(self, ip: str, verb: str) -> int:
        """How often a command was said to an address."""
        return sum(verb.encode() in peer.text for peer in self.servers[ip].peers)

    @property
    def visited(self) -> dict[str, int]:
        """Address → connections."""
        return {ip: len(server.peers) for ip, server in self.servers.items()}


def submission(
    pki: PKI,
    judge: Callable[[str], str] | None = None,
    *,
    party: Party | None = None,
    offers: tuple[str, ...] = OFFERS,
    greeting: bytes = b"220 strict\r\n",
) -> Script:
    """A submission server behind implicit TLS."""

    async def script(peer: Peer) -> None:
        await peer.handshake(server_context((party or pki.good).pem))
        strict = Strict(offers=offers, out=bytearray(greeting))
        if judge is not None:
            strict.judge = judge
        while True:
            await peer.say(bytes(strict.out))
            strict.out.clear()
            if strict.closed or not (data := await peer.read()):
                return
            strict.feed(data)

    return script


def then(pki: PKI, do: Callable[[Peer], Awaitable[None]]) -> Script:
    """TLS, and then that."""

    async def script(peer: Peer) -> None:
        await peer.handshake(server_context(pki.good.pem))
        await do(peer)

    return script


def on_one_port(addresses: Iterable[str]) -> list[socket.socket]:
    """Listening sockets at a port that is free at each of the addresses."""
    while True:
        found: list[socket.socket] = []
        port = 0
        try:
            for ip in addresses:
                family = socket.AF_INET6 if ":" in ip else socket.AF_INET
                found.append(socket.create_server((ip, port), family=family))
                port = found[0].getsockname()[1]
        except OSError as error:
            for wire in found:
                wire.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return found


@asynccontextmanager
async def hosts(pki: PKI, scripts: Mapping[str, Script]) -> AsyncIterator[Hosts]:
    """One server for each address, all on one port, in the name server's order."""
    found = Hosts(pki)
    async with AsyncExitStack() as stack:
        listening = on_one_port(scripts)
        found.port = listening[0].getsockname()[1]
        for (ip, script), wire in zip(scripts.items(), listening, strict=True):
            server = found.servers[ip] = Server(script)
            listener = await asyncio.start_server(server.attend, sock=wire, limit=CHUNK)
            server.address = Address(ip, found.port)
            stack.push_async_callback(server.stop)
            stack.callback(listener.close)
        four = [ip for ip in scripts if ":" not in ip]
        zone: Zone = {(HOST, "A"): four, (HOST, "AAAA"): [ip for ip in scripts if ":" in ip]}
        names = await stack.enter_async_context(name_server(zone))
        found.resolver = names.place
        yield found
