"""A database that turns read-only, hangs, goes and comes back: nobody waits for ever, and what the
mail server has said is written when it can be."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator

import httpx2
import psycopg
import pytest
from tests.net.pki import PKI
from tests.outbox.database import Server, free_port
from tests.outbox.rig import Rig, rig_at

from smtps.api.app import create_app
from smtps.api.settings import Settings
from smtps.outbox.reading import Filter

PATIENCE = 1.0
READY = 2.0
"""Seconds that a load balancer gives."""
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
async def rig(server: Server, pki: PKI) -> AsyncIterator[Rig]:
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

    async def ready(self) -> int:
        """The status, which comes in time."""
        begun = time.monotonic()
        answer = await self._client.get("/readyz")
        assert time.monotonic() - begun < READY
        return answer.status_code

    async def becomes(self, status: int) -> None:
        """Until it is that."""
        async with asyncio.timeout(20):
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
    assert (await caller.post())[0] == 202
    assert await caller.ready() == 200
    server.read_only()
    await caller.becomes(503)
    assert (await caller.post())[:2] == (503, "outbox.unavailable")
    assert await caller.ready() == 503
    server.read_only(on=False)
    await caller.becomes(200)
    assert (await caller.post())[0] == 202


async def test_nobody_waits_for_a_server_that_hangs(server: Server, rig: Rig) -> None:
    await rig.start(deliver=False, patience=PATIENCE)
    caller = Caller(rig)
    kept = (await caller.post())[1]
    server.signal(signal.SIGSTOP)
    found = await asyncio.gather(*(caller.post() for _ in range(20)))
    assert {status for status, *_ in found} == {503}
    assert max(seconds for *_, seconds in found) < PATIENCE + 1
    status, seconds = await caller.ask(f"/api/smtps/messages/{kept}")
    assert (status, seconds < PATIENCE + 1) == (503, True)
    assert await caller.ready() == 503
    server.signal(signal.SIGCONT)
    await caller.becomes(200)
    assert (await caller.post())[0] == 202


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
    assert (await caller.post())[0] == 202
    if how == "kill":
        await asyncio.to_thread(server.kill)
    else:
        await asyncio.to_thread(server.stop)
    assert await caller.ready() == 503
    assert (await caller.post())[0] == 503
    await asyncio.to_thread(server.start)
    await caller.becomes(200)
    assert (await caller.post())[0] == 202


async def test_locks_of_others_hold_a_caller_up_for_a_bounded_time(
    server: Server, rig: Rig
) -> None:
    await rig.start(deliver=False, patience=PATIENCE)
    caller = Caller(rig)
    with psycopg.connect(rig.place) as other:
        other.execute("LOCK TABLE messages")
        status, _, seconds = await caller.post()
        assert (status, seconds < PATIENCE + 1) == (503, True)
    assert (await caller.post())[0] == 202


async def test_no_connection_is_without_its_bounds(server: Server, rig: Rig) -> None:
    await rig.start(patience=PATIENCE)
    await rig.until(await rig.accept(), "sent")
    behind = rig.outbox.store.behind
    for engine in (behind.writing, behind.reading):
        with engine.connect() as connection:
            for name, value in (("statement_timeout", "1s"), ("lock_timeout", "500ms"),
                                ("idle_in_transaction_session_timeout", "2s")):  # fmt: skip
                assert connection.exec_driver_sql(f"SHOW {name}").scalar() == value
            raw = connection.connection.driver_connection
            assert raw is not None
            known = {option.keyword: option.val for option in raw.pgconn.info}
            assert known[b"tcp_user_timeout"] == b"1000"
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
