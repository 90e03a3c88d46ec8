"""What a bystander waits while somebody attacks the service.

    scripts/bench fairness [--seconds S] [ATTACK…]

The service runs in a process of its own with default settings but for tokens, the attacker in
another with a token of its own. The bystander asks ten times a second for as long as the attack
lasts, each time over a new connection. "Alone" is measured before and after the attacks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smtps.config.callers import hash_token

HERE = Path(__file__).parent
FOUND = HERE / "fairness.md"
SEND, CONNECT = "/api/smtps/send", "/api/smtps/connect"
LETTER: dict[str, Any] = {
    "host": "127.0.0.1", "from": "a@x.test", "to": "b@x.test", "body": "Hello", "dry_run": True,
}  # fmt: skip
PAUSE = 0.1
"""Seconds between two requests of the bystander."""

TOO_LONG = 30.0
"""Seconds after which a request counts as not answered."""


def request(path: str, caller: str, body: bytes = b"") -> bytes:
    """On the wire."""
    about = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    method = "POST" if body else "GET"
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {caller}\r\n"
    return f"{head}{about}\r\n".encode() + body


async def status_of(reader: asyncio.StreamReader) -> int:
    """Read one answer to its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
    await reader.readexactly(int(length or 0))
    return int(head.split()[1])


# The attacks. Each goes on until it is cancelled.


async def hold(port: int, content: bytes, *, drip: bytes = b"", pause: float = 1.0) -> None:
    """A connection that is opened again and again, and held as long as it is let."""
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(content)
            while not writer.is_closing() and not reader.at_eof():
                if drip:
                    writer.write(drip)
                    await writer.drain()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await reader.read(1 << 16)
            writer.close()
        await asyncio.sleep(0.05)


async def hammer(port: int, content: bytes) -> None:
    """One request after the other over a connection that is kept."""
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while True:
                writer.write(content)
                await writer.drain()
                await status_of(reader)


async def never_read(port: int, content: bytes) -> None:
    """Requests whose answers are left where they are."""
    while True:
        with suppress(OSError):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the memory of another host
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
            _, writer = await asyncio.open_connection(sock=sock)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            while True:
                writer.write(content)
                await asyncio.wait_for(writer.drain(), 5)
                await asyncio.sleep(0.02)


@asynccontextmanager
async def silent() -> AsyncIterator[int]:
    """The port of a mail server that says nothing."""
    here: set[asyncio.StreamWriter] = set()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.add(writer)

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0, backlog=4096)
    async with server:
        yield server.sockets[0].getsockname()[1]


def slow(port: int) -> bytes:
    return json.dumps({"host": "127.0.0.1", "port": port, "timeout": 300_000}).encode()


def letter(**more: Any) -> bytes:
    return request(SEND, "hog", json.dumps(LETTER | more, separators=(",", ":")).encode())


WRONG: dict[str, Any] = {name: [1] * 1000 for name in ("to", "cc", "bcc")}
Attack = Callable[[int, int], list[Awaitable[None]]]
GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"

ATTACKS: dict[str, tuple[str, Attack]] = {
    "streams": ("1,000 event streams of one token", lambda port, mail: [
        hold(port, request(f"{CONNECT}/events", "hog", slow(mail))) for _ in range(1000)]),
    "checks": ("1,000 checks of one token, of a server that says nothing", lambda port, mail: [
        hold(port, request(CONNECT, "hog", slow(mail))) for _ in range(1000)]),
    "flood": ("100 connections that ask as fast as they are answered", lambda port, _mail: [
        hammer(port, request("/api/smtps/ports", "hog")) for _ in range(100)]),
    "share": ("the same, with all of the caller's places taken", lambda port, mail: [
        *(hold(port, request(CONNECT, "hog", slow(mail))) for _ in range(600)),
        *(hammer(port, request("/api/smtps/ports", "hog")) for _ in range(100))]),
    "idle": ("2,000 connections that ask for nothing", lambda port, _mail: [
        hold(port, b"", pause=5) for _ in range(2000)]),
    "heads": ("500 heads that come drop by drop", lambda port, _mail: [
        hold(port, GET, drip=b"X: y\r\n") for _ in range(500)]),
    "endless": ("20 heads without an end", lambda port, _mail: [
        hold(port, GET + b"X: ", drip=b"a" * 65_536, pause=0.001) for _ in range(20)]),
    "bodies": ("500 bodies that come drop by drop", lambda port, _mail: [
        hold(port, request(SEND, "hog", b" " * 9_999)[:-9_000], drip=b" ") for _ in range(500)]),
    "mistakes": ("20 callers with 3,000 wrong recipients each", lambda port, _mail: [
        hammer(port, letter(**WRONG)) for _ in range(20)]),
    "bomb": ("20 callers with 0.9 MB of empty attachments", lambda port, _mail: [
        hammer(port, letter(attachments=[{}] * 300_000)) for _ in range(20)]),
    "names": ("20 callers with 1.3 MB of unknown names", lambda port, _mail: [
        hammer(port, letter(**{f"hos{i}": i for i in range(90_000)})) for _ in range(20)]),
    "large": ("4 callers with messages of 16 MB", lambda port, _mail: [
        hammer(port, letter(body="a line of text\n" * (1 << 20))) for _ in range(4)]),
    "unread": ("200 callers who do not read their answers", lambda port, _mail: [
        never_read(port, request("/openapi.json", "hog")) for _ in range(200)]),
}  # fmt: skip
"""Name → what it is, and the tasks that make it."""


