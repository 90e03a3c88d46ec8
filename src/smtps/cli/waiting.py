"""Running until told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

TWICE = 0.2
"""Seconds after the first signal in which another one is the same: a terminal and whatever started
the command may each send it.
"""


@contextmanager
def stop_signals(hurry: asyncio.Event | None = None) -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set, for the length of the block.

    Args:
        hurry: set by the second one; the third ends the process.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    since = 0.0

    def let_go() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    def take() -> None:
        nonlocal since
        if not stop.is_set():
            since = loop.time()
            stop.set()
        elif hurry is not None and loop.time() - since > TWICE:
            hurry.set()
            let_go()

    for number in signals:
        loop.add_signal_handler(number, take)
    try:
        yield stop
    finally:
        let_go()
