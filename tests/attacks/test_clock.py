"""The clock of a running service jumps by hours, both ways, while mail waits (libfaketime)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from sqlalchemy import select
from tests.outbox.crash.judge import engine
from tests.outbox.crash.programs import free_port
from tests.outbox.database import Server
from tests.outbox.stops.server import Thinker, thinker

from smtps.outbox import tables

PROGRAM = """
import signal
import sys
from smtps.main import main
from smtps.outbox import clock, outbox
outbox.TIDY = 0.2
signal.signal(signal.SIGUSR1, lambda *_: setattr(clock, "PATIENCE", 500))
sys.exit(main(sys.argv[1:]))
"""
"""Looks often for what is old. SIGUSR1: a jump has to last half a second, not five minutes."""

(LIBRARY,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
HOURS = 5
SOON = timedelta(minutes=16)
"""What a waiting account waits at most, and a bit."""


@dataclass
class Clock:
    """What other processes take for the time; the monotonic clock stays as it is."""

    file: Path
    hours: int = 0

    def set(self, hours: int) -> None:
        """So many hours from the truth, for whoever looks from now on."""
        self.hours = hours
        new = self.file.with_suffix(".new")
        new.write_text(f"{hours:+d}h\n" if hours else "+0\n")
        new.chmod(0o644)
        new.replace(self.file)

    def now(self) -> datetime:
        """What they take for it."""
        return datetime.now(UTC) + timedelta(hours=self.hours)

    @property
    def variables(self) -> dict[str, str]:
        """Of the environment of these processes."""
        return {
            "LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_CACHE_DURATION": "1",
        }  # fmt: skip


@pytest.fixture
def clock() -> Iterator[Clock]:
    with tempfile.TemporaryDirectory(prefix="smtps-clock-") as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as somebody else
        found = Clock(Path(name) / "time")
        found.set(0)
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[str]:
    """Of an outbox; the database's clock jumps with the service's."""
    if request.param == "sqlite":
        yield str(tmp_path / "outbox.db")
        return
    server = Server(fsync="off")
    server.variables = clock.variables
    with server:
        yield server.database()


@dataclass
class Site:
    """A service, and what it is told.

    Attributes:
        url: of the service.
        place: of its outbox.
        log: what it says.
        told: events that the webhook was told, by message.
    """

    url: str
    place: str
    log: Path
    told: dict[str, Counter[str]] = field(default_factory=dict)

    def rows(self) -> dict[str, Any]:
        """The messages, by name."""
        database = engine(self.place)
        with database.connect() as connection:
            found = {row.id: row for row in connection.execute(select(tables.messages))}
        database.dispose()
        return found

    def state(self, id_: str) -> str:
        return str(self.rows()[id_].state)

    def waits_until(self, account: str) -> datetime:
        """When an account may be tried again."""
        database = engine(self.place)
        lanes = tables.lanes.c
        with database.connect() as connection:
            query = select(lanes.not_before).where(lanes.account == account)
            found = int(connection.execute(query).scalar_one())
        database.dispose()
        return datetime.fromtimestamp(found / 1000, UTC)

    def moves(self) -> int:
        """How often what waits was moved, because the clock had gone back."""
        return self.log.read_text().count("waiting messages were moved")

    async def accept(self, account: str, **more: str) -> str:
        """Hand a message over, as often as it takes."""
        key = {"Idempotency-Key": uuid4().hex}
        body = {"account": account, "from": "ann@x.test", "to": "bob@y.test", "subject": "Hi",
                "body": "Hi", **more}  # fmt: skip
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            for _ in range(10):
                answer = await client.post(f"{self.url}/api/smtps/messages", json=body, headers=key)
                if answer.status_code not in (409, 503):
                    break
                await asyncio.sleep(1)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def sent(self, *ids: str) -> None:
        """Wait until they are."""
        await until(lambda: all(self.state(id_) == "sent" for id_ in ids))


async def until(found: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(found):
            await asyncio.sleep(0.1)


@contextmanager
def service(site: Site, config: Path, clock: Clock) -> Iterator[subprocess.Popen[bytes]]:
    """Running, for the length of the block."""
    with site.log.open("a") as log, subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "serve", "--config", str(config), "--json"],
        stdout=subprocess.PIPE, stderr=log, env=os.environ | clock.variables,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["url"] == site.url
            yield process
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Thinker]:
    with thinker(tmp_path / "server", 0, 0) as server:
        yield server


@pytest.fixture
async def site(tmp_path: Path, place: str, mail: Thinker) -> AsyncIterator[Site]:
    """Settings for two accounts, the server of one of which is away, and a webhook's receiver."""
    found = Site(f"http://127.0.0.1:{free_port()}", place, tmp_path / "log")

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        notice = json.loads(await reader.readexactly(length))
        found.told.setdefault(notice["data"]["id"], Counter())[notice["type"]] += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    receiver = await asyncio.start_server(receive, "127.0.0.1", 0)
    hook = receiver.sockets[0].getsockname()[1]
    (tmp_path / "hook").write_text("whsec_" + "QUFB" * 10)
    account = f'host = "127.0.0.1"\nca_file = "{mail.ca_file}"\nper_minute = 6000\n'
    (tmp_path / "smtps.toml").write_text(
        f'outbox = "{place}"\nport = {found.url.rpartition(":")[2]}\n'
        f"[accounts.main]\n{account}port = {mail.port}\n"
        f'webhook = {{url = "http://127.0.0.1:{hook}/", secret_file = "{tmp_path}/hook"}}\n'
        f"[accounts.away]\n{account}port = {free_port()}\n"
    )
    async with receiver:
        yield found


