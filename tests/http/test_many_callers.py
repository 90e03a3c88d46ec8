"""Many callers at once, some of them asking about servers that let everybody wait.

Invariants: whoever asks about a healthy server gets the answer long before the slow ones do; the
service's memory does not grow with those who wait; a caller who is gone leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from smtps.http.session_cache import SESSIONS
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.server import Sandbox

CALLERS = 200
SLOW = ("no-greeting", "late-greeting", "silent", "plaintext-late")
PATIENCE = 15.0
"""Seconds until those who ask about slow servers give up."""


@dataclass
class Service:
    url: str
    pid: int

    def memory(self, field: str = "VmRSS") -> int:
        """Octets."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
        raise AssertionError(field)

    def sockets(self) -> int:
        found = 0
        for link in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                found += str(link.readlink()).startswith("socket:")
            except FileNotFoundError:
                continue
        return found


@asynccontextmanager
async def service(gallery: Gallery) -> AsyncIterator[Service]:
    """In a process of its own, which trusts the gallery as it would any server."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "smtps", "serve", "--port", "0", "--json",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "SSL_CERT_FILE": str(gallery.boxes["healthy"].ca_file)},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        url = json.loads(await process.stdout.readline())["url"]
        yield Service(url, process.pid)
    finally:
        process.terminate()
        await process.wait()


async def ask(service: Service, path: str, body: dict[str, object]) -> tuple[int, bytes]:
    """Status and answer, by a client that costs next to nothing: there are many of it."""
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        data = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Connection: close\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        writer.write(head.encode() + data)
        answer = await reader.read()
        return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]
    finally:
        writer.close()


def question(box: Sandbox, patience: float = PATIENCE) -> dict[str, object]:
    return {"host": box.host, "port": box.port, "timeout": int(patience * 1000)}


CONNECT, CHECK, SEND = (f"/api/smtps/{name}" for name in ("connect", "check", "send"))


async def test_nobody_starves(record_property: Callable[[str, object], None]) -> None:
    async with Gallery() as gallery, service(gallery) as running:
        healthy = gallery.boxes["healthy"]
        assert (await ask(running, CONNECT, question(healthy)))[0] == 200
        before = running.memory()
        waited: list[float] = []

        async def healthy_caller() -> None:
            for _ in range(4):
                start = time.perf_counter()
                status, answer = await ask(running, CONNECT, question(healthy))
                waited.append(time.perf_counter() - start)
                assert status == 200, answer

        async def patient_caller(name: str) -> None:
            status, answer = await ask(running, CONNECT, question(gallery.boxes[name]))
            assert status in (200, 502, 504), answer

        slow = [patient_caller(SLOW[number % len(SLOW)]) for number in range(CALLERS // 4)]
        await asyncio.gather(*slow, *(healthy_caller() for _ in range(CALLERS * 3 // 4)))
        p99 = statistics.quantiles(waited, n=100)[98]
        grown = running.memory("VmHWM") - before
        record_property("p99_ms", round(p99 * 1000, 1))
        record_property("grown_mb", round(grown / 1e6, 1))
        print(f"p99 of the healthy {p99 * 1000:.0f} ms, memory +{grown / 1e6:.1f} MB")
        assert max(waited) < PATIENCE
        assert grown < CALLERS * 256 * 1024  # what asyncio's own TLS would take


async def test_callers_who_are_gone_leave_nothing_behind() -> None:
    async with Gallery() as gallery, service(gallery) as running:
        box, healthy = gallery.boxes["no-greeting"], gallery.boxes["healthy"]
        assert (await ask(running, CONNECT, question(healthy)))[0] == 200
        idle = running.sockets()
        message = {"from": "a@x.test", "to": "b@x.test", "body": "x", **question(box, 300)}
        bodies = {CONNECT: question(box, 300), CHECK: question(box, 300), SEND: message}
        asking = [
            asyncio.create_task(ask(running, path, body))
            for path, body in bodies.items()
            for _ in range(CALLERS // len(bodies))
        ]
        at_once = 2 * (CALLERS // 3) + SESSIONS  # the others wait for a session of their account
        async with asyncio.timeout(20):
            while len(box.clients) < at_once:
                await asyncio.sleep(0.05)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        async with asyncio.timeout(10):
            while box.clients or running.sockets() > idle:
                await asyncio.sleep(0.05)
        assert (await ask(running, CONNECT, question(healthy)))[0] == 200
