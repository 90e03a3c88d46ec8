"""Many targets: how fast, how patient, how much memory, and whether every one gets its result.

    python -m benchmarks.batch [--targets 20000]    writes benchmarks/batch.md

Servers on thousands of addresses of 127.0.0.0/8, a tenth of them failing in each of six ways, run
in a process of their own; ``smtps check --from`` is run as people run it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.manyhosts import Hosts, expected, many_hosts

SIZES = (1_000, 5_000, 20_000)
JOBS = 100


@dataclass(frozen=True)
class Run:
    """One run of the command.

    Attributes:
        seconds: from its start to its end.
        peak: resident memory at its largest, octets.
        code: exit code.
    """

    seconds: float
    peak: int
    code: int


def command(hosts: Hosts, listed: Path, results: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "smtps", "check", "--from", str(listed), "--jobs", str(JOBS),
        "--ca-file", hosts.ca_file, "--output", "ndjson", "--output-file", str(results),
        "--no-progress", *more,
    ]  # fmt: skip


def run(arguments: list[str], stop_at: tuple[Path, int] | None = None) -> Run:
    """Run it; with ``stop_at`` interrupt it when the file has so many lines."""
    start, peak = time.perf_counter(), 0
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = memory(process.pid) or peak
            if stop_at is not None and lines(stop_at[0]) >= stop_at[1]:
                process.send_signal(signal.SIGINT)
                stop_at = None
            time.sleep(0.05)
    return Run(time.perf_counter() - start, peak, process.returncode)


def memory(pid: int) -> int:
    """Resident memory at its largest so far, octets; 0 of a process that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) * 1024 if found else 0


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def judge(targets: list[str], results: Path) -> str:
    """Whether each target has one result, and the right one."""
    found: Counter[str] = Counter()
    wrong = 0
    for report in reports(results):
        found[report["target"]] += 1
        codes = [finding["code"] for finding in report["findings"] if finding["severity"] != "info"]
        wanted = expected(report["target"])
        wrong += (codes[0] if codes else None) != wanted
    lost, doubled = len(set(targets) - set(found)), sum(n - 1 for n in found.values())
    return f"{lost} lost, {doubled} doubled, {wrong} wrong"


def spent(results: Path) -> list[float]:
    """Milliseconds of each check that came to TLS."""
    found = reports(results)
    return sorted(sum(report["timings"].values()) for report in found if report["tls"])


def reports(results: Path) -> Iterator[dict[str, Any]]:
    with results.open() as file:
        yield from map(json.loads, file)


def measure(hosts: Hosts, directory: Path, sizes: tuple[int, ...]) -> list[str]:
    rows = []
    for size in sizes:
        targets = hosts.targets(size)
        listed, results = directory / f"{size}.txt", directory / f"{size}.ndjson"
        listed.write_text("\n".join(targets) + "\n")
        done = run(command(hosts, listed, results))
        p99 = statistics.quantiles(spent(results), n=100)[98]
        rows.append(
            f"| {size:,} | {size / done.seconds:.0f} | {p99:.0f} | {done.peak / 1e6:.1f} "
            f"| {judge(targets, results)} |"
        )
        print(rows[-1], flush=True)
    return rows


def interrupt(hosts: Hosts, directory: Path, size: int) -> str:
    """Interrupted twice, then brought to its end."""
    targets = hosts.targets(size)
    listed, results = directory / "again.txt", directory / "again.ndjson"
    listed.write_text("\n".join(targets) + "\n")
    codes = []
    for part in (1, 2):
        stop_at = (results, size * part // 3)
        codes.append(run(command(hosts, listed, results, "--resume"), stop_at).code)
    codes.append(run(command(hosts, listed, results, "--resume")).code)
    found = f"exit codes {codes}: {judge(targets, results)}"
    print(found, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--targets", type=int, default=SIZES[-1])
    most = parser.parse_args().targets
    sizes = tuple(size for size in SIZES if size <= most) or (most,)
    with tempfile.TemporaryDirectory() as place, many_hosts() as hosts:
        rows = measure(hosts, Path(place), sizes)
        again = interrupt(hosts, Path(place), sizes[-1])
    text = f"""\
# Many targets

`python -m benchmarks.batch`, Python {platform.python_version()}, {os.cpu_count()} cores, of
which the servers take one. Each target is a server at an address of its own; of ten, four are
healthy, and six fail: certificate expired, self-signed, for another host; no TLS; 421; nothing
listens. {JOBS} checks at the same time. The time is that of a check that came to TLS, its wait for
the other {JOBS - 1} included.

| targets | targets/s | p99 ms | peak memory, MB | results |
|---|---|---|---|---|
{chr(10).join(rows)}

Interrupted (SIGINT) after a third and after two thirds of {sizes[-1]:,}, each time gone on with
`--resume`: {again}.
"""
    (Path(__file__).parent / "batch.md").write_text(text)


if __name__ == "__main__":
    main()
