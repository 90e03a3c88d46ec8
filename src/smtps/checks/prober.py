"""Takes second looks: one more connection each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from smtps.checks.probes import (
    LOOKS,
    MADE_BY_HAND,
    OTHER_PORT,
    PIPELINING,
    PIPELINING_REFUSED,
    RELAY_PORT,
    Probe,
)
from smtps.client.handshake import Access, Leave
from smtps.core.command import RSET
from smtps.core.reply import Reply
from smtps.endpoint import Endpoint
from smtps.errors import (
    Failure,
    LocalError,
    NetworkError,
    Phase,
    PhaseTimeoutError,
    ProtocolError,
    SMTPSError,
)
from smtps.net.client_hello import (
    PSK_SUITES,
    client_hello,
    large_hello,
    rare_hello,
    stapling_hello,
)
from smtps.net.dial import connect_any, connect_tcp, server_name
from smtps.net.egress import Allow
from smtps.net.hostnames import literal
from smtps.net.prompt import ask
from smtps.net.rejection import Rejection, rejection
from smtps.net.resolve import Address
from smtps.net.services import PROMPTS
from smtps.net.timing import timed, within
from smtps.net.tls import ClientHello
from smtps.net.wire import Wire

Talk = Callable[[Access], Awaitable[object]]
Say = Callable[[str, Access, bytearray], Awaitable[None]]

IN_THE_CLEAR = ("say FEAT in the clear",)
"""Prompts for a port that should begin with TLS and does not."""

PATIENCE = 5.0
"""Seconds for each step of a second look: the first has waited long enough."""

BUDGET = 12.0
"""Seconds for all second looks at an address that failed: a silent one is given up then."""

SMALL_SEGMENT = 536
"""Octets that pass any path (RFC 9293 section 3.7.1)."""


_HELLOS: dict[str, Callable[[str | None], bytes]] = {
    "groups": client_hello,
    "groups of TLS 1.2": lambda name: client_hello(name, newest=3),
    "pre-shared key": lambda name: client_hello(name, newest=3, suites=PSK_SUITES),
    "rare ciphers": rare_hello,
    "large": large_hello,
    "staple": stapling_hello,
    "TLS inside": client_hello,
}


class Prober:
    """Takes second looks at one address, one after the other.

    Args:
        endpoint: whose address it is; neither its trust nor its credentials are used.
        address: the one to look at.
        allow: egress policy.
        deadline: the loop's time at which all has to be over.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        address: Address,
        allow: Allow | None = None,
        deadline: float | None = None,
    ) -> None:
        self._endpoint = blind(endpoint)
        self._address = address
        self._allow = allow
        self._deadline = deadline

    async def look(self, name: str, more: int = 0) -> Probe:
        """Take one.

        Args:
            name: one of LOOKS or MADE_BY_HAND, a prompt of ``services.PROMPTS``, ``clear`` (wait
                for a greeting without TLS), ``implicit`` (TLS from the first byte), ``resumption``
                (connect twice), ``pipelining`` (two commands at once), ``small segments`` (a path
                that loses large packets), ``proxy`` and ``proxy inside`` (a PROXY header,
                before TLS or through it), ``icmp`` (what refuses the connection), ``other port``
                (587 for 465, and the other way round), ``port 25``.
            more: looks that are still to come and need their share of the time.
        """
        loop = asyncio.get_running_loop()
        start, whole = loop.time(), self._deadline
        if whole is not None:
            self._deadline = start + max(whole - start, 0.0) / (more + 1)
        try:
            found = await self._take(name)
        finally:
            self._deadline = whole
        return replace(found, milliseconds=round((loop.time() - start) * 1000, 3))

    async def _take(self, name: str) -> Probe:
        endpoint = self._endpoint
        own: dict[str, Callable[[], Awaitable[Probe]]] = {
            "icmp": self._rejected,
            "other port": partial(self._beside, name, OTHER_PORT.get(self._address.port, 0)),
            "port 25": partial(self._beside, name, RELAY_PORT),
            "resumption": self._resume,
            PIPELINING: self._pipeline,
        }
        if name in own:
            return await own[name]()
        if name in MADE_BY_HAND:
            return await self._say(name, endpoint, self._hello)
        if name in ("implicit", "say EHLO inside"):
            endpoint = replace(endpoint, security="implicit")
        if name in PROMPTS:
            return await self._say(name, endpoint, self._prompt)
        segment = SMALL_SEGMENT if name == "small segments" else None
        found, _ = await self._visit(name, endpoint, self._talk(name), segment=segment)
        return found

    def _talk(self, name: str) -> Talk:
        """What to say in a look that goes through client and core as any session does."""
        # Small segments leave all else as it was: the hello is the first one's.
        hello = None if name == "small segments" else LOOKS.get(name, ClientHello())

        async def proxy(session: Access) -> object:
            session.dialogue.wire.write(proxy_header(session.dialogue.wire))
            await session.begin(hello)
            return session

        async def inside(session: Access) -> object:
            await session.start_tls(hello)
            session.dialogue.wire.write(proxy_header(session.dialogue.wire))
            return await session.greet()

        talks: dict[str, Talk] = {
            "clear": lambda session: session.greet(),
            "proxy": proxy,
            "proxy inside": inside,
        }
        return talks.get(name, lambda session: session.begin(hello))

    async def _rejected(self) -> Probe:
        """Which ICMP message refuses the connection."""
        seconds = self._endpoint.timeouts.tcp
        found: Rejection | None = None
        with suppress(SMTPSError, OSError):
            async with within(seconds, Phase.TCP, self._address.ip, self._deadline):
                found = await rejection(self._address)
        return Probe("icmp", rejection=found)

    async def _beside(self, name: str, port: int) -> Probe:
        """Whether another port can be reached."""
        try:
            wire = await connect_tcp(
                Address(self._address.ip, port),
                timeout=self._endpoint.timeouts.tcp,
                allow=self._allow,
                deadline=self._deadline,
            )
        except SMTPSError as error:
            return Probe(name, failure=error.failure)
        await wire.close()
        return Probe(name, reached=port)

    async def _resume(self) -> Probe:
        """Take up a first session in a second (RFC 8446 section 2.2)."""
        hello = LOOKS["any"]
        name, endpoint = "resumption", self._endpoint
        first, ticket = await self._visit(name, endpoint, lambda session: session.begin(hello))
        if ticket is None:
            return first
        found, _ = await self._visit(name, endpoint, lambda session: session.begin(hello, ticket))
        return found

    async def _pipeline(self) -> Probe:
        """Send two commands together, and again if that fails: once may be chance."""
        found, _ = await self._visit(PIPELINING, self._endpoint, pipelined)
        if found.failure is not None and found.failure.code == PIPELINING_REFUSED:
            found, _ = await self._visit(PIPELINING, self._endpoint, pipelined)
        return found

    async def _say(self, name: str, endpoint: Endpoint, say: Say) -> Probe:
        """Say something that is no SMTP, and listen."""
        heard = bytearray()
        found, _ = await self._visit(name, endpoint, lambda session: say(name, session, heard))
        return replace(found, heard=bytes(heard))

    async def _hello(self, name: str, session: Access, heard: bytearray) -> None:
        """A hello made by hand, where TLS begins."""
        if session.endpoint.security == "starttls":
            await session.greet()
            await session.hello()
            await session.request_tls()
        if name == "TLS inside":
            await session.start_tls(ClientHello())
        hello = _HELLOS[name](sni(self._endpoint.host))
        await self._ask(session, hello, heard, Phase.TLS)

    async def _prompt(self, name: str, session: Access, heard: bytearray) -> None:
        """Words of another service, inside TLS or in the clear."""
        if session.endpoint.security == "implicit" and name not in IN_THE_CLEAR:
            await session.start_tls(ClientHello())
        await self._ask(session, PROMPTS[name], heard, Phase.GREETING)

    async def _ask(self, session: Access, words: bytes, heard: bytearray, phase: Phase) -> None:
        seconds, wire = self._endpoint.timeouts.greeting, session.dialogue.wire
        heard += await ask(wire, words, phase, seconds=seconds, deadline=self._deadline)

    async def _visit(
        self,
        name: str,
        endpoint: Endpoint,
        talk: Talk,
        *,
        segment: int | None = None,
    ) -> tuple[Probe, Any]:
        """Connect, talk, leave; what was seen, and the TLS session."""
        session: Access | None = None
        failure: Failure | None = None
        try:
            session = await open_at(
                [self._address], endpoint, self._allow, self._deadline, {}, segment=segment
            )
            await talk(session)
        except LocalError:
            raise
        except SMTPSError as error:
            failure = error.failure
        except BaseException:
            if session is not None:
                session.dialogue.abort()
            raise
        if session is None:
            return Probe(name, failure=failure), None
        ticket = session.tls_session if failure is None else None
        await session.quit()
        return Probe(name, session.tls, session.greeting, failure), ticket


