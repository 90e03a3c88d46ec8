"""The HTTP service side by side with what a user would otherwise write.

    scripts/bench service [--rounds N] [--seconds S]

Every gateway is one process on the first processor; the load (wrk, one thread, connections kept)
and the mail server (``instruments/sink.c``, which sleeps when it has nothing to do) share the last.
The gateways take turns. Each request to connect is a new TLS connection, as is each send, except
where a session is kept warm.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.speed import FIRST, HERE, LAST, WORK

TASKSET = shutil.which("taskset") or "taskset"
PEER = str(WORK / "peers" / "bin" / "python")
CALLERS = (1, 10, 50)
TEXT = ("The quick brown fox jumps over the lazy dog, and then it does so once again.\n" * 27)[
    :2048
]
FREE = {"SSL_CERT_FILE": str(WORK / "ca.pem")}
"""Ours trusts the system's authorities, which are these here."""


@dataclass(frozen=True)
class Gateway:
    """A service to measure.

    Attributes:
        name: in the results.
        command: PORT is replaced.
        more: environment.
    """

    name: str
    command: list[str]
    more: dict[str, str] = field(default_factory=dict)


def ours(name: str, **more: str) -> Gateway:
    """Ours."""
    return Gateway(name, [sys.executable, "-m", "smtps", "serve", "--port", "PORT"], FREE | more)


def rival(name: str, **more: str) -> Gateway:
    """FastAPI and aiosmtplib."""
    module = "benchmarks.rivals.fastapi_aiosmtplib:app"
    command = [PEER, "-m", "uvicorn", module, "--port", "PORT", "--log-level", "warning",
               "--no-access-log", "--loop", "uvloop", "--http", "httptools"]  # fmt: skip
    return Gateway(name, command, more)


OURS, COLD = "smtps", "smtps, no session kept"
SHARED, NAIVE = "FastAPI + aiosmtplib, context shared", "FastAPI + aiosmtplib, as most call it"
NODE = "Express + nodemailer"
GATEWAYS = (
    ours(OURS),
    ours(COLD, SMTPS_WARM="0"),
    rival(SHARED, SHARED="1"),
    rival(NAIVE),
    Gateway(NODE, ["node", str(HERE / "rivals" / "express_nodemailer.mjs")],
            {"PORT": "PORT", "BENCH_NODE": str(WORK / "node")}),
)  # fmt: skip


def free_port() -> int:
    """One that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: list[str], processor: str, more: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """A process for the length of a block."""
    with subprocess.Popen(
        [TASKSET, "-c", processor, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, cwd=HERE.parent, env=os.environ | {"CA": str(WORK / "ca.pem")} | more,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    """Until somebody listens there."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens on {port}")


@contextmanager
def gateway(which: Gateway) -> Iterator[tuple[str, int]]:
    """Its URL and process."""
    port = str(free_port())
    command = [word.replace("PORT", port) for word in which.command]
    more = {name: value.replace("PORT", port) for name, value in which.more.items()}
    with running(command, FIRST, more) as process:
        wait_for(int(port))
        yield f"http://127.0.0.1:{port}", process.pid


@contextmanager
def mail_server(delay: int = 0) -> Iterator[int]:
    """The sink."""
    port = free_port()
    command = [str(WORK / "sink"), "--cert", str(WORK / "srv.pem"), "--key", str(WORK / "srv.key"),
               "--port", str(port), "--spin-us", "0"]  # fmt: skip
    with running([*command, *(["--delay-ms", str(delay)] if delay else [])], LAST, {}):
        wait_for(port)
        yield port


def body(work: str, port: int) -> str:
    """Of one request."""
    server: dict[str, Any] = {"host": "127.0.0.1", "port": port}
    if work == "send":
        server |= {"username": "ann", "password": "secret", "from": "ann@bench.test",
                   "to": "bob@bench.test", "subject": "Hello", "body": TEXT}  # fmt: skip
    return json.dumps(server)