async def attack(name: str, port: int) -> None:
    """Attack until the process is ended."""
    async with silent() as mail:
        tasks = [asyncio.ensure_future(task) for task in ATTACKS[name][1](port, mail)]
        print("ready", flush=True)
        await asyncio.gather(*tasks)


# The bystander.


@dataclass
class Waits:
    """What somebody waited.

    Attributes:
        seconds: of each request that was answered.
        statuses: how often each; 0 where there was no answer.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def p(self, percent: int) -> float:
        """Milliseconds."""
        return statistics.quantiles(self.seconds, n=100)[percent - 1] * 1000


async def ask(port: int, content: bytes, waits: Waits) -> None:
    begun = time.perf_counter()
    status = 0
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(TOO_LONG):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(content)
            status = await status_of(reader)
            writer.close()
    waits.statuses[status] += 1
    waits.seconds.append(time.perf_counter() - begun)


async def bystander(port: int, seconds: float) -> tuple[Waits, Waits]:
    """Somebody who sends a letter now and then, and somebody who looks after the service."""
    letters, looks = Waits(), Waits()
    asked: list[asyncio.Task[None]] = []
    paths = ("/healthz", "/readyz", "/metrics")
    for number in range(round(seconds / PAUSE)):
        own = json.dumps(LETTER).encode()
        asked.append(asyncio.create_task(ask(port, request(SEND, "ann", own), letters)))
        asked.append(asyncio.create_task(ask(port, request(paths[number % 3], "ann"), looks)))
        await asyncio.sleep(PAUSE)
    await asyncio.gather(*asked)
    return letters, looks


@contextmanager
def service() -> Iterator[tuple[int, int]]:
    """Its port and process."""
    tokens = "".join(f'{name} = "{hash_token(name)}"\n' for name in ("hog", "ann"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "smtps.toml").write_text(f"[tokens]\n{tokens}")
        command = [sys.executable, "-m", "smtps", "serve", "--port", "0", "--json",
                   "--config", f"{folder}/smtps.toml"]  # fmt: skip
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            try:
                yield int(url.rpartition(":")[2]), process.pid
            finally:
                process.terminate()


@contextmanager
def attacked(name: str, port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.fairness", "--attack", name, "--port", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=HERE.parent
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(1)
        try:
            yield
        finally:
            process.kill()


def resident(process: int) -> float:
    """Megabytes."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def row(what: str, waits: tuple[Waits, Waits], memory: float) -> str:
    letters, looks = waits
    bad = {s: n for each in waits for s, n in each.statuses.items() if s != 200}
    told = ", ".join(f"{n} × {s or 'no answer'}" for s, n in sorted(bad.items())) or "none"
    return (
        f"| {what} | {letters.p(50):.0f} | {letters.p(99):.0f} | {max(letters.seconds) * 1000:.0f} "
        f"| {looks.p(99):.0f} | {told} | {memory:.0f} |\n"
    )


HEAD = """# What a bystander waits

Written by `scripts/bench fairness`: see `benchmarks/fairness.py`. Milliseconds from opening a
connection to the end of the answer; the bystander composes a message (`dry_run`), and beside it
`/healthz`, `/readyz` and `/metrics` are asked in turn. Attacker, bystander and service share
{cores} processors{load}.

| attack | p50 | p99 | longest | p99 of the operator's paths | answers other than 200 | memory, MB |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Measure, and write what was found."""
    options = argparse.ArgumentParser()
    options.add_argument("names", nargs="*", choices=[[], *ATTACKS], metavar="ATTACK")
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--attack")
    options.add_argument("--port", type=int)
    given = options.parse_args()
    if given.attack:
        asyncio.run(attack(given.attack, given.port))
        return
    rows = []
    load = f", on which other programs ran too (load {os.getloadavg()[0]:.1f})"
    with service() as (port, process):

        def measure(what: str) -> None:
            found = asyncio.run(bystander(port, given.seconds))
            rows.append(row(what, found, resident(process)))
            print(rows[-1], end="", flush=True)

        measure("alone, at first")
        for name in given.names or ATTACKS:
            with attacked(name, port):
                measure(ATTACKS[name][0])
            time.sleep(2)
        measure("alone, at last")
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    head = HEAD.format(cores=os.cpu_count(), load=load if busy else "")
    if not given.names:
        FOUND.write_text(head + "".join(rows))


if __name__ == "__main__":
    main()
