"""Devices in the way, and servers that know one trick: ``python -m tests.field.devices KIND …``.

They stand for hardware that cannot be installed: firewalls, scanners, load balancers, portals.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import struct
import sys
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import Awaitable, Callable
from contextlib import suppress

Handler = Callable[[argparse.Namespace, Reader, Writer], Awaitable[None]]

RECORD_HEAD = 5
CLIENT_HELLO = 0x16


async def _pump(reader: Reader, writer: Writer, change: Callable[[bytes], bytes] | None) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(change(data) if change else data)
            await writer.drain()
        writer.write_eof()


async def _relay(
    options: argparse.Namespace,
    reader: Reader,
    writer: Writer,
    first: bytes = b"",
    *,
    up: Callable[[bytes], bytes] | None = None,
    down: Callable[[bytes], bytes] | None = None,
) -> None:
    host, _, port = options.to.rpartition(":")
    behind, ahead = await asyncio.open_connection(host, int(port))
    ahead.write(first)
    await asyncio.gather(_pump(reader, ahead, up), _pump(behind, writer, down))


def _reset(writer: Writer) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _hello(reader: Reader) -> bytes:
    """The first record, if it is TLS's; else what came."""
    head = await reader.read(1)
    if head != b"\x16":
        return head
    head += await reader.readexactly(RECORD_HEAD - 1)
    return head + await reader.readexactly(int.from_bytes(head[3:5]))


async def _end(options: argparse.Namespace, reader: Reader, writer: Writer) -> None:
    if options.way == "reset":
        _reset(writer)
    elif options.way == "close":
        writer.close()
    else:
        await reader.read(-1)  # as long as the client has patience


async def hello(options: argparse.Namespace, reader: Reader, writer: Writer) -> None:
    """Let a ClientHello pass unless it is too large, too new or for a name."""
    first = await _hello(reader)
    body = first[RECORD_HEAD:]
    too_large = options.limit and len(first) > options.limit
    too_new = options.no_tls13 and b"\x00\x2b\x00" in body and b"\x03\x04" in body[44:]
    named = options.name and options.name.encode() in body
    if first[:1] == b"\x16" and (too_large or too_new or named):
        await _end(options, reader, writer)
        return
    await _relay(options, reader, writer, first)


async def alert(options: argparse.Namespace, reader: Reader, writer: Writer) -> None:
    """Answer every ClientHello with an alert."""
    first = await _hello(reader)
    if first[:1] == b"\x16":
        writer.write(bytes((0x15, 3, 3, 0, 2, 2, options.number)))
        await writer.drain()
    writer.close()


async def say(options: argparse.Namespace, reader: Reader, writer: Writer) -> None:
    """Say a text, then what the way is."""
    await asyncio.sleep(options.delay)
    writer.write(options.text.encode().decode("unicode_escape").encode("latin-1"))
    await writer.drain()
    await _end(options, reader, writer)


async def http(options: argparse.Namespace, reader: Reader, writer: Writer) -> None:
    """A portal: whatever is asked, it leads to its own page; it waits to be asked."""
    await reader.readline()
    page = (
        b"HTTP/1.1 302 Found\r\nLocation: http://portal.example.org/\r\nContent-Length: 0\r\n\r\n"
    )
    writer.write(page)
    await writer.drain()
    writer.close()


async def inspect(options: argparse.Namespace, reader: Reader, writer: Writer) -> None:
    """A firewall that masks in SMTP whatever it does not know, as old ones do."""
    host, _, port = options.to.rpartition(":")
    behind, ahead = await asyncio.open_connection(host, int(port))
    greeting = (await behind.readline()).decode().rstrip()
    writer.write(f"220 {'*' * (len(greeting) - 4)}\r\n".encode())
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"STAR":
            line = b"XXXXXXXX\r\n"
        ahead.write(line)
        while True:
            said = await behind.readline()
            if b"STARTTLS" in said:
                said = said[:4] + b"XXXXXXXA\r\n"
            writer.write(said)
            if said[3:4] != b"-":
                break
        await writer.drain()
    ahead.close()


async def inject(options: argparse.Namespace, reader: Reader, writer: Writer) -> None:
    """Somebody in the middle who puts a reply behind the answer to STARTTLS."""
    down = lambda data: data + b"250 2.0.0 injected\r\n" if data.startswith(b"220 2.0") else data  # noqa: E731
    await _relay(options, reader, writer, down=down)


async def slow(options: argparse.Namespace, reader: Reader, writer: Writer) -> None:
    """A long way: everything takes its time, in both directions."""
    host, _, port = options.to.rpartition(":")
    await asyncio.sleep(options.delay)
    behind, ahead = await asyncio.open_connection(host, int(port))

    async def late(source: Reader, sink: Writer) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                await asyncio.sleep(options.delay)
                sink.write(data)
                await sink.drain()
            sink.write_eof()

    await asyncio.gather(late(reader, ahead), late(behind, writer))


async def corrupt(options: argparse.Namespace, reader: Reader, writer: Writer) -> None:
    """Change an octet of what the server says, once the client has spoken so often."""
    turns = 0

    def up(data: bytes) -> bytes:
        nonlocal turns
        turns += 1
        return data

    def down(data: bytes) -> bytes:
        return data if turns < options.after else data[:-1] + bytes((data[-1] ^ 1,))

    await _relay(options, reader, writer, up=up, down=down)


async def cut(options: argparse.Namespace, reader: Reader, writer: Writer) -> None:
    """Reset once the client has spoken so often: what an intrusion filter does mid-session."""
    turns = 0

    def up(data: bytes) -> bytes:
        nonlocal turns
        turns += 1
        if turns > options.after:
            _reset(writer)
        return data

    await _relay(options, reader, writer, up=up)


KINDS: dict[str, Handler] = {
    each.__name__: each for each in (hello, alert, say, http, inspect, inject, slow, corrupt, cut)
}


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("listen", help="address:port")
    parser.add_argument("--to", default="", help="the server behind")
    parser.add_argument("--way", choices=("reset", "close", "silence"), default="close")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--no-tls13", action="store_true")
    parser.add_argument("--name", default="")
    parser.add_argument("--number", type=int, default=80)
    parser.add_argument("--text", default="")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--after", type=int, default=0)
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")

    async def client(reader: Reader, writer: Writer) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await KINDS[options.kind](options, reader, writer)
        with suppress(ConnectionError, RuntimeError):
            writer.close()

    server = await asyncio.start_server(client, host, int(port))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
    sys.exit()
