"""A database that turns read-only, hangs, goes and comes back: nobody waits for ever, and what the
mail server has said is written when it can be."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from tests.net.pki import PKI
from tests.outbox.database import Server, free_port
from tests.outbox.rig import Rig, people, rig_at

from smtps.config.settings import Settings
from smtps.http.app import create_app
from smtps.outbox import outcomes, postgres
from smtps.outbox.reading import Filter

PATIENCE = 2.0
SOON = 15.0
"""Seconds: far less than for ever, and far more than it takes on a machine with nothing else to do.
What a load balancer gives (2) is measured by ``scripts/bench failover``."""
LETTER = {"account": "main", "from": "ann@x.test", "to": "bob@y.test", "subject": "x", "body": "x"}


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    with Server(free_port(), fsync="off") as running:
        yield running


@pytest.fixture
def server(own: Server) -> Iterator[Server]:
    """As it was before, whatever the last test did to it."""
    yield own
    own.signal(signal.SIGCONT)
    if not own.pids():
        own.start()
    own.read_only(on=False)


@pytest.fixture
async def rig(server: Server, pki: PKI, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(postgres, "HEARTBEAT", timedelta(seconds=3))
    async with rig_at(server.database(), pki) as rig:
        yield rig


class Caller:
    """Asks the service by HTTP, and measures."""

    def __init__(self, rig: Rig) -> None:
        app = create_app(Settings(), outbox=rig.outbox)
        self._client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://127.0.0.1", timeout=60,
        )  # fmt: skip

    async def post(self) -> tuple[int, str | None, float]:
        """Status, code or id, and seconds."""
        begun = time.monotonic()
        answer = await self._client.post("/api/smtps/messages", json=LETTER)
        found = answer.json()
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0
        return answer.status_code, found.get("code", found.get("id")), time.monotonic() - begun

    async def taken(self) -> str:
        """Until it is; its id."""
        async with asyncio.timeout(60):
            while (found := await self.post())[0] != 202:
                await asyncio.sleep(0.05)
        return str(found[1])

    async def ready(self) -> int:
        """The status, which comes in time."""
        begun = time.monotonic()
        answer = await self._client.get("/readyz")
        assert time.monotonic() - begun < SOON
        return answer.status_code

    async def becomes(self, status: int) -> None:
        """Until it is that."""
        async with asyncio.timeout(60):
            while await self.ready() != status:
                await asyncio.sleep(0.05)

    async def ask(self, path: str) -> tuple[int, float]:
        """Status and seconds."""
        begun = time.monotonic()
        answer = await self._client.get(path)
        return answer.status_code, time.monotonic() - begun


async def test_read_only_is_503_and_not_ready(server: Server, rig: Rig) -> None:
    await rig.start(deliver=False, patience=PATIENCE)
    caller = Caller(rig)
    await caller.taken()
    await caller.becomes(200)
    server.read_only()
    await caller.becomes(503)
    assert (await caller.post())[:2] == (503, "outbox.unavailable")
    assert await caller.ready() == 503
    server.read_only(on=False)
    await caller.becomes(200)
    await caller.taken()


async def test_nobody_waits_for_a_server_that_hangs(server: Server, rig: Rig) -> None:
    await rig.start(deliver=False, patience=PATIENCE)
    caller = Caller(rig)
    kept = await caller.taken()
    server.signal(signal.SIGSTOP)
    found = await asyncio.gather(*(caller.post() for _ in range(20)))
    assert {status for status, *_ in found} == {503}
    assert max(seconds for *_, seconds in found) < SOON
    status, seconds = await caller.ask(f"/api/smtps/messages/{kept}")
    assert (status, seconds < SOON) == (503, True)
    assert await caller.ready() == 503
    server.signal(signal.SIGCONT)
    await caller.becomes(200)
    await caller.taken()


async def test_who_was_told_that_nothing_was_kept_finds_nothing_kept(
    server: Server, rig: Rig
) -> None:
    await rig.start(deliver=False, patience=PATIENCE)
    caller = Caller(rig)
    server.signal(signal.SIGSTOP)
    found = [await caller.post() for _ in range(4)]
    server.signal(signal.SIGCONT)
    await caller.becomes(200)
    kept = len(await rig.outbox.page(Filter()))
    assert kept <= [code for _, code, _ in found].count("outbox.unconfirmed")


@pytest.mark.parametrize("how", ["restart", "kill"])
async def test_it_goes_and_comes_back(server: Server, rig: Rig, how: str) -> None:
    await rig.start(deliver=False, patience=PATIENCE)
    caller = Caller(rig)
    await caller.taken()
    if how == "kill":
        await asyncio.to_thread(server.kill)
    else:
        await asyncio.to_thread(server.stop)
    assert await caller.ready() == 503
    assert (await caller.post())[0] == 503
    await asyncio.to_thread(server.start)
    await caller.becomes(200)
    await caller.taken()


async def test_locks_of_others_hold_a_caller_up_for_a_bounded_time(
    server: Server, rig: Rig
) -> None:
    await rig.start(deliver=False, patience=PATIENCE)
    caller = Caller(rig)
    with psycopg.connect(rig.place) as other:
        other.execute("LOCK TABLE messages")
        status, _, seconds = await caller.post()
        assert (status, seconds < SOON) == (503, True)
    await caller.taken()


async def test_no_connection_is_without_its_bounds(server: Server, rig: Rig) -> None:
    await rig.start(patience=PATIENCE)
    await rig.until(await rig.accept(), "sent")
    behind = rig.outbox.store.behind
    for engine in (behind.writing, behind.reading):
        with engine.connect() as connection:
            for name, value in (("statement_timeout", "2s"), ("lock_timeout", "1s"),
                                ("idle_in_transaction_session_timeout", "4s")):  # fmt: skip
                assert connection.exec_driver_sql(f"SHOW {name}").scalar() == value
            raw = connection.connection.driver_connection
            assert raw is not None
            known = {option.keyword: option.val for option in raw.pgconn.info}
            assert known[b"tcp_user_timeout"] == b"2000"
            assert known[b"keepalives_idle"] == b"10"


async def test_the_address_may_name_several_hosts_and_what_libpq_alone_knows(
    server: Server, rig: Rig
) -> None:
    name = rig.place.rpartition("/")[2]
    rig.place = (
        f"postgresql://postgres@/{name}?host=127.0.0.1:{free_port()}&host=127.0.0.1:{server.port}"
        "&target_session_attrs=read-write&connect_timeout=3&keepalives=1&tcp_user_timeout=5000"
        "&application_name=mail"
    )
    await rig.start()
    await rig.until(await rig.accept(), "sent")


def turning(rig: Rig, how: Callable[[], None]) -> None:
    """The database is lost at the moment at which the mail server takes the first message."""
    done: list[bool] = []

    def judge(said: str) -> str:
        if said.startswith("message") and not done:
            done.append(True)
            how()
        return "250 2.0.0 ok"

    rig.mood(judge)


async def held(rig: Rig) -> None:
    async with asyncio.timeout(60):
        while not rig.outbox._outcomes.held:
            await asyncio.sleep(0.02)


async def kept(folder: Path, id_: str) -> Path:
    """The file that has the outcome."""
    async with asyncio.timeout(60):
        while True:
            for file in folder.glob("*"):
                if id_ in file.read_text():
                    return file
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("how", ["read-only", "hangs"])
async def test_what_the_mail_server_took_is_written_when_the_database_is_back(
    server: Server, rig: Rig, how: str
) -> None:
    hang = how == "hangs"
    turning(rig, lambda: server.signal(signal.SIGSTOP) if hang else server.read_only())
    await rig.start(deliver=False)
    ids = [await rig.accept() for _ in range(10)]
    await rig.start(patience=PATIENCE)
    caller = Caller(rig)
    await held(rig)
    assert await caller.ready() == 503
    taken = len(rig.servers.taken)
    assert 0 < taken < 10
    await asyncio.sleep(2 * outcomes.PAUSE)  # it is tried and fails again
    assert len(rig.servers.taken) == taken  # nothing more is claimed
    server.signal(signal.SIGCONT) if hang else server.read_only(on=False)
    await caller.becomes(200)
    for id_ in ids:
        message = await rig.until(id_, "sent", patience=60)
        assert message["tries"] == 1
    assert len(rig.servers.taken) == 10
    assert not rig.outbox._outcomes.held


@pytest.mark.parametrize("policy", ["hold", "retry"])
@pytest.mark.parametrize("other", [False, True])
async def test_a_stop_meanwhile_leaves_them_to_the_next_start(
    server: Server, rig: Rig, tmp_path: Path, policy: Any, other: bool
) -> None:
    """Also where another worker has taken the account over in between."""
    account = rig.account(uncertain=policy)
    await rig.start(account, patience=PATIENCE, state=tmp_path / "one")
    turning(rig, server.read_only)
    id_ = await rig.accept()
    file = await kept(tmp_path / "one", id_)  # before any stop, in case there is none
    assert file.stat().st_mode & 0o077 == 0
    await rig.close()
    assert file.exists()
    server.read_only(on=False)
    if other:
        await rig.start(account, state=tmp_path / "two")
        await rig.until(id_, "uncertain", "retrying", patience=60)
        assert file.exists()
        if policy == "hold":
            await rig.close()
    await rig.start(account, state=tmp_path / "one")
    message = await rig.until(id_, "sent")
    assert (message["tries"], message["failure"]) == (1, None)
    assert [attempt["outcome"] for attempt in message["attempts"]] == ["sent"]
    assert people(message) == {"bob@y.test": "accepted"}
    assert not file.exists()
    assert len(rig.servers.taken) == 1


async def test_what_was_claimed_and_not_begun_is_not_in_doubt(
    server: Server, rig: Rig, tmp_path: Path
) -> None:
    account = rig.account(concurrency=1, window=1)
    await rig.start(account, deliver=False)
    ids = [await rig.accept() for _ in range(30)]
    seen = 0

    def judge(said: str) -> str:
        nonlocal seen
        seen += said.startswith("message")
        if seen == 10:
            server.read_only()
        return "250 2.0.0 ok"

    rig.mood(judge)
    await rig.start(account, patience=PATIENCE, state=tmp_path)
    await held(rig)
    await rig.close()
    server.read_only(on=False)
    rig.mood(lambda _: "250 2.0.0 ok")
    await rig.start(account, state=tmp_path)
    for id_ in ids:
        message = await rig.until(id_, "sent", patience=60)
        assert message["tries"] == 1
    assert len(rig.servers.taken) == 30
