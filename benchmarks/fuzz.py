"""Searches everything that reads octets of strangers for inputs that break it; writes fuzz.md.

    scripts/bench fuzz --minutes 5            each target for so long, two at a time
    scripts/bench fuzz --only replies,heads   some of them
    scripts/bench fuzz --growth               no search; only how time grows with the size

The targets are those of ``tests/fuzz``. What is found stands in ``.bench/fuzz/NAME/found-…``, with
the reason beside it; mended, it goes into ``tests/fuzz/corpus/NAME``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".bench" / "fuzz"
LIBRARY = ROOT / ".bench" / "atheris"
TABLE = ROOT / "benchmarks" / "fuzz.md"
NOTES = WORK / "notes.json"

TIMES = (1, 10, 100)
STEEP = 20.0
"""Times as long for ten times as much from which on it is not called linear: what is done once
makes the smaller seem slower than it is, and noise does the rest."""

SHORT = 0.02
"""Seconds below which nobody asks."""

HEAD = """\
# Octets of strangers

`scripts/bench fuzz --minutes N` searches each target of `tests/fuzz` for N minutes, led by coverage
(atheris, on libFuzzer). An input may lead to documented errors only, and may not take half a second
of the processor. What was found before is in `tests/fuzz/corpus`, and tried in each run of the
tests. "Branches" are those that libFuzzer has seen taken, in smtps and the libraries that it reads
with; "slowest" is the longest that one input of up to 8 KiB took, instrumented, on a machine that
had other work to do.

| target | executions | minutes | of the processor | branches | slowest | found |
|---|---|---|---|---|---|---|
"""

GROWTH = """
## How time grows with the size

Inputs that grow in one respect, once, ten and a hundred times as large: seconds of the processor,
the least of three. Linear is ten times as long for ten times as much, or less; from 20 times on it
is called steep, if it takes more than 20 ms at all.

| target | what grows | largest | 1× | 10× | 100× | 100× to 10× | |
|---|---|---|---|---|---|---|---|
"""


NOTHING: dict[str, Any] = {
    "executions": 0, "seconds": 0.0, "processor": 0.0, "slowest": 0.0, "found": {}
}  # fmt: skip


def search(name: str, minutes: float) -> dict[str, Any]:
    """Search one target in a process of its own."""
    folder = WORK / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("found-*"):
        old.unlink()
    environment = {**os.environ, "PYTHONPATH": f"{LIBRARY}:{ROOT}:{ROOT / 'src'}"}
    command = [
        "nice", "-n", "3", sys.executable, "-W", "ignore", "-m", "tests.fuzz.search", name,
        str(round(minutes * 60)), str(folder),
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        ended = subprocess.run(
            command, env=environment, cwd=ROOT, stdout=log, stderr=log, check=False
        ).returncode
    notes = folder / "notes.json"
    told: dict[str, Any] = json.loads(notes.read_text()) if notes.exists() else {**NOTHING}
    branches = re.findall(r"cov: (\d+)", (folder / "log").read_text("utf-8", "replace"))
    told |= {"branches": int(branches[-1]) if branches else 0}
    if ended:
        told["found"] = {**told["found"], "the process ended, see its log": 1}
    print(f"{name}: {told}", flush=True)
    return told


def grown(target: Target, name: str) -> list[float]:
    """Seconds of the processor for each size."""
    found = []
    for times in TIMES:
        data = target.grow[name](target.unit * times)
        spent = []
        for _ in range(3):
            begun = time.process_time()
            target.run(data)
            spent.append(time.process_time() - begun)
        found.append(min(spent))
    return found


def growth_rows(targets: Sequence[Target]) -> tuple[list[str], int]:
    """The second table, and how many of its rows are steep."""
    rows, steep = [], 0
    for target in targets:
        for name in target.grow:
            one, ten, hundred = grown(target, name)
            octets = len(target.grow[name](target.unit * TIMES[-1]))
            ratio = hundred / max(ten, 1e-5)
            bad = ratio > STEEP and hundred > SHORT
            steep += bad
            spent = [f"{seconds * 1000:.2f} ms" for seconds in (one, ten, hundred)]
            last = f"{ratio:.1f} | {'**steep**' if bad else ''}"
            rows.append(f"| {target.name} | {name} | {octets:,} | {' | '.join(spent)} | {last} |")
            print(rows[-1], flush=True)
    return rows, steep


def row(name: str, told: dict[str, Any]) -> str:
    """A line of the first table."""
    found = ", ".join(told["found"]) or "nothing"
    slowest = f"{told['slowest']:.2f} s"
    return (
        f"| {name} | {told['executions']:,} | {told['seconds'] / 60:.1f} "
        f"| {told['processor'] / 60:.1f} | {told['branches']:,} | {slowest} | {found} |"
    )


def main() -> int:
    """Search, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--only", default="", help="names of targets, with commas")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--growth", action="store_true", help="no search")
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name]
    names = [name for name in TARGETS if not wanted or name in wanted]
    WORK.mkdir(parents=True, exist_ok=True)
    notes: dict[str, Any] = json.loads(NOTES.read_text()) if NOTES.exists() else {}
    if not options.growth:
        with ThreadPoolExecutor(options.at_once) as pool:
            told = pool.map(lambda name: search(name, options.minutes), names)
            notes |= dict(zip(names, told, strict=True))
        NOTES.write_text(json.dumps(notes))
    logging.disable(logging.CRITICAL)
    rows, steep = growth_rows([TARGETS[name] for name in (TARGETS if not wanted else names)])
    if not wanted:
        lines = [row(name, notes[name]) for name in TARGETS if name in notes]
        when = f"\nMeasured on {datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}.\n"
        TABLE.write_text(
            HEAD + "\n".join(lines) + "\n" + GROWTH + "\n".join(rows) + "\n" + when, "utf-8"
        )
    found = sum(len(notes[name]["found"]) for name in names if name in notes)
    return 1 if steep or found else 0


if __name__ == "__main__":
    sys.exit(main())
