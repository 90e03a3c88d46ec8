"""SIGTERM again and again, under load: what is in doubt afterwards, what is lost, what comes twice.

    python -m benchmarks.stops --engine sqlite
    python -m benchmarks.stops --engine postgres

The harness is that of ``tests/attacks/test_stops.py``. Each run puts its rows into ``stops.md`` in
place of those of the run before on the same engine.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.outbox.database import Server
from tests.outbox.stops.run import Plan, Report, standstill, stops

HERE = Path(__file__).parent
ENGINES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
AT_ONCE = 5
"""Rounds beside a silent server that run at the same time: they mostly wait."""

HEAD = """\
# SIGTERM under load

`scripts/bench stops [--engine sqlite|postgres]`

Callers hand messages over by HTTP, each with an `Idempotency-Key`, and repeat a request until it is
answered with 202. The settings are those that hold when nothing is set: `lane_grace` is 60 seconds,
two sessions for each account and eight messages under way on each. A third of the mail server's
connections each offer nothing, PIPELINING, and PIPELINING with CHUNKING. It writes down which
messages have reached it and which it has taken, and takes a message even if its sender has hung up
meanwhile. On SQLite the service sends; on PostgreSQL there are a service that only takes mail in
and two workers. One of the processes at a time gets SIGTERM at a random moment, one time in ten
while it still starts, and is started again as soon as it has ended.

"Answers in time" thinks about each message for up to a second; all stops are one after the other.
"Silent" answers the first ten messages and then thinks for 90 seconds about each: what has reached
it must be in doubt after the stop, and nothing else; the rest must be as it was.

Wanted: no message in doubt, lost or twice beside the first server; beside the second none in doubt
but those that have reached it. "Wrong" counts what must not be.

| engine, server | stops | slowest | accepted | sent | in doubt | given back | taken | **wrong** |
|---|---|---|---|---|---|---|---|---|
"""


def row(name: str, server: str, done: int, reports: list[Report], wrong: Counter[str]) -> str:
    """For the table."""
    states: Counter[str] = Counter()
    for report in reports:
        states.update(report.finding.states)
    accepted = sum(report.finding.accepted for report in reports)
    taken = sum(report.finding.taken for report in reports)
    told = ", ".join(f"{n} {kind}" for kind, n in wrong.items()) or "0"
    slowest = max(report.slowest for report in reports)
    back = states["queued"] + states["retrying"]
    return (
        f"| {name}, {server} | {done} | {slowest:.1f} s | {accepted:,} | {states['sent']:,} "
        f"| {states['uncertain']:,} | {back:,} | {taken:,} | {told} |"
    )  # fmt: skip


async def in_time(plan: Plan, name: str) -> str:
    """Beside a server that answers."""
    report = await stops(plan, lambda line: print(f"{name}: {line}", flush=True))
    wrong = report.finding.counted + Counter(
        {"in doubt": report.finding.states["uncertain"],
         "interrupted": report.finding.attempts["interrupted"],
         "not in order": sum(n for code, n in report.codes.items() if code not in (0, -15)),
         "tracebacks": len(report.complaints)}
    )  # fmt: skip
    return row(name, "answers in time", plan.stops, [report], +wrong)


async def silent(plans: list[Plan], name: str) -> str:
    """Beside one that does not."""
    wrong: Counter[str] = Counter()
    reports = []
    for start in range(0, len(plans), AT_ONCE):
        found = await asyncio.gather(*(standstill(plan) for plan in plans[start : start + AT_ONCE]))
        for report, odd in found:
            reports.append(report)
            kinds = report.finding.counted
            kinds.pop("not ended", None)  # what was given back
            kinds.pop("at the server, and sending", None)
            wrong += kinds + Counter(
                {"in doubt or not, and wrongly": len(odd),
                 "left as sending": report.finding.states["sending"],
                 "interrupted": report.finding.attempts["interrupted"],
                 "not in order": sum(n for code, n in report.codes.items() if code != 0),
                 "tracebacks": len(report.complaints)}
            )  # fmt: skip
        print(f"{name}: {len(reports)} rounds beside a silent server", flush=True)
    return row(name, "silent", len(plans), reports, +wrong)


def written(text: str, name: str, table: list[str], remark: str) -> str:
    """The document with the rows of this engine."""
    others = [line for line in text.removeprefix(HEAD).splitlines() if f" {name}" not in line]
    rows = sorted([line for line in others if line.startswith("| ")] + table)
    remarks = sorted([line for line in others if line.startswith("- ")] + [remark])
    return HEAD + "\n".join(rows) + "\n\n" + "\n".join(remarks) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=10, help="beside a silent server")
    parser.add_argument("--engine", choices=tuple(ENGINES), action="append")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for engine in options.engine or ENGINES:
        with ExitStack() as stack:
            measure(options, engine, stack)


def measure(options: argparse.Namespace, engine: str, stack: ExitStack) -> None:
    """One engine."""
    name, began = ENGINES[engine], time.monotonic()
    root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smtps-stops-")))
    database = stack.enter_context(Server()) if engine == "postgres" else None

    def plan(label: str, **more: int) -> Plan:
        folder = root / label
        folder.mkdir()
        place = database.database() if database is not None else str(folder / "outbox.db")
        workers = 2 if database is not None else 0
        return Plan(folder=folder, place=place, workers=workers, seed=options.seed, **more)  # type: ignore[arg-type]

    table = []
    if options.stops:
        one = plan("stops", messages=options.messages, stops=options.stops)
        table.append(asyncio.run(in_time(one, name)))
    if options.rounds:
        plans = [
            replace(
                plan(f"round-{n}", messages=100, stops=1, least=90, most=90, quick=10),
                seed=options.seed + n,
            )
            for n in range(options.rounds)
        ]
        table.append(asyncio.run(silent(plans, name)))
    minutes = (time.monotonic() - began) / 60
    remark = f"- {name}: {minutes:.0f} minutes, seed {options.seed}. {time.strftime('%Y-%m-%d')}."
    print("\n".join([*table, remark]), flush=True)
    document = HERE / "stops.md"
    before = document.read_text() if document.exists() else HEAD
    document.write_text(written(before, name, table, remark))


if __name__ == "__main__":
    main()
