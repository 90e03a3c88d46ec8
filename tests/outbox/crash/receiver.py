"""Takes the notices of all accounts, and now and then does not: a 500, or it hangs up."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.webserver import Request, answer, website


@dataclass
class Receiver:
    """What it has heard.

    Attributes:
        events: message → what it was told and has taken.
        failed: notice → attempts that it has not taken.
        wrongs: what must not be: a kind, and the message.
    """

    chance: random.Random
    rate: float
    url: str = ""
    events: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    failed: Counter[str] = field(default_factory=Counter)
    wrongs: list[tuple[str, str]] = field(default_factory=list)

    async def __call__(self, request: Request) -> bool:
        """Answer one notice."""
        told = json.loads(request.content)
        message, notice = told["data"]["id"], request.fields["webhook-id"]
        if int(request.fields["webhook-attempt"]) > 1 + self.failed[notice]:
            self.wrongs.append(("an attempt of its webhook used up by a crash", message))
        dice = self.chance.random()
        if dice < 2 * self.rate:
            self.failed[notice] += 1
            if dice < self.rate:
                return False
            await request.say(answer(status="500 Oops"))
            return True
        self.events[message].add(told["type"])
        await request.say(answer(status="204 No Content"))
        return True


@asynccontextmanager
async def receiving(seed: int, rate: float) -> AsyncIterator[Receiver]:
    """A receiver until the block ends.

    Args:
        seed: of chance.
        rate: of each of its misdeeds.
    """
    receiver = Receiver(random.Random(seed), rate)
    async with website(receiver) as site:
        receiver.url = f"http://127.0.0.1:{site.port}/"
        yield receiver
