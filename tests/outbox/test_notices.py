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
from tests.net.pki import PKI
from tests.outbox.rig import PATIENCE, Rig
from tests.webserver import Request, Script, answer, website

from smtps.errors import Failure
from smtps.net.proxies import Proxy
from smtps.outbox import notices, tables
from smtps.outbox.account import Webhook
from smtps.outbox.control import ControlError
from smtps.outbox.outbox import DAY, Bounds
from smtps.outbox.webhooks import LOOK
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

    monkeypatch.setattr("smtps.outbox.webhooks.TIMEOUT", 0.2)
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
        for _ in range(notices.NOTICES_AT_ONCE + 1):
            await rig.outbox.cancel(await rig.accept(account="slow"))
        await rig.outbox.cancel(await rig.accept())
        telling = asyncio.create_task(rig.outbox._teller.round())
        assert await heard.until(1) == ["message.canceled"]
        await rig.outbox.cancel(await rig.accept())
        assert await heard.until(2) == ["message.canceled"] * 2
        assert calls == notices.EACH
        telling.cancel()
        await asyncio.wait([telling])


async def test_one_host_counts_as_one_however_its_address_is_written(rig: Rig) -> None:
    calls: list[str] = []

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append((await reader.readline()).decode())
        try:
            await asyncio.sleep(60)
        finally:
            writer.close()

    async with await asyncio.start_server(never, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        urls = [
            f"http://localhost:{port}/",
            f"http://LocalHost:{port}/",
            f"http://localhost:{port}",
            f"http://localhost:{port}?who=x",
            f"http://me:secret@localhost:{port}/",
        ]
        accounts = [rig.account(f"a{n}", webhook=Webhook(url, SECRET))
                    for n, url in enumerate(urls)]  # fmt: skip
        await rig.start(*accounts, deliver=False)
        for account in accounts:
            for _ in range(notices.EACH // 2):
                await rig.outbox.cancel(await rig.accept(account=account.name))
        telling = asyncio.create_task(rig.outbox._teller.round())
        while len(calls) < notices.EACH:
            await asyncio.sleep(0.02)
        await asyncio.sleep(2 * LOOK)  # it looks for more to tell
        assert len(calls) == notices.EACH
        telling.cancel()
        await asyncio.wait([telling])


@pytest.mark.parametrize("url", ["http://\x00", "http://xn--/", "http://[", "http://\u2100/"])
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
        wanted = notices.WebhookQuery(rig.clock.now(), telling, {})
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


# What was told, and what was not.


def hook(url: str, **options: Any) -> Webhook:
    return Webhook(url, SECRET, **options)


async def round_of(rig: Rig, site_answer: Script | bytes, **options: Any) -> dict[str, Any]:
    """Tell once that a message was canceled; how it stands then."""
    async with website(site_answer) as site:
        await rig.start(
            rig.account(webhook=hook(f"http://127.0.0.1:{site.port}/x", **options)), deliver=False
        )
        id_ = await rig.accept()
        await rig.outbox.cancel(id_)
        await rig.outbox._teller.round()
    found: dict[str, Any] = (await rig.outbox.show(id_))["webhook"]
    return found


async def test_nothing_is_said_of_a_webhook_that_is_none(rig: Rig) -> None:
    await rig.start(deliver=False)
    id_ = await rig.accept()
    assert (await rig.outbox.show(id_))["webhook"] is None
    await rig.outbox.cancel(id_)
    assert (await rig.outbox.show(id_))["webhook"] is None


async def test_what_was_told_can_be_seen(rig: Rig, heard: Heard) -> None:
    await rig.start(rig.account(webhook=hook(heard.url)), deliver=False)
    id_ = await rig.accept()
    await rig.outbox.cancel(id_)
    before = (await rig.outbox.show(id_))["webhook"]
    assert (before["status"], before["attempts"], before["failure"]) == ("pending", 0, None)
    assert before["next_attempt_at"] is not None
    await rig.outbox._teller.round()
    after = (await rig.outbox.show(id_))["webhook"]
    assert (after["event"], after["status"], after["attempts"]) == (
        "message.canceled", "delivered", 1,
    )  # fmt: skip
    assert after["last_attempt_at"] is not None
    assert after["next_attempt_at"] is None
    assert "webhook" not in heard.posts[0][1]["data"]


REFUSALS: list[tuple[bytes, str, str]] = [
    (answer(status="500 Oops"), "web.status", "answered 500"),
    (answer(status="401 x"), "web.status", "answered 401"),
    (answer(status="304 x"), "web.status", "answered 304"),
    (answer(b"", "Location: http://127.0.0.1/y?token=secret", status="302 x"), "web.redirected",
     "redirected to http://127.0.0.1/y; redirects"),
    (b"", "web.closed", "without an answer"),
    (b"220 mail.x.test\r\n", "web.malformed", "not valid HTTP"),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "web.malformed", "valid HTTP"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "code", "words"), REFUSALS)
async def test_why_it_was_not_told_can_be_seen(
    rig: Rig, caplog: pytest.LogCaptureFixture, said: bytes, code: str, words: str
) -> None:
    found = await round_of(rig, said)
    assert (found["status"], found["attempts"]) == ("pending", 1)
    assert found["failure"]["code"] == code
    assert words in found["failure"]["message"]
    assert found["failure"]["advice"]
    (line,) = [r.getMessage() for r in caplog.records if r.name == "smtps.outbox"]
    assert "attempt 1 at http://127.0.0.1:" in line
    assert words in line
    assert f"Next attempt at {found['next_attempt_at']}" in line
    assert "secret" not in line


@pytest.mark.parametrize(
    "rest", [b"Content-Length: 5\r\n\r\nHel", b"Transfer-Encoding: chunked\r\n\r\n5\r\n", b"\r\n"]
)
async def test_a_status_is_enough_however_long_the_rest_takes(
    rig: Rig, rest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtps.net.fetch._REMAINDER", 0.05)

    async def script(request: Request) -> None:
        await request.say(b"HTTP/1.1 200 OK\r\n" + rest)
        await request.gone()

    assert (await round_of(rig, script))["status"] == "delivered"


async def test_user_and_password_of_the_url_are_sent_and_not_logged(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    async with website(answer(status="403 x")) as site:
        url = f"http://ann:s%65cret@127.0.0.1:{site.port}/x?key=secret"
        await rig.start(rig.account(webhook=hook(url)), deliver=False)
        id_ = await rig.accept()
        await rig.outbox.cancel(id_)
        await rig.outbox._teller.round()
    assert site.requests[0].fields["authorization"] == "Basic YW5uOnNlY3JldA=="
    assert site.requests[0].line == "POST /x?key=secret HTTP/1.1"
    assert "cret" not in caplog.text + str(await rig.outbox.show(id_)) + repr(hook(url))


async def test_a_receiver_over_tls_is_verified(rig: Rig, pki: PKI) -> None:
    async with website(answer(), pki.good.pem) as site:
        url = f"https://127.0.0.1:{site.port}/"
        accounts = [
            rig.account("known", webhook=hook(url, ca_file=str(pki.ca))),
            rig.account("strange", webhook=hook(url)),
        ]
        await rig.start(*accounts, deliver=False)
        ids = [await rig.accept(account=account.name) for account in accounts]
        for id_ in ids:
            await rig.outbox.cancel(id_)
        await rig.outbox._teller.round()
    known, strange = [(await rig.outbox.show(id_))["webhook"] for id_ in ids]
    assert known["status"] == "delivered"
    assert strange["failure"]["code"] == "tls.certificate_incomplete_chain"
    assert "ca_file for the webhook" in strange["failure"]["advice"]
    assert len(site.requests) == 1


async def test_an_address_that_is_not_public_can_be_excluded(rig: Rig) -> None:
    found = await round_of(rig, answer(), private=False)
    assert found["failure"]["code"] == "net.forbidden"
    assert "private = false" in found["failure"]["advice"]


async def test_a_proxy_is_gone_through(rig: Rig) -> None:
    async with website(answer()) as proxy:
        found = await round_of(rig, b"", proxy=Proxy("127.0.0.1", proxy.port, ("ann", "b")))
    assert found["status"] == "delivered"
    assert proxy.requests[0].line.startswith("POST http://127.0.0.1:")
    assert proxy.requests[0].fields["proxy-authorization"] == "Basic YW5uOmI="


async def until_given_up(rig: Rig, id_: str) -> dict[str, Any]:
    """How the webhook stands in the end; every attempt is made."""
    for _ in range(len(notices.PAUSES) + 2):
        await rig.outbox._teller.round()
        rig.ahead += notices.PAUSES[-1]
    found: dict[str, Any] = (await rig.outbox.show(id_))["webhook"]
    return found


async def test_each_notice_is_given_up_in_the_end_and_can_be_told_again(
    rig: Rig, heard: Heard, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "OLDEST", 1000 * DAY)
    heard.status = 500
    await rig.start(rig.account(webhook=hook(heard.url)), deliver=False)
    id_ = await rig.accept()
    await rig.outbox.cancel(id_)
    found = await until_given_up(rig, id_)
    assert (found["status"], found["attempts"]) == ("undelivered", len(notices.PAUSES) + 1)
    assert found["next_attempt_at"] is None
    assert len(heard.posts) == len(notices.PAUSES) + 1
    assert [r for r in caplog.records if r.levelname == "ERROR" and "Giving up" in r.getMessage()]
    (listed,) = await rig.outbox.notices(notices.NoticeFilter())
    assert listed == {"message": id_, "account": "main", **found}
    heard.status = 204
    await rig.outbox.notify(id_)
    assert (await rig.outbox.show(id_))["webhook"]["status"] == "pending"
    assert await rig.outbox.notices(notices.NoticeFilter()) == []
    await rig.outbox._teller.round()
    assert (await rig.outbox.show(id_))["webhook"]["status"] == "delivered"
    assert len({headers["webhook-id"] for headers, _ in heard.posts}) == 1
    assert heard.posts[-1][0]["webhook-attempt"] == "1"


async def test_a_notice_that_is_too_old_has_one_attempt_and_another_if_somebody_wants_it(
    rig: Rig, heard: Heard
) -> None:
    heard.status = 500
    await rig.start(rig.account(webhook=hook(heard.url)), deliver=False)
    id_ = await rig.accept()
    await rig.outbox.cancel(id_)
    rig.ahead += notices.OLDEST
    await rig.outbox._teller.round()
    assert (await rig.outbox.show(id_))["webhook"]["status"] == "undelivered"
    await rig.outbox.notify(id_)
    await rig.outbox._teller.round()
    found = (await rig.outbox.show(id_))["webhook"]
    assert (found["status"], found["attempts"]) == ("pending", 1)


async def test_what_waits_and_what_was_given_up_is_counted_for_each_account(
    rig: Rig, heard: Heard
) -> None:
    heard.status = 500
    await rig.start(rig.account(webhook=hook(heard.url)), rig.account("quiet"))
    assert await standings(rig, "main") == {"pending": 0, "undelivered": 0}
    await rig.outbox.cancel(await rig.accept(send_at=rig.clock.now() + 3_600_000))
    async with asyncio.timeout(PATIENCE):
        while await standings(rig, "main") != {"pending": 1, "undelivered": 0}:
            await asyncio.sleep(0.02)
        rig.ahead += notices.OLDEST
        while await standings(rig, "main") != {"pending": 0, "undelivered": 1}:
            await asyncio.sleep(0.02)
    assert await standings(rig, "quiet") == {"pending": 0, "undelivered": 0}


async def standings(rig: Rig, account: str) -> dict[str, int]:
    states = await rig.outbox.account_states()
    found: dict[str, int] = next(s["notices"] for s in states if s["account"] == account)
    return found


async def test_pages_of_notices(rig: Rig, heard: Heard) -> None:
    heard.status = 500
    await rig.start(
        rig.account(webhook=hook(heard.url)), rig.account("b", webhook=hook(heard.url)),
        deliver=False,
    )  # fmt: skip
    accepted = [await rig.accept(account=name) for name in ("main", "b", "main")]
    ids = sorted(accepted)  # those of one millisecond are in no order of time
    for id_ in ids:
        await rig.outbox.cancel(id_)
    await rig.outbox._teller.round()

    async def page(**more: Any) -> list[str]:
        wanted = notices.NoticeFilter(state=notices.NoticeState.PENDING, **more)
        found = await rig.outbox.notices(wanted)
        return [notice["message"] for notice in found]

    assert await page() == ids[::-1]
    assert await page(limit=2) == ids[:0:-1]
    assert await page(before=ids[1]) == [ids[0]]
    assert await page(accounts=["b"]) == [accepted[1]]
    assert await page(accounts=[]) == []
    assert await rig.outbox.notices(notices.NoticeFilter()) == []


async def test_when_nothing_can_be_told(rig: Rig, heard: Heard) -> None:
    await rig.start(rig.account(webhook=hook(heard.url)), rig.account("quiet"), deliver=False)
    waits, quiet = await rig.accept(), await rig.accept(account="quiet")
    for id_, code in (
        (waits, "outbox.nothing_to_tell"),
        (quiet, "outbox.no_webhook"),
        ("f" * 32, "outbox.not_found"),
    ):
        with pytest.raises(ControlError) as caught:
            await rig.outbox.notify(id_)
        assert caught.value.code == code


async def test_what_ended_before_there_was_a_webhook_can_be_told(rig: Rig, heard: Heard) -> None:
    await rig.start(rig.account())
    id_ = await rig.accept()
    await rig.until(id_, "sent")
    await rig.close()
    await rig.start(rig.account(webhook=hook(heard.url)), deliver=False)
    assert (await rig.outbox.show(id_))["webhook"] is None
    await rig.outbox.notify(id_)
    await rig.outbox._teller.round()
    assert [post["type"] for _, post in heard.posts] == ["message.sent"]


async def test_the_newest_event_is_told_again_not_one_before(rig: Rig, heard: Heard) -> None:
    rig.mood(lambda said: "451 4.3.0 no" if said.startswith("message") else "250 ok")
    account = rig.account(webhook=hook(heard.url), retry=(20.0,))
    await rig.start(account)
    id_ = await rig.accept()
    assert await heard.until(1) == ["message.delayed"]
    await nothing_to_tell(rig)
    await rig.outbox.notify(id_)
    assert await heard.until(2) == ["message.delayed"] * 2
    await nothing_to_tell(rig)
    await rig.close()
    await rig.start(rig.account(), deliver=False)  # nobody is told of the end
    await rig.outbox.cancel(id_)
    await rig.close()
    await rig.start(account, deliver=False)
    await rig.outbox.notify(id_)
    await rig.outbox._teller.round()
    assert [post["type"] for _, post in heard.posts][2:] == ["message.canceled"]


async def test_a_webhook_that_is_taken_away_ends_its_notices(rig: Rig, heard: Heard) -> None:
    heard.status = 500
    await rig.start(rig.account(webhook=hook(heard.url)), deliver=False)
    id_ = await rig.accept()
    await rig.outbox.cancel(id_)
    await rig.outbox._teller.round()
    await rig.close()
    await rig.start(rig.account(), deliver=False)
    rig.ahead += notices.PAUSES[0]
    assert await rig.outbox._teller.round() == 1
    assert await rig.outbox._teller.round() == 0


async def test_what_was_told_goes_with_the_message(rig: Rig, heard: Heard) -> None:
    bounds = Bounds(bodies=0, records=0)
    await rig.start(rig.account(webhook=hook(heard.url)), deliver=False, bounds=bounds)
    await rig.outbox.cancel(await rig.accept())
    await rig.outbox._teller.round()
    rig.ahead += DAY
    await rig.outbox._tidy()
    with rig.outbox.store.behind.reading.connect() as connection:
        assert connection.execute(select(tables.notified)).all() == []


async def test_an_outbox_of_an_earlier_release_gets_what_it_lacks(rig: Rig, heard: Heard) -> None:
    await rig.start(deliver=False)
    with rig.outbox.store.behind.writing.begin() as connection:
        tables.notified.drop(connection)
    await rig.close()
    await rig.start(rig.account(webhook=hook(heard.url)), deliver=False)
    id_ = await rig.accept()
    await rig.outbox.cancel(id_)
    await rig.outbox._teller.round()
    assert (await rig.outbox.show(id_))["webhook"]["status"] == "delivered"


async def test_two_processes_that_told_the_same_write_it_once(rig: Rig, heard: Heard) -> None:
    await rig.start(rig.account(webhook=hook(heard.url)), deliver=False)
    id_ = await rig.accept()
    await rig.outbox.cancel(id_)
    wanted = notices.WebhookQuery(rig.clock.now(), {}, {})
    (notice,) = await rig.outbox.store.read(notices.to_tell, wanted)
    for verdict in (
        notices.NextTry(notice, rig.clock.now()),
        notices.NextTry(notice, rig.clock.now() + 1, FAILURE, rig.clock.now() + 5),
    ):
        await rig.outbox.store.write(notices.conclude, verdict)
    found = (await rig.outbox.show(id_))["webhook"]
    assert (found["status"], found["failure"]) == ("delivered", None)


FAILURE = Failure(code="web.status", message="The web server answered 500.")
