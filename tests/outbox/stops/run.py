"""SIGTERM for the service and its workers at random moments, under load.

``stops``: again and again, each at once started anew, beside a server that answers in time.
``standstill``: once, beside a server that does not.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from tests.outbox.crash.feeder import Feeder
from tests.outbox.crash.judge import Finding, engine, judge, unfinished
from tests.outbox.crash.programs import EARLY, Program, complaints, free_port, until_ready
from tests.outbox.stops.server import Thinker, thinker

from smtps.outbox import tables

LONGEST = 100.0
"""Seconds that a stop may take; a supervisor would wait 90."""

PATIENCE = 900.0
"""Seconds that the last message has, after the last stop."""

IN_ORDER = (0, -15)
"""Exit codes: a process that still starts has no handler yet, and holds nothing."""


@dataclass(frozen=True)
class Plan:
    """What is done.

    Attributes:
        folder: for everything.
        place: of the outbox: a file in the folder, or ``postgresql://…``.
        messages, stops: how many.
        least, most: seconds that the mail server thinks about a message.
        quick: it answers the first so many at once.
        kinds: of its connections; see ``thinker``.
        every: seconds of work before a stop, on average.
        under_way: before a stop so many messages must have come that are not answered.
        workers: beside the service, which delivers itself if there are none.
        accounts: at the server; all hold what may have arrived.
        settings: more lines of the configuration.
        seed: of chance.
    """

    folder: Path
    place: str
    messages: int
    stops: int
    least: float = 0.0
    most: float = 1.0
    quick: int = 0
    kinds: int = 3
    every: float = 1.0
    under_way: int = 0
    workers: int = 0
    accounts: int = 4
    settings: str = ""
    seed: int = 1


@dataclass
class Report:
    """How it went.

    Attributes:
        finding: what the judge says.
        slowest: seconds of the longest stop.
        codes: exit codes.
        complaints: tracebacks in the logs.
        seconds: of it all.
    """

    finding: Finding
    slowest: float
    codes: Counter[int] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    seconds: float = 0.0


class _Site:
    """The programs of a plan, and their configuration."""

    def __init__(self, plan: Plan, server: Thinker) -> None:
        port = free_port()
        names = [f"hold-{n}" for n in range(plan.accounts)]
        config = plan.folder / "smtps.toml"
        lines = [f"outbox = {json.dumps(plan.place)}", f"port = {port}", plan.settings]
        lines += ["deliver = false"] if plan.workers else []
        for name in names:
            lines += [f"[accounts.{name}]", 'host = "127.0.0.1"', f"port = {server.port}",
                      f"ca_file = {json.dumps(str(server.ca_file))}"]  # fmt: skip
        config.write_text("\n".join(lines) + "\n")
        service = Program(["serve", "--config", str(config)], plan.folder / "service.log")
        workers = [
            Program(["worker", "--config", str(config)], plan.folder / f"worker-{n}.log")
            for n in range(plan.workers)
        ]
        self.senders = workers or [service]
        self.programs = [service, *workers]
        self.feeder = Feeder(f"http://127.0.0.1:{port}", names, plan.seed)
        self.slowest = 0.0
        self.codes: Counter[int] = Counter()

    async def stop(self, program: Program) -> None:
        """SIGTERM, and wait until it has ended."""
        start = time.monotonic()
        self.codes[await asyncio.to_thread(program.end, LONGEST)] += 1
        self.slowest = max(self.slowest, time.monotonic() - start)

    async def end(self) -> None:
        """Stop what still runs."""
        await asyncio.gather(*(asyncio.to_thread(one.end, LONGEST) for one in self.programs))


async def stops(plan: Plan, say: Callable[[str], None] = lambda _: None) -> Report:
    """See the module."""
    began = time.monotonic()
    chance = random.Random(plan.seed)
    with thinker(plan.folder / "server", plan.least, plan.most, plan.quick, plan.kinds) as server:
        site = _Site(plan, server)
        for program in site.programs:
            program.start()
        done, since = 0, time.monotonic()

        def progress() -> float:
            """With the stops, so that each falls into the middle of the load."""
            part = min((time.monotonic() - since) / plan.every, 1.0)
            return (done + part) / (plan.stops + 1)

        tasks = [
            asyncio.create_task(site.feeder.feed(plan.messages)),
            asyncio.create_task(site.feeder.pace(plan.messages, progress)),
        ]
        try:
            await until_ready(site.programs)
            for done in range(1, plan.stops + 1):
                victim = chance.choice(site.programs)
                if chance.random() > EARLY:
                    await until_ready([victim])
                await asyncio.sleep(chance.uniform(0, 2 * plan.every))
                await _until_under_way(server, plan.under_way)
                await site.stop(victim)
                victim.start()
                since = time.monotonic()
                if done % 10 == 0:
                    say(f"{done} stops, {len(site.feeder.told.ids):,} accepted")
            await until_ready(site.programs)
            await asyncio.wait_for(tasks[0], PATIENCE)
            await _until_over(plan.place)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await site.end()
        return _report(plan, site, server, time.monotonic() - began)


async def standstill(plan: Plan) -> tuple[Report, list[str]]:
    """See the module.

    Returns:
        How it went; and what was in doubt and had not reached the server, or the other way round.
    """
    began = time.monotonic()
    chance = random.Random(plan.seed)
    with thinker(plan.folder / "server", plan.least, plan.most, plan.quick, plan.kinds) as server:
        site = _Site(plan, server)
        for program in site.programs:
            program.start()
        try:
            await until_ready(site.programs)
            feeding = asyncio.create_task(site.feeder.feed(plan.messages))
            await site.feeder.pace(plan.messages, lambda: 1.0)
            await feeding
            await _until_under_way(server, max(1, plan.under_way))
            await asyncio.sleep(chance.uniform(0, 2 * plan.every))
            await asyncio.gather(*(site.stop(sender) for sender in site.senders))
        finally:
            await site.end()
        taken, arrived = server.taken(), set(server.arrived())
        report = _report(plan, site, server, time.monotonic() - began)
        doubtful = _in_state(plan.place, "uncertain")
        return report, sorted(doubtful ^ (arrived - taken.keys()))


async def _until_under_way(server: Thinker, wanted: int) -> None:
    async with asyncio.timeout(60):
        while len(server.arrived()) - sum(map(len, server.taken().values())) < wanted:
            await asyncio.sleep(0.02)


def _report(plan: Plan, site: _Site, server: Thinker, seconds: float) -> Report:
    database = engine(plan.place)
    finding = judge(database, site.feeder.told, server.taken(), set())["hold"]
    database.dispose()
    logs = [program.log for program in site.programs]
    return Report(finding, site.slowest, site.codes, complaints(logs), seconds)


def _in_state(place: str, state: str) -> set[str]:
    """The Message-IDs of these, without brackets."""
    database = engine(place)
    messages = tables.messages.c
    with database.connect() as connection:
        rows = connection.execute(select(messages.message_id).where(messages.state == state))
        found = {str(row.message_id).strip("<>") for row in rows}
    database.dispose()
    return found


async def _until_over(place: str) -> None:
    database = engine(place)
    async with asyncio.timeout(PATIENCE):
        while await asyncio.to_thread(unfinished, database):
            await asyncio.sleep(0.2)
    database.dispose()
