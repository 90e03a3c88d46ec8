"""A DNS server for the test network: ``python -m tests.field.nameserver ZONE.json ADDRESS``.

The zone maps a name to types and records. In place of records a word says what is done instead:
``servfail``, ``refused`` or ``deaf``; as the type, ``*`` is any. A name ``*.example.com`` answers
for all below that have none of their own.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = dict[str, dict[str, list[str] | str]]

_RCODES = {"servfail": dns.rcode.SERVFAIL, "refused": dns.rcode.REFUSED}


class Answers:
    """What is answered from a zone."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def to(self, wire: bytes) -> bytes | None:
        """The answer to a query as octets; None where nothing is said."""
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        name = str(question.name).lower().rstrip(".")
        try:
            self._fill(reply, name, dns.rdatatype.to_text(question.rdtype), 8)
        except TimeoutError:
            return None
        return reply.to_wire()

    def _fill(self, reply: dns.message.Message, name: str, kind: str, depth: int) -> None:
        known = self._zone.get(name)
        if known is None and "." in name:
            known = self._zone.get(f"*.{name.partition('.')[2]}")
        if known is None:
            below = any(each.endswith(f".{name}") for each in self._zone)
            if not below:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            return
        found = known.get(kind, known.get("*", known.get("CNAME", [])))
        if found == "deaf":
            raise TimeoutError
        if isinstance(found, str):
            reply.set_rcode(_RCODES[found])
            return
        if kind in known or "CNAME" not in known:
            if found:
                reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *found))
            return
        reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", *found))
        if depth:
            self._fill(reply, found[0].rstrip("."), kind, depth - 1)


def serve(zone: Zone, address: str) -> None:
    """Answer by UDP and TCP for ever."""
    answers = Answers(zone)

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            said = answers.to(data)
            if said is not None:
                sock.sendto(said, self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while size := self.rfile.read(2):
                said = answers.to(self.rfile.read(int.from_bytes(size)))
                if said is not None:
                    self.wfile.write(len(said).to_bytes(2) + said)

    class Tcp(socketserver.ThreadingTCPServer):
        allow_reuse_address = True

    udp: Any = socketserver.ThreadingUDPServer((address, 53), Datagram)
    threading.Thread(target=udp.serve_forever, daemon=True).start()
    Tcp((address, 53), Stream).serve_forever()


if __name__ == "__main__":
    serve(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])
