"""Ten callers who mean well. Each answer is verified; prints what came of them as JSON.

    python -m benchmarks.siege.callers PLAN.json SECONDS

The plan has ``port`` of the service, ``tokens``, and ``box``: how to reach the sandbox.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.siege.http import Caller, LostError

PAUSE = (0.05, 0.15)
"""Seconds between two requests of one caller."""

MESSAGES = "/api/smtps/messages"
FINAL = {"sent", "partial", "refused", "failed", "expired", "uncertain", "cancelled"}
PATIENCE = 60.0
"""Seconds that the last messages have to arrive once the callers have stopped."""


class WrongError(Exception):
    """An answer that is not the right one."""


class Honest:
    """One caller.

    Args:
        plan: see above.
        number: of the caller.
        run: a word that no other run uses.
    """

    def __init__(self, plan: dict[str, Any], number: int, run: str) -> None:
        self._caller = Caller(plan["port"], plan["tokens"][number])
        self._box = plan["box"]
        self._name = f"{run}-{number}"
        self._chance = random.Random(number)  # noqa: S311  # the same each time
        self._count = 0
        self.posted: dict[str, str] = {}
        self.subjects: list[str] = []
        self.times: dict[str, list[float]] = defaultdict(list)
        self.wrong: list[str] = []

    @property
    def reconnected(self) -> int:
        """How often a connection that was kept had been closed."""
        return self._caller.reconnected

    async def run(self, until: float) -> None:
        """Make requests until then."""
        ways: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.connect, 2), (self.check, 1), (self.send, 2), (self.post, 4), (self.read, 3),
            (self.listing, 1), (self.health, 1), (self.metrics, 1),
        ]  # fmt: skip
        while time.monotonic() < until:
            (way,) = self._chance.choices([w for w, _ in ways], [n for _, n in ways])
            begun = time.perf_counter()
            try:
                await way()
            except (WrongError, LostError, KeyError, ValueError, TypeError) as error:
                self.wrong.append(f"{way.__name__}: {type(error).__name__} {error}"[:300])
            self.times[way.__name__].append(time.perf_counter() - begun)
            await asyncio.sleep(self._chance.uniform(*PAUSE))

    async def _asked(
        self, wanted: int, method: str, path: str, body: Any = None, **more: Any
    ) -> Any:
        content = json.dumps(body).encode() if body is not None else b""
        status, answer = await self._caller.call(method, path, content, **more)
        if status != wanted:
            raise WrongError(f"{status} for {method} {path}: {answer[:200]!r}")
        return answer if path == "/metrics" else json.loads(answer)

    @property
    def _server(self) -> dict[str, Any]:
        return {name: self._box[name] for name in ("host", "port", "username", "password")}

    async def connect(self) -> None:
        """The seed's first request."""
        found = await self._asked(200, "POST", "/api/smtps/connect", self._server)
        _expect(found["success"] is True and found["authenticated"] is True, found)

    async def check(self) -> None:
        """A whole report."""
        found = await self._asked(200, "POST", "/api/smtps/check", self._server)
        _expect(found["verdict"] in {"works", "warnings"}, found)

    def _letter(self) -> dict[str, Any]:
        self._count += 1
        subject = f"{self._name}-{self._count}"
        return {"from": self._box["username"], "to": "bob@example.org", "subject": subject,
                "body": "line\n" * 20}  # fmt: skip

    async def send(self) -> None:
        """The seed's second."""
        letter = self._letter()
        found = await self._asked(200, "POST", "/api/smtps/send", self._server | letter)
        _expect(found["success"] is True and found["recipients"][0]["status"] == "accepted", found)
        self.subjects.append(letter["subject"])

    async def post(self) -> None:
        """A message for the outbox."""
        letter = self._letter() | {"account": "main"}
        key = f'Idempotency-Key: "{letter["subject"]}"\r\n'
        found = await self._asked(202, "POST", MESSAGES, letter, headers=key)
        self.posted[found["id"]] = letter["subject"]
        self.subjects.append(letter["subject"])

    async def read(self) -> None:
        """One of the messages."""
        if not self.posted:
            return
        id_ = self._chance.choice(list(self.posted)[-50:])
        found = await self._asked(200, "GET", f"{MESSAGES}/{id_}")
        _expect(found["id"] == id_, found)

    async def listing(self) -> None:
        """The newest of them."""
        found = await self._asked(200, "GET", f"{MESSAGES}?limit=20&account=main")
        _expect(isinstance(found["messages"], list), found)

    async def health(self) -> None:
        """What a balancer asks."""
        _expect((await self._asked(200, "GET", "/readyz"))["status"] == "ready", "readyz")

    async def metrics(self) -> None:
        """What Prometheus asks."""
        _expect(
            b"smtps_http_requests_total" in await self._asked(200, "GET", "/metrics"), "metrics"
        )

    async def settled(self, until: float) -> list[str]:
        """What is wrong with the messages in the end."""
        wrong = []
        for id_, subject in self.posted.items():
            status = ""
            while status not in FINAL and time.monotonic() < until:
                try:
                    status = (await self._asked(200, "GET", f"{MESSAGES}/{id_}"))["status"]
                except (WrongError, LostError) as error:
                    status = str(error)
                if status not in FINAL:
                    await asyncio.sleep(0.5)
            if status != "sent":
                wrong.append(f"{subject}: {status}"[:200])
        return wrong


def _expect(right: object, found: Any) -> None:
    if not right:
        raise WrongError(str(found)[:300])


async def main(plan: dict[str, Any], seconds: float) -> None:
    """Call for so long, then wait for the messages."""
    run = format(time.time_ns() & 0xFFFFFFFF, "x")
    callers = [Honest(plan, number, run) for number in range(len(plan["tokens"]))]
    until = time.monotonic() + seconds
    await asyncio.gather(*(caller.run(until) for caller in callers))
    limit = time.monotonic() + PATIENCE
    unsent = await asyncio.gather(*(caller.settled(limit) for caller in callers))
    times: dict[str, list[float]] = defaultdict(list)
    for caller in callers:
        for name, spent in caller.times.items():
            times[name] += spent
    print(json.dumps({
        "times": times,
        "wrong": [each for caller in callers for each in caller.wrong],
        "unsent": [each for some in unsent for each in some],
        "subjects": [each for caller in callers for each in caller.subjects],
        "reconnected": sum(caller.reconnected for caller in callers),
    }), flush=True)  # fmt: skip


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text()), float(sys.argv[2])))
