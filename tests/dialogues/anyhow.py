"""A server that says anything at any place, and notes what each of its replies was said to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.dialogues.strict import StrictWire, Taken

CLOSE = "close"
"""In place of a reply: hangs up."""

Plan = Mapping[int, tuple[str, ...]]
"""Number of a command, the greeting being 0 → what is said to it in place of the right reply."""


@dataclass
class Anyhow:
    """The server's side. Its mind follows the first reply that it says to a command.

    Attributes:
        offers: keywords of EHLO.
        plan: see Plan.
        forgives: keeps sender and recipients in mind that it has refused.
        impatient: hangs up where it has nothing to say.
        heard: the commands, in order; a message as ``message`` and its first line.
        said: the replies, in order, each with the number of the command that it was said to.
        taken: what it said 250 to.
        contents: each message that came whole.
    """

    offers: tuple[str, ...]
    plan: Plan
    forgives: bool = False
    impatient: bool = False
    heard: list[str] = field(default_factory=list)
    said: list[tuple[int, str]] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    out: bytearray = field(default_factory=bytearray)
    closed: bool = False
    _in: bytearray = field(default_factory=bytearray)
    _sender: str | None = None
    _to: list[str] = field(default_factory=list)
    _chunk: int | None = None
    _data: bool = False

    def __post_init__(self) -> None:
        self._answer("greeting", "220 anyhow")

    def feed(self, data: bytes) -> None:
        """Octets from the client."""
        self._in += data
        while not self.closed and self._step():
            pass

    def _step(self) -> bool:
        if self._chunk is not None:
            if len(self._in) < self._chunk:
                return False
            size, self._chunk = self._chunk, None
            message = bytes(self._in[:size])
            del self._in[:size]
            self._finish(message)
            return True
        if self._data:
            stuffed, dot, behind = (b"\r\n" + bytes(self._in)).partition(b"\r\n.\r\n")
            if not dot:
                return False
            self._in[:], self._data = behind, False
            self._finish((stuffed + b"\r\n").replace(b"\r\n.", b"\r\n")[2:])
            return True
        line, end, rest = self._in.partition(b"\r\n")
        if end:
            self._in[:] = rest
            self._command(line.decode())
        return bool(end)

    def _command(self, line: str) -> None:
        verb = line.partition(" ")[0]
        if verb == "BDAT":
            self._chunk = int(line.split()[1])
        elif verb == "EHLO":
            lines = ["anyhow", *self.offers]
            self._answer(
                line, "".join(f"250-{word}\r\n" for word in lines[:-1]) + "250 " + lines[-1]
            )
        elif verb == "MAIL":
            usual = "503 nested MAIL" if self._sender else "250 ok"
            if self._answer(line, usual) or self.forgives:
                self._sender = line
        elif verb == "RCPT":
            usual = "250 ok" if self._sender else "503 MAIL first"
            if self._answer(line, usual) or self.forgives:
                self._to.append(line.partition("<")[2].partition(">")[0])
        elif verb == "DATA":
            usual = "354 go on" if self._to else "503 RCPT first"
            self._data = self._answer(line, usual, yes="354")
        elif verb == "RSET":
            if self._answer(line, "250 ok"):
                self._sender, self._to = None, []
        elif verb == "QUIT":
            self._answer(line, "221 bye")
            self.closed = True
        else:
            self._answer(line, "500 what?")

    def _finish(self, message: bytes) -> None:
        self.contents.append(message)
        usual = "250 queued" if self._to and self._sender else "554 no valid recipients"
        words = message.partition(b"\r\n")[0].decode()
        if self._answer(f"message {words}", usual):
            self.taken.append(Taken(self._sender or "", tuple(self._to), message))
        self._sender, self._to = None, []

    def _answer(self, heard: str, usual: str, yes: str = "250") -> bool:
        number = len(self.heard)
        self.heard.append(heard)
        replies = self.plan.get(number, (usual,))
        for reply in replies:
            if reply == CLOSE:
                self.closed = True
                break
            self.said.append((number, reply))
            self.out += f"{reply}\r\n".encode()
            if reply.startswith("421"):
                self.closed = True  # it reads no further
                break
        self.closed = self.closed or (self.impatient and not replies)
        return bool(replies) and replies[0].startswith(f"{yes} ")


class AnyhowWire(StrictWire):
    """The client's end. A server that owes a reply and says none hangs up, to save the time."""

    async def receive(self, until: float | None = None) -> bytes:
        if not self.server.out:
            self.server.closed = True
        return await super().receive(until)
