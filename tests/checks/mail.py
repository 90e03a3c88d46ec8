"""A mail server that fails at some connections, in a way and at a stage of the test's choice."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from tests.nameserver import Zone, name_server
from tests.net.pki import PKI
from tests.net.servers import Peer, attention, server_context, serving, silence

import smtps
from smtps.checks.report import Report

HOST = "mail.example.com"
ZONE: Zone = {(HOST, "A"): ["127.0.0.1"]}
BESIDE = frozenset({"tls.certificate_not_strict", "dns.loopback_address"})
"""Findings about the certificates of these tests and about their name server."""

Fails = Callable[[int], bool]
"""Whether the connection of that number fails; the first is 1."""

Minds = Callable[[bytes], bool]
"""Whether a ClientHello is one that fails, at each connection."""

Fault = Callable[[Peer], Awaitable[None]]


async def reset(peer: Peer) -> None:
    """An RST."""
    peer.reset()


async def close(peer: Peer) -> None:
    """A FIN, behind a goodbye where there is TLS."""
    if peer.tls is not None:
        await peer.say_goodbye()
    peer.hang_up()


async def mute(peer: Peer) -> None:
    """Not a word, until the client has gone."""
    await (silence if peer.tls is None else attention)(peer)


def words(said: bytes) -> Fault:
    """Say that, and hang up."""

    async def fault(peer: Peer) -> None:
        await peer.say(said)
        peer.hang_up()

    return fault


def never(_number: int) -> bool:
    """No connection fails by its number."""
    return False


def no_hello(_hello: bytes) -> bool:
    """No ClientHello is minded."""
    return False


class Mail:
    """A server with TLS, EHLO and a login that takes any password.

    Args:
        pki: for its certificate.
        fault: what happens at a connection that fails.
        fails: at which connections, by their number.
        stage: ``tls``, ``greeting`` or ``ehlo``: where it happens.
        security: how TLS begins.
        minds: ClientHellos at which it happens at each connection; for stage ``tls``.
        other: its certificate at connections that fail, in place of a fault.

    Attributes:
        connections: how many there were.
        logins: how many of them logged in.
    """

    def __init__(
        self,
        pki: PKI,
        fault: Fault,
        fails: Fails = never,
        stage: str = "tls",
        security: str = "implicit",
        *,
        minds: Minds = no_hello,
        other: ssl.SSLContext | None = None,
    ) -> None:
        self.ca, self._context = pki.ca, server_context(pki.named.pem)
        self._fault, self._fails, self._minds = fault, fails, minds
        self._stage, self.security = stage, security
        self._other = other
        self.connections = self.logins = 0

    async def __call__(self, peer: Peer) -> None:
        """Play it to one client."""
        self.connections += 1
        broken = self._fails(self.connections)
        if self.security == "implicit" and not await self._secure(peer, broken):
            return
        if broken and self._stage == "greeting":
            await self._fault(peer)
            return
        await peer.say(b"220 mail.example ESMTP\r\n")
        while line := await peer.read():
            if broken and self._stage == "ehlo" and line.startswith(b"EHLO"):
                await self._fault(peer)
                return
            if line.startswith(b"STARTTLS"):
                await peer.say(b"220 Go\r\n")
                if not await self._secure(peer, broken):
                    return
            else:
                await peer.say(self._answer(line, secured=peer.tls is not None))

    def _answer(self, line: bytes, *, secured: bool) -> bytes:
        if line.startswith(b"EHLO"):
            return b"250-mail.example\r\n" + (
                b"250 AUTH PLAIN\r\n" if secured else b"250 STARTTLS\r\n"
            )
        if line.startswith(b"AUTH"):
            self.logins += 1
            return b"235 Welcome\r\n"
        return b"221 Bye\r\n" if line.startswith(b"QUIT") else b"500 What?\r\n"

    async def _secure(self, peer: Peer, broken: bool) -> bool:
        """Whether the handshake took place."""
        hello = await peer.hear()
        here = self._stage == "tls" and self._other is None
        if here and hello and (broken or self._minds(hello)):
            await self._fault(peer)
            return False
        peer._feed(hello)
        context = self._other if broken and self._other is not None else self._context
        try:
            await peer.handshake(context)
        except OSError:  # nothing that it takes
            return False
        return True


async def check(server: Mail, *, zone: Zone = ZONE, **options: Any) -> Report:
    """A check of it, by name."""
    async with serving(server, "0.0.0.0") as place, name_server(zone) as names:
        return await smtps.check(
            HOST,
            port=place.port,
            **{
                "security": server.security,
                "ca_file": server.ca,
                "resolver": names.place,
                **options,
            },
        )


def codes_of(report: Report) -> set[str]:
    """What it finds about the server."""
    return {finding.code for finding in report.findings} - BESIDE
