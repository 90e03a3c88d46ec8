"""Whoever asks a hundred times at once waits for itself."""

from __future__ import annotations

import asyncio

from benchmarks import fairness

from smtps.http.guards.limits import Turns


async def test_a_caller_who_comes_late_need_not_wait_for_the_many_of_another() -> None:
    turns, order = Turns(), []

    async def begin(caller: str) -> None:
        await turns.wait(caller)
        order.append(caller)

    many = [asyncio.create_task(begin("hog")) for _ in range(100)]
    await asyncio.sleep(0)
    few = [asyncio.create_task(begin(caller)) for caller in ("ann", "bob", "ann")]
    await asyncio.gather(*many, *few)
    assert len(order) == 103
    assert max(number for number, caller in enumerate(order) if caller != "hog") < 40


async def test_a_caller_who_is_alone_waits_for_nothing() -> None:
    turns = Turns()
    for _ in range(3):
        await asyncio.wait_for(turns.wait("ann"), 1)
        await asyncio.sleep(0)


async def test_who_leaves_while_it_waits_leaves_its_turn() -> None:
    turns = Turns()
    tasks = [asyncio.create_task(turns.wait("ann")) for _ in range(10)]
    await asyncio.sleep(0)
    for task in tasks[:9]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not tasks[9].cancelled()
    await turns.wait("ann")


def test_the_measurement_knows_each_attack() -> None:
    assert all(tasks for _, tasks in fairness.ATTACKS.values())
    assert len(fairness.ATTACKS) >= 13
