"""A DNS server of the tests' own, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = list[str]
Zone = dict[tuple[str, str], Records | Callable[[], Records]]
"""Name and type → records in zone-file form, or what makes them, each time anew."""


@dataclass
class NameServer:
    """Answers from a zone.

    Attributes:
        zone: what it knows; a name without any record does not exist.
        signed: whether it vouches for its answers (AD).
        rcode: in place of any answer.
        deaf: types of records about which it says nothing.
        bogus: its answers are not authentic: they come only where nobody checks (CD).
        asked: name and type of each question.
        place: where it listens.
    """

    zone: Zone
    signed: bool = False
    rcode: dns.rcode.Rcode | None = None
    deaf: tuple[str, ...] = ()
    bogus: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    place: str = ""

    def answer(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        name = str(question.name).lower().removesuffix(".")
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if kind in self.deaf:
            return None
        if self.bogus and not query.flags & dns.flags.CD:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply.to_wire(want_shuffle=False)
        if self.rcode is not None:
            reply.set_rcode(self.rcode)
            return reply.to_wire(want_shuffle=False)
        if self.signed:
            reply.flags |= dns.flags.AD
        self._fill(reply, name, kind)
        return reply.to_wire(want_shuffle=False)

    def _fill(self, reply: dns.message.Message, name: str, kind: str) -> None:
        if not any(name == known for known, _ in self.zone):
            reply.set_rcode(dns.rcode.NXDOMAIN)
            zone = next((z for z, k in self.zone if k == "SOA" and name.endswith(f".{z}")), None)
            if zone is not None:
                records = self.zone[(zone, "SOA")]
                found = records if isinstance(records, list) else records()
                reply.authority.append(dns.rrset.from_text(f"{zone}.", 0, "IN", "SOA", *found))
        for each in ("CNAME", kind):
            records = self.zone.get((name, each), [])
            found = records if isinstance(records, list) else records()
            if found:
                reply.answer.append(dns.rrset.from_text(f"{name}.", 0, "IN", each, *found))
            if found and each == "CNAME" and kind != "CNAME":
                target = found[0].removesuffix(".")
                if all(str(rrset.name) != found[0] for rrset in reply.answer):
                    self._fill(reply, target, kind)
                return


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (answer := self._server.answer(data)) is not None:
            self._transport.sendto(answer, addr)


@asynccontextmanager
async def name_server(
    zone: Zone,
    *,
    signed: bool = False,
    rcode: dns.rcode.Rcode | None = None,
    deaf: tuple[str, ...] = (),
    bogus: bool = False,
) -> AsyncIterator[NameServer]:
    server = NameServer(zone, signed, rcode, deaf, bogus)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Protocol(server), local_addr=("127.0.0.1", 0)
    )
    host, port = transport.get_extra_info("sockname")
    server.place = f"{host}:{port}"
    try:
        yield server
    finally:
        transport.close()
