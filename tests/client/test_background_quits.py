"""Sessions quit beside what goes on, and not without bound."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from smtps.client import lending
from smtps.client.handshake import Access
from smtps.client.lending import BackgroundQuits


class Slow:
    """A session whose server takes its time to answer QUIT."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()
        self.left = False

    async def quit(self) -> None:
        await self.answer.wait()
        self.left = True


def several(number: int) -> list[Any]:
    return [cast(Access, Slow()) for _ in range(number)]


async def test_nobody_waits_for_the_answer_but_the_end() -> None:
    (session,) = several(1)
    leaving = BackgroundQuits()
    await leaving.quit(session)
    assert not session.left
    end = asyncio.create_task(leaving.aclose())
    await asyncio.sleep(0)
    assert not end.done()
    session.answer.set()
    await end
    assert session.left


async def test_beyond_a_bound_it_is_waited_for() -> None:
    sessions = several(lending.MAX_QUITTING + 1)
    leaving = BackgroundQuits()
    for session in sessions[:-1]:
        await leaving.quit(session)
    last = asyncio.create_task(leaving.quit(sessions[-1]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not last.done()
    for session in sessions:
        session.answer.set()
    await last
    await leaving.aclose()
    assert all(session.left for session in sessions)
