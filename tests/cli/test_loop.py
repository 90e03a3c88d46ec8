"""The loop of what runs for long: names that nobody answers for keep no others waiting."""

from __future__ import annotations

import asyncio
import threading

from smtps.cli import running


def test_many_silent_names_leave_room_for_one_more() -> None:
    """On asyncio's own loop a look-up takes one of the threads that this is about."""
    silent = threading.Event()

    async def main() -> str:
        waiting = [asyncio.create_task(asyncio.to_thread(silent.wait)) for _ in range(50)]
        found = await asyncio.wait_for(asyncio.to_thread(lambda: "answered"), 10)
        silent.set()
        await asyncio.gather(*waiting)
        return found

    assert running.run(main()) == "answered"
