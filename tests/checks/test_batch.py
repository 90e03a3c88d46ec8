"""Many targets: what may happen at the same time, what must not, and that nothing gets lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.checks.made import a_report

from smtps.checks.batch import LOOKAHEAD, CheckOne, Spacing, check_many
from smtps.checks.checking import check
from smtps.checks.gather import Turn
from smtps.checks.report import Report
from smtps.checks.verdict import Verdict
from smtps.endpoint import Timeouts
from smtps.errors import InputError
from smtps.net.resolve import Address
from smtps.sandbox.server import Sandbox


def report_of(target: str) -> Report:
    return a_report(target=target, host=target)


async def at_once(target: str, _turn: Turn) -> Report:
    await asyncio.sleep(0)
    return report_of(target)


class Clock:
    """Time that passes only when all wait for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._count += 1
        self._sleepers.append((self.now + seconds, self._count, future))
        await future

    async def run(self, work: Any) -> Any:
        """Until the work is done, wake the sleepers in their order."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(20):  # let everybody go as far as they come without time
                await asyncio.sleep(0)
            self._sleepers = [s for s in self._sleepers if not s[2].done()]
            if self._sleepers and not task.done():
                earliest = min(self._sleepers)
                self._sleepers.remove(earliest)
                self.now = max(self.now, earliest[0])
                earliest[2].set_result(None)
        return task.result()


class Visits:
    """A check of made-up servers that notes who is where, and when.

    A target is its addresses, joined by plus signs, and after a slash anything else.
    """

    def __init__(self, clock: Clock, seconds: float = 1.0) -> None:
        self.clock = clock
        self.seconds = seconds
        self.inside: Counter[str] = Counter()
        self.log: dict[str, list[tuple[float, float]]] = {}
        self.most = 0

    async def check_one(self, target: str, turn: Turn) -> Report:
        ips = target.partition("/")[0].split("+")
        async with turn([Address(ip, 465) for ip in ips]):
            begun = self.clock.now
            self.inside.update(ips)
            assert max(self.inside.values()) == 1, "two at the same address"
            self.most = max(self.most, self.inside.total())
            await self.clock.sleep(self.seconds)
            self.inside.subtract(ips)
            for ip in ips:
                self.log.setdefault(ip, []).append((begun, self.clock.now))
        return report_of(target)


async def collect(
    targets: Any, check_one: CheckOne, clock: Clock | None = None, **options: Any
) -> list[Report]:
    if clock is not None:
        options |= {"clock": clock, "sleep": clock.sleep}
    return [report async for report in check_many(targets, check_one, **options)]


def names(reports: list[Report]) -> list[str]:
    return [report.facts.target for report in reports]


@pytest.mark.parametrize("jobs", [1, 2, 7, 100])
async def test_every_target_has_one_report(jobs: int) -> None:
    targets = [f"host{number}" for number in range(50)]
    assert sorted(names(await collect(targets, at_once, jobs=jobs))) == sorted(targets)


async def test_no_targets_no_reports() -> None:
    assert await collect([], at_once) == []


async def test_one_job_keeps_the_order() -> None:
    clock = Clock()
    visits = Visits(clock)
    targets = ["a/1", "a/2", "b/3", "a/4", "b/5"]
    assert names(await clock.run(collect(targets, visits.check_one, clock, jobs=1))) == targets
    assert visits.most == 1


async def test_reports_come_as_they_are_ready() -> None:
    slow = asyncio.Event()

    async def check_one(target: str, _turn: Turn) -> Report:
        if target == "slow":
            await slow.wait()
        return report_of(target)

    seen = []
    async for report in check_many(["slow", "quick"], check_one):
        seen.append(report.facts.target)
        slow.set()
    assert seen == ["quick", "slow"]


async def test_no_more_run_at_the_same_time_than_there_are_jobs() -> None:
    clock = Clock()
    visits = Visits(clock)
    await clock.run(collect([f"ip{n}" for n in range(40)], visits.check_one, clock, jobs=8))
    assert visits.most == 8
    assert clock.now == 5.0


async def test_the_list_is_read_no_faster_than_reports_are_taken() -> None:
    read = 0

    def targets() -> Iterator[str]:
        nonlocal read
        for number in range(100_000):
            read += 1
            yield f"host{number}"

    jobs = 3
    taken = 0
    async with aclosing(check_many(targets(), at_once, jobs=jobs)) as reports:
        async for _ in reports:
            taken += 1
            await asyncio.sleep(0)
            assert read - taken <= jobs * LOOKAHEAD + 1
            if taken == 500:
                break
    assert taken == 500


async def test_targets_may_come_from_something_that_waits() -> None:
    async def targets() -> AsyncIterator[str]:
        for name in ("a", "b"):
            await asyncio.sleep(0)
            yield name

    assert names(await collect(targets(), at_once)) == ["a", "b"]


async def test_a_visitor_waits_for_the_one_before_and_for_the_gap() -> None:
    clock = Clock()
    visits = Visits(clock, seconds=1.0)
    await clock.run(collect(["a/1", "a/2", "a/3", "b"], visits.check_one, clock, spacing=5.0))
    assert visits.log["a"] == [(0.0, 1.0), (6.0, 7.0), (12.0, 13.0)]
    assert visits.log["b"] == [(0.0, 1.0)]


async def test_waiting_for_an_address_takes_no_job() -> None:
    clock = Clock()
    visits = Visits(clock, seconds=1.0)
    targets = [f"busy/{n}" for n in range(6)] + [f"ip{n}" for n in range(6)]
    await clock.run(collect(targets, visits.check_one, clock, jobs=2, spacing=10.0))
    assert max(end for log in visits.log.values() for _, end in log) == visits.log["busy"][-1][1]
    assert max(visits.log[f"ip{n}"][0][1] for n in range(6)) <= 6.0


@settings(max_examples=60, deadline=None)
@given(
    targets=st.lists(
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True).map("+".join),
        max_size=25,
    ),
    jobs=st.integers(1, 6),
    gap=st.sampled_from([0.0, 0.5, 3.0]),
)
def test_however_targets_share_addresses(targets: list[str], jobs: int, gap: float) -> None:
    """Invariant: nobody meets at an address, the gap is kept, all come through."""
    clock = Clock()
    visits = Visits(clock)
    targets = [f"{target}/{number}" for number, target in enumerate(targets)]
    options: dict[str, Any] = {"jobs": jobs, "spacing": gap}
    done = asyncio.run(clock.run(collect(targets, visits.check_one, clock, **options)))
    assert sorted(names(done)) == sorted(targets)
    for log in visits.log.values():
        for (_, left), (came, _) in pairwise(log):
            assert came >= left + gap


async def test_the_table_of_addresses_forgets() -> None:
    clock = Clock()
    spacing = Spacing(5.0, clock=clock, sleep=clock.sleep)
    for number in range(100):
        async with spacing.visit([f"ip{number}"]):
            clock.now += 1.0
    assert len(spacing) <= 6
    clock.now += 5.0
    assert spacing.free(["ip99"])
    assert len(spacing) == 0


async def test_a_broken_target_is_unknown_and_disturbs_nobody() -> None:
    async def check_one(target: str, _turn: Turn) -> Report:
        await asyncio.sleep(0)
        if target == "x:0":
            raise InputError("port", "must be between 1 and 65535")
        if target == "bug":
            raise RuntimeError("secret")
        if target == "cancelled":
            raise asyncio.CancelledError
        return report_of(target)

    targets = ["x:0", "bug", "fine", "cancelled", "fine-too"]
    done = {report.facts.target: report for report in await collect(targets, check_one)}
    assert {name: report.verdict for name, report in done.items()} == {
        "x:0": Verdict.UNKNOWN,
        "bug": Verdict.UNKNOWN,
        "cancelled": Verdict.UNKNOWN,
        "fine": Verdict.WORKS,
        "fine-too": Verdict.WORKS,
    }
    (finding,) = done["x:0"].findings
    assert finding.code == "input.invalid"
    (finding,) = done["bug"].findings
    assert finding.code == "api.bug"
    assert "RuntimeError at test_batch.py:" in finding.seen
    assert "secret" not in finding.seen


async def test_an_impossible_host_name_is_a_report(sandbox: Sandbox) -> None:
    async def check_one(target: str, turn: Turn) -> Report:
        return await check(
            target, port=sandbox.port, target=target, ca_file=sandbox.ca_file, turn=turn
        )

    done = await collect(["a b", "127.0.0.1", "127.1"], check_one)
    assert {r.facts.target: [f.code for f in r.findings] for r in done} == {
        "a b": ["dns.invalid_name"],
        "127.0.0.1": [],
        "127.1": ["dns.invalid_name"],
    }
    assert [r.verdict for r in done if r.facts.target != "127.0.0.1"] == [Verdict.UNKNOWN] * 2


async def test_a_list_that_breaks_off_is_told_after_the_reports_before() -> None:
    def targets() -> Iterator[str]:
        yield "a"
        yield "b"
        raise OSError("the disk is gone")

    reports = check_many(targets(), at_once)
    assert [(await anext(reports)).facts.target for _ in "ab"] == ["a", "b"]
    with pytest.raises(OSError, match="the disk is gone"):
        await anext(reports)


async def test_leaving_cancels_what_runs_and_waits_for_it() -> None:
    begun, ended = [], []

    async def check_one(target: str, _turn: Turn) -> Report:
        begun.append(target)
        try:
            if target != "first":
                await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(target)
        return report_of(target)

    async with aclosing(check_many(["first", *map(str, range(20))], check_one, jobs=5)) as reports:
        async for _ in reports:
            break
    assert len(begun) >= 5
    assert sorted(ended) == sorted(begun)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_waiting_for_a_turn_can_be_left_as_well() -> None:
    clock = Clock()
    visits = Visits(clock)

    async def leave() -> None:
        options: dict[str, Any] = {"jobs": 2, "spacing": 9.0, "clock": clock, "sleep": clock.sleep}
        targets = [f"a/{n}" for n in range(9)]
        async with aclosing(check_many(targets, visits.check_one, **options)) as reports:
            async for _ in reports:
                break

    await clock.run(leave())
    assert len(visits.log["a"]) == 1


@pytest.mark.parametrize(("option", "value"), [("jobs", 0), ("spacing", -1.0), ("spacing", 1e9)])
async def test_what_cannot_be_used_is_named(option: str, value: Any) -> None:
    with pytest.raises(InputError, match=option):
        await collect(["a"], at_once, **{option: value})


async def test_waiting_for_the_turn_does_not_count_against_the_time(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    real = loop.time

    @asynccontextmanager
    async def turn(_addresses: Any) -> AsyncIterator[None]:
        monkeypatch.setattr(loop, "time", lambda: real() + 1000.0)
        yield

    report = await check(
        sandbox.host,
        port=sandbox.port,
        ca_file=sandbox.ca_file,
        timeouts=Timeouts(total=60.0),
        turn=turn,
    )
    assert report.verdict is Verdict.WORKS
