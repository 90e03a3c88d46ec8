"""Mail servers that mean harm, each on a port; prints the ports as JSON.

Those of ``INSIDE`` speak through TLS, those of ``RAW`` are none.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import ssl
import struct
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Serve = Callable[[Reader, Writer], Awaitable[None]]


async def tarpit(_reader: Reader, writer: Writer) -> None:
    """A greeting, an octet a second."""
    for octet in b"220-" + b"x" * 600:
        writer.write(bytes([octet]))
        await writer.drain()
        await asyncio.sleep(1)


async def endless(_reader: Reader, writer: Writer) -> None:
    """A greeting without an end."""
    while True:
        writer.write(b"220-welcome to a greeting of many lines\r\n" * 100)
        await writer.drain()


async def long_line(_reader: Reader, writer: Writer) -> None:
    """A line without an end."""
    writer.write(b"220 ")
    while True:
        writer.write(b"x" * 16384)
        await writer.drain()


async def huge_reply(reader: Reader, writer: Writer) -> None:
    """As much as a reply may hold, and hard to read."""
    writer.write(b"220 x\r\n")
    while await reader.readuntil(b"\n"):
        line = b"550-" + b"1.2." * 1000 + b"\r\n"
        writer.write(line * 15 + b"550 5.7.1 no\r\n")
        await writer.drain()


async def hashing(reader: Reader, writer: Writer) -> None:
    """A login that wants a million iterations, or more than there is time for."""
    writer.write(b"220 x\r\n")
    while line := await reader.readuntil(b"\n"):
        words = line.split()
        if words[:1] == [b"EHLO"]:
            writer.write(b"250-x\r\n250 AUTH SCRAM-SHA-256\r\n")
        elif words[:1] == [b"AUTH"]:
            first = base64.b64decode(words[2]).partition(b"r=")[2]
            count = (b"1000000", b"4294967295")[os.getpid() % 2]
            writer.write(b"334 " + base64.b64encode(b"r=" + first + b"x,s=eA==,i=" + count))
            writer.write(b"\r\n")
        else:
            writer.write(b"535 5.7.8 no\r\n")
        await writer.drain()


async def midway(reader: Reader, writer: Writer) -> None:
    """Takes an envelope, and hangs up."""
    writer.write(b"220 x\r\n")
    while line := await reader.readuntil(b"\n"):
        writer.write(b"354 go\r\n" if line.startswith(b"DATA") else b"250 x\r\n")
        await writer.drain()
        if line.startswith(b"DATA"):
            return


async def silent(reader: Reader, _writer: Writer) -> None:
    """Says nothing."""
    await reader.read()
    await asyncio.sleep(600)


async def reset(_reader: Reader, writer: Writer) -> None:
    """Resets the connection at once."""
    plug = writer.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def noise(reader: Reader, writer: Writer) -> None:
    """Octets of chance after the first of the client."""
    await reader.read(1)
    writer.write(os.urandom(60_000))
    await writer.drain()


async def half_hello(reader: Reader, writer: Writer) -> None:
    """Half of a ServerHello, then silence."""
    await reader.read(1)
    writer.write(b"\x16\3\3\0\x7a\2\0\0\x76\3\3" + b"r" * 20)
    await writer.drain()
    await asyncio.sleep(600)


async def many_records(reader: Reader, writer: Writer) -> None:
    """Records of one octet of a message that never ends."""
    await reader.read(1)
    writer.write(b"\x16\3\3\0\1\2" + b"\x16\3\3\0\1\xff" * 3)
    while True:
        writer.write(b"\x16\3\3\0\1\0" * 1000)
        await writer.drain()
        await asyncio.sleep(0.05)


async def alerts(reader: Reader, writer: Writer) -> None:
    """Warnings without an end."""
    await reader.read(1)
    while True:
        writer.write(b"\x15\3\3\0\2\1\x5a" * 100)
        await writer.drain()
        await asyncio.sleep(0.05)


async def web(_reader: Reader, writer: Writer) -> None:
    """A page without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"<html>" * 1000)
        await writer.drain()
        await asyncio.sleep(0.05)


INSIDE: tuple[Serve, ...] = (tarpit, endless, long_line, huge_reply, hashing, midway, silent)
RAW: tuple[Serve, ...] = (reset, noise, half_hello, many_records, alerts, web)


def ending(serve: Serve) -> Serve:
    """Ends with the connection, and in any case."""

    async def served(reader: Reader, writer: Writer) -> None:
        with suppress(OSError, EOFError, asyncio.LimitOverrunError):
            await serve(reader, writer)
        writer.transport.abort()

    return served


async def main(certificate: str) -> None:
    """Serve until killed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    ports = {}
    for serve in INSIDE + RAW:
        tls = context if serve in INSIDE else None
        server = await asyncio.start_server(ending(serve), "127.0.0.1", 0, ssl=tls, backlog=500)
        ports[getattr(serve, "__name__", "")] = server.sockets[0].getsockname()[1]
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # resets are what they do
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
