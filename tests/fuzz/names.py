"""What says where a server is: answers of DNS, and the document of autoconfig."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import pytest
from tests.fuzz.island import loop
from tests.fuzz.target import Cursor, Target, text

from smtps.checks import discovery, dns_facts
from smtps.checks.dns_facts import look_up
from smtps.checks.route import outgoing_servers
from smtps.errors import Failure, InputError, NetworkError, Phase
from smtps.net.dns import Answer, Resolver
from smtps.net.fetch import Client, Document
from smtps.net.resolve import Address

# Answers of DNS.


class _Socket:
    """Datagrams or a stream. Answers with what it is given, under the number and behind the
    question that was asked.
    """

    def __init__(self, kind: int, answer: bytes) -> None:
        self.family, self.type = socket.AF_INET, kind
        self._answer = answer
        self._ready = b""
        self._asked = 0

    async def sendto(self, what: bytes, destination: Any, timeout: float) -> int:
        self._ask(what)
        return len(what)

    async def sendall(self, what: bytes, timeout: float) -> None:
        self._ask(what[2:])

    def _ask(self, query: bytes) -> None:
        number, _, _, _, _, _ = struct.unpack("!6H", query[:12])
        end = query.index(b"\0", 12) + 5
        head = (self._answer + b"\0" * 8)[:8]
        flags, answers, authority, more = struct.unpack("!4H", head)
        counts = (1, answers % 16, authority % 4, more % 4)
        reply = struct.pack("!6H", number, flags | 0x8000, *counts) + query[12:end]
        self._ready = reply + self._answer[8:]
        self._asked += 1

    async def recvfrom(self, size: int, timeout: float) -> tuple[bytes, Any]:
        ready, self._ready = self._ready, b""
        if not ready:
            raise dns.exception.Timeout
        return ready, ("192.0.2.53", 53)

    async def recv(self, size: int, timeout: float) -> bytes:
        if self._ready and not self._ready.startswith(b"\xff\xfe"):
            self._ready = struct.pack("!H", len(self._ready) & 0xFFFF) + self._ready
        ready, self._ready = self._ready[:size], self._ready[size:]
        if self._ready:
            self._ready = b"\xff\xfe" + self._ready
        return ready.removeprefix(b"\xff\xfe")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    async def close(self) -> None:
        """The same."""

    async def getpeername(self) -> Any:
        return ("192.0.2.53", 53)

    async def getsockname(self) -> Any:
        return ("192.0.2.1", 1053)


class _Backend:
    """Sockets as above, and no time that passes."""

    def __init__(self) -> None:
        self.answer = b""

    def name(self) -> str:
        return "asyncio"

    def datagram_connection_required(self) -> bool:
        return False

    async def make_socket(self, af: int, socktype: int, *_: Any, **__: Any) -> Any:
        return _Socket(socktype, self.answer)

    async def sleep(self, interval: float) -> None:
        raise dns.exception.Timeout  # a second try would hear the same

    async def wait_for(self, awaitable: Any, timeout: float) -> Any:
        return await awaitable


class _NoWeb(Client):
    """Is offline."""

    async def get(self, url: str) -> Document:
        raise NetworkError("net.refused", "offline", phase=Phase.TCP)


QUESTIONS = ("addresses", "names", "services", "exchangers", "trace", "mail", "tlsa", "look_up",
             "why", "discover")  # fmt: skip
_backend = _Backend()


def dns_answers(data: bytes) -> None:
    """Any answer gives values, or a failure that says so."""
    cursor = Cursor(data)
    question = cursor.pick(QUESTIONS)
    _backend.answer = cursor.rest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dns.asyncbackend, "_default_backend", _backend)
        loop().run_until_complete(_ask(question))


async def _ask(question: str) -> None:
    resolver = Resolver("192.0.2.53", lifetime=0.5)
    name = "mail.x.example.com"
    if question == "trace":
        trace = await resolver.trace(name)
        assert len(trace.chain) < 20
        return
    if question == "why":
        failure = Failure(code="dns.name_not_found", phase=Phase.DNS, message="x")
        explained, _ = await dns_facts.why_unresolved(failure, name, resolver)
        assert explained.code
        return
    if question == "look_up":
        found = await look_up(name, 465, [Address("203.0.113.9", 465)], resolver)
        assert found is None or found.as_json()
        return
    if question == "discover":
        means = discovery.Means(
            resolver=resolver, fetcher=_NoWeb(), allow=_nobody, server="192.0.2.53", patience=0.05
        )
        deadline = asyncio.get_running_loop().time() + 5
        found_way = await discovery.discover("ann@example.com", means, deadline=deadline)
        assert found_way.as_json()
        return
    ways: dict[str, Callable[[], Awaitable[Answer[Any]]]] = {
        "addresses": lambda: resolver.addresses(name),
        "names": lambda: resolver.names("203.0.113.9"),
        "services": lambda: resolver.services("_submissions._tcp", "example.com"),
        "exchangers": lambda: resolver.exchangers("example.com"),
        "mail": lambda: resolver.mail("example.com"),
        "tlsa": lambda: resolver.tlsa(name, 465),
    }
    answer = await ways[question]()
    assert answer.failure is None or not answer.values


def _nobody(_: Address) -> bool:
    return False


def _records(kind: int, content: bytes, question: str) -> Any:
    """An answer with so many records, of which 15 count."""

    def make(size: int) -> bytes:
        record = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(content)) + content
        head = struct.pack("!4H", 0x8180, 15, 0, 0)
        return bytes([QUESTIONS.index(question)]) + head + record * size

    return make


# Autoconfig.

ADDRESS = "ann@example.com"


def autoconfig(data: bytes) -> None:
    """Any document names servers, or raises ValueError."""
    with suppress(ValueError):
        for place in outgoing_servers(data, ADDRESS):
            assert 1 <= place.port <= 65535
            assert place.host.isascii()
    with suppress(ValueError, InputError):
        discovery.mail_domain(text(data[:300]))


def _document(begin: bytes, part: bytes, end: bytes) -> Any:
    return lambda size: b"<clientConfig>" + begin + part * size + end + b"</clientConfig>"


SERVER = (
    b'<outgoingServer type="smtp"><hostname>smtp.%EMAILDOMAIN%</hostname><port>465</port>'
    b"<socketType>SSL</socketType></outgoingServer>"
)

RECORD_WORDS = (
    b"\xc0\x0c", b"\0\1\0\1", b"\0\5\0\1", b"\0\x0f\0\1", b"\0\x21\0\1", b"\0\x1c\0\1",
    b"\0\x34\0\1", b"\0\6\0\1", b"\x81\x80", b"\x83\x80", b"\x81\x83", b"\x81\x82",
)  # fmt: skip
XML_WORDS = (
    b"<outgoingServer type='smtp'>", b"<hostname>", b"<port>", b"465", b"<socketType>", b"SSL",
    b"STARTTLS", b"<!DOCTYPE", b"&lt;", b"<![CDATA[", b"<?xml encoding='UTF-16'?>",
)  # fmt: skip
TARGETS = (
    Target(
        "dns_answers",
        dns_answers,
        {
            "addresses": _records(1, b"\xcb\0\x71\1", "addresses"),
            "names of a record": _records(15, b"\0\1\1a\xc0\x0c", "exchangers"),
            "TLSA": _records(52, b"\3\1\1" + b"x" * 32, "tlsa"),
        },
        unit=3,
        words=RECORD_WORDS,
        instrument=("smtps", "dns"),
    ),
    Target(
        "autoconfig",
        autoconfig,
        {
            "servers": _document(b"", SERVER, b""),
            "servers in servers": lambda n: b"<outgoingServer>" * n + b"</outgoingServer>" * n,
            "text": _document(b"<outgoingServer><hostname>", b"x", b"</hostname></outgoingServer>"),
            "attributes": lambda n: (
                b"<a " + b" ".join(b'a%d="x"' % each for each in range(n)) + b"/>"
            ),
            "digits of a port": _document(
                b'<outgoingServer type="smtp"><hostname>x.test</hostname>'
                b"<socketType>SSL</socketType><port>",
                b"9",
                b"</port></outgoingServer>",
            ),
            "places to fill in": _document(
                b'<outgoingServer type="smtp"><socketType>SSL</socketType><port>465</port>'
                b"<hostname>",
                b"%EMAILADDRESS%",
                b"</hostname></outgoingServer>",
            ),
        },
        unit=50,
        words=XML_WORDS,
    ),
)
