"""A server that follows a script: it checks every byte the client wrote, and cuts what it says
wherever it is told to.

A script is lines: ``S 250 ok`` is said, ``C MAIL FROM:<a@x.test>`` is expected, ``C …`` with three
dots at the end only that beginning; ``C <message>`` takes everything up to the lone dot, ``C <5>``
so many octets; ``R bytes`` is said raw, with Python's escapes. ``close``, ``reset`` and
``silence`` end it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from smtps.net.wire import Wire

ENDS = ("close", "reset", "silence")


def server_runs(script: str) -> list[bytes]:
    """What the server says, a run for each time that it speaks."""
    runs: list[bytes] = []
    speaking = False
    for kind, text in steps(script):
        if kind in "SR":
            said = raw(text) if kind == "R" else f"{text}\r\n".encode()
            if speaking:
                runs[-1] += said
            else:
                runs.append(said)
        speaking = kind in "SR"
    return runs


def steps(script: str) -> Iterator[tuple[str, str]]:
    for line in script.strip().splitlines():
        kind, _, text = line.strip().partition(" ")
        yield (kind, text) if kind in ("S", "C", "R") else ("end", kind)


def raw(text: str) -> bytes:
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


class ScriptedWire(Wire):
    """In memory; ``cut`` is the offset in all that the server says at which a piece ends."""

    def __init__(
        self,
        script: str,
        *,
        cut: int | None = None,
        byte_by_byte: bool = False,
        surplus_after: int | None = None,
    ) -> None:
        super().__init__()
        self.address = "192.0.2.1"
        self.written = b""
        self.aborted = self.closed = False
        self.messages: list[bytes] = []
        self._steps = deque(steps(script))
        self._runs = deque(server_runs(script))
        if surplus_after is not None:
            self._runs[surplus_after] += b"250 surplus\r\n"
        self._cut, self._said = cut, 0
        self._byte_by_byte = byte_by_byte
        self._pieces: deque[bytes] = deque()
        self._advance()

    def _advance(self) -> None:
        """Go on in the script as far as what the client wrote allows."""
        while self._steps:
            kind, text = self._steps[0]
            if kind == "end":
                return
            if kind == "C":
                if not self._takes(text):
                    return
                self._steps.popleft()
                continue
            assert not self.written, f"the client did not wait: {self.written!r} before {text!r}"
            while self._steps and self._steps[0][0] in "SR":
                self._steps.popleft()
            self._say(self._runs.popleft())

    def _takes(self, text: str) -> bool:
        if text == "<message>":
            whole = self.written == b".\r\n" or b"\r\n.\r\n" in self.written
            if not whole:
                return False
            message, _, self.written = (b"\r\n" + self.written).partition(b"\r\n.\r\n")
            assert b"\n" not in message.replace(b"\r\n", b"")
            assert b"\r" not in message.replace(b"\r\n", b"")
            self.messages.append(message[2:])
            return True
        if text.startswith("<"):
            size = int(text[1:-1])
            if len(self.written) < size:
                return False
            self.messages.append(self.written[:size])
            self.written = self.written[size:]
            return True
        if b"\r\n" not in self.written:
            return False
        line, _, self.written = self.written.partition(b"\r\n")
        said = line.decode()
        if text.endswith("…"):
            assert said.startswith(text[:-1]), f"expected {text!r}, the client said {said!r}"
        else:
            assert said == text, f"expected {text!r}, the client said {said!r}"
        return True

    def _say(self, data: bytes) -> None:
        if self._byte_by_byte:
            self._pieces.extend(data[at : at + 1] for at in range(len(data)))
        elif self._cut is not None and 0 < self._cut - self._said < len(data):
            at = self._cut - self._said
            self._pieces.extend((data[:at], data[at:]))
        else:
            self._pieces.append(data)
        self._said += len(data)

    # What a dialogue needs of a wire.

    @property
    def local_ip(self) -> str:
        return "192.0.2.9"

    @property
    def has_unread(self) -> bool:
        return bool(self._pieces)

    async def receive(self, until: float | None = None) -> bytes:
        await asyncio.sleep(0)
        if self._pieces:
            return self._pieces.popleft()
        kind, text = self._steps[0] if self._steps else ("end", "close")
        if (kind, text) == ("end", "reset"):
            raise ConnectionResetError
        if (kind, text) == ("end", "silence"):
            async with asyncio.timeout_at(until):
                await asyncio.Event().wait()
        assert kind == "end", f"the client waits, and so does the script: {text!r}"
        return b""

    def write(self, data: bytes | memoryview) -> None:
        assert not self.aborted, "written after the end"
        self.written += bytes(data)
        self._advance()

    async def drain(self, until: float | None = None) -> bool:
        await asyncio.sleep(0)
        return True

    async def rest(self) -> bytes:
        return b""

    async def close(self, timeout: float = 1.0) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def channel_binding(self) -> None:
        return None

    @property
    def finished(self) -> bool:
        """Whether the client did all that the script expects."""
        return not self._steps or self._steps[0][0] == "end"
