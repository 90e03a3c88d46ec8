"""A server in memory that keeps to the letter, counts what it took, and breaks where it is told to.

It reads like one that has learned from its clients' mistakes: no command out of order, no
transaction begun inside another, and after a refused BDAT the recipients stay in mind until RSET
(RFC 3030 section 2 leaves that open, and servers differ).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from smtps.net.wire import Wire

MOST_AHEAD = 8192
"""Octets behind a message that Haraka still answers."""

Judge = Callable[[str], str]
"""A command, or the message behind a BDAT or a lone dot as ``message …`` → the reply."""


def kind(_said: str) -> str:
    """Says yes to everything."""
    return "250 ok"


@dataclass
class Taken:
    """What was delivered: who it is from and for, and the message."""

    sender: str
    to: tuple[str, ...]
    data: bytes


@dataclass
class Strict:
    """The server's side.

    Attributes:
        offers: keywords of EHLO.
        judge: what to reply.
        taken: what was delivered.
        last_read: closes after so many octets from the client.
        jealous: answers what has come behind a message before its reply with 503, as Haraka does
            since 3.1, and forgets the half line behind that; hangs up if that is much.
        most_resets: hangs up at one more RSET than that, as Exim does; the first behind a message
            that was taken is not counted.
        refuses_resets: refuses RSET and hangs up.
        resets: how often it was told to forget.
        refused_ahead: how many commands it refused because they were sent ahead.
    """

    offers: tuple[str, ...] = ("PIPELINING", "CHUNKING", "SIZE 100000")
    judge: Judge = kind
    last_read: int | None = None
    jealous: bool = False
    most_resets: int | None = None
    refuses_resets: bool = False
    resets: int = 0
    refused_ahead: int = 0
    taken: list[Taken] = field(default_factory=list)
    out: bytearray = field(default_factory=lambda: bytearray(b"220 strict\r\n"))
    closed: bool = False
    read: int = 0
    most_unanswered: int = 0
    _in: bytearray = field(default_factory=bytearray)
    _sender: str | None = None
    _to: list[str] = field(default_factory=list)
    _chunk: int | None = None
    _data: bool = False
    _free_reset: bool = True

    def feed(self, data: bytes) -> None:
        """Octets from the client."""
        if self.closed:
            return
        if self.last_read is not None and self.read + len(data) >= self.last_read:
            data = data[: self.last_read - self.read]
            self._take(data)
            self.closed = True
            return
        self._take(data)

    def _take(self, data: bytes) -> None:
        self.read += len(data)
        self._in += data
        while not self.closed and self._step():
            pass

    def _step(self) -> bool:
        if self._chunk is not None:
            if len(self._in) < self._chunk:
                return False
            message, self._chunk = bytes(self._in[: self._chunk]), None
            del self._in[: len(message)]
            self._finish(message, forget=False)
            return True
        if self._data:
            stuffed, dot, behind = (b"\r\n" + bytes(self._in)).partition(b"\r\n.\r\n")
            if not dot:
                return False
            self._in[:], self._data = behind, False
            self._finish((stuffed + b"\r\n").replace(b"\r\n.", b"\r\n")[2:], forget=True)
            return True
        line, end, rest = self._in.partition(b"\r\n")
        if not end:
            return False
        self._in[:] = rest
        self._command(line.decode())
        return True

    def _finish(self, message: bytes, *, forget: bool) -> None:
        if self.jealous and forget and len(self._in) > MOST_AHEAD:
            self.closed = True
            return
        words = message.partition(b"\r\n")[0].decode()
        if self._sender is None or not self._to:
            reply = "554 no valid recipients"
        else:
            reply = self.judge(f"message {words}")
        if reply.startswith("2"):
            self.taken.append(Taken(self._sender or "", tuple(self._to), message))
            self._free_reset = True
        if reply.startswith("2") or forget:
            self._sender, self._to = None, []
        self._say(reply)
        if self.jealous:
            self._refuse_what_follows()

    def _refuse_what_follows(self) -> None:
        while (end := self._in.find(b"\r\n")) >= 0:
            words = bytes(self._in[:end]).split()
            octets = int(words[1]) if words[:1] == [b"BDAT"] else 0
            del self._in[: end + 2 + octets]
            self.refused_ahead += 1
            self._say("503 Bad sequence of commands - pipelined after end of DATA")
        self._in.clear()

    def _command(self, line: str) -> None:
        verb = line.partition(" ")[0]
        if verb == "EHLO":
            lines = ["strict", *self.offers]
            self._say("\r\n".join(f"250-{word}" for word in lines[:-1]) + f"\r\n250 {lines[-1]}")
        elif verb == "RSET":
            self._reset()
        elif verb == "QUIT":
            self._say("221 bye")
            self.closed = True
        elif verb == "MAIL":
            if self._sender is not None:
                self._say("503 nested MAIL")
            elif self._said_yes(line):
                self._sender = line
        elif verb == "RCPT":
            if self._sender is None:
                self._say("503 MAIL first")
            elif self._said_yes(line):
                self._to.append(line.partition("<")[2].partition(">")[0])
        elif verb == "BDAT":
            if (reply := self.judge(line)).startswith("5"):
                self._say(reply)
            else:
                self._chunk = int(line.split()[1])
        elif verb == "DATA":
            self._data = bool(self._to)
            self._say("354 go on" if self._data else "503 RCPT first")
        elif verb == "AUTH" and any(word.startswith("AUTH ") for word in self.offers):
            reply = self.judge(line)
            self._say("235 2.7.0 welcome" if reply.startswith("250") else reply)
        else:
            self._say("500 what?")

    def _reset(self) -> None:
        self.resets += 1
        if self.refuses_resets:
            self._say("554 Too many nonmail commands")
            self.closed = True
            return
        if self._free_reset:
            self._free_reset = False
        elif self.most_resets is not None:
            self.most_resets -= 1
            if self.most_resets < 0:
                self.closed = True  # and says so in the clear, where nobody can read it
                return
        self._sender, self._to = None, []
        self._say("250 forgotten")

    def _said_yes(self, line: str) -> bool:
        reply = self.judge(line)
        self._say(reply)
        return reply.startswith("2")

    def _say(self, reply: str) -> None:
        self.out += f"{reply}\r\n".encode()
        if reply.startswith("421"):
            self.closed = True


class StrictWire(Wire):
    """The client's end; the server says so many octets at a time, and no more after ``last_said``.

    Each time the client waits, the server is handed what was written meanwhile.
    """

    def __init__(
        self, server: Strict, *, piece: int = 1_000_000, last_said: int | None = None
    ) -> None:
        super().__init__()
        self.address = "192.0.2.1"
        self.server = server
        self.writes = 0
        self._piece = piece
        self._last_said = last_said
        self._said = 0

    @property
    def local_ip(self) -> str:
        return "192.0.2.9"

    @property
    def has_unread(self) -> bool:
        return bool(self.server.out) or self.server.closed

    async def receive(self, until: float | None = None) -> bytes:
        await asyncio.sleep(0)
        out = self.server.out
        size = min(self._piece, len(out))
        if self._last_said is not None and self._said + size >= self._last_said:
            size = self._last_said - self._said
            self.server.closed = True
            del out[size:]
        data = bytes(out[:size])
        del out[:size]
        self._said += size
        assert data or self.server.closed, "both sides wait"
        return data

    def write(self, data: bytes | memoryview) -> None:
        self.writes += 1
        self.server.feed(bytes(data))

    async def drain(self, until: float | None = None) -> bool:
        await asyncio.sleep(0)
        return True

    async def rest(self) -> bytes:
        return b""

    async def close(self, timeout: float = 1.0) -> None:
        self.server.closed = True

    def abort(self) -> None:
        self.server.closed = True

    def channel_binding(self) -> None:
        return None
