"""A line at the terminal while a server keeps its client waiting; it goes when there is more."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AFTER = 2.0
"""Seconds without a word that nobody minds."""


@asynccontextmanager
async def waiting_for(server: str, *, show: bool = True) -> AsyncIterator[None]:
    """Show who is waited for, on standard error, for the length of the block.

    Args:
        server: who.
        show: whether at all; only a terminal is shown anything.
    """
    if not show or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    line = asyncio.create_task(_line(server))
    try:
        yield
    finally:
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)


async def _line(server: str) -> None:
    began = time.monotonic()
    await asyncio.sleep(AFTER)
    try:
        while True:
            words = f"waiting for {server}, {time.monotonic() - began:.0f} s"
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            sys.stderr.write(f"\r\x1b[K{words[: columns - 1]}")  # a second line would stay
            sys.stderr.flush()
            await asyncio.sleep(1.0)
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
