"""Two processes on one database at the same moment: one waits for the other, or finds nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event
from tests.outbox.rig import ON_POSTGRESQL, Rig, people
from tests.outbox.test_clock import HOUR, sees, times, waits_until
from tests.outbox.test_recovery import marks, settles, takes

from smtps.client.result import Outcome
from smtps.outbox import control
from smtps.outbox.control import ControlError, Seen, Sight, look
from smtps.outbox.outbox import Bounds, Outbox
from smtps.outbox.retry import MINUTE

pytestmark = ON_POSTGRESQL

DAY = 24 * 60


@asynccontextmanager
async def between(box: Outbox, words: str, meanwhile: Callable[[], Any]) -> AsyncIterator[None]:
    """Have something done by another process, as soon as this one has asked for such rows.

    Whoever does it may have to wait for the end of the transaction.
    """
    loop = asyncio.get_running_loop()
    under_way: list[Future[None]] = []
    engine = box.store.behind.writing

    def asked(_: Connection, __: Any, statement: str, *___: Any) -> None:
        if words in statement and not under_way:
            under_way.append(asyncio.run_coroutine_threadsafe(meanwhile(), loop))
            try:
                under_way[0].result(0.5)
            except TimeoutError:
                return  # it waits for us

    event.listen(engine, "after_cursor_execute", asked)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", asked)
    assert under_way, "nobody asked for it"
    await asyncio.wait_for(asyncio.wrap_future(under_way[0]), 10)


@pytest.fixture
async def other(rig: Rig) -> Outbox:
    """Another process; ``rig.outbox`` is the one that takes, marks and tidies."""
    found = await rig.start(deliver=False, bounds=Bounds(bodies=0))
    await rig.start(deliver=False, bounds=Bounds(bodies=0))
    return found


async def test_what_is_canceled_while_a_lane_takes_it_on_is_sent_or_canceled_but_not_both(
    rig: Rig, other: Outbox
) -> None:
    id_ = await rig.accept()
    lease = await takes(rig)
    refused: list[ControlError] = []

    async def cancel() -> None:
        try:
            await other.cancel(id_)
        except ControlError as error:
            refused.append(error)

    async with between(rig.outbox, "messages.due <=", cancel):
        claims = await marks(rig, lease)
    assert bool(claims) == bool(refused)
    expected = "sending" if claims else "canceled"
    assert (await rig.outbox.show(id_))["status"] == expected


async def test_what_is_retried_while_it_expires_goes_out(rig: Rig, other: Outbox) -> None:
    id_ = await rig.accept(lifetime=60_000, send_at=rig.clock.now() + 30_000)
    rig.later(2)

    async with between(rig.outbox, "messages.expires <=", lambda: other.retry(id_)):
        await rig.outbox.store.write(control.expire, rig.clock.now())
    message = await rig.outbox.show(id_)
    assert message["status"] == "queued"
    assert people(message) == {"bob@y.test": "pending"}


async def test_what_is_retried_while_its_body_is_removed_is_refused_or_has_its_body(
    rig: Rig, other: Outbox
) -> None:
    id_ = await rig.accept()
    await rig.outbox.cancel(id_)
    rig.later(1)
    refused: list[ControlError] = []

    async def retry() -> None:
        try:
            await other.retry(id_)
        except ControlError as error:
            refused.append(error)

    async with between(rig.outbox, "messages.kept AND", retry):
        await rig.outbox._tidy()
    assert (await rig.outbox.body(id_) is None) == bool(refused)
    assert (await rig.outbox.show(id_))["status"] == ("canceled" if refused else "queued")


async def test_what_a_paused_lane_tells_while_it_is_replaced_counts(
    rig: Rig, other: Outbox
) -> None:
    id_ = await rig.accept()
    paused = await takes(rig)
    (claim,) = await marks(rig, paused)
    written: list[bool] = []

    async def tell() -> None:
        mine, rig.outbox = rig.outbox, other
        settling = asyncio.ensure_future(settles(rig, paused, claim, Outcome.SENT))
        await asyncio.sleep(0)  # it has read which outbox to take
        rig.outbox = mine
        written.append(await settling)

    async with between(rig.outbox, "messages.lane <", tell):
        await takes(rig)
    assert written == [True]
    assert (await rig.outbox.show(id_))["status"] == "sent"


async def test_what_waits_is_moved_once_when_two_see_that_the_clock_went_back(
    rig: Rig, other: Outbox
) -> None:
    id_ = await rig.accept()
    now = rig.clock.now()
    await waits_until(rig, id_, "queued", now + 7 * MINUTE)
    await sees(rig, now)
    before = Sight(now - 5 * HOUR, back=True)
    moved: list[int] = []

    async def sees_too() -> None:
        seen: Seen = await other.store.write(look, before)
        moved.append(seen.moved)

    async with between(rig.outbox, "UPDATE messages SET due", sees_too):
        moved.append(await sees(rig, before.now))
    assert sorted(moved) == [0, 5 * HOUR]
    there = before.now + 7 * MINUTE
    assert await times(rig, id_) == (there, there)
