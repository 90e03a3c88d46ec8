"""The event loop of a command that runs for long."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run it on uvloop where that is installed (``smtps[fast]``), else on asyncio's own loop."""
    try:
        import uvloop  # noqa: PLC0415  # late: a single check is over before it would pay
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)
