"""The event loop of a command that runs for long."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
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