async def open_at(
    addresses: list[Address],
    endpoint: Endpoint,
    allow: Allow | None,
    deadline: float | None,
    timings: dict[str, float],
    *,
    leave: Leave | None = None,
    segment: int | None = None,
) -> Access:
    """A session at the first address that answers, before its first word.

    Args:
        addresses, endpoint, allow, deadline: as for ``connect_any``.
        timings: gets the milliseconds of the connection.
        leave: see ``Access``.
        segment: see ``connect_tcp``; then only the first address counts.

    Raises:
        SMTPSError: no connection came about.
    """
    seconds = endpoint.timeouts.tcp
    with timed(timings, Phase.TCP):
        if segment is None:
            wire = await connect_any(addresses, timeout=seconds, allow=allow, deadline=deadline)
        else:
            wire = await connect_tcp(
                addresses[0], timeout=seconds, allow=allow, deadline=deadline, segment=segment
            )
    session = Access(wire, endpoint, leave=leave)
    session.timings = timings
    session.dialogue.deadline = deadline
    return session


async def pipelined(session: Access) -> None:
    """RSET alone and then two of them together, which any server with PIPELINING answers and which
    changes nothing (RFC 2920 section 3.1).

    Raises:
        ProtocolError: it answers the first of the two and not the second.
        SMTPSError: what went wrong otherwise, which says nothing about pipelining.
    """
    await session.begin(LOOKS["any"])
    dialogue = session.dialogue
    if "PIPELINING" not in session.capabilities or not (await dialogue.command(RSET)).positive:
        return
    replies: list[Reply] = []
    words = "gave no reply"
    try:
        await dialogue.exchange([RSET, RSET], replies)
    except (NetworkError, PhaseTimeoutError):
        if len(replies) != 1:
            raise
    else:
        words = f"answered “{replies[1]}”"
    if replies[0].positive and (len(replies) < 2 or not replies[1].positive):
        raise ProtocolError(
            PIPELINING_REFUSED,
            "The server offers PIPELINING. Of two commands that were sent together, it answered "
            f"the first; to the second, it {words}.",
            phase=Phase.MAIL,
        )


def proxy_header(wire: Wire) -> bytes:
    """Version 1 of HAProxy's PROXY protocol, with this connection's own addresses: Postfix takes no
    header without.
    """
    ours, theirs = (literal(ip.partition("%")[0]) for ip in (wire.local_ip, wire.address))
    if ours is None or theirs is None or ours.version != theirs.version:
        return b"PROXY UNKNOWN\r\n"
    return f"PROXY TCP{4 if ours.version == 4 else 6} {ours} {theirs} 49152 465\r\n".encode()


def sni(host: str) -> str | None:
    """The name that a handshake asks for; none for an address (RFC 6066 section 3)."""
    return server_name(host) if literal(host) is None else None


def blind(endpoint: Endpoint) -> Endpoint:
    """The endpoint without trust and without credentials, and with less patience."""
    short = {
        name: min(getattr(endpoint.timeouts, name), PATIENCE)
        for name in ("tcp", "tls", "greeting", "command", "mail")
    }
    return replace(
        endpoint,
        username=None,
        password=None,
        access_token=None,
        token_source=None,
        mechanism=None,
        verify=False,
        fingerprint=None,
        ca_file=None,
        timeouts=replace(endpoint.timeouts, **short),
    )
