"""Waiting for a greeting, and asking on the side whether one can ever come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from smtps.client.access import Access
from smtps.diagnosis.looks import Look
from smtps.errors import Phase
from smtps.net.timing import timed_out

SUSPICIOUS = 10.0
"""Seconds of silence after which another connection says EHLO, as web servers and others wait for
their client. The first goes on waiting meanwhile: a mail server may take a minute."""


async def greeted(session: Access, ask: Callable[[], Awaitable[Look]]) -> None:
    """Wait for the greeting.

    Args:
        session: where it is due.
        ask: says EHLO over another connection, unless the greeting has begun.

    Raises:
        SMTPSError: as ``Access.greet``; a time-out as soon as another service has answered.
    """
    greeting = asyncio.create_task(_greet(session))
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        await asyncio.wait((greeting,), timeout=SUSPICIOUS)
        begun, _ = session.dialogue.connection.unfinished
        if (
            not greeting.done()
            and not begun
            and (await ask()).service is not None
            and not greeting.done()
        ):
            raise timed_out(Phase.GREETING, loop.time() - start, session.address)
        await greeting
    finally:
        greeting.cancel()
        await asyncio.gather(greeting, return_exceptions=True)


async def _greet(session: Access) -> None:
    await session.greet()
