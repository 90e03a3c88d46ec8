"""The event loop of a long-running command, and the signals that stop it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

LOOKUPS = 64
"""Names looked up at the same time. A silent one holds a thread, and all others need one too."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run it on uvloop where that is installed (``smtps[fast]``), else on asyncio's own loop."""
    try:
        import uvloop  # noqa: PLC0415  # late: a single check is over before it would pay
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
        os.environ.setdefault("UV_THREADPOOL_SIZE", str(LOOKUPS))  # it has threads of its own
    with asyncio.Runner(loop_factory=factory) as runner:
        threads = ThreadPoolExecutor(LOOKUPS, "smtps")
        runner.get_loop().set_default_executor(threads)
        return runner.run(main)


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
