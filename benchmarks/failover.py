"""PostgreSQL fails over under load, again and again: what is lost, doubled or not written.

    python -m benchmarks.failover --rounds 10 --messages 10000 --workers 3

The harness is that of ``tests/attacks/test_failover.py``. Each run writes ``failover.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.outbox.failover.run import Plan, Report, failovers

HERE = Path(__file__).parent
READY = 2.0
"""Seconds that an answer of ``/readyz`` may take."""
HEAD = """\
# PostgreSQL fails over, under load

`scripts/bench failover [--rounds N] [--messages N] [--workers N]`

A service takes mail in and workers send it, by way of one address that leads to a primary with a
synchronous standby. In each round the primary turns read-only while all connections stay open, then
is gone (killed with SIGKILL, stopped with SIGSTOP, or shut down at once, in turn), then the standby
is promoted and has the address. While there is no database, one worker is stopped with SIGTERM in a
third of the rounds and killed with SIGKILL in another, and started again afterwards. Callers hand
messages over all the time, each with an `Idempotency-Key`, and repeat a request until it is
answered with 202. Half of the accounts hold what may have arrived, half send it again. The mail
server thinks about each message for up to a second and takes it.

Wanted: no message lost, none twice without an attempt that is in doubt, and every message that the
mail server has confirmed is called sent. `/readyz` is asked ten times a second: within a few
seconds after each change it has to say what is true, go on to say so, and answer within two
seconds.

"""


def page(options: argparse.Namespace, report: Report) -> str:
    """The document."""
    accepted = report.total(lambda one: one.accepted)
    sent = report.total(lambda one: one.states["sent"])
    lost = sum("lost" in kind or kind == "not ended" for kind, _ in report.wrongs)
    doubt = report.total(lambda one: one.attempts["uncertain"] + one.attempts["interrupted"])
    again = report.total(lambda one: one.explained)
    figures = [
        ("rounds, workers", f"{options.rounds}, {options.workers}"),
        ("accepted", f"{accepted:,}"), ("sent", f"{sent:,}"),
        ("in doubt at the end", f"{report.total(lambda one: one.states['uncertain']):,}"),
        ("attempts in doubt at the end", f"{doubt:,}"), ("lost", f"{lost:,}"),
        ("twice", f"{again:,}"), ("**twice without doubt**", f"{report.twice:,}"),
        ("**confirmed and not called sent**", f"{report.unwritten:,}"),
        ("outcomes in files when a worker was ended", f"{report.kept:,}"),
        ("requests repeated", f"{report.repeats:,}"),
        ("requests refused for another reason", f"{len(report.refused):,}"),
        ("slowest answer of `/readyz`", f"{report.slowest:.2f} s"),
        ("tracebacks", f"{len(report.complaints):,}"),
        ("seconds", f"{report.seconds:.0f}"),
    ]  # fmt: skip
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in figures), ""]
    lines += ["| `/readyz` while there is | answers that were right | **wrong** |", "|---|---|---|"]
    lines += [
        f"| {name} | {seen[True]:,} | {seen[False]:,} |" for name, seen in report.phases.items()
    ]
    return HEAD + "\n".join([*lines, "", time.strftime("%Y-%m-%d."), ""])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--messages", type=int, default=6_000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smtps-failover-") as folder:
        plan = Plan(
            folder=Path(folder), messages=options.messages, rounds=options.rounds,
            workers=options.workers, seed=options.seed,
        )  # fmt: skip
        report = asyncio.run(failovers(plan, lambda line: print(line, flush=True)))
    text = page(options, report)
    print(text.removeprefix(HEAD))
    for kind, message in report.wrongs[:20]:
        print(f"wrong: {message}: {kind}")
    for line in (*report.refused[:5], *sorted(set(report.complaints))[:20]):
        print(line)
    (HERE / "failover.md").write_text(text)
    late = report.slowest > READY
    sys.exit(bool(late or report.wrongs or report.twice or report.unwritten or report.complaints))


if __name__ == "__main__":
    main()