def load(url: str, work: str, port: int, callers: int, seconds: int) -> dict[str, float]:
    """Requests as fast as they are answered.

    Raises:
        RuntimeError: one was answered with an error.
    """
    done = subprocess.run(
        [TASKSET, "-c", LAST, "wrk", "-t1", f"-c{callers}", f"-d{seconds}s", "--latency",
         "--timeout", "20s", "-s", str(HERE / "instruments" / "post.lua"),
         f"{url}/api/smtps/{work}"],
        env=os.environ | {"BODY": body(work, port)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    if "Non-2xx" in done.stdout:
        raise RuntimeError(f"{url} {work}: {done.stdout}")
    found = {"per_s": float(re.findall(r"Requests/sec: +([\d.]+)", done.stdout)[0])}
    found["requests"] = float(re.findall(r"(\d+) requests in", done.stdout)[0])
    for name in ("50", "99"):
        number, unit = re.findall(rf" {name}% +([\d.]+)(us|ms|s)", done.stdout)[0]
        found[f"p{name}"] = float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    return found


def rss(process: int) -> float:
    """Resident memory, MB."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024


def rates(rounds: int, seconds: int) -> list[str]:
    """Each gateway, each work, each number of callers."""
    runs: dict[tuple[str, str, int], list[dict[str, float]]] = {}
    with mail_server() as port:
        for number in range(rounds):
            for which in GATEWAYS:
                with gateway(which) as (url, _):
                    load(url, "connect", port, 4, 1)
                    for work in ("connect", "send"):
                        for callers in CALLERS:
                            if which.name == COLD and work == "connect":
                                continue
                            found = load(url, work, port, callers, seconds)
                            runs.setdefault((which.name, work, callers), []).append(found)
                            print(f"{number + 1}/{rounds} {which.name} {work} {callers}: "
                                  f"{found['per_s']:,.0f}/s", flush=True)  # fmt: skip
    middle = {
        key: {name: statistics.median(run[name] for run in found) for name in found[0]}
        for key, found in runs.items()
    }
    lines = ["## Requests a second · median · 99th percentile, ms", ""]
    head = [f"{work}, {n}" for work in ("connect", "send") for n in CALLERS]
    lines += [f"| | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    for which in GATEWAYS:
        cells = []
        for work in ("connect", "send"):
            for callers in CALLERS:
                one = middle.get((which.name, work, callers))
                cells.append(
                    f"{one['per_s']:,.0f} · {one['p50']:.1f} · {one['p99']:.0f}" if one else ""
                )
        lines.append(f"| {which.name} | {' | '.join(cells)} |")
    return [*lines, "", *bars(middle)]


BARS = (
    ("connect, 10 callers, a second", OURS, "connect", 10, "per_s", 1000),
    ("send, 10 callers, a second, sessions kept", OURS, "send", 10, "per_s", 3000),
    ("send, 10 callers, a second, no session kept", COLD, "send", 10, "per_s", 600),
    ("connect, 1 caller, median ms", OURS, "connect", 1, "p50", 1.5),
    ("send, 1 caller, median ms, sessions kept", OURS, "send", 1, "p50", 0.5),
)


def bars(middle: dict[tuple[str, str, int], dict[str, float]]) -> list[str]:
    """How we stand to what was wanted, and to the others."""
    lines = ["| ours | wanted | found | shared context | Express |", "|---|---|---|---|---|"]
    for title, name, work, callers, key, wanted in BARS:
        found = middle[name, work, callers][key]
        met = found >= wanted if key == "per_s" else found <= wanted
        others = [f"{middle[other, work, callers][key]:,.1f}" for other in (SHARED, NODE)]
        mark = "" if met else " (missed)"
        lines.append(f"| {title} | {wanted:,g} | {found:,.1f}{mark} | {' | '.join(others)} |")
    return [*lines, ""]


def far(seconds: int) -> list[str]:
    """A server that takes 20 ms for each reply."""
    lines = ["## Each reply 20 ms late, one caller: median, ms", "", "| | connect | send |",
             "|---|---|---|"]  # fmt: skip
    with mail_server(20) as port:
        for which in GATEWAYS:
            with gateway(which) as (url, _):
                found = [load(url, work, port, 1, seconds)["p50"] for work in ("connect", "send")]
                lines.append(f"| {which.name} | {found[0]:.0f} | {found[1]:.0f} |")
    return [*lines, ""]


def memory(requests: int) -> list[str]:
    """Before the first request, after some, and after many: half connect, half send."""
    lines = [f"## Memory, MB: at the start, after 2,000 requests, after {requests:,}", "",
             "| | start | some | many |", "|---|---|---|---|"]  # fmt: skip
    with mail_server() as port:
        for which in GATEWAYS:
            if which.name in (COLD, NAIVE):
                continue
            with gateway(which) as (url, process):
                found, count = [rss(process)], 0.0
                for most in (2_000, requests):
                    while count < most:
                        for work in ("connect", "send"):
                            count += load(url, work, port, 50, 4)["requests"]
                    found.append(rss(process))
                lines.append(f"| {which.name} | {' | '.join(f'{mb:.0f}' for mb in found)} |")
    return [*lines, ""]


def bystanders(seconds: int) -> list[str]:
    """What one caller with a healthy server notices of others with bad ones."""
    lines = ["## One caller's connect beside others, ms", "",
             "| beside | median | 99th percentile |", "|---|---|---|"]  # fmt: skip
    # Nice: what is measured is whether they hold up the service, not whether they burn its load's
    # processor.
    hostile = ["nice", "-n", "19", sys.executable, str(HERE / "instruments" / "hostile.py"),
               str(WORK / "srv.pem"),
               str(WORK / "srv.key")]  # fmt: skip
    with ExitStack() as stack:
        port = stack.enter_context(mail_server())
        process = stack.enter_context(running(hostile, LAST, {}))
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        roomy = ours(OURS, SMTPS_CONCURRENCY="2000")
        url, service = stack.enter_context(gateway(roomy))
        load(url, "connect", port, 4, 1)
        before = rss(service)

        def row(title: str) -> None:
            found = load(url, "connect", port, 1, seconds)
            lines.append(f"| {title} | {found['p50']:.1f} | {found['p99']:.1f} |")

        row("nobody")
        with callers(url, port, 1, again=True):
            row("one who does the same")
        slow = stack.enter_context(callers(url, ports["silent"], 1000))
        time.sleep(5)
        row("1,000 that wait for a server that says nothing")
        slow.terminate()
        time.sleep(3)
        for name, what in (
            ("endless", "16 MiB without a line end"),
            ("digits", "256 KiB of `111 111 …`"),
        ):
            title = f"one whose server sends {what}, again and again"
            with callers(url, ports[name], 1, again=True):
                row(title)
        lines.append("")
        lines.append(f"Memory of the service: {before:.0f} MB before, {rss(service):.0f} MB after.")
    return [*lines, ""]


@contextmanager
def callers(url: str, port: int, n: int, *, again: bool = False) -> Iterator[subprocess.Popen[str]]:
    """So many that ask for this port; ``again`` once they are answered."""
    asked = json.dumps({"host": "127.0.0.1", "port": port, "timeout": 120_000})
    script = str(HERE / "instruments" / "callers.py")
    command = [sys.executable, script, url, asked, str(n), str(int(again))]
    with running(command, LAST, {}) as process:
        yield process


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--requests", type=int, default=60_000)
    parser.add_argument("--only", default="", help="rates, far, bystanders or memory")
    options = parser.parse_args()
    parts: dict[str, Callable[[], list[str]]] = {
        "rates": lambda: rates(options.rounds, options.seconds),
        "far": lambda: far(options.seconds),
        "bystanders": lambda: bystanders(options.seconds),
        "memory": lambda: memory(options.requests),
    }
    wanted = options.only.split(",") if options.only else list(parts)
    lines = [line for name in wanted for line in parts[name]()]
    head = f"""\
# The service beside others

`scripts/bench service`, {options.rounds} rounds of {options.seconds} seconds, one process on one
processor; the load and the mail server share another. Medians of the rounds; single runs differ by
up to 30 %. Ours does more for each request: it asks whether the caller may (Host, Origin, token,
rates) and whether the target may be connected to, counts, ends what it does when the caller leaves,
and keeps each phase to its time. For each connect it also reads chain and path of the certificate,
judges all that it saw by two dozen rules, and tells what each phase took.

"""
    text = head + "\n".join(lines)
    print(text)
    if not options.only:
        (HERE / "service.md").write_text(text)


if __name__ == "__main__":
    main()
