"""A mail server that misbehaves at random, and writes down every message that it has taken.

    python -m tests.outbox.crash.server FOLDER SEED RATE    prints its port, serves until input ends

What it writes down is what counts: a line before the answer, whether that is given or not.
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

MISDEEDS = ("421", "451", "close", "drop")
"""Each at the same rate: a 421, a 451, an end of the connection before the whole message is there,
an end of it after that and before any answer."""

THOUGHT = 0.1
"""Seconds at most that it thinks about a message before it has taken it, and once more before it
says so: time for a kill to fall into."""

_PHASES = ("MAIL", "RCPT", "DATA", "end")
_CLOSES = ("MAIL", "RCPT", "DATA", "half")
_EARLY = ("connect", "greeting", "EHLO", "AUTH")


@contextmanager
def chaos_server(folder: Path, seed: int, rate: float = 0.05) -> Iterator[Recorder]:
    """One in a process of its own, for the length of the block."""
    with started("tests.outbox.crash.server", folder, seed, rate) as port:
        yield Recorder(port, folder)


class _Gone(Exception):  # noqa: N818  # no error: it is what was meant to happen
    """This connection is over."""


class _Server:
    def __init__(self, folder: Path, seed: int, rate: float) -> None:
        self._record = os.open(folder / RECORD, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.random = random.Random(seed)
        self._rate = rate

    def misdeed(self, *phases: str) -> tuple[str, str]:
        """What goes wrong, and when; nothing most times."""
        number = int(self.random.random() / self._rate)
        what = MISDEEDS[number] if number < len(MISDEEDS) else ""
        if what == "drop":
            return what, "end"
        return what, self.random.choice(phases or (_CLOSES if what == "close" else _PHASES))

    def write_down(self, message: bytes) -> None:
        os.write(self._record, f"{entry(message)}\n".encode())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(_Gone, OSError, asyncio.IncompleteReadError, ssl.SSLError):
            await _Connection(self, reader, writer).run()
        writer.transport.abort()


class _Connection:
    def __init__(
        self, server: _Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._misdeed = server.misdeed(*_EARLY)
        self._pipelining = server.random.random() < 0.8
        self._chunking = server.random.random() < 0.7
        self._mail = self._rcpt = False

    async def run(self) -> None:
        await self._pass("connect")
        await self._pass("greeting")
        await self._say("220 chaos")
        while line := await self._reader.readline():
            await self._answer(line, line[:4].decode().strip().upper())

    async def _answer(self, line: bytes, verb: str) -> None:
        if verb == "MAIL":
            self._misdeed, self._rcpt = self._server.misdeed(), False
            self._mail = await self._yes(verb)
        elif verb == "RCPT" and self._mail:
            self._rcpt = await self._yes(verb)
        elif verb == "BDAT":
            await self._bdat(int(line.split()[1]))
        elif verb == "DATA" and self._rcpt:
            await self._data()
        elif verb == "EHLO":
            if await self._pass(verb):
                await self._hello()
        elif verb == "AUTH":
            await self._yes(verb, "235 2.7.0 it is you")
        elif verb in ("RSET", "NOOP"):
            await self._say("250 ok")
        elif verb == "QUIT":
            await self._say("221 bye")
            raise _Gone
        else:
            await self._say("503 5.5.1 not now")

    async def _hello(self) -> None:
        offers = ["chaos", "AUTH PLAIN", "SIZE 1000000", "8BITMIME"]
        offers += ["PIPELINING"] * self._pipelining + ["CHUNKING"] * self._chunking
        *others, last = offers
        self._writer.write("".join(f"250-{offer}\r\n" for offer in others).encode())
        await self._say(f"250 {last}")

    async def _yes(self, verb: str, yes: str = "250 ok") -> bool:
        if not await self._pass(verb):
            return False
        await self._say(yes)
        return True

    async def _data(self) -> None:
        if not await self._pass("DATA"):
            return
        await self._say("354 go on")
        lines = [await self._reader.readline()]
        await self._pass("half")
        while lines[-1] != b".\r\n":
            lines.append(await self._reader.readline())
            if not lines[-1]:
                raise _Gone
        await self._end(b"".join(line.removeprefix(b".") for line in lines[:-1]))

    async def _bdat(self, octets: int) -> None:
        # All of it in one chunk, and behind its RCPT, whatever that was answered (RFC 3030).
        half = await self._reader.readexactly(octets // 2)
        if self._rcpt:
            await self._pass("half")
        message = half + await self._reader.readexactly(octets - len(half))
        if not self._rcpt:
            await self._say("503 5.5.1 no recipient")
        elif await self._pass("DATA"):
            await self._end(message)

    async def _end(self, message: bytes) -> None:
        """The whole message is there."""
        self._mail = self._rcpt = False
        if self._misdeed == ("drop", "end"):
            if self._server.random.random() < 0.5:
                self._server.write_down(message)
            raise _Gone
        if await self._pass("end"):
            await self._think()
            self._server.write_down(message)
            await self._think()
            await self._say("250 2.0.0 taken")

    async def _think(self) -> None:
        await asyncio.sleep(self._server.random.uniform(0, THOUGHT))

    async def _pass(self, phase: str) -> bool:
        """Whether nothing goes wrong here; says what does."""
        what, when = self._misdeed
        if not what or when != phase:
            return True
        self._misdeed = ("", "")
        if what == "451":
            await self._say("451 4.3.0 not now")
            if phase in _EARLY:
                raise _Gone
            return False
        if what == "421" and phase != "connect":
            await self._say("421 4.3.2 leave me alone")
        raise _Gone

    async def _say(self, reply: str) -> None:
        self._writer.write(f"{reply}\r\n".encode())
        await self._writer.drain()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    asyncio.run(serve(place, _Server(place, int(sys.argv[2]), float(sys.argv[3])).serve))
