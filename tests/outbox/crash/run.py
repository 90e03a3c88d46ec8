"""Everything together: a server that misbehaves, callers, ``kill -9``, and the judgement."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine
from tests.outbox.crash.feeder import Feeder, Told, resume_all
from tests.outbox.crash.judge import Finding, engine, judge, unfinished
from tests.outbox.crash.programs import Program, complaints, free_port, kill_at_random, until_ready
from tests.outbox.crash.receiver import Receiver, receiving
from tests.outbox.crash.server import chaos_server
from tests.outbox.recording import Recorder


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is done.

    Attributes:
        folder: for everything.
        place: of the outbox: a file in the folder, or ``postgresql://…``.
        messages, kills: how many.
        every: seconds that one works until it is killed, on average.
        workers: beside the service, which delivers itself if there are none.
        accounts: half of them hold what may have arrived, half send it again.
        rate: of each misdeed of the server.
        patience: seconds that the last message has, after the last kill.
        seed: of chance.
    """

    folder: Path
    place: str
    messages: int
    kills: int
    every: float = 1.0
    workers: int = 0
    accounts: int = 20
    rate: float = 0.05
    patience: float = 120.0
    seed: int = 1


@dataclass
class Report:
    """What came of it.

    Attributes:
        findings: for each policy.
        seconds: until the last message had ended.
        repeats: requests that had to be sent again.
        refused: answers that nobody should get.
        ended: processes that were gone when they were to be killed, or did not stop when told to.
        complaints: tracebacks in their logs.
    """

    findings: dict[str, Finding]
    seconds: float
    repeats: int
    refused: list[str] = field(default_factory=list)
    ended: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def wrongs(self) -> list[tuple[str, str]]:
        """All that must not be."""
        return [wrong for finding in self.findings.values() for wrong in finding.wrongs]


async def crash(plan: Plan, say: Callable[[str], None] = lambda _: None) -> Report:
    """Do it."""
    chaos_folder = plan.folder / "server"
    chaos_folder.mkdir(parents=True)
    async with receiving(plan.seed, plan.rate) as receiver:
        with chaos_server(chaos_folder, plan.seed, plan.rate) as server:
            return await _crash(plan, server, receiver, say)


async def _crash(
    plan: Plan, server: Recorder, receiver: Receiver, say: Callable[[str], None]
) -> Report:
    holding = [f"hold-{n}" for n in range(plan.accounts // 2)]
    retrying = [f"retry-{n}" for n in range(plan.accounts - len(holding))]
    port = free_port()
    config = plan.folder / "smtps.toml"
    config.write_text(_settings(plan, server, receiver.url, port, holding, retrying))
    programs = [Program(["serve", "--config", str(config)], plan.folder / "service.log")]
    programs += [
        Program(["worker", "--config", str(config)], plan.folder / f"worker-{n}.log")
        for n in range(plan.workers)
    ]
    names = [name for pair in zip(holding, retrying, strict=True) for name in pair]
    feeder = Feeder(f"http://127.0.0.1:{port}", names, plan.seed)
    start = time.monotonic()
    for program in programs:
        program.start()
    try:
        ended = await _under_load(plan, feeder, programs, f"http://127.0.0.1:{port}", say)
    finally:
        stopped = [program.stop() for program in programs]
    seconds = time.monotonic() - start
    database = engine(plan.place)
    findings = judge(database, feeder.told, server.taken(), set(retrying), receiver)
    database.dispose()
    return Report(
        findings, seconds, feeder.told.repeats, feeder.told.refused,
        ended + stopped.count(False),
        complaints([program.log for program in programs]),
    )  # fmt: skip


async def _under_load(
    plan: Plan, feeder: Feeder, programs: list[Program], url: str, say: Callable[[str], None]
) -> int:
    done, since = 0, time.monotonic()

    def killed() -> None:
        nonlocal done, since
        done, since = done + 1, time.monotonic()
        if done % 20 == 0:
            say(f"{done} kills, {len(feeder.told.ids):,} accepted")

    def progress() -> float:
        """With the kills, so that each falls into the middle of the load."""
        part = min((time.monotonic() - since) / (plan.every + START), 1.0)
        return (done + part) / (plan.kills + 1)

    await until_ready(programs)
    feeding = asyncio.create_task(feeder.feed(plan.messages))
    others = [
        asyncio.create_task(resume_all(url)),
        asyncio.create_task(feeder.pace(plan.messages, progress)),
    ]
    try:
        ended = await kill_at_random(programs, plan.kills, plan.every, plan.seed, killed)
        await asyncio.wait([feeding], timeout=plan.patience)
        await _until_over(plan, feeder.told, say)
    finally:
        for task in (*others, feeding):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    return ended


START = 0.3
"""Seconds that a program needs to start, or so: for the pace of the callers."""


async def _until_over(plan: Plan, told: Told, say: Callable[[str], None]) -> None:
    database: Engine = engine(plan.place)
    until = time.monotonic() + plan.patience
    while (left := await asyncio.to_thread(unfinished, database)) and time.monotonic() < until:
        await asyncio.sleep(0.5)
    say(f"{len(told.ids):,} accepted, {left} not ended")
    database.dispose()


def _settings(
    plan: Plan, server: Recorder, url: str, port: int, holding: list[str], retrying: list[str]
) -> str:
    secret = plan.folder / "secret"
    secret.write_text("secret\n")
    key = plan.folder / "key"
    key.write_text("whsec_" + "A" * 32 + "\n")
    lines = [f"outbox = {json.dumps(plan.place)}", f"port = {port}"]
    lines += ["deliver = false"] if plan.workers else []
    for name in (*holding, *retrying):
        lines += [
            f"[accounts.{name}]", 'host = "127.0.0.1"', f"port = {server.port}",
            f"ca_file = {json.dumps(str(server.ca_file))}", 'username = "ann"',
            f"password_file = {json.dumps(str(secret))}", "retry = [0.01, 0.03]", "timeout = 20",
            f'uncertain = "{name.partition("-")[0]}"',
            f'webhook = {{url = "{url}", secret_file = {json.dumps(str(key))}}}',
        ]  # fmt: skip
    return "\n".join(lines) + "\n"
