"""Failovers under load: the primary turns read-only, then is gone, then another has its name.

A service that takes mail in, workers that send it, and a mail server that answers in time. Whatever
the mail server has confirmed must be written in the end, so no message may be lost, come twice, or
be in doubt; and ``/readyz`` must be right in each phase.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from sqlalchemy import or_, select
from tests.outbox.crash.feeder import Feeder
from tests.outbox.crash.judge import UNKNOWN_ENDS, Finding, engine, judge, unfinished
from tests.outbox.crash.programs import Program, complaints, free_port, until_ready
from tests.outbox.failover.cluster import Cluster
from tests.outbox.stops.server import Thinker, thinker

from smtps.outbox import tables

LOSSES = ("kill", "hang", "stop")
"""How a primary goes, in turn."""

ENDS = ("none", "stop", "kill")
"""What becomes of one worker while there is no database, in turn with another period."""

TIMEOUT = 5.0
"""``outbox_timeout``."""

TURN = 4.0
"""Seconds for ``/readyz`` to turn, once the database has."""

LATE = 1.0
"""Seconds from which an answer of ``/readyz`` may be about the time that it has, which is two."""

BACK = 2 * TIMEOUT
"""Seconds more when there is one again: whoever writes may still be waiting for one that hangs."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is done.

    Attributes:
        folder: for everything.
        messages, rounds: how many.
        phase: seconds of each.
        workers: beside the service.
        accounts: half of them hold what may have arrived, half send it again.
        slack: seconds more for whatever has to come soon, on a busy machine.
        patience: seconds that the last message has.
        seed: of chance.
    """

    folder: Path
    messages: int
    rounds: int
    phase: float = 3.0
    workers: int = 3
    accounts: int = 12
    slack: float = 0.0
    patience: float = 240.0
    seed: int = 1


@dataclass
class Report:
    """What came of it.

    Attributes:
        findings: for each policy.
        unwritten: messages that the mail server has confirmed and that are not called sent.
        twice: messages that came more than once without an attempt that was in doubt.
        phases: phase → how often it was right, and wrong.
        slowest: seconds of the slowest answer of ``/readyz``.
        kept: outcomes in files when a worker was ended.
        seconds, repeats: of it all; requests that had to be repeated.
        refused, complaints: answers that nobody should get; tracebacks in the logs.
    """

    findings: dict[str, Finding]
    unwritten: int = 0
    twice: int = 0
    phases: dict[str, Counter[bool]] = field(default_factory=dict)
    slowest: float = 0.0
    kept: int = 0
    seconds: float = 0.0
    repeats: int = 0
    refused: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def wrongs(self) -> list[tuple[str, str]]:
        """All that must not be."""
        found = [wrong for finding in self.findings.values() for wrong in finding.wrongs]
        found += [("not ready right", name) for name, seen in self.phases.items() if seen[False]]
        return found

    def total(self, count: Callable[[Finding], int]) -> int:
        """Of both policies."""
        return sum(map(count, self.findings.values()))


class _Watch:
    """Asks ``/readyz`` all the time, and knows what it should say."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/readyz"
        self.phases: dict[str, Counter[bool]] = {}
        self.slowest = 0.0
        self._phase = ""
        self._expected: int | None = None
        self._last = 0

    async def run(self) -> None:
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as client:
            while True:
                phase, expected, begun = self._phase, self._expected, time.monotonic()
                with suppress(httpx2.TransportError):
                    self._last = (await client.get(self._url)).status_code
                    took = time.monotonic() - begun
                    self.slowest = max(self.slowest, took)
                    right = self._last == expected
                    # A wrong one that comes late says no more than that the machine is busy.
                    counts = expected is not None and phase == self._phase and phase
                    if counts and (right or took < LATE):
                        self.phases[phase][right] += 1
                await asyncio.sleep(0.1)

    async def phase(self, name: str, expected: int, seconds: float, turn: float) -> None:
        """Wait until it says so, and then see that it goes on to for a while."""
        self._phase, self._expected = name, None
        self.phases.setdefault(name, Counter())
        try:
            async with asyncio.timeout(turn):
                await self._becomes(expected)
        except TimeoutError:
            self.phases[name][False] += 1
        self._expected = expected
        await asyncio.sleep(seconds)
        while not self.phases[name]:  # on a busy machine one answer takes longer than all that
            await asyncio.sleep(0.02)
        self._phase, self._expected = "", None

    async def _becomes(self, expected: int) -> None:
        self._last = 0
        while self._last != expected:
            await asyncio.sleep(0.02)


async def failovers(plan: Plan, say: Callable[[str], None] = lambda _: None) -> Report:
    """Do it."""
    start = time.monotonic()
    async with Cluster() as cluster:
        place = cluster.database()
        with thinker(plan.folder / "server", 0.0, 1.0) as server:
            site = _Site(plan, place, server)
            async with site.running() as watch:
                await _rounds(plan, cluster, site, watch, say)
                await asyncio.wait_for(site.fed, plan.patience)
                await _until_over(plan, cluster.direct(place))
            findings, unwritten, twice = _judged(cluster.direct(place), site, server)
        return Report(
            findings,
            unwritten=unwritten,
            twice=twice,
            phases=watch.phases,
            slowest=watch.slowest,
            kept=site.kept,
            seconds=time.monotonic() - start,
            repeats=site.feeder.told.repeats,
            refused=site.feeder.told.refused,
            complaints=complaints([program.log for program in site.programs]),
        )


