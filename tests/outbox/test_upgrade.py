"""Outboxes that an earlier version has left, see old/make.py: all of it is there, and goes on."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import MetaData, inspect, select, update
from tests.net.pki import PKI
from tests.outbox.conftest import ENGINES
from tests.outbox.database import Server
from tests.outbox.rig import Rig, rig_at
from tests.outbox.test_notices import hook, listening

from smtps.config.settings import Settings
from smtps.errors import InputError
from smtps.http.app import create_app
from smtps.outbox import control, store, tables
from smtps.outbox.clock import Clock
from smtps.outbox.notices import NoticeFilter, NoticeState
from smtps.outbox.outbox import Outbox
from smtps.outbox.reading import Filter
from smtps.outbox.records import FINAL, State
from smtps.outbox.schema import SCHEMA
from smtps.outbox.store import Store, backend, prepare

OLD = Path(__file__).parent / "old"
VERSION = "outbox-4b5eb24"
SUFFIX = {"sqlite": "db", "postgresql": "sql"}

Said = dict[str, Any]
"""What the earlier version said about its outbox when it was killed."""

AN_HOUR_AGO = """
UPDATE public.pgqueuer SET (created, updated, heartbeat, execute_after) =
    (SELECT t, t, t, t FROM (SELECT now() - interval '1 hour' AS t) AS ago);
"""
"""Jobs go by the server's clock, which no test sets."""


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def said(engine: str) -> Said:
    found: Said = json.loads((OLD / f"{VERSION}.{SUFFIX[engine]}.json").read_text("utf-8"))
    return found


