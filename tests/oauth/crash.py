"""kill -9 of processes that share a login whose refresh tokens rotate, and who has lost what."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.net.pki import PKI
from tests.oauth.authorization import AuthorizationServer, authorization_server
from tests.oauth.crash_worker import ACCOUNT, registration, store_at
from tests.webserver import Request

from smtps.oauth.exchange import Exchange
from smtps.oauth.token_source import StoredTokens

ROOT = Path(__file__).parent.parent.parent
HOME = "http://127.0.0.1:4/"


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        kills: processes killed.
        mid_renewal: kills while a request was at the server, or its answer on its way.
        renewals: times that the server gave new tokens.
        tokens: times that a worker had one.
        errors: code → times that a worker had none.
        lost: logins that had to be repeated.
        unnamed: of these, without it being said that a renewal was interrupted.
        strange: tokens that the server had never given.
        left: files beside the login and its lock.
    """

    kills: int = 0
    mid_renewal: int = 0
    renewals: int = 0
    tokens: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    unnamed: int = 0
    strange: int = 0
    left: list[str] = field(default_factory=list)


class Slow:
    """Lets the server think before and after what it does, so that kills fall in between."""

    def __init__(self, server: AuthorizationServer, chance: random.Random, longest: float) -> None:
        self.server, self.chance, self.longest = server, chance, longest
        self.at_it = 0
        self._busy = asyncio.Event()
        self.given: set[str] = set()

    async def __call__(self, request: Request) -> bool | None:
        self.at_it += 1
        self._busy.set()
        try:
            await asyncio.sleep(self.chance.uniform(0, self.longest))
            say = request.say

            async def later(data: bytes) -> None:
                self.given |= set(self.server.live)
                await asyncio.sleep(self.chance.uniform(0, self.longest))
                await say(data)

            request.say = later  # type: ignore[method-assign]
            return await self.server.act(request)
        finally:
            self.at_it -= 1

    async def busy(self, longest: float) -> None:
        """Wait for a renewal to be somewhere between its request and its answer."""
        self._busy.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._busy.wait(), longest)
            await asyncio.sleep(self.chance.uniform(0, 2 * self.longest))


async def run(
    folder: Path,
    pki: PKI,
    *,
    kills: int,
    life: float,
    grace: bool,
    workers: int = 2,
    seed: int = 1,
    place: str | None = None,
) -> Outcome:
    """Kill one worker after the other.

    Args:
        folder: for the store and the log.
        pki: certificates.
        kills: how many.
        life: seconds of an access token.
        grace: whether a refresh token whose answer may not have arrived is taken again; if not, the
            reuse of one ends the login.
        workers: at the same time.
        seed: of the moments.
        place: ``postgresql://…``, where the login is kept; None for files in the folder.
    """
    chance, found = random.Random(seed), Outcome()
    log, files = folder / "log", folder / "accounts"
    store = place or str(files)
    log.touch(mode=0o600)
    async with authorization_server(
        pki, life=life, grace=grace, revokes_on_reuse=not grace, public=True, iss=None
    ) as server:
        slow = Slow(server, chance, min(life / 20, 0.1))
        server.script = slow
        endpoint = f"{server.issuer}/token"
        source = StoredTokens(ACCOUNT, Exchange(registration(endpoint, str(pki.ca))),
                              store_at(store))  # fmt: skip
        await log_in(source, server)
        nursery = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.oauth.crash_worker", store, endpoint, str(pki.ca),
            str(log), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}, cwd=ROOT,
        )  # fmt: skip
        running = [await born(nursery) for _ in range(workers)]
        lines = read(log)
        try:
            while found.kills < kills:
                await asyncio.sleep(chance.uniform(0, life / 2))
                if chance.random() < 0.5:  # every other kill falls while a login is renewed
                    await slow.busy(3 * life)
                await judge(lines, found, slow, source, server)
                number = chance.randrange(workers)
                found.mid_renewal += slow.at_it > 0
                os.kill(running[number], signal.SIGKILL)
                found.kills += 1
                running[number] = await born(nursery)
            await asyncio.sleep(2 * life)
            await judge(lines, found, slow, source, server)
        finally:
            for pid in running:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            nursery.kill()
            await nursery.wait()
        found.renewals = server.refreshed
    if place is None:
        left = {path.name for path in files.iterdir()}
        found.left = sorted(left - {f"{ACCOUNT}.json", f"{ACCOUNT}.lock"})
    return found


async def born(nursery: asyncio.subprocess.Process) -> int:
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(b"\n")
    await nursery.stdin.drain()
    return int(await nursery.stdout.readline())


async def log_in(source: StoredTokens, server: AuthorizationServer) -> None:
    """As a person does."""
    begun = await source.exchange.begin(HOME)
    tokens = await source.exchange.redeem(begun, server.browse(begun.url))
    await source.log_in(tokens)


def read(log: Path) -> Iterator[list[str]]:
    """The lines that have come since the last time."""
    with log.open(encoding="utf-8") as file:
        while True:
            yield file.read().splitlines()


async def judge(
    lines: Iterator[list[str]],
    found: Outcome,
    slow: Slow,
    source: StoredTokens,
    server: AuthorizationServer,
) -> None:
    """Count what the workers wrote, and log in again if the login was lost."""
    codes: set[str] = set()
    for line in next(lines):
        _, kind, what, *_ = line.split(" ", 3)
        if kind == "token":
            found.tokens += 1
            found.strange += what not in slow.given | set(server.live)
        else:
            found.errors[what] += 1
            codes.add(what)
    if codes & {"oauth.refresh_interrupted", "oauth.login_needed"}:
        found.lost += 1
        found.unnamed += "oauth.refresh_interrupted" not in codes
        await log_in(source, server)
        next(lines)  # what was written meanwhile is of the login that is lost
