"""A refusal before the end of a message is its answer, whatever the server does next, and when."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from tests.net.pki import PKI

import smtps

READ = 300_000
"""Octets of the message that the server takes before it has had enough."""

THEN = ["reads on", "closes", "closes late", "resets", "stalls"]


@asynccontextmanager
async def impatient(
    pki: PKI, reply: str, then: str, offers: tuple[str, ...]
) -> AsyncIterator[smtps.Endpoint]:
    """Refuses each message after READ octets of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.good.pem)

    over = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(b"220 x\r\n")
        with suppress(OSError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                verb = line.split()[0].upper()
                if verb == b"EHLO":
                    said = [*(f"250-{word}" for word in ("x", *offers)), "250 HELP"]
                    writer.write("".join(f"{line}\r\n" for line in said).encode())
                elif verb in (b"DATA", b"BDAT"):
                    if verb == b"DATA":
                        writer.write(b"354 go\r\n")
                    await reader.readexactly(READ)
                    writer.write(f"{reply}\r\n".encode())
                    await refuse(reader, writer)
                    return
                else:
                    writer.write(b"250 ok\r\n")

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if then == "reads on":
            while await reader.read(65536):
                pass
        elif then == "stalls":
            await over.wait()
        else:
            if then == "closes late":
                await asyncio.sleep(0.2)
            if then == "resets":
                sock: socket.socket = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort() if then == "resets" else writer.close()

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # it does not swallow it all
    server = await asyncio.start_server(serve, sock=listening, ssl=context, limit=READ * 2)
    port = listening.getsockname()[1]
    try:
        yield smtps.Endpoint("127.0.0.1", port, ca_file=pki.ca)
    finally:
        server.close()
        over.set()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("offers", [(), ("PIPELINING",), ("PIPELINING", "CHUNKING")])
@pytest.mark.parametrize("then", THEN)
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("552 5.3.4 message too big", ("refused", "send.too_large", 552)),
        ("452 4.3.1 insufficient system storage", ("deferred", None, 452)),
    ],
)
async def test_the_refusal_counts(
    pki: PKI,
    reply: str,
    expected: tuple[str, str | None, int],
    then: str,
    offers: tuple[str, ...],
) -> None:
    content = (b"x" * 70 + b"\r\n") * 120_000
    envelope = smtps.Envelope.of("a@x.test", "b@x.test")
    async with impatient(pki, reply, then, offers) as endpoint, asyncio.timeout(20):
        result = await smtps.send(b"Subject: x\r\n\r\n" + content, endpoint, envelope=envelope)
    assert result.failure is not None
    outcome, code, number = expected
    assert (result.outcome, result.failure.smtp_code) == (outcome, number)
    assert code is None or result.failure.code == code
    assert [who.reply and who.reply.code for who in result.recipients] == [number]


async def test_of_many_only_the_one_that_was_refused_is_touched(pki: PKI) -> None:
    envelope = smtps.Envelope.of("a@x.test", "b@x.test")
    large = b"Subject: large\r\n\r\n" + (b"x" * 70 + b"\r\n") * 60_000, envelope
    offers = ("PIPELINING", "CHUNKING")
    async with (
        impatient(pki, "552 5.3.4 message too big", "closes", offers) as endpoint,
        smtps.Pool(endpoint) as pool,
        asyncio.timeout(20),
    ):
        found = [result async for _, result in pool.send_many([large, large, large], window=4)]
    assert [result.outcome for result in found] == ["refused"] * 3
