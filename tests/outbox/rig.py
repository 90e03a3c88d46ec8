"""An outbox beside a server whose replies a test decides, under a clock that a test moves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.client.farm import Farm, farm
from tests.dialogues.strict import Strict, Taken
from tests.net.pki import PKI

import smtps
from smtps.client.commands import SendOptions
from smtps.client.outgoing import prepare
from smtps.outbox.account import Account
from smtps.outbox.clock import Clock
from smtps.outbox.outbox import Outbox
from smtps.outbox.records import Key, Submission

ON_A_FILE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("place", ["postgresql"], indirect=True)
"""For what the other kind does not have."""

PATIENCE = 15.0
"""Seconds for something to come about."""

LOST = "lost"
"""What a mood says to take a message and hang up without a word."""


class Moody(Strict):
    """Strict, but may hang up at the worst moment."""

    def _say(self, reply: str) -> None:
        if reply == LOST:
            self.taken.append(Taken(self._sender or "", tuple(self._to), b""))
            self.closed = True
        else:
            super()._say(reply)


class Rig:
    """See the module.

    Attributes:
        servers: what all connections saw.
        outbox: the one that delivers; ``start`` makes it.
    """

    def __init__(self, place: str, servers: Farm, moods: list[Callable[[str], str]]) -> None:
        self.place = place
        self.servers = servers
        self.outbox: Outbox
        self.ahead = 0
        self.clock = Clock(lambda: time.time() + self.ahead / 1000, self._steady)
        self._moods = moods
        self._open: list[Outbox] = []

    def _steady(self) -> float:
        return time.monotonic() + self.ahead / 1000

    def mood(self, judge: Callable[[str], str]) -> None:
        """Decide what the server answers from now on."""
        self._moods[0] = judge

    def account(self, name: str = "main", **options: Any) -> Account:
        """An account at the server."""
        port = options.pop("port", self.servers.port)
        login = options.pop("login", {})
        server = replace(self.servers.endpoint(transcript=False, **login), port=port)
        return Account(name=name, endpoint=lambda: server, **options)

    async def start(self, *accounts: Account, **options: Any) -> Outbox:
        """An outbox that delivers, until the test is over."""
        known = {account.name: account for account in accounts or (self.account(),)}
        opened = Outbox(self.place, known, clock=self.clock, **{"grace": 0.5, **options})
        await opened.__aenter__()
        self._open.append(opened)
        self.outbox = opened
        return opened

    async def close(self) -> None:
        """Close them all."""
        while self._open:
            await self._open.pop().__aexit__(None, None, None)

    def later(self, minutes: float) -> None:
        """Move the clock."""
        self.ahead += round(minutes * 60_000)
        self.outbox._nudged.set()

    def submission(
        self, *to: str, account: str = "main", key: Key | None = None, **options: Any
    ) -> Submission:
        """A message."""
        now = self.clock.now()
        message = smtps.Message(
            from_="ann@x.test", to=list(to or ("bob@y.test",)), subject="Hello", text="Hi"
        )
        partial = options.pop("partial", "send")
        lifetime = options.pop("lifetime", 3 * 24 * 60 * 60_000)
        return Submission(
            id=self.outbox.new_id(),
            account=account,
            outgoing=prepare(message, None),
            created=now,
            expires=now + lifetime,
            terms=SendOptions(partial=partial),
            subject="Hello",
            key=key,
            **options,
        )

    async def accept(self, *to: str, **options: Any) -> str:
        """Hand a message over; its id."""
        accepted = await self.outbox.accept(self.submission(*to, **options))
        return str(accepted.answer["id"])

    async def until(
        self, id_: str, *states: str, tries: int = 0, patience: float = PATIENCE
    ) -> dict[str, Any]:
        """The message, once it is in one of the states."""
        message: dict[str, Any] = {}
        end = time.monotonic() + patience
        while time.monotonic() < end:
            message = await self.outbox.show(id_)
            if message["status"] in states and message["tries"] >= tries:
                return message
            await asyncio.sleep(0.02)
        raise AssertionError(f"still {message}, not {states}")

    async def standing(self, name: str, status: str) -> dict[str, Any]:
        """The account, once it stands so."""
        found: dict[str, Any] = {}
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = next(s for s in await self.outbox.account_states() if s["account"] == name)
            if found["status"] == status:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"still {found}, not {status}")


@asynccontextmanager
async def rig_at(place: str, pki: PKI, *offers: str) -> AsyncIterator[Rig]:
    """An outbox, a server that has these extensions too, and a clock that a test moves."""
    moods: list[Callable[[str], str]] = [lambda _: "250 2.0.0 ok"]

    def make(_: int) -> Moody:
        server = Moody(judge=lambda said: moods[0](said))  # noqa: PLW0108  # it changes
        server.offers += offers
        return server

    async with farm(pki, make) as servers:
        rig = Rig(place, servers, moods)
        yield rig
        await rig.close()


def people(message: dict[str, Any]) -> dict[str, str]:
    """Recipient → status."""
    return {who["email"]: who["status"] for who in message["recipients"]}