@pytest.fixture
def place(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A copy of the old outbox."""
    if engine == "sqlite":
        return str(shutil.copy(OLD / f"{VERSION}.db", str(tmp_path / "mail.db")))
    server: Server = request.getfixturevalue("postgres")
    url = server.database()
    server.restore(url, (OLD / f"{VERSION}.sql").read_text("utf-8") + AN_HOUR_AGO)
    return url


@pytest.fixture
async def still(place: str, said: Said) -> AsyncIterator[Outbox]:
    """The outbox at the moment of the kill, with nothing that delivers."""
    clock = Clock(lambda: said["at"] / 1000, lambda: 0.0)
    async with Outbox(place, {}, deliver=False, clock=clock) as outbox:
        yield outbox


@pytest.fixture
async def rig(place: str, said: Said, pki: PKI) -> AsyncIterator[Rig]:
    """The outbox three hours after the kill, at which all pauses are over."""
    begin = time.monotonic()
    async with rig_at(place, pki, "DSN") as rig:
        rig.ahead = 3 * 60 * 60 * 1000

        def steady() -> float:
            return time.monotonic() - begin + rig.ahead / 1000

        rig.clock = Clock(lambda: said["at"] / 1000 + steady(), steady)
        yield rig


NAMES = ("main", "careful", "daring", "stopped", "killed")


async def starts(rig: Rig, webhook: str) -> None:
    accounts = [rig.account(name) for name in NAMES]
    await rig.start(*accounts, rig.account("telling", webhook=hook(webhook)))


def of_then(found: Any) -> Any:
    """Without what the earlier version did not tell, and without what it worded otherwise."""
    if isinstance(found, dict):
        left_out = {"meaning", "advice", "webhook", "notices"}
        return {name: of_then(value) for name, value in found.items() if name not in left_out}
    return [of_then(value) for value in found] if isinstance(found, list) else found


def test_the_old_outbox_has_mail_in_every_state(said: Said) -> None:
    assert {message["status"] for message in said["messages"]} == set(State)
    assert any(account["status"] == "stopped" for account in said["accounts"])


async def test_all_of_it_is_read_as_it_was_left(still: Outbox, said: Said) -> None:
    messages = []
    for listed in await still.page(Filter(limit=500)):
        shown = await still.show(listed["id"])
        assert {name: listed[name] for name in shown.keys() & listed.keys()} == {
            name: shown[name] for name in shown.keys() & listed.keys()
        }
        messages.append(shown | {"transcript": await still.transcript(listed["id"])})
        raw = await still.body(listed["id"])
        assert raw is not None
        assert len(raw) == listed["size"]
        assert f"Message-ID: {listed['message_id']}\r\n".encode() in raw
    assert of_then(messages) == of_then(said["messages"])
    assert of_then(await still.account_states()) == of_then(said["accounts"])


@pytest.mark.parametrize("tag", ["a", "b"])
async def test_by_state_account_and_tag_too(still: Outbox, said: Said, tag: str) -> None:
    def of(wanted: Callable[[Said], bool]) -> list[str]:
        return [message["id"] for message in said["messages"] if wanted(message)]

    async def found(**wanted: Any) -> list[str]:
        return [message["id"] for message in await still.page(Filter(limit=500, **wanted))]

    assert await found(tag=tag) == of(lambda message: tag in message["tags"]) != []
    for state in State:
        assert await found(states=[state.value]) == of(lambda m, state=state: m["status"] == state)  # type: ignore[misc]
    assert await found(accounts=["main"], states=["failed"]) == of(
        lambda message: (message["account"], message["status"]) == ("main", "failed")
    )


async def test_notices_that_wait_are_there(still: Outbox, said: Said) -> None:
    telling = {m["id"] for m in said["messages"] if m["account"] == "telling"}
    for id_ in telling:
        webhook = (await still.show(id_))["webhook"]
        assert (webhook["status"], webhook["attempts"]) == ("pending", 1)
    states = {one["account"]: one["notices"] for one in await still.account_states()}
    assert states["telling"] == {"pending": len(telling), "undelivered": 0}
    # Of each notice, why it was not heard is known from the first attempt of today on.
    assert await still.notices(NoticeFilter(state=NoticeState.PENDING)) == []


async def test_what_waits_is_delivered_once_and_nothing_else_is(rig: Rig, said: Said) -> None:
    waiting = {
        one["message_id"]: [
            who["email"]
            for who in one["recipients"]
            if who["status"] in {"pending", "deferred"}
        ]
        for one in said["messages"]
        if one["status"] in {"queued", "scheduled", "retrying"}
    }  # fmt: skip
    before = {one["id"]: one for one in said["messages"]}
    commands: list[str] = []

    def listens(command: str) -> str:
        commands.append(command)
        return "250 2.0.0 ok"

    rig.mood(listens)
    async with listening() as heard:
        await starts(rig, heard.url)
        for id_, one in before.items():
            if one["message_id"] in waiting:
                await rig.until(id_, "sent", "partial")
            elif one["status"] == "sending":
                interrupted = await rig.until(id_, "uncertain")
                assert interrupted["failure"]["code"] == "outbox.interrupted"
        await told(rig, said, heard.posts)
        await rig.close()
        await starts(rig, heard.url)  # once more: what comes now is all that there is to do
        for name in (*NAMES, "telling"):
            fresh = await rig.until(await rig.accept("new@y.test", account=name), "sent")
            waiting[fresh["message_id"]] = ["new@y.test"]
        await rig.close()
    taken = [(name_of(message.data), list(message.to)) for message in rig.servers.taken]
    assert sorted(taken) == sorted(waiting.items())
    assert any("RET=HDRS ENVID=x" in command for command in commands)
    async with Outbox(rig.place, {}, deliver=False, clock=rig.clock) as outbox:
        for id_, one in before.items():
            now = await outbox.show(id_)
            assert of_then(now["attempts"][: len(one["attempts"])]) == of_then(one["attempts"])
            if one["status"] in FINAL:
                assert of_then(now) == of_then({n: v for n, v in one.items() if n != "transcript"})


async def told(rig: Rig, said: Said, posts: Sequence[tuple[dict[str, str], Said]]) -> None:
    """Wait until the webhook has heard all; each end is told once."""
    telling = {m["id"]: m["status"] for m in said["messages"] if m["account"] == "telling"}
    for id_ in telling:
        while (await rig.outbox.show(id_))["webhook"]["status"] != "delivered":
            rig.outbox._nudged.set()
            await rig.outbox._teller.round()
    ends = Counter(
        (post["data"]["id"], post["type"]) for _, post in posts if post["type"] != "message.delayed"
    )
    assert ends == {
        (id_, "message.sent" if status == "retrying" else f"message.{status}"): 1
        for id_, status in telling.items()
    }


def name_of(data: bytes) -> str:
    """The Message-ID of a message."""
    return data.partition(b"Message-ID: ")[2].partition(b"\r\n")[0].decode()


async def test_a_request_that_is_repeated_with_its_key_has_the_answer_of_then(
    place: str, said: Said, pki: PKI, rig: Rig
) -> None:
    accounts = {name: rig.account(name) for name in (*NAMES, "telling")}
    async with Outbox(place, accounts, deliver=False, clock=rig.clock) as outbox:
        app = create_app(Settings(), outbox=outbox)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        ) as client:
            for key, then in said["keys"].items():
                again = await client.post(
                    "/api/smtps/messages", json=then["request"], headers={"Idempotency-Key": key}
                )
                assert (again.status_code, again.json()) == (
                    202,
                    then["answer"] | {"replayed": True},
                )
            other = {**then["request"], "subject": "something else"}
            refused = await client.post(
                "/api/smtps/messages", json=other, headers={"Idempotency-Key": key}
            )
            assert refused.json()["code"] == "outbox.key_reused"
        assert len(await outbox.page(Filter(limit=500))) == len(said["messages"])


def everything(place: str) -> Any:
    """Each row of each table, and each index."""
    with closing(backend(place, own=False)) as behind, behind.reading.connect() as connection:
        found = MetaData()
        found.reflect(connection)
        return {
            name: (
                sorted(map(repr, connection.execute(select(table)))),
                sorted(str(index["name"]) for index in inspect(connection).get_indexes(name)),
            )
            for name, table in found.tables.items()
        }


async def test_an_upgrade_that_fails_half_way_leaves_the_outbox_as_it_was(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(place)
    assert "notified" not in before

    def fails(*_: object) -> None:
        raise OSError("the power is gone")

    with closing(backend(place, own=False)) as behind:
        with monkeypatch.context() as patched:
            patched.setattr(control, "write_meta", fails)
            with pytest.raises(OSError, match="power"):
                prepare(behind.writing)
        assert everything(place) == before
        prepare(behind.writing)
    after = everything(place)
    assert "notified" in after
    assert {name: after[name] for name in before.keys() - {"meta"}} == {
        name: before[name] for name in before.keys() - {"meta"}
    }


async def test_a_new_outbox_is_made_whole_or_not_at_all(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = str(tmp_path / "new.db")
    if engine == "postgresql":
        new = request.getfixturevalue("postgres").database()
    monkeypatch.setattr(store, "token", lambda: 1 / 0)
    with closing(backend(new, own=False)) as behind, pytest.raises(ZeroDivisionError):
        prepare(behind.writing)
    assert everything(new) == {}


async def test_an_outbox_of_a_newer_version_is_refused_and_left_alone(place: str) -> None:
    with closing(backend(place, own=False)) as behind, behind.writing.begin() as connection:
        newer = update(tables.meta).where(tables.meta.c.name == "schema").values(value="7")
        connection.execute(newer)
    before = everything(place)
    with pytest.raises(InputError) as refused:
        Store(backend(place, own=False))
    assert refused.value.field == "outbox"
    assert str(refused.value) == (
        f"outbox: was made by a newer smtps (schema 7; this one knows {SCHEMA}); upgrade smtps"
    )
    assert everything(place) == before
