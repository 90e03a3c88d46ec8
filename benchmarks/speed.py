"""Sending and checking side by side: this project, its peers, and the limit.

    scripts/bench            all of it, about half an hour
    scripts/bench --only raw --rounds 3

The server is ``instruments/sink.c`` on the last processor; clients take turns on the first. The
limit is ``instruments/replay.c``: bytes made beforehand, through OpenSSL, in C. Every client checks
the certificate. Each figure is the median of several rounds, in which all clients take turns. A run
in which other programs used more than a quarter of a processor does not count and is done again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WORK = HERE.parent / ".bench"
"""Built programs, keys and peers; not part of the project."""

FIRST, LAST = "0", str((os.cpu_count() or 1) - 1)
OURS = "smtps"


@dataclass(frozen=True)
class Client:
    """One way of doing the work.

    Attributes:
        name: in the results.
        command: without port and authority.
        n: how many messages or checks.
    """

    name: str
    command: list[str]
    n: int


@dataclass(frozen=True)
class Table:
    """Clients side by side.

    Attributes:
        key: for ``--only``.
        title, unit: in the results.
        clients: who takes part.
        delay: milliseconds by which each reply is late.
        bars: what our rows are held against: our row, another, how many times.
        ceilings: our row, and what it may be at most.
        value: which of the figures.
    """

    key: str
    title: str
    clients: list[Client]
    unit: str = "messages/s"
    delay: int = 0
    bars: list[tuple[str, str, float]] = field(default_factory=list)
    ceilings: list[tuple[str, float]] = field(default_factory=list)
    value: str = "per_s"


def smtps(name: str, work: str, n: int, *more: str) -> Client:
    """Ours, on uvloop unless the name says otherwise."""
    fast = [] if "asyncio" in name else ["--uvloop"]
    command = [sys.executable, "-m", "benchmarks.clients.with_smtps", work, *fast, *more]
    return Client(name, command, n)


def smtplib(work: str, n: int, *more: str, name: str = "smtplib") -> Client:
    return Client(name, [sys.executable, "-m", "benchmarks.clients.with_smtplib", work, *more], n)


def aiosmtplib(work: str, n: int, *more: str, name: str = "aiosmtplib") -> Client:
    python = str(WORK / "peers" / "bin" / "python")
    return Client(name, [python, "-m", "benchmarks.clients.with_aiosmtplib", work, *more], n)


def nodemailer(work: str, n: int, *more: str) -> Client:
    return Client("nodemailer", ["node", str(HERE / "clients" / "nodemailer.mjs"), work, *more], n)


def program(name: str, work: str, n: int, *more: str) -> Client:
    """A program for the shell."""
    return Client(name, [sys.executable, "-m", "benchmarks.clients.programs", name, work, *more], n)


def limit(name: str, n: int, *more: str) -> Client:
    return Client(name, [str(WORK / "replay"), *more], n)


def tables() -> list[Table]:
    """All of them."""
    big = ["--size", "5000000"]
    return [
        Table(
            "raw", "2 KB, ready made, one connection",
            [
                limit("limit, one round trip", 20_000, "send", "--mode", "bdat"),
                limit("limit, window 16", 200_000, "send", "--mode", "bdat", "--window", "16"),
                smtps("smtps, window 1", "raw", 8_000),
                smtps("smtps, window 1, asyncio", "raw", 8_000),
                smtps("smtps, window 16", "raw", 20_000, "--window", "16"),
                smtps("smtps, window 16, asyncio", "raw", 20_000, "--window", "16"),
                smtps("smtps, window 64", "raw", 20_000, "--window", "64"),
                smtplib("raw", 4_000), aiosmtplib("raw", 3_000), nodemailer("raw", 2_000),
                program("curl", "raw", 500), program("smtp-source", "raw", 2_000),
                program("swaks", "raw", 20),
            ],
            bars=[
                ("smtps, window 1", "smtplib", 4),
                ("smtps, window 1", "limit, one round trip", 0.7),
                ("smtps, window 16", "smtplib", 30),
                ("smtps, window 16", "limit, window 16", 0.65),
            ],
        ),
        Table(
            "composed", "2 KB, composed from fields each time, one connection",
            [
                smtps("smtps, window 16", "composed", 10_000, "--window", "16"),
                smtplib("composed", 800), aiosmtplib("composed", 800),
                nodemailer("composed", 1_500),
            ],
            bars=[("smtps, window 16", "smtplib", 70), ("smtps, window 16", "nodemailer", 45)],
        ),
        Table(
            "own", "2 KB, the caller's own EmailMessage, one connection",
            [
                smtps("smtps, window 16", "own", 2_000, "--window", "16"),
                smtplib("own", 1_500), aiosmtplib("own", 1_500),
            ],
            bars=[("smtps, window 16", "smtplib", 2.6)],
        ),
        Table(
            "far", "2 KB, every reply 20 ms late, one connection",
            [
                limit("limit, window 64", 6_400, "send", "--mode", "bdat", "--window", "64"),
                smtps("smtps, window 1", "raw", 100), smtps("smtps, window 16", "raw", 1_600,
                                                            "--window", "16"),
                smtps("smtps, window 64", "raw", 6_400, "--window", "64"),
                smtplib("raw", 30), aiosmtplib("raw", 30), nodemailer("raw", 60),
            ],
            delay=20,
            bars=[
                ("smtps, window 1", "smtplib", 4), ("smtps, window 16", "smtplib", 60),
                ("smtps, window 64", "smtplib", 240),
            ],
        ),
        Table(
            "check", "Connect, TLS, EHLO, QUIT; 100 at once",
            [
                limit("limit, 10 threads", 1_500, "check", "--threads", "10"),
                smtps("smtps", "check", 1_500, "--at-once", "100"),
                smtps("smtps, asyncio", "check", 1_500, "--at-once", "100"),
                smtplib("check", 1_000, "--at-once", "100"),
                aiosmtplib("check", 1_000, "--at-once", "100"),
                aiosmtplib("check", 100, "--at-once", "100", "--fresh",
                           name="aiosmtplib, as most call it"),
            ],
            unit="checks/s",
            bars=[
                ("smtps", "aiosmtplib", 1.1), ("smtps", "aiosmtplib, as most call it", 25),
                ("smtps", "limit, 10 threads", 0.9),
            ],
        ),
        Table(
            "big", "5 MB, one connection",
            [
                limit("limit, BDAT", 100, "send", "--mode", "bdat", *big),
                smtps("smtps, BDAT", "raw", 100, *big),
                smtps("smtps, DATA", "raw", 60, "--data", *big),
                smtplib("raw", 20, *big), aiosmtplib("raw", 15, *big), nodemailer("raw", 40, *big),
                program("curl", "raw", 60, *big), program("swaks", "raw", 5, *big),
            ],
            bars=[
                ("smtps, BDAT", "smtplib", 10), ("smtps, BDAT", "curl", 2),
                ("smtps, DATA", "smtplib", 5),
            ],
        ),
        Table(
            "file", "A file that is read while it is sent: peak memory, with the interpreter's own",
            [
                smtps(f"smtps, {size} MB", "file", 1, "--size", f"{size}000000")
                for size in (5, 50, 500)
            ],
            unit="MB/s", value="mb_per_s",
        ),
        Table(
            "hold", "Sessions open at once: memory of each",
            [
                smtps("smtps", "hold", 5_000), smtps("smtps, asyncio", "hold", 5_000),
                aiosmtplib("hold", 500),
            ],
            unit="KB", value="kb_each", ceilings=[("smtps", 40), ("smtps, asyncio", 40)],
        ),
        Table(
            "process", "One check, one process: from the shell and back to it",
            [
                program("smtps check", "check", 15), program("smtplib", "check", 15),
                program("aiosmtplib", "check", 15), program("openssl s_client", "check", 15),
                program("curl", "check", 15), program("swaks", "check", 15),
            ],
            unit="ms", value="ms", ceilings=[("smtps check", 200)],
        ),
    ]  # fmt: skip


@contextmanager
def sink(delay: int) -> Iterator[tuple[int, int]]:
    """The server, for the length of a block; its port, and the process."""
    port = 4600 + delay
    command = ["taskset", "-c", LAST, str(WORK / "sink"), "--cert", str(WORK / "srv.pem"), "--key",
               str(WORK / "srv.key"), "--port", str(port), "--spin-us", "1000"]  # fmt: skip
    if delay:
        command += ["--delay-ms", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        time.sleep(0.5)
        try:
            yield port, process.pid
        finally:
            process.terminate()


def busy(process: int | None = None) -> float:
    """Seconds of processor time that all programs have used, or one of them."""
    path = Path("/proc/stat" if process is None else f"/proc/{process}/stat")
    words = path.read_text().partition("\n")[0].rpartition(")")[2].split()
    # Of all: user, nice, system, then interrupts and what the host took. Of one: user and system.
    places = (1, 2, 3, 6, 7, 8) if process is None else (11, 12)
    return sum(int(words[place]) for place in places) / os.sysconf("SC_CLK_TCK")


DISTURBED = 0.25
"""Of a processor, used by other programs."""


def quiet(client: Client, port: int, server: int) -> dict[str, Any]:
    """A run in which nobody else did much, or the third one."""
    for _ in range(3):
        before = busy() - busy(server) - children()
        start = time.perf_counter()
        figures = measure(client, port)
        others = busy() - busy(server) - children() - before
        if others / (time.perf_counter() - start) <= DISTURBED:
            return figures
        print(f"{client.name}: disturbed, once more", file=sys.stderr)
    return figures


def children() -> float:
    """Seconds of processor time of the clients so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(client: Client, port: int) -> dict[str, Any]:
    """One run of one client.

    Raises:
        RuntimeError: it failed.
    """
    command = ["taskset", "-c", FIRST, *client.command, "--n", str(client.n), "--port", str(port),
               "--ca", str(WORK / "ca.pem")]  # fmt: skip
    environment = os.environ | {"BENCH_NODE": str(WORK / "node"), "SSL_CERT_FILE": ""}
    environment.pop("SSL_CERT_FILE")
    # Programs that are installed need not be compiled first.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, cwd=HERE.parent,
        env=environment,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{client.name}: {done.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def run(table: Table, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """All clients in turn, so many times."""
    found: dict[str, list[dict[str, Any]]] = {client.name: [] for client in table.clients}
    with sink(table.delay) as (port, server):
        for number in range(rounds):
            for client in table.clients:
                try:
                    figures = quiet(client, port, server)
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    print(f"{table.key}: {error}", file=sys.stderr)
                    continue
                found[client.name].append(figures)
                value = figures[table.value]
                print(f"{table.key} {number + 1}/{rounds} {client.name}: {value:,.1f}", flush=True)
    return {name: figures for name, figures in found.items() if figures}


def median(figures: list[dict[str, Any]], key: str) -> float:
    """Of one figure over the rounds."""
    return float(statistics.median(figure[key] for figure in figures))


def section(table: Table, found: dict[str, list[dict[str, Any]]]) -> str:
    """A table of results, and how we stand to the bars."""
    lines = [f"## {table.title}", "", f"| | {table.unit} | processor, µs each | peak memory, MB |",
             "|---|---|---|---|"]  # fmt: skip
    for name, figures in found.items():
        cells = [name, f"{median(figures, table.value):,.0f}"]
        for key, scale in (("cpu_us", 1.0), ("rss_kb", 1024.0)):
            cells.append(f"{median(figures, key) / scale:,.1f}" if key in figures[0] else "")
        lines.append(f"| {' | '.join(cells)} |")
    if table.bars:
        lines += ["", "| ours | against | wanted | found |", "|---|---|---|---|"]
    for ours, other, wanted in table.bars:
        if ours in found and other in found:
            ratio = median(found[ours], table.value) / median(found[other], table.value)
            mark = "" if ratio >= wanted else " (missed)"
            lines.append(f"| {ours} | {other} | {wanted:g}× | {ratio:.2f}×{mark} |")
    if table.ceilings:
        lines += ["", f"| ours | at most, {table.unit} | found |", "|---|---|---|"]
    for ours, most in table.ceilings:
        if ours in found:
            value = median(found[ours], table.value)
            mark = "" if value <= most else " (missed)"
            lines.append(f"| {ours} | {most:g} | {value:,.0f}{mark} |")
    return "\n".join([*lines, ""])


PLOTS = HERE / "plots.json"


def middle(client: Client, port: int, server: int, rounds: int) -> float:
    """How many a second, in the run that is neither the best nor the worst."""
    found = float(statistics.median(quiet(client, port, server)["per_s"] for _ in range(rounds)))
    print(f"{client.name}: {found:,.0f}", flush=True)
    return found


def by_delay(rounds: int) -> dict[str, dict[int, float]]:
    """Messages a second by the milliseconds that a reply takes."""
    found: dict[str, dict[int, float]] = {}
    for delay in (0, 1, 5, 20, 50):
        many = 20_000 if not delay else 200_000 // (delay + 5)
        few = max(many // 64, 20) if delay else 3_000
        clients = [
            *(smtps(f"smtps, window {w}", "raw", max(many * w // 64, 60), "--window", str(w))
              for w in (1, 16, 64)),
            smtplib("raw", few // 4 + 20), aiosmtplib("raw", few // 4 + 20),
            nodemailer("raw", few // 2 + 20),
        ]  # fmt: skip
        with sink(delay) as (port, server):
            for client in clients:
                speed = middle(client, port, server, rounds)
                found.setdefault(client.name, {})[delay] = speed
    return found


def by_concurrency(rounds: int) -> dict[str, dict[int, float]]:
    """Checks a second by how many are under way."""
    found: dict[str, dict[int, float]] = {}
    with sink(0) as (port, server):
        for at_once in (1, 3, 10, 30, 100, 300):
            more, n = ("--at-once", str(at_once)), 600 + 3 * at_once
            for client in (
                smtps("smtps", "check", n, *more), smtplib("check", n, *more),
                aiosmtplib("check", n, *more),
            ):  # fmt: skip
                speed = middle(client, port, server, rounds)
                found.setdefault(client.name, {})[at_once] = speed
    return found


def plot(rounds: int) -> None:
    """The two pictures; drawn by a library that only they need."""
    PLOTS.write_text(json.dumps({"delay": by_delay(rounds), "concurrency": by_concurrency(rounds)}))
    python = str(WORK / "peers" / "bin" / "python")
    subprocess.run([python, str(HERE / "plot.py"), str(PLOTS)], check=True)
    PLOTS.unlink()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="tables, with a comma between; or plots")
    options = parser.parse_args()
    if shutil.which("taskset") is None:
        sys.exit("bench: taskset is needed (Debian: util-linux)")
    wanted = [t for t in tables() if not options.only or t.key in options.only.split(",")]
    if not options.only or "plots" in options.only.split(","):
        plot(options.rounds)
    sections = [section(table, run(table, options.rounds)) for table in wanted]
    head = f"""\
# Side by side

`scripts/bench`, {options.rounds} rounds, Python {platform.python_version()}, {os.cpu_count()}
processors. Medians. What counts is how the rows of a table stand to each other: single runs differ
by up to 30 %.

![messages a second by round-trip time](delay.svg)

![checks a second by how many are under way](concurrency.svg)
"""
    text = "\n".join([head, *sections])
    print(text)
    if not options.only:
        (HERE / "results.md").write_text(text)


if __name__ == "__main__":
    main()