def later(clock: Clock, hours: float) -> str:
    return (clock.now() + timedelta(hours=hours)).isoformat()


async def test_for_a_moment_or_for_good(
    site: Site, clock: Clock, mail: Thinker, tmp_path: Path
) -> None:
    config = tmp_path / "smtps.toml"
    with service(site, config, clock) as process:
        timed = [await site.accept("main", send_at=later(clock, 2)) for _ in range(3)]
        far = await site.accept("main", send_at=later(clock, 3 * HOURS))
        short = await site.accept("away", expires_at=later(clock, 1))
        waiting = [await site.accept("away") for _ in range(3)]
        at_once = [await site.accept("main") for _ in range(5)]
        await site.sent(*at_once)
        await until(lambda: site.waits_until("away") > datetime.now(UTC))

        for times, hours in enumerate((HOURS, -HOURS), start=1):  # a moment's mistake
            clock.set(hours)
            await until(lambda: site.log.read_text().count("the clock jumped by") >= times)  # noqa: B023
            at_once.append(await site.accept("main"))
            await site.sent(at_once[-1])
            clock.set(0)
            at_once.append(await site.accept("main"))
            await site.sent(at_once[-1])
        assert {site.state(id_) for id_ in [*timed, far]} == {"scheduled"}
        assert "persisted and now applies" not in site.log.read_text()

        process.send_signal(signal.SIGUSR1)
        clock.set(HOURS)
        await site.sent(*timed)  # their time has come, by this clock
        await until(lambda: "persisted and now applies" in site.log.read_text())
        at_once.append(await site.accept("main"))
        await site.sent(at_once[-1])
        await asyncio.sleep(1)  # several looks for what is old
        assert site.state(far) == "scheduled"
        assert {site.state(id_) for id_ in [short, *waiting]} <= {"queued", "retrying", "sending"}

        before = site.moves()  # one, if the service had not yet seen the true time again
        clock.set(-HOURS)
        await until(lambda: site.moves() > before)
        assert site.waits_until("away") < clock.now() + SOON
        at_once.append(await site.accept("main"))
        await site.sent(at_once[-1])
        assert site.state(far) == "scheduled"

    before = site.moves()
    clock.set(-2 * HOURS)  # while it is closed
    with service(site, config, clock):
        await until(lambda: site.moves() > before)
        assert site.waits_until("away") < clock.now() + SOON
        at_once.append(await site.accept("main"))
        await site.sent(at_once[-1])
        assert site.state(far) == "scheduled"
        assert {site.state(id_) for id_ in [short, *waiting]} <= {"queued", "retrying", "sending"}
        delivered = [*timed, *at_once]
        await until(lambda: all(site.told.get(id_) == {"message.sent": 1} for id_ in delivered))

    assert "Traceback" not in site.log.read_text()
    assert len(site.rows()) == len(delivered) + 1 + 1 + 3
    taken = mail.taken()
    assert sum(map(len, taken.values())) == len(delivered) == len(taken)
