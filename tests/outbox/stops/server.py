"""A mail server that takes its time over each message, and writes down what it has and has taken.

    python -m tests.outbox.stops.server FOLDER LEAST MOST QUICK KINDS

It prints its port and serves until its input ends.

It reads on while it thinks, so that whatever has reached it is written down. Who hangs up in the
meantime has sent the message all the same.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.outbox.recording import RECORD, Recorder, entry, serve, started

ARRIVED = "arrived"

KINDS = (("PIPELINING", "CHUNKING"), ("PIPELINING",), ("8BITMIME",))
"""What a connection offers."""


class Thinker(Recorder):
    """A running one."""

    def arrived(self) -> list[str]:
        """The Message-IDs that have come, each as often as it has."""
        return [line.split()[0] for line in self.lines(ARRIVED)]


@contextmanager
def thinker(
    folder: Path, least: float, most: float, quick: int = 0, kinds: int = 3
) -> Iterator[Thinker]:
    """One in a process of its own, for the length of the block.

    Args:
        folder: for its records.
        least, most: seconds that it thinks about a message.
        quick: the first so many are answered at once.
        kinds: of connections: 1 for those with PIPELINING and CHUNKING only, 2 for those without
            CHUNKING too, 3 for those that offer nothing, too.
    """
    with started("tests.outbox.stops.server", folder, least, most, quick, kinds) as port:
        yield Thinker(port, folder)


class _Server:
    def __init__(self, folder: Path, least: float, most: float, quick: int, kinds: int) -> None:
        self._files = {
            name: os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            for name in (ARRIVED, RECORD)
        }
        self._least, self._most, self._quick = least, most, quick
        self.chance = random.Random(1)
        self.kinds = KINDS[:kinds]

    def note(self, file: str, line: str) -> None:
        os.write(self._files[file], f"{line}\n".encode())

    def thought(self) -> float:
        """Seconds for the next message."""
        self._quick -= 1
        return 0.0 if self._quick >= 0 else self.chance.uniform(self._least, self._most)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            await _Connection(self, reader, writer).run()
        writer.transport.abort()


class _Connection:
    def __init__(
        self, server: _Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._replies: asyncio.Queue[tuple[str, str | None, float] | None] = asyncio.Queue()
        self._offers = server.chance.choice(server.kinds)

    async def run(self) -> None:
        speaking = asyncio.create_task(self._speak())
        try:
            self._say("220 thinker")
            while line := await self._reader.readline():
                await self._take(line, line[:4].decode().strip().upper())
                if line.upper().startswith(b"QUIT"):
                    break
        finally:
            self._replies.put_nowait(None)
            await speaking

    async def _speak(self) -> None:
        """In the order of what was said, each reply when it is thought of."""
        while (found := await self._replies.get()) is not None:
            reply, taken, seconds = found
            await asyncio.sleep(seconds)
            if taken is not None:
                self._server.note(RECORD, taken)
            with suppress(OSError):
                self._writer.write(f"{reply}\r\n".encode())
                await self._writer.drain()

    def _say(self, reply: str, taken: str | None = None, seconds: float = 0.0) -> None:
        self._replies.put_nowait((reply, taken, seconds))

    async def _take(self, line: bytes, verb: str) -> None:
        if verb == "EHLO":
            self._say("\r\n".join(["250-thinker", *(f"250-{o}" for o in self._offers)]))
            self._say("250 SIZE 1000000")
        elif verb == "BDAT":
            self._have(await self._reader.readexactly(int(line.split()[1])))
        elif verb == "DATA":
            self._say("354 go on")
            lines = [await self._reader.readline()]
            while lines[-1] != b".\r\n":
                lines.append(await self._reader.readline())
                if not lines[-1]:
                    return
            self._have(b"".join(line.removeprefix(b".") for line in lines[:-1]))
        else:
            self._say("221 bye" if verb == "QUIT" else "250 2.0.0 ok")

    def _have(self, message: bytes) -> None:
        """All of a message."""
        line = entry(message)
        self._server.note(ARRIVED, line)
        self._say("250 2.0.0 taken", line, self._server.thought())


if __name__ == "__main__":
    place = Path(sys.argv[1])
    low, high, first, sorts = map(float, sys.argv[2:])
    asyncio.run(serve(place, _Server(place, low, high, int(first), int(sorts)).serve))
