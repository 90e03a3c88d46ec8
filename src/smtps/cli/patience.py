"""A line at the terminal while a server keeps its client waiting; it goes when there is more."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from smtps.diagnosis.facts import AddressFacts

Found = TypeVar("Found")

AFTER = 2.0
"""Seconds without a word that nobody minds."""


class Stage:
    """What a check is waiting for, from the phases that end.

    Args:
        security: how TLS begins.
        most: seconds for everything.
    """

    def __init__(self, security: str, most: float) -> None:
        self._next = _NEXT[security]
        self._most = most
        self._what = "the connection"

    def note(self, seen: AddressFacts, phase: str) -> None:
        """A phase has ended."""
        failed = seen.failure is not None
        self._what = "further connections" if failed else self._next.get(phase, "the end")

    def words(self, server: str, seconds: float) -> str:
        """For a line of so many seconds."""
        return f"waiting for {server}: {self._what}, {seconds:.0f} of at most {self._most:.0f} s"


_NEXT = {
    "implicit": {"tcp": "the TLS handshake", "tls": "the greeting", "greeting": "EHLO"},
    "starttls": {"tcp": "the greeting", "greeting": "EHLO", "ehlo": "STARTTLS", "tls": "EHLO"},
}
"""The phase that ended → what comes next."""


async def waiting_for(
    server: str, work: Awaitable[Found], *, show: bool = True, stage: Stage | None = None
) -> Found:
    """Do the work, and show on standard error meanwhile who is waited for.

    Args:
        server: who.
        work: what.
        show: whether to show it; only a terminal is shown anything.
        stage: what for, where that is known.
    """
    if not show or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return await work
    line = asyncio.create_task(_line(server, stage))
    try:
        return await work
    finally:
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)


async def _line(server: str, stage: Stage | None) -> None:
    began = time.monotonic()
    await asyncio.sleep(AFTER)
    try:
        while True:
            spent = time.monotonic() - began
            words = f"waiting for {server}, {spent:.0f} s"
            if stage is not None:
                words = stage.words(server, spent)
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            sys.stderr.write(f"\r\x1b[K{words[: columns - 1]}")  # a second line would stay
            sys.stderr.flush()
            await asyncio.sleep(1.0)
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
