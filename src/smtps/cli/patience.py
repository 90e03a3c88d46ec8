"""A line at the terminal while a server keeps its client waiting; it goes when there is more."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

AFTER = 2.0
"""Seconds without a word that nobody minds."""

_ENDED = {
    "tcp": "it is connected",
    "tls": "TLS is up",
    "greeting": "it has greeted",
    "ehlo": "it has answered EHLO",
    "auth": "it has answered the login",
}


@asynccontextmanager
async def waiting_for(server: str, *, show: bool = True) -> AsyncIterator[Callable[[str], None]]:
    """Show who is waited for, on standard error, for the length of the block.

    Args:
        server: who.
        show: whether at all; only a terminal is shown anything.

    Yields:
        A function to be told which phase has ended.
    """
    phases: list[str] = []
    if not show or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield phases.append
        return
    line = asyncio.create_task(_line(server, phases))
    try:
        yield phases.append
    finally:
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)


async def _line(server: str, phases: list[str]) -> None:
    began = time.monotonic()
    await asyncio.sleep(AFTER)
    try:
        while True:
            so_far = _ENDED.get(phases[-1], "") if phases else ""
            seconds = round(time.monotonic() - began)
            words = f"waiting for {server}, {seconds} s{so_far and ': '}{so_far}"
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            sys.stderr.write(f"\r\x1b[K{words[: columns - 1]}")  # a second line would stay
            sys.stderr.flush()
            await asyncio.sleep(1.0)
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
