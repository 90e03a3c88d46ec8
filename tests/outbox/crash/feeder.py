"""Programs that hand mail over: each repeats its request until it has a 202."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2 as httpx
from tests.outbox.recording import digest

REPEATED = 0.02
"""Of the requests are sent once more although they were answered: the caller died, say."""


@dataclass
class Told:
    """What the callers know.

    Attributes:
        digests: Message-ID → digest of the body that was handed over.
        ids: Message-ID → the outbox's names for it, one if all is well.
        refused: answers that are neither yes nor "later".
        repeats: requests that were sent again.
    """

    digests: dict[str, str] = field(default_factory=dict)
    ids: dict[str, set[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    repeats: int = 0


class Feeder:
    """Hands over messages of a few kilobytes, a few at the same time.

    Args:
        url: of the service.
        accounts: in turn.
        seed: of chance.
    """

    def __init__(self, url: str, accounts: list[str], seed: int) -> None:
        self.told = Told()
        self._url, self._accounts = f"{url}/api/smtps/messages", accounts
        self._chance = random.Random(seed)
        self._allowed = asyncio.Semaphore(0)

    async def pace(self, messages: int, progress: Callable[[], float]) -> None:
        """Let so many be handed over, as the progress goes from 0 to 1."""
        allowed = 0
        while allowed < messages:
            await asyncio.sleep(0.02)
            wanted = min(messages, round(messages * progress()))
            for _ in range(wanted - allowed):
                self._allowed.release()
            allowed = max(allowed, wanted)

    async def feed(self, messages: int, callers: int = 20) -> None:
        """Hand over so many, as soon as they are allowed."""
        numbers = iter(range(messages))
        limits = httpx.Limits(max_connections=callers)
        async with httpx.AsyncClient(timeout=10, limits=limits, trust_env=False) as client:

            async def caller() -> None:
                for number in numbers:
                    await self._allowed.acquire()
                    await self._hand_over(client, number)

            await asyncio.gather(*(caller() for _ in range(callers)))

    async def _hand_over(self, client: httpx.AsyncClient, number: int) -> None:
        name = f"{number}@crash.test"
        body = self._body()
        message = (
            f"From: ann@crash.test\r\nTo: bob@crash.test\r\nSubject: {number}\r\n"
            f"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{name}>\r\n\r\n"
        ).encode() + body
        request = {
            "account": self._accounts[number % len(self._accounts)],
            "from": "ann@crash.test", "to": "bob@crash.test",
            "raw": base64.b64encode(message).decode(),
        }  # fmt: skip
        self.told.digests[name] = digest(body)
        times = 2 if self._chance.random() < REPEATED else 1
        for _ in range(times):
            await self._until_taken(client, name, request)

    async def _until_taken(
        self, client: httpx.AsyncClient, name: str, request: dict[str, str]
    ) -> None:
        while True:
            try:
                answer = await client.post(
                    self._url, json=request, headers={"Idempotency-Key": name}
                )
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 202:
                self.told.ids.setdefault(name, set()).add(answer.json()["id"])
                return
            if answer is not None and answer.status_code not in (409, 503):
                self.told.refused.append(f"{answer.status_code} {answer.text[:200]}")
            self.told.repeats += 1
            await asyncio.sleep(self._chance.uniform(0.05, 0.4))

    def _body(self) -> bytes:
        # Dots, so that stuffing counts, and a length that falls on no boundary twice.
        line = f"..{self._chance.randbytes(24).hex()}\r\n.\r\n"
        return line.encode() * self._chance.randint(1, 60)


async def resume_all(url: str, every: float = 0.5) -> None:
    """Let accounts that wait send again, as an operator may; a 421 would cost them ten seconds."""
    async with httpx.AsyncClient(base_url=f"{url}/api/smtps", trust_env=False) as client:
        while True:
            await asyncio.sleep(every)
            try:
                found = (await client.get("/accounts")).json()
                for account in found["accounts"]:
                    if account["status"] != "ok":
                        await client.post(f"/accounts/{account['account']}/resume")
            except (httpx.TransportError, KeyError, ValueError):
                continue  # it has just been killed
