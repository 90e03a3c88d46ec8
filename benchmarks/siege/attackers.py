"""All attacks at once, in one process; prints on SIGTERM what was answered to each.

    python -m benchmarks.siege.attackers PLAN.json

The plan has ``port`` of the service, ``token`` of somebody who may use it, ``servers``: name → port
of a mail server that means harm, and ``only``: the attacks that are wanted, if not all.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import signal
import socket
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.siege.http import Caller, LostError
from benchmarks.siege.servers import INSIDE
from tests.attacks.test_bodies import PATHS, bombs
from tests.fuzz.target import CORPUS
from tests.fuzz.web import BODY_WORDS, KINDS

IDLE = 2000
SLOW_HEADS = 200
SLOW_READERS = 50
ENDLESS_HEADS = 4
BOMBERS = 4
FUZZERS = 4
GUESSERS = 4
VICTIMS = 20
"""How many of each at the same time."""

MESSAGES = "/api/smtps/messages"


class Attack:
    """What all share.

    Args:
        plan: see above.
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        self.port: int = plan["port"]
        self.token: str = plan["token"]
        self.servers: dict[str, int] = plan["servers"]
        self.chance = random.Random(7)  # noqa: S311  # the same each time
        self.answers: dict[str, Counter[str]] = defaultdict(Counter)

    async def ask(self, attack: str, caller: Caller, *args: Any, **more: Any) -> None:
        """Make a request and count its answer."""
        try:
            status, body = await caller.call(*args, **more)
        except LostError:
            self.answers[attack]["cut off"] += 1
            return
        self.answers[attack][str(status)] += 1
        if status == 500:
            print("500:", args[:2], repr(args[2:])[:500], body[:300], file=sys.stderr, flush=True)

    # One round of each attack; it is begun again as soon as it ends.

    async def bomber(self) -> None:
        """Short bodies that ask for much work."""
        caller = Caller(self.port, self.token)
        for body in bombs().values():
            await self.ask("bombs", caller, "POST", self.chance.choice(PATHS), body)
            await asyncio.sleep(0.2)
        await caller.close()

    async def fuzzer(self) -> None:
        """Changed bodies on every route."""
        caller = Caller(self.port, self.token)
        seeds = [path.read_bytes() for path in (CORPUS / "bodies").iterdir()]
        _, found = await caller.call("GET", "/openapi.json")
        paths = json.loads(found)["paths"]
        ways = [(method.upper(), path) for path, told in paths.items() for method in told]
        for _ in range(200):
            method, path = self.chance.choice(ways)
            where, _, body = self.chance.choice(seeds)[2:].partition(b"\n")
            body = self._changed(body if method != "GET" else b"")
            place = self._changed(where).decode("latin-1")
            place = "".join(char for char in place if "!" <= char <= "~" and char != "#")
            filled = path.partition("{")[0] + (place if "{" in path or "?" in place else "")
            kind = self.chance.choice(KINDS).decode("latin-1")
            await self.ask("fuzzed bodies", caller, method, filled, body, kind=kind)
            await asyncio.sleep(0.1)
        await caller.close()

    def _changed(self, data: bytes) -> bytes:
        for _ in range(self.chance.randrange(4)):
            at = self.chance.randrange(len(data) + 1)
            piece = self.chance.choice(BODY_WORDS)
            data = data[:at] + piece + data[at + self.chance.randrange(8) :]
        return data

    async def guesser(self) -> None:
        """Tokens that are none."""
        caller = Caller(self.port, f"smtps_{self.chance.randbytes(20).hex()}")
        for _ in range(20):
            await self.ask("wrong tokens", caller, "GET", MESSAGES)
            await asyncio.sleep(0.1)
        await caller.close()

    async def endless_head(self) -> None:
        """A header field without an end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        with suppress(OSError):
            for _ in range(4000):
                writer.write(b"x" * 1000)
                await writer.drain()
        await self._ended("endless heads", reader, writer)
        await asyncio.sleep(0.2)

    async def slow_head(self) -> None:
        """A head, an octet at a time."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        with suppress(OSError):
            while not reader.at_eof():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(1)
        await self._ended("slow heads", reader, writer)

    async def idler(self) -> None:
        """A connection and nothing else."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        await self._ended("idle connections", reader, writer)

    async def _ended(
        self, attack: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        said = b""
        with suppress(OSError):
            said = await reader.read(12)
        self.answers[attack][said[9:].decode("latin-1") or "closed"] += 1
        writer.transport.abort()

    async def slow_reader(self) -> None:
        """Reads a stream of events by drops."""
        plug = socket.socket()
        plug.setblocking(False)
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(plug, ("127.0.0.1", self.port))
        target = self.chance.choice(sorted(self.servers.values()))
        request = (
            f"GET /api/smtps/check/events?host=127.0.0.1&port={target}&verify=false&deep=true"
            f"&timeout=120000 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}"
            "\r\n\r\n"
        )
        heard = b""
        try:
            await loop.sock_sendall(plug, request.encode())
            while data := await loop.sock_recv(plug, 64):
                heard = heard or data
                await asyncio.sleep(0.5)
        except OSError:
            pass
        finally:
            plug.close()
        self.answers["slow readers"][heard[9:12].decode("latin-1") or "closed"] += 1
        await asyncio.sleep(0.5)

    async def victim(self) -> None:
        """Has the service talk to mail servers that mean harm."""
        caller = Caller(self.port, self.token)
        name, port = self.chance.choice(sorted(self.servers.items()))
        server: dict[str, Any] = {"host": "127.0.0.1", "port": port, "verify": False,
                                  "timeout": 20_000}  # fmt: skip
        if name in {serve.__name__ for serve in INSIDE}:
            server |= {"username": "ann", "password": "x", "allow_unverified_login": True}
        letter = {"from": "a@x.test", "to": ["b@x.test"], "subject": "x", "body": "x"}
        for path, body in (
            ("/api/smtps/connect", server),
            ("/api/smtps/check", server | {"deep": True, "from": "a@x.test", "to": ["b@x.test"]}),
            ("/api/smtps/send", server | letter),
            (MESSAGES, letter | {"account": f"bad-{name}"}),
        ):
            content = json.dumps(body).encode()
            await self.ask("bad mail servers", caller, "POST", path, content, seconds=180)
            await asyncio.sleep(0.2)
        await caller.close()


async def again(attack: Callable[[], Awaitable[None]]) -> None:
    """One attacker, who does not get tired."""
    while True:
        with suppress(OSError, LostError, asyncio.IncompleteReadError):
            await attack()
        await asyncio.sleep(0.05)


async def main(plan: dict[str, Any]) -> None:
    """Attack until SIGTERM."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    attack = Attack(plan)
    number: dict[Callable[[], Awaitable[None]], int] = {
        attack.idler: IDLE, attack.slow_head: SLOW_HEADS, attack.slow_reader: SLOW_READERS,
        attack.endless_head: ENDLESS_HEADS, attack.bomber: BOMBERS, attack.fuzzer: FUZZERS,
        attack.guesser: GUESSERS, attack.victim: VICTIMS,
    }  # fmt: skip
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    tasks = []
    for way, count in number.items():
        if plan["only"] and way.__name__ not in plan["only"]:
            continue
        for _ in range(count):
            tasks.append(asyncio.create_task(again(way)))
            if len(tasks) % 50 == 0:
                await asyncio.sleep(0.02)
    await over.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(attack.answers), flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
