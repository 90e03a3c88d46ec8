"""``kill -9`` of the service and its workers again and again, under load, at a bad server.

    python -m benchmarks.outbox_crash --messages 20000 --kills 200 --engine sqlite
    python -m benchmarks.outbox_crash --messages 20000 --kills 200 --engine postgres --workers 3

The harness is that of ``tests/outbox/test_crash.py``. Each run puts its rows into
``outbox_crash.md`` in place of those of the run before on the same engine.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.outbox.crash.run import Plan, Report, crash
from tests.outbox.database import Server

HERE = Path(__file__).parent
HEAD = """\
# kill -9 under load

`python -m benchmarks.outbox_crash --messages N --kills N --engine sqlite|postgres --workers N`

Callers hand messages of 0.1 to 4 KB over by HTTP, each with an `Idempotency-Key`, and repeat a
request until it is answered with 202; one in fifty is repeated all the same. The mail server
answers 5 % of the transactions with 421, 5 % with 451, closes 5 % of them midway, and hangs up on
5 % after the whole message, which it has then taken in half of the cases; of the connections it
spoils as many before a message comes. It offers PIPELINING and CHUNKING on some connections only,
and thinks up to 0.1 seconds before it takes a message and again before it says so. Meanwhile one
process after the other is killed at a random moment of its work, one time in ten while it still
starts, and started again at once: on SQLite the one service, on PostgreSQL one service that only
takes mail in and the workers that send it. Half of the accounts hold what may have arrived, half
send it again. Attempts are repeated after a second; an account that waits because of a 421 is
resumed after half a second, as an operator may, or the many 421s would take hours. A webhook is
told of each end; its receiver answers 5 % of the notices with 500 and hangs up on 5 %. What a
killed process was telling is told by another after 3 seconds, and an attempt that failed is
repeated after a fifth of one, in place of a minute and five seconds.

Wanted: every accepted message ends in one final state, none is lost, no message that is called sent
is missing at the server, and none is there twice unless the account asks for that and an attempt
says that nobody could know; the webhook has heard of every end, and no kill has used up one of its
attempts. The judge reads the tables and what the server wrote down before it
answered; it compares bodies, too. "Taken" counts times at the server, "interrupted" attempts that a
kill has cut off, "again" messages that were taken more than once and may have been.

| engine, policy | accepted | sent | uncertain | other | taken | interrupted | again | **wrong** |
|---|---|---|---|---|---|---|---|---|
"""


def rows(engine: str, report: Report) -> list[str]:
    """For the table."""
    found = []
    for policy, one in report.findings.items():
        other = one.accepted - one.states["sent"] - one.states["uncertain"]
        wrong = ", ".join(f"{n} {kind}" for kind, n in one.counted.items()) or "0"
        found.append(
            f"| {engine}, {policy} | {one.accepted:,} | {one.states['sent']:,} "
            f"| {one.states['uncertain']:,} | {other} | {one.taken:,} "
            f"| {one.attempts['interrupted']:,} | {one.explained:,} | {wrong} |"
        )
    return found


def remark(engine: str, options: argparse.Namespace, report: Report) -> str:
    """What else is to be said about a run."""
    workers = f", {options.workers} workers" if options.workers else ""
    return (
        f"- {engine}{workers}: {options.kills} kills, {report.seconds:.0f} seconds, seed "
        f"{options.seed}; {report.repeats:,} requests repeated, {len(report.refused)} refused, "
        f"{report.ended} processes ended by themselves or did not stop, "
        f"{len(report.complaints)} tracebacks in their logs. {time.strftime('%Y-%m-%d')}."
    )


def written(text: str, engine: str, table: list[str], said: str) -> str:
    """The document with the rows of this engine."""
    others = [line for line in text.removeprefix(HEAD).splitlines() if line]
    lines = [
        line for line in others if line.startswith("| ") and not line.startswith(f"| {engine}")
    ]
    remarks = [line for line in others if line.startswith("- ") and f"- {engine}" not in line]
    body = "\n".join(sorted(lines + table))
    return f"{HEAD}{body}\n\n" + "\n".join(sorted([*remarks, said])) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--engine", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--workers", type=int, default=0, help="on PostgreSQL; default 3")
    parser.add_argument("--every", type=float, default=1.0, help="seconds of work before a kill")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    name = {"sqlite": "SQLite", "postgres": "PostgreSQL"}[options.engine]
    options.workers = (options.workers or 3) if options.engine == "postgres" else 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smtps-crash-")))
        place = str(folder / "outbox.db")
        if options.engine == "postgres":
            place = stack.enter_context(Server()).database()
        plan = Plan(
            folder=folder, place=place, messages=options.messages, kills=options.kills,
            every=options.every, workers=options.workers, seed=options.seed, patience=300,
        )  # fmt: skip
        report = asyncio.run(crash(plan, lambda line: print(line, flush=True)))
    for kind, message in report.wrongs[:20]:
        print(f"wrong: {message}: {kind}")
    for line in (*report.refused[:5], *sorted(set(report.complaints))[:20]):
        print(line)
    table = rows(name, report)
    said = remark(name, options, report)
    print("\n".join([*table, said]))
    document = HERE / "outbox_crash.md"
    document.write_text(
        written(document.read_text() if document.exists() else HEAD, name, table, said)
    )


if __name__ == "__main__":
    main()
