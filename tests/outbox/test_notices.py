"""Somebody is told, signed, until it is heard, and of the newest only."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from tests.outbox.rig import PATIENCE, Rig

from smtps.outbox import notices, tables
from smtps.outbox.account import Webhook
from smtps.outbox.writer import StoreError

KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@dataclass
class Heard:
    """A server that is told, and answers as it likes."""

    url: str = ""
    status: int = 204
    posts: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.splitlines()[1:] if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{digest}"
        self.posts.append((headers, json.loads(body)))
        writer.write(f"HTTP/1.1 {self.status} x\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async def until(self, number: int) -> list[str]:
        """The kinds of events, once there are so many."""
        for _ in range(round(PATIENCE / 0.02)):
            if len(self.posts) >= number:
                break
            await asyncio.sleep(0.02)
        return [post["type"] for _, post in self.posts]


@asynccontextmanager
async def listening() -> AsyncIterator[Heard]:
    heard = Heard()
    server = await asyncio.start_server(heard.serve, "127.0.0.1", 0)
    heard.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/events"
    try:
        yield heard
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    async with listening() as server:
        yield server


async def test_what_became_of_a_message_is_told_once_and_signed(rig: Rig, heard: Heard) -> None:
    await rig.start(rig.account(webhook=Webhook(heard.url, SECRET)))
    id_ = await rig.accept()
    assert await heard.until(1) == ["message.sent"]
    ((headers, post),) = heard.posts
    assert post["data"]["id"] == id_
    assert post["data"]["status"] == "sent"
    assert post["data"]["recipients"][0]["status"] == "accepted"
    assert headers["webhook-attempt"] == "1"
    await rig.outbox._tell()
    assert len(heard.posts) == 1


async def test_proxies_of_the_environment_are_not_for_webhooks(
    rig: Rig, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "[::1]")
    await rig.start(rig.account(webhook=Webhook(heard.url, SECRET)))
    await rig.accept()
    assert await heard.until(1) == ["message.sent"]


async def test_one_that_never_comes_to_an_end_is_given_up(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = asyncio.Event()

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(b"HTTP/1.1 200 ok\r\n")
            while not writer.is_closing():
                writer.write(b"X-More: x\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        given_up.set()

    monkeypatch.setattr("smtps.outbox.notices.TIMEOUT", 0.2)
    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        await is_put_off(rig, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await given_up.wait()


async def test_a_slow_webhook_keeps_nobody_else_waiting(rig: Rig, heard: Heard) -> None:
    calls = 0

    async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        try:
            await asyncio.sleep(60)
        finally:
            writer.close()

    async with await asyncio.start_server(never, "127.0.0.1", 0) as server:
        slow = Webhook(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", SECRET)
        accounts = (
            rig.account("slow", webhook=slow),
            rig.account(webhook=Webhook(heard.url, SECRET)),
        )
        await rig.start(*accounts, deliver=False)
        for _ in range(notices.AT_ONCE + 1):
            await rig.outbox.cancel(await rig.accept(account="slow"))
        await rig.outbox.cancel(await rig.accept())
        telling = asyncio.create_task(rig.outbox._teller.round())
        assert await heard.until(1) == ["message.canceled"]
        await rig.outbox.cancel(await rig.accept())
        assert await heard.until(2) == ["message.canceled"] * 2
        assert calls == notices.EACH
        telling.cancel()
        await asyncio.wait([telling])


@pytest.mark.parametrize("url", ["http://\x00", "http://xn--/"])
async def test_an_address_that_is_none_is_no_more_than_a_failure(rig: Rig, url: str) -> None:
    await is_put_off(rig, url)


async def test_an_error_about_one_is_nobody_else_s(
    rig: Rig, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = Webhook(heard.url, SECRET)
    accounts = rig.account("bad", webhook=hook), rig.account(webhook=hook)
    teller = (await rig.start(*accounts, deliver=False))._teller
    tell = teller._tell

    async def fails_for_one(notice: notices.Notice) -> None:
        if notice.account == "bad":
            raise StoreError("outbox.unavailable", "away")
        await asyncio.sleep(0.1)
        await tell(notice)

    monkeypatch.setattr(teller, "_tell", fails_for_one)
    for account in ("bad", "main"):
        await rig.outbox.cancel(await rig.accept(account=account))
    async with asyncio.timeout(5):
        assert await teller.round() == 2
    assert len(heard.posts) == 1


async def test_two_events_of_one_message_are_not_told_at_once(rig: Rig, heard: Heard) -> None:
    await rig.start(rig.account(webhook=Webhook(heard.url, SECRET)), deliver=False)
    id_ = await rig.accept()
    await rig.outbox.cancel(id_)
    for telling, number in (({id_: "elsewhere"}, 0), ({}, 1)):
        wanted = notices.Wanted(rig.clock.now(), telling, {})
        assert len(await rig.outbox.store.read(notices.to_tell, wanted)) == number


async def is_put_off(rig: Rig, url: str) -> None:
    """Telling it comes to an end, and is done again later."""
    await rig.start(rig.account(webhook=Webhook(url, SECRET)), deliver=False)
    await rig.outbox.cancel(await rig.accept())
    async with asyncio.timeout(5):
        assert await rig.outbox._teller.round() == 1
    with rig.outbox.store.behind.reading.connect() as connection:
        (row,) = connection.execute(select(tables.notices)).all()
    assert rig.clock.now() < row.due < rig.clock.now() + notices.PAUSES[0] + 1


@pytest.mark.parametrize(
    ("said", "event"),
    [("550 5.7.1 no", "message.failed"), ("lost", "message.uncertain")],
)
async def test_each_end_has_its_event(rig: Rig, heard: Heard, said: str, event: str) -> None:
    rig.mood(lambda command: said if command.startswith("message") else "250 ok")
    await rig.start(rig.account(webhook=Webhook(heard.url, SECRET)))
    await rig.accept()
    assert await heard.until(1) == [event]


async def test_canceled_and_expired(rig: Rig, heard: Heard) -> None:
    await rig.start(rig.account(webhook=Webhook(heard.url, SECRET)))
    later = rig.clock.now() + 3_600_000
    await rig.outbox.cancel(await rig.accept(send_at=later))
    assert await heard.until(1) == ["message.canceled"]
    rig.mood(lambda _: "450 later")
    id_ = await rig.accept(lifetime=600_000)
    await rig.until(id_, "retrying")
    rig.later(11)
    await rig.outbox._tidy()
    assert await heard.until(2) == ["message.canceled", "message.expired"]


async def nothing_to_tell(rig: Rig) -> None:
    """That somebody has heard it is written."""

    def left(connection: Connection) -> int:
        count = select(func.count()).select_from(tables.notices)
        return int(connection.execute(count).scalar() or 0)

    while await rig.outbox.store.read(left):
        await asyncio.sleep(0.02)


async def test_what_is_not_heard_is_told_again(rig: Rig, heard: Heard) -> None:
    heard.status = 500
    await rig.start(rig.account(webhook=Webhook(heard.url, SECRET)))
    await rig.accept()
    await heard.until(1)
    heard.status = 204
    rig.later(0.1)
    assert await heard.until(2) == ["message.sent", "message.sent"]
    first, second = (headers for headers, _ in heard.posts)
    assert first["webhook-id"] == second["webhook-id"]
    assert (first["webhook-attempt"], second["webhook-attempt"]) == ("1", "2")
    await nothing_to_tell(rig)
    rig.later(60)
    await rig.outbox._tell()
    assert len(heard.posts) == 2


async def test_a_delay_is_told_once_and_the_end_takes_its_place(rig: Rig, heard: Heard) -> None:
    rig.mood(lambda said: "451 4.3.0 no" if said.startswith("message") else "250 ok")
    account = rig.account(webhook=Webhook(heard.url, SECRET), retry=(20.0,))
    await rig.start(account)
    id_ = await rig.accept()
    assert await heard.until(1) == ["message.delayed"]
    heard.status = 503
    rig.later(25)
    await rig.until(id_, "retrying", tries=2)
    rig.mood(lambda _: "250 ok")
    rig.later(25)
    await rig.until(id_, "sent")
    await heard.until(2)
    heard.status = 204
    rig.later(1)
    assert await heard.until(3) == ["message.delayed", "message.sent", "message.sent"]


async def test_a_webhook_that_is_away_holds_nothing_up(rig: Rig) -> None:
    await rig.start(rig.account(webhook=Webhook("http://127.0.0.1:9/", SECRET)))
    ids = [await rig.accept() for _ in range(5)]
    for id_ in ids:
        await rig.until(id_, "sent")