async def _rounds(
    plan: Plan, cluster: Cluster, site: _Site, watch: _Watch, say: Callable[[str], None]
) -> None:
    for n in range(plan.rounds):
        loss, end = LOSSES[n % len(LOSSES)], ENDS[n // 2 % len(ENDS)]
        await cluster.add_standby()
        site.done = n
        turn, back = TURN + plan.slack, TURN + BACK + plan.slack
        await watch.phase("one primary", 200, plan.phase, back)
        await asyncio.to_thread(cluster.read_only)
        await watch.phase("read-only", 503, plan.phase, turn)
        victim = site.workers[n % len(site.workers)]
        await asyncio.to_thread(cluster.lose, loss)
        await watch.phase("gone", 503, plan.phase, turn)
        if end != "none":
            await asyncio.to_thread(victim.stop if end == "stop" else victim.kill)
            site.count_kept()
        await cluster.promote()
        if end != "none":
            victim.start()
        await watch.phase("another primary", 200, plan.phase, back)
        say(f"round {n + 1} ({loss}, worker: {end}): {len(site.feeder.told.ids):,} accepted")
    site.done = plan.rounds


class _Site:
    """The programs, and who hands mail over."""

    def __init__(self, plan: Plan, place: str, server: Thinker) -> None:
        self._plan = plan
        self._state = plan.folder / "state"
        self.retrying = {f"retry-{n}" for n in range(plan.accounts // 2)}
        holding = {f"hold-{n}" for n in range(plan.accounts - len(self.retrying))}
        names = sorted(holding | self.retrying)
        port = free_port()
        lines = [
            f"outbox = {json.dumps(place)}", f"port = {port}", "deliver = false",
            f"outbox_timeout = {TIMEOUT}", f"state_dir = {json.dumps(str(self._state))}",
        ]  # fmt: skip
        for name in names:
            lines += [f"[accounts.{name}]", 'host = "127.0.0.1"', f"port = {server.port}",
                      f"ca_file = {json.dumps(str(server.ca_file))}",
                      f'uncertain = "{name.partition("-")[0]}"']  # fmt: skip
        config = plan.folder / "smtps.toml"
        config.write_text("\n".join(lines) + "\n")
        self.workers = [
            Program(["worker", "--config", str(config)], plan.folder / f"worker-{n}.log")
            for n in range(plan.workers)
        ]
        service = Program(["serve", "--config", str(config)], plan.folder / "service.log")
        self.programs = [service, *self.workers]
        self.url = f"http://127.0.0.1:{port}"
        self.feeder = Feeder(self.url, names, plan.seed)
        self.done = 0
        self.kept = 0
        self._since = time.monotonic()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[_Watch]:
        for program in self.programs:
            program.start()
        watch = _Watch(self.url)
        tasks: list[asyncio.Task[None]] = []
        try:
            await until_ready(self.programs)
            self._since = time.monotonic()
            self.fed = asyncio.create_task(self.feeder.feed(self._plan.messages))
            tasks = [
                self.fed,
                asyncio.create_task(self.feeder.pace(self._plan.messages, self._progress)),
                asyncio.create_task(watch.run()),
            ]
            yield watch
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(asyncio.to_thread(one.stop) for one in self.programs))

    def _progress(self) -> float:
        """By the clock: the load does not wait for the database."""
        expected = self._plan.rounds * (4 * self._plan.phase + 10)
        late = (time.monotonic() - self._since) / expected
        return 1.0 if self.done == self._plan.rounds else min(late, 0.98)

    def count_kept(self) -> None:
        """Outcomes in files, before somebody writes them."""
        for file in self._state.glob("*.ndjson"):
            self.kept += file.read_text().count('"settled"')


async def _until_over(plan: Plan, place: str) -> None:
    database = engine(place)
    until = time.monotonic() + plan.patience
    while time.monotonic() < until:
        with suppress(Exception):
            if not await asyncio.to_thread(unfinished, database):
                break
        await asyncio.sleep(0.5)
    database.dispose()


def _judged(place: str, site: _Site, server: Thinker) -> tuple[dict[str, Finding], int, int]:
    """Findings; how many confirmed ones are not called sent; how many came twice unexplained."""
    database, taken = engine(place), server.taken()
    findings = judge(database, site.feeder.told, taken, site.retrying)
    messages, attempts = tables.messages.c, tables.attempts.c
    in_doubt = or_(
        attempts.outcome.in_(UNKNOWN_ENDS), attempts.failure.contains("outbox.interrupted")
    )
    with database.connect() as connection:
        states = {
            row.message_id.strip("<>"): (row.id, row.state)
            for row in connection.execute(select(messages.id, messages.message_id, messages.state))
        }
        doubtful = set(connection.execute(select(attempts.message).where(in_doubt)).scalars())
    database.dispose()
    unwritten = sum(states.get(name, ("", ""))[1] != "sent" for name in taken)
    again = [name for name, bodies in taken.items() if len(bodies) > 1]
    twice = sum(states.get(name, ("", ""))[0] not in doubtful for name in again)
    return findings, unwritten, twice
