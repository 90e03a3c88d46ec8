"""Mail that is handed over by HTTP: taken once, by who may, and told about to them alone."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import Connection, insert
from tests.http.test_examples import outbox_at
from tests.moments import NEXT_MONTH
from tests.webserver import Request, website
from tests.webserver import answer as web_answer

from smtps.config.callers import hash_token
from smtps.config.settings import Settings
from smtps.errors import InputError
from smtps.http.app import create_app
from smtps.http.metrics import Metrics
from smtps.http.routes import operation
from smtps.outbox import tables
from smtps.outbox.account import Account, Webhook
from smtps.outbox.clock import Clock
from smtps.outbox.outbox import Bounds, Outbox
from smtps.outbox.webhooks import WebhookSender
from smtps.outbox.writer import unavailable
from smtps.sandbox.gallery import Gallery

PATH = "/api/smtps/messages"
LETTER = {
    "account": "main",
    "from": "sandbox@example.test",
    "to": "bob@example.org",
    "subject": "Hello",
    "body": "Hi",
}


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    async with Gallery() as running:
        yield running


@asynccontextmanager
async def service(
    gallery: Gallery,
    folder: Path,
    settings: Settings | None = None,
    outbox: Outbox | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    box = gallery.boxes["healthy"]
    async with outbox or outbox_at(box, folder) as running:
        running.accounts = {
            **running.accounts,
            "other": Account(name="other", endpoint=running.accounts["main"].endpoint),
            "strict": Account(
                name="strict",
                endpoint=running.accounts["main"].endpoint,
                senders=("ann@example.test",),
            ),
        }
        app = create_app(settings or Settings(), gallery, outbox=running)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


@pytest.fixture
async def client(gallery: Gallery, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with service(gallery, tmp_path) as running:
        yield running


async def until(client: httpx.AsyncClient, path: str, status: str) -> dict[str, Any]:
    for _ in range(300):
        found: dict[str, Any] = (await client.get(path)).json()
        if found["status"] == status:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(found)


async def test_it_is_taken_and_then_sent(client: httpx.AsyncClient, gallery: Gallery) -> None:
    answer = await client.post(PATH, json={**LETTER, "tags": ["a"], "metadata": {"order": "17"}})
    assert answer.status_code == 202
    taken = answer.json()
    assert answer.headers["location"] == f"{PATH}/{taken['id']}"
    assert taken["status"] == "queued"
    assert taken["replayed"] is False
    message = await until(client, answer.headers["location"], "sent")
    assert message["message_id"] == taken["message_id"]
    assert message["metadata"] == {"order": "17"}
    assert message["recipients"][0]["status"] == "accepted"
    assert len(gallery.inbox.all()) == 1
    raw = await client.get(f"{answer.headers['location']}/raw")
    assert raw.headers["content-type"].startswith("text/plain")
    assert b"Subject: Hello" in raw.content
    said = (await client.get(f"{answer.headers['location']}/transcript")).json()
    assert "> RCPT TO:<bob@example.org>" in said["attempts"][0]["lines"]


async def test_a_repeated_request_is_answered_as_before(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "order-17"}
    first = await client.post(PATH, json=LETTER, headers=headers)
    again = await client.post(PATH, json=dict(reversed(LETTER.items())), headers=headers)
    assert again.status_code == 202
    assert again.json() == {**first.json(), "replayed": True}
    other = await client.post(PATH, json={**LETTER, "subject": "Bye"}, headers=headers)
    assert other.status_code == 422
    assert other.json()["code"] == "outbox.key_reused"
    assert len((await client.get(PATH)).json()["messages"]) == 1


async def test_a_request_is_known_again_when_its_own_time_is_over(
    gallery: Gallery, tmp_path: Path
) -> None:
    ahead = 0
    box = gallery.boxes["healthy"]
    clock = Clock(lambda: time.time() + ahead, lambda: time.monotonic() + ahead)
    outbox = outbox_at(box, tmp_path, clock=clock)
    headers = {"Idempotency-Key": "order-17"}
    soon = datetime.fromtimestamp(time.time() + 600, UTC).isoformat()
    async with service(gallery, tmp_path, outbox=outbox) as client:
        first = await client.post(PATH, json={**LETTER, "expires_at": soon}, headers=headers)
        ahead = 3600
        again = await client.post(PATH, json={**LETTER, "expires_at": soon}, headers=headers)
        assert again.status_code == 202
        assert again.json() == {**first.json(), "replayed": True}
        late = await client.post(PATH, json={**LETTER, "expires_at": soon})
        assert late.status_code == 400


async def test_while_the_first_is_being_written_the_second_is_told_to_wait(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Idempotency-Key": "order-17"}
    answers = await asyncio.gather(
        *(client.post(PATH, json=LETTER, headers=headers) for _ in range(5))
    )
    found = sorted(answer.status_code for answer in answers)
    assert found[0] == 202
    assert set(found) <= {202, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["code"] == "outbox.key_in_use"
    assert len((await client.get(PATH)).json()["messages"]) == 1


async def test_files_may_come_as_a_form(client: httpx.AsyncClient, gallery: Gallery) -> None:
    fields = {**LETTER, "metadata": '{"a": "b"}', "tags": ["x", "y"]}
    files = {"attachments": ("notes.txt", b"one\ntwo\n", "text/plain")}
    key = {"Idempotency-Key": "k"}
    answer = await client.post(PATH, data=fields, files=files, headers=key)
    assert answer.status_code == 202, answer.text
    again = await client.post(PATH, data=fields, files=files, headers=key)
    assert again.json()["replayed"]
    other = {"attachments": ("notes.txt", b"three\n", "text/plain")}
    assert (await client.post(PATH, data=fields, files=other, headers=key)).status_code == 422
    moved = {"attachments": ("notes.tx", b"tone\ntwo\n", "text/plain")}
    assert (await client.post(PATH, data=fields, files=moved, headers=key)).status_code == 422
    message = await until(client, answer.headers["location"], "sent")
    assert message["tags"] == ["x", "y"]
    assert b"notes.txt" in gallery.inbox.all()[0].data


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"account": "nobody"}, 400, "outbox.no_account", "account"),
        ({"account": "strict"}, 403, "outbox.sender_not_allowed", "envelope.from"),
        ({"send_at": "tomorrow"}, 400, "input.invalid", "send_at"),
        ({"send_at": "2026-12-24T18:00:00"}, 400, "input.invalid", "send_at"),
        ({"send_at": 1700000000}, 400, "input.invalid", "send_at"),
        ({"send_at": "2999-01-01T00:00:00Z"}, 400, "input.invalid", "send_at"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, 400, "input.invalid", "expires_at"),
        ({"tags": ["a\nb"]}, 400, "input.invalid", "tags[0]"),
        ({"metadata": {"a": "\x00"}}, 400, "input.invalid", "metadata.a"),
        ({"host": "smtp.example.com"}, 400, "input.invalid", "host"),
        ({"tag": "x"}, 400, "input.invalid", "tag"),
        ({"to": []}, 400, "input.invalid", "to"),
        ({"raw": "!"}, 400, "input.invalid", "subject"),
    ],
)
async def test_what_cannot_be_taken_is_refused_by_its_name(
    client: httpx.AsyncClient, change: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = await client.post(PATH, json=LETTER | change)
    found = answer.json()
    assert (answer.status_code, found["code"]) == (status, code), found
    assert found["errors"][0]["field"] == field
    assert (await client.get(PATH)).json()["messages"] == []


@pytest.mark.parametrize("key", ["", "x" * 257, "tab\there"])
async def test_a_key_that_is_none(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post(PATH, json=LETTER, headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


async def test_raw_mail_cannot_step_outside_what_the_account_allows(
    client: httpx.AsyncClient,
) -> None:
    raw = base64.b64encode(b"From: eve@evil.test\r\nSubject: x\r\n\r\nx\r\n").decode()
    letter = {"account": "strict", "from": "ann@example.test", "to": "b@example.org", "raw": raw}
    answer = await client.post(PATH, json=letter)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["field"] == "from"


async def test_a_message_that_is_too_large(gallery: Gallery, tmp_path: Path) -> None:
    async with service(gallery, tmp_path, Settings(outbox_message=2000)) as client:
        answer = await client.post(PATH, json={**LETTER, "body": "x" * 3000})
        assert (answer.status_code, answer.json()["code"]) == (413, "api.too_large")


async def test_a_full_outbox_is_a_507_and_is_told_beforehand(
    gallery: Gallery, tmp_path: Path
) -> None:
    box = outbox_at(gallery.boxes["healthy"], tmp_path)
    box.bounds = Bounds(octets=1)
    async with service(gallery, tmp_path, outbox=box) as client:
        await client.post(PATH, json=LETTER)
        answer = await client.post(PATH, json=LETTER)
        assert (answer.status_code, answer.json()["code"]) == (507, "outbox.full")
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "the outbox is full")


async def test_canceled_and_retried(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, json={**LETTER, "send_at": NEXT_MONTH})
    assert answer.json()["status"] == "scheduled"
    place = answer.headers["location"]
    assert (await client.delete(place)).json()["status"] == "canceled"
    assert (await client.post(f"{place}/retry")).json()["status"] == "queued"
    await until(client, place, "sent")
    too_late = await client.delete(place)
    assert (too_late.status_code, too_late.json()["code"]) == (409, "outbox.too_late")


@pytest.mark.parametrize("path", ["", "/transcript", "/raw", "/events"])
async def test_a_message_that_is_not_there(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"{PATH}/{'0' * 32}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "outbox.not_found")


@pytest.mark.parametrize("query", ["tag=%00", "cursor=%00", "account=%00"])
async def test_what_no_database_can_be_asked_is_refused(
    client: httpx.AsyncClient, query: str
) -> None:
    answer = await client.get(f"{PATH}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "input.invalid")


async def test_an_account_that_is_not_there(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/smtps/accounts/%00/resume")
    assert (answer.status_code, answer.json()["code"]) == (400, "outbox.no_account")


async def test_each_change_as_an_event_until_the_end(client: httpx.AsyncClient) -> None:
    place = (await client.post(PATH, json=LETTER)).headers["location"]
    text = (await client.get(f"{place}/events")).text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert events[-1]["status"] == "sent"
    assert all(event["id"] == events[0]["id"] for event in events)


async def test_lists_are_filtered_and_go_on(client: httpx.AsyncClient) -> None:
    for n in range(5):
        more = {"account": "other" if n % 2 else "main", "tags": [f"t{n % 2}"]}
        await client.post(PATH, json={**LETTER, **more, "send_at": NEXT_MONTH})
    first = (await client.get(PATH, params={"limit": 3})).json()
    rest = (await client.get(PATH, params={"limit": 3, "cursor": first["cursor"]})).json()
    ids = [message["id"] for message in first["messages"] + rest["messages"]]
    assert len(ids) == len(set(ids)) == 5
    assert ids == sorted(ids, reverse=True)
    assert rest["cursor"] is None
    for query, number in (
        ({"account": "other"}, 2),
        ({"account": ["other", "main"]}, 5),
        ({"status": "scheduled"}, 5),
        ({"status": ["sent", "failed"]}, 0),
        ({"tag": "t0"}, 3),
        ({"tag": "t0", "account": "other"}, 0),
        ({"since": "2999-01-01T00:00:00Z"}, 0),
        ({"until": "2999-01-01T00:00:00Z"}, 5),
    ):
        found = (await client.get(PATH, params=query)).json()["messages"]
        assert len(found) == number, query


def given_up(connection: Connection, messages: list[str]) -> list[None]:
    """A notice of each was not heard."""
    connection.execute(
        insert(tables.notified),
        [
            {"message": id_, "id": "n", "account": "main", "event": "sent", "at": 1,
             "state": "undelivered", "tries": 11, "tried": 2}
            for id_ in messages
        ],
    )  # fmt: skip
    return [None] * len(messages)


async def test_accounts_and_metrics(gallery: Gallery, tmp_path: Path) -> None:
    metrics = Metrics()
    box = outbox_at(gallery.boxes["healthy"], tmp_path)
    box._count = metrics.outbox.delivered
    async with box:
        app = create_app(Settings(), gallery, outbox=box, metrics=metrics)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for _ in range(2):  # the second is the first once more
                answer = await client.post(PATH, json=LETTER, headers={"Idempotency-Key": "1"})
            await until(client, answer.headers["location"], "sent")
            await client.post(PATH, json={**LETTER, "send_at": NEXT_MONTH})
            await box.store.write(given_up, answer.headers["location"].rpartition("/")[2])
            text = (await client.get("/metrics")).text
            accounts = (await client.get("/api/smtps/accounts")).json()["accounts"]
    assert 'smtps_outbox_accepted_total{account="main"} 2.0' in text
    assert 'smtps_outbox_attempts_total{account="main",status="sent"} 1.0' in text
    assert 'smtps_outbox_messages{account="main",status="scheduled"} 1.0' in text
    assert 'smtps_outbox_seconds_count{account="main"} 1.0' in text
    assert 'smtps_outbox_notices{account="main",status="undelivered"} 1.0' in text
    assert [(a["account"], a["status"]) for a in accounts] == [("main", "ok")]


async def test_a_measurement_that_nobody_waits_for_any_more_leaves_nothing_in_the_log(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    box, hanging = outbox_at(gallery.boxes["healthy"], tmp_path), asyncio.Event()
    over: list[asyncio.Task[Any] | None] = []

    async def depth() -> None:
        over.append(asyncio.current_task())
        await hanging.wait()
        raise unavailable()

    monkeypatch.setattr(operation, "PATIENCE", 0.05)
    monkeypatch.setattr(box, "depth", depth)
    async with box:
        app = create_app(Settings(), gallery, outbox=box, metrics=Metrics())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for _ in range(2):
                assert "smtps_outbox_up 0.0" in (await client.get("/metrics")).text
                hanging.set()
                await asyncio.wait([task for task in over if task is not None])
    over.clear()
    del app, transport, client
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_token_uses_its_accounts_and_sees_no_others(
    gallery: Gallery, tmp_path: Path
) -> None:
    settings = Settings.model_validate({
        "tokens": {"shop": hash_token("s"), "boss": hash_token("b")},
        "grants": {"shop": ["main"]},
        "accounts": {"main": {"host": "a.test"}},
    })  # fmt: skip
    shop, boss = ({"Authorization": f"Bearer {name}"} for name in "sb")
    async with service(gallery, tmp_path, settings) as client:
        mine = await client.post(PATH, json=LETTER, headers=shop)
        assert mine.status_code == 202
        refused = await client.post(PATH, json={**LETTER, "account": "other"}, headers=shop)
        assert (refused.status_code, refused.json()["code"]) == (403, "outbox.account_not_allowed")
        other = await client.post(PATH, json={**LETTER, "account": "other"}, headers=boss)
        place = other.headers["location"]
        for method, path in (("GET", place), ("DELETE", place), ("POST", f"{place}/retry"),
                             ("GET", f"{place}/raw"), ("GET", f"{place}/events"),
                             ("GET", f"{place}/transcript")):  # fmt: skip
            answer = await client.request(method, path, headers=shop)
            assert answer.status_code == 404, path
        listed = (await client.get(PATH, headers=shop)).json()["messages"]
        assert [message["account"] for message in listed] == ["main"]
        asked = await client.get(PATH, headers=shop, params={"account": "other"})
        assert asked.json()["messages"] == []
        assert len((await client.get(PATH, headers=boss)).json()["messages"]) == 2
        resumed = await client.post("/api/smtps/accounts/other/resume", headers=shop)
        assert resumed.status_code == 403
        assert (await client.get(PATH)).status_code == 401


async def test_a_status_that_is_none_is_answered_with_those_that_are(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get(PATH, params={"status": "lost"})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"].startswith("status")
    assert error["problem"].startswith("must be 'queued'")


async def test_two_callers_may_use_the_same_key(gallery: Gallery, tmp_path: Path) -> None:
    settings = Settings(tokens={"a": hash_token("a"), "b": hash_token("b")})
    async with service(gallery, tmp_path, settings) as client:
        for name in "ab":
            headers = {"Authorization": f"Bearer {name}", "Idempotency-Key": "1"}
            answer = await client.post(PATH, json={**LETTER, "subject": name}, headers=headers)
            assert answer.status_code == 202


async def test_a_service_without_an_outbox_says_so(gallery: Gallery) -> None:
    transport = httpx.ASGITransport(create_app(Settings(), gallery))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for method, path in (("POST", PATH), ("GET", PATH), ("GET", f"{PATH}/x"),
                             ("GET", "/api/smtps/accounts")):  # fmt: skip
            answer = await client.request(method, path, json=LETTER)
            assert (answer.status_code, answer.json()["code"]) == (404, "outbox.not_configured")


@pytest.mark.parametrize(
    "settings",
    [
        {"accounts": {"a b": {"host": "x.test"}}},
        {"accounts": {"a": {"host": "x.test", "username": "ann"}}},
        {"accounts": {"a": {"host": "x.test", "password_env": "X"}}},
        {"accounts": {"a": {"host": "x.test", "senders": ["ann"]}}},
        {"accounts": {"a": {"host": "x.test", "password": "no"}}},
        {"grants": {"nobody": ["a"]}},
    ],
)
def test_settings_that_cannot_be_meant(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Settings.model_validate(settings)


def test_an_account_reads_its_password_when_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate(
        {"accounts": {"a": {"host": "x.test", "username": "ann", "password_env": "MAIL_PW"}}}
    )
    account = settings.accounts["a"].account("a")
    monkeypatch.delenv("MAIL_PW", raising=False)
    with pytest.raises(InputError, match="MAIL_PW"):
        account.endpoint()
    monkeypatch.setenv("MAIL_PW", "one")
    assert account.endpoint().password == "one"
    monkeypatch.setenv("MAIL_PW", "two")
    assert account.endpoint().password == "two"


async def test_raw_with_its_envelope_needs_no_from(client: httpx.AsyncClient) -> None:
    raw = base64.b64encode(b"From: eve@x.test\r\nSubject: x\r\n\r\nx\r\n").decode()
    letter = {
        "account": "main", "raw": raw,
        "envelope": {"from": "ann@example.test", "to": ["b@example.org"]},
    }  # fmt: skip
    answer = await client.post(PATH, json=letter)
    assert answer.status_code == 202, answer.text
    await until(client, answer.headers["location"], "sent")
    strict = await client.post(PATH, json={**letter, "account": "strict"})
    assert (strict.status_code, strict.json()["errors"][0]["field"]) == (403, "from")


async def test_what_a_webhook_was_told_and_what_not(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtps.outbox.notices.OLDEST", 0)  # the first that fails is the last
    status = "500 Oops"

    async def script(request: Request) -> None:
        await request.say(web_answer(status=status))

    outbox = outbox_at(gallery.boxes["healthy"], tmp_path)
    settings = Settings(
        tokens={"all": hash_token("a"), "some": hash_token("s")},
        accounts={name: {"host": "h"} for name in ("main", "other")},  # type: ignore[misc]
        grants={"some": ["other"]},
    )
    async with website(script) as site:
        hook = Webhook(f"http://127.0.0.1:{site.port}/x", "whsec_" + "A" * 32)
        outbox.accounts["main"] = replace(outbox.accounts["main"], webhook=hook)  # type: ignore[index]
        outbox._teller = WebhookSender(outbox.store, outbox.accounts, outbox.clock)
        async with service(gallery, tmp_path, settings, outbox) as client:
            client.headers["Authorization"] = "Bearer a"
            path = (await client.post(PATH, json=LETTER)).headers["location"]
            while (await client.get(path)).json()["status"] != "sent":
                await asyncio.sleep(0.02)
            while (found := (await client.get(path)).json()["webhook"])["status"] == "pending":
                await asyncio.sleep(0.02)
            assert found["event"] == "message.sent"
            assert found["status"] == "undelivered"
            assert found["failure"]["code"] == "web.status"
            (listed,) = (await client.get("/api/smtps/notices")).json()["notices"]
            assert listed == {"message": path.rpartition("/")[2], "account": "main", **found}
            pending = await client.get("/api/smtps/notices", params={"status": "pending"})
            assert pending.json() == {"notices": [], "cursor": None}
            states = (await client.get("/api/smtps/accounts")).json()["accounts"]
            assert {"pending": 0, "undelivered": 1} in [state["notices"] for state in states]
            some = {"Authorization": "Bearer s"}
            for query in ({}, {"account": "main"}):
                mine = await client.get("/api/smtps/notices", headers=some, params=query)
                assert mine.json()["notices"] == []
            refused = await client.post(f"{path}/notify", headers=some)
            assert refused.status_code == 404
            status = "204 No Content"
            assert (await client.post(f"{path}/notify")).json()["webhook"]["status"] == "pending"
            while (found := (await client.get(path)).json()["webhook"])["status"] == "pending":
                await asyncio.sleep(0.02)
            assert found["status"] == "delivered"
            assert (await client.get("/api/smtps/notices")).json()["notices"] == []


async def test_when_there_is_nothing_to_tell(client: httpx.AsyncClient) -> None:
    path = (await client.post(PATH, json=LETTER)).headers["location"]
    refused = await client.post(f"{path}/notify")
    assert (refused.status_code, refused.json()["code"]) == (409, "outbox.no_webhook")
    assert (await client.get(path)).json()["webhook"] is None
    assert (await client.get("/api/smtps/notices?limit=0")).status_code == 400
    assert (await client.get("/api/smtps/notices?status=lost")).status_code == 400
