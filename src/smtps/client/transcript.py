"""What was said, with times; secrets are replaced at the door and are never in it."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from smtps.core.command import HIDDEN
from smtps.core.reply import Reply

Direction = Literal[">", "<", "*"]
"""Client, server, remark."""

MAX_ENTRIES = 10_000
"""A session with more lines keeps the first ones; the count goes on."""


MAX_SEEN = 1000
"""Replies whose clean form is remembered."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        at: milliseconds since the start.
        direction: ``>`` from the client, ``<`` from the server, ``*`` a remark.
        text: the line.
    """

    at: float
    direction: Direction
    text: str


class Redactor:
    """Knows the secrets of a session and takes them out of any text.

    A server may echo what it was sent, so replies go through here as well as commands.
    """

    def __init__(self) -> None:
        self._secrets: list[str] = []
        self._seen: dict[int, tuple[Reply, Reply]] = {}

    @property
    def busy(self) -> bool:
        """Whether there is a secret to look for."""
        return bool(self._secrets)

    def learn(self, secret: str | bytes) -> None:
        """Hide this from now on: plain, and inside any base64 of it."""
        data = secret.encode() if isinstance(secret, str) else secret
        plain = data.decode("utf-8", "replace")
        forms = {plain, plain.encode("unicode_escape").decode(), *_base64_cores(data)}
        # Shorter ones would take ordinary words apart and hide nothing.
        self._seen.clear()
        self._secrets = sorted(
            {form for form in forms if len(form) >= 4} | set(self._secrets), key=len, reverse=True
        )

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return text

    def reply(self, reply: Reply) -> Reply:
        """The reply without secrets; itself if there are none in it."""
        if not self._secrets:
            return reply
        # Most replies are the same few objects over and over.
        known = self._seen.get(id(reply))
        if known is None:
            lines = tuple(self(line) for line in reply.lines)
            others = tuple(self(line) for line in reply.others)
            clean = Reply(reply.code, lines, reply.enhanced, reply.quirks, others)
            known = (reply, reply if clean == reply else clean)
            if len(self._seen) >= MAX_SEEN:
                self._seen.clear()
            self._seen[id(reply)] = known
        return known[1]


def _base64_cores(data: bytes) -> set[str]:
    """What base64 shows of the bytes wherever they stand in a longer text."""
    found = {base64.b64encode(data).decode().rstrip("=")}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + data).decode()
        first = (shift * 8 + 5) // 6
        last = (shift + len(data)) * 8 // 6
        found.add(text[first:last])
    return found


class Transcript:
    """The lines of one session in order.

    Args:
        kept: whether to keep any; the secrets are known in any case.
        clock: seconds, monotonic; the first call is the zero.
    """

    def __init__(
        self, *, kept: bool = True, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.kept = kept
        self.redact = Redactor()
        self.left_out = 0
        self._lines: list[tuple[float, Direction, str]] = []
        self._clock = clock
        self._start = clock()

    def __getstate__(self) -> dict[str, Any]:
        """For a pickle or a copy: what was noted, and not the secrets to look for."""
        return {**self.__dict__, "redact": Redactor(), "_clock": time.perf_counter}

    @property
    def silent(self) -> bool:
        """Whether there is nothing to note and nothing to hide."""
        return not self.kept and not self.redact.busy

    @property
    def entries(self) -> list[Entry]:
        """All lines."""
        return [
            Entry(round((at - self._start) * 1000, 1), direction, text)
            for at, direction, text in self._lines
        ]

    def add(self, direction: Direction, text: str) -> None:
        """Note a line, without its secrets."""
        if not self.kept:
            return
        if len(self._lines) >= MAX_ENTRIES:
            self.left_out += 1
            return
        self._lines.append((self._clock(), direction, self.redact(text)))

    def reply(self, reply: Reply) -> None:
        """Note all lines of a reply."""
        if not self.kept:
            return
        for line in reply.others:
            self.add("<", line)
        *before, last = reply.lines
        for line in before:
            self.add("<", f"{reply.code}-{line}")
        self.add("<", f"{reply.code} {last}".rstrip())

    def as_json(self) -> list[dict[str, object]]:
        """For reports and answers."""
        return [asdict(entry) for entry in self.entries]

    def __str__(self) -> str:
        lines = [f"{e.at:9.1f} ms {e.direction} {e.text}" for e in self.entries]
        if self.left_out:
            lines.append(f"… and {self.left_out} more lines")
        return "\n".join(lines)
