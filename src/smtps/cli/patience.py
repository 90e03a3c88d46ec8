"""A line at the terminal while a server keeps its client waiting; it goes when there is more."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable
from typing import TypeVar

Found = TypeVar("Found")

AFTER = 2.0
"""Seconds without a word that nobody minds."""


async def waiting_for(server: str, work: Awaitable[Found], *, show: bool = True) -> Found:
    """Do the work, and show on standard error meanwhile who is waited for.

    Args:
        server: who.
        work: what.
        show: whether to show it; only a terminal is shown anything.
    """
    if not show or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return await work
    line = asyncio.create_task(_line(server))
    try:
        return await work
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
