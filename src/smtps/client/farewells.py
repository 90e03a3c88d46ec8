"""Sessions on their way out: QUIT is said, and nobody waits for the answer."""

from __future__ import annotations

import asyncio

from smtps.client.access import Access

MOST = 100
"""At a time. Beyond them it is waited for: a server that never answers must not pile them up."""


class Farewells:
    """Lets sessions quit beside what goes on.

    RFC 5321 section 4.1.1.10 wants the answer to QUIT awaited, and nothing depends on it. Whoever
    has all that they came for need not wait another round trip.

    Attributes:
        under_way: those whose answer is due.
    """

    def __init__(self) -> None:
        self.under_way: set[asyncio.Task[None]] = set()

    async def quit(self, session: Access) -> None:
        """Let a session quit; at once, unless very many are at it."""
        task = self.begin(session)
        if len(self.under_way) > MOST:
            await asyncio.wait([task])  # whoever waits may go; the session leaves all the same

    def begin(self, session: Access) -> asyncio.Task[None]:
        """Let a session quit, however many are at it."""
        task = asyncio.get_running_loop().create_task(session.quit())
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        return task

    async def aclose(self) -> None:
        """Wait until all have left."""
        await asyncio.gather(*self.under_way, return_exceptions=True)
