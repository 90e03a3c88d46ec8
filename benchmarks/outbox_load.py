"""Accepting and delivering, on each kind of database.

python -m benchmarks.outbox_load PLACE ACCOUNTS MESSAGES CALLERS    the store alone, as JSON
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.service import TEXT, free_port, wait_for
from benchmarks.speed import HERE, WORK
from tests.outbox.database import Server

from smtps.endpoint import Endpoint
from smtps.http.message_requests import MessageRequest
from smtps.outbox.account import Account
from smtps.outbox.outbox import Outbox

SLOW = {"LD_PRELOAD": str(WORK / "slowfsync.so"), "SLOW_US": "5000"}
WRK = shutil.which("wrk") or "wrk"
SQLITE, POSTGRES = "SQLite", "PostgreSQL"


@dataclass(frozen=True)
class Place:
    """Where an outbox is.

    Attributes:
        kind: SQLITE or POSTGRES.
        url: for ``Outbox``.
        folder: for configuration.
        more: environment of whoever opens it.
    """

    kind: str
    url: str
    folder: Path
    more: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def new_place(kind: str, folder: Path, *, slow: bool = False) -> Iterator[Place]:
    """An empty outbox; ``slow`` adds 5 ms to every fsync of the database."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == SQLITE:
        yield Place(kind, str(folder / "outbox.db"), folder, SLOW if slow else {})
        return
    with Server() as server:
        url = server.database()
        if slow:
            server.stop()
            with environment(SLOW):
                server.start()
        yield Place(kind, url, folder)


@contextmanager
def environment(more: Mapping[str, str]) -> Iterator[None]:
    """Variables for the length of a block."""
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


class Sink:
    """The mail server in C, in a process of its own.

    Attributes:
        port: with TLS.
    """

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process, self.port = process, port

    def messages(self) -> int:
        """Taken so far."""
        self._process.send_signal(signal.SIGUSR1)
        assert self._process.stdout is not None
        return int(json.loads(self._process.stdout.readline())["messages"])

    def rate(self, before: int, wanted: int, patience: float = 300) -> float:
        """Messages a second, from the first to the last of so many beyond those before.

        Raises:
            TimeoutError: they do not come.
        """
        until, begun, first = time.monotonic() + patience, 0.0, 0
        while (count := self.messages() - before) < wanted:
            if not begun and count:
                begun, first = time.monotonic(), count
            if time.monotonic() > until:
                raise TimeoutError(f"{count} of {wanted} came")
            time.sleep(0.01)
        return (wanted - first) / max(time.monotonic() - begun, 0.01) if begun else float("inf")


@contextmanager
def sink() -> Iterator[Sink]:
    """The mail server, for the length of a block."""
    port = free_port()
    command = [str(WORK / "sink"), "--cert", str(WORK / "srv.pem"), "--key", str(WORK / "srv.key"),
               "--port", str(port), "--spin-us", "0"]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            wait_for(port)
            yield Sink(process, port)
        finally:
            process.kill()


def request(account: str) -> dict[str, str]:
    """One message of 2 KB."""
    return {"account": account, "from": "ann@bench.test", "to": "bob@bench.test",
            "subject": "Hello", "body": TEXT}  # fmt: skip


def configuration(place: Place, port: int, accounts: int, *, deliver: bool) -> tuple[Path, int]:
    """A file with settings, and the port of the service that it is for."""
    own = free_port()
    lines = [f"outbox = {json.dumps(place.url)}", f"port = {own}",
             f"deliver = {json.dumps(deliver)}"]  # fmt: skip
    for name in names(accounts):
        lines += [f"[accounts.{name}]", 'host = "127.0.0.1"', f"port = {port}",
                  f'ca_file = "{WORK / "ca.pem"}"']  # fmt: skip
    path = place.folder / f"smtps-{own}.toml"
    path.write_text("\n".join(lines))
    return path, own


def names(accounts: int) -> list[str]:
    """Of so many."""
    return [f"account-{n}" for n in range(accounts)]


@contextmanager
def program(place: Place, *arguments: str) -> Iterator[None]:
    """``smtps``, for the length of a block."""
    with subprocess.Popen(
        [sys.executable, "-m", "smtps", *arguments], env=os.environ | dict(place.more),
        stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            yield
        finally:
            process.terminate()


def accepted_by_store(
    place: Place, messages: int, callers: int, accounts: int = 20
) -> dict[str, float]:
    """By the store alone: messages a second, median and 99th percentile in ms."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.outbox_load",
        place.url,
        *map(str, (accounts, messages, callers)),
    ]
    done = subprocess.run(command, env=os.environ | dict(place.more), cwd=HERE.parent,
                          stdout=subprocess.PIPE, text=True, check=True)  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def accepted_by_http(place: Place, port: int, callers: int, seconds: int) -> dict[str, float]:
    """By the endpoint, one service process that delivers nothing."""
    config, own = configuration(place, port, 1, deliver=False)
    with program(place, "serve", "--config", str(config)):
        wait_for(own)
        return wrk(
            f"http://127.0.0.1:{own}/api/smtps/messages", request("account-0"), callers, seconds
        )


def wrk(url: str, body: Mapping[str, str], callers: int, seconds: int) -> dict[str, float]:
    """The same request again and again.

    Raises:
        RuntimeError: one was answered with an error.
    """
    done = subprocess.run(
        [WRK, "-t1", f"-c{callers}", f"-d{seconds}s", "--latency", "--timeout", "20s", "-s",
         str(HERE / "instruments" / "post.lua"), url],
        env=os.environ | {"BODY": json.dumps(body)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    if "Non-2xx" in done.stdout:
        raise RuntimeError(done.stdout)
    found = {"per_s": float(re.findall(r"Requests/sec: +([\d.]+)", done.stdout)[0])}
    for name in ("50", "99"):
        number, unit = re.findall(rf" {name}% +([\d.]+)(us|ms|s)", done.stdout)[0]
        found[f"p{name}"] = float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    return found


def delivered(place: Place, mail: Sink, messages: int, workers: int, accounts: int = 20) -> float:
    """Messages a second to the sink; the outbox is filled before anything is started."""
    accepted_by_store(place, messages, 500, accounts)
    before = mail.messages()
    config, _ = configuration(place, mail.port, accounts, deliver=True)
    command = "serve" if place.kind == SQLITE else "worker"
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(program(place, command, "--config", str(config)))
        return mail.rate(before, messages)


async def _accept(place: str, accounts: int, messages: int, callers: int) -> dict[str, float]:
    known = {
        name: Account(name=name, endpoint=lambda: Endpoint("x.test")) for name in names(accounts)
    }
    asked = [MessageRequest.model_validate(request(name)) for name in known]
    ready = [one.ready() for one in asked]
    taken: list[float] = []
    numbers = iter(range(messages))
    async with Outbox(place, known, deliver=False) as outbox:

        async def caller() -> None:
            for number in numbers:
                which = number % accounts
                now = outbox.clock.now()
                submission = asked[which].submission(
                    ready[which], known[asked[which].account], None, outbox.new_id(), now
                )
                start = time.perf_counter()
                await outbox.accept(submission)
                taken.append((time.perf_counter() - start) * 1000)

        start = time.perf_counter()
        await asyncio.gather(*itertools.starmap(caller, [()] * callers))
        seconds = time.perf_counter() - start
    cuts = statistics.quantiles(taken, n=100)
    return {"per_s": messages / seconds, "p50": cuts[49], "p99": cuts[98]}


if __name__ == "__main__":
    where, *sizes = sys.argv[1:]
    print(json.dumps(asyncio.run(_accept(where, *map(int, sizes)))))
