"""Each guard by its own table, then all of them at the door."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from smtps.advice import ADVICE
from smtps.config import callers
from smtps.config.settings import Settings, load
from smtps.errors import InputError
from smtps.http.app import create_app
from smtps.http.guards import pace
from smtps.http.guards.body import judge_headers, judge_message
from smtps.http.guards.limits import RateError, Rates
from smtps.http.requests import SendRequest
from smtps.http.upload import Upload
from smtps.net.egress import MAIL_PORTS
from smtps.sandbox.gallery import Gallery

TOKEN = "smtps_test-token"
TOKENS = {"other": callers.hash_token("other"), "ci": callers.hash_token(TOKEN)}


@pytest.mark.parametrize(
    ("headers", "path", "code"),
    [
        ({"host": "127.0.0.1:8465"}, "/api/x", None),
        ({"host": "LOCALHOST"}, "/api/x", None),
        ({"host": "[::1]:8465"}, "/api/x", None),
        ({"host": "mail.example.com"}, "/api/x", None),
        ({"host": "evil.example"}, "/api/x", "api.wrong_host"),
        ({"host": "127.0.0.1.evil.example:8465"}, "/", "api.wrong_host"),
        ({}, "/api/x", "api.wrong_host"),
        ({"host": "localhost:1", "origin": "http://localhost:1"}, "/api/x", None),
        ({"host": "localhost:1", "origin": "http://localhost:2"}, "/api/x", "api.wrong_origin"),
        ({"host": "localhost", "origin": "https://evil.example"}, "/api/x", "api.wrong_origin"),
        ({"host": "localhost", "origin": "null"}, "/api/x", "api.wrong_origin"),
        ({"host": "localhost", "origin": "not a url"}, "/api/x", "api.wrong_origin"),
        ({"host": "localhost", "origin": "http://[::1"}, "/api/x", "api.wrong_origin"),
        ({"host": "localhost", "origin": "http://[x]"}, "/api/x", "api.wrong_origin"),
        ({"host": "localhost", "origin": "http://\u2100"}, "/api/x", "api.wrong_origin"),
        ({"host": "[::1", "origin": "http://[::1"}, "/api/x", "api.wrong_host"),
        ({"host": "[::1]:x"}, "/api/x", "api.wrong_host"),
        ({"host": "::1"}, "/api/x", "api.wrong_host"),
        ({"host": "localhost", "sec-fetch-site": "same-origin"}, "/api/x", None),
        ({"host": "localhost", "sec-fetch-site": "none"}, "/api/x", None),
        ({"host": "localhost", "sec-fetch-site": "cross-site"}, "/api/x", "api.wrong_origin"),
        ({"host": "localhost", "sec-fetch-site": "same-site"}, "/smtps/x", "api.wrong_origin"),
        ({"host": "localhost", "sec-fetch-site": "cross-site"}, "/", None),
    ],
)
def test_host_and_origin(headers: dict[str, str], path: str, code: str | None) -> None:
    assert callers.judge_origin(headers, path, callers.LOOPBACK | {"mail.example.com"}) == code


def test_a_service_without_names_takes_any_host() -> None:
    assert callers.judge_origin({"host": "anything"}, "/api/x", None) is None
    assert callers.judge_origin({"origin": "null"}, "/api/x", None) == "api.wrong_origin"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (f"Bearer {TOKEN}", "ci"),
        (f"bearer  {TOKEN} ", "ci"),
        ("Bearer other", "other"),
        (f"Basic {TOKEN}", None),
        (f"Bearer {TOKEN}x", None),
        (f"Bearer {TOKEN[:-1]}", None),
        (f"Bearer {TOKENS['ci']}", None),
        (TOKEN, None),
        ("Bearer", None),
        ("Bearer ü", None),
        ("", None),
    ],
)
def test_tokens(header: str, name: str | None) -> None:
    assert callers.find_token(TOKENS, header) == name


def test_a_new_token_is_long_and_its_hash_known() -> None:
    first, second = callers.new_token(), callers.new_token()
    assert first != second
    assert len(first) > 40
    assert callers.is_hash(callers.hash_token(first))
    assert not callers.is_hash(first)


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/", False), ("/web/app.js", False), ("/healthz", False), ("/readyz", False),
        ("/docs", False), ("/openapi.json", False), ("/metrics", True), ("/smtps/x", True),
        ("/api/smtps/send", True), ("/api/sandbox/messages", True), ("/anything", True),
    ],
)  # fmt: skip
def test_what_needs_a_token(path: str, needed: bool) -> None:
    assert callers.token_needed(path) is needed


@pytest.mark.parametrize(
    ("method", "headers", "code"),
    [
        ("GET", {}, None),
        ("POST", {"content-type": "application/json"}, None),
        ("POST", {"content-type": "Application/JSON; charset=utf-8"}, None),
        ("POST", {"content-type": "application/vnd.x+json"}, None),
        ("POST", {}, "api.unsupported_media_type"),
        ("POST", {"content-type": "text/plain"}, "api.unsupported_media_type"),
        ("POST", {"content-type": "multipart/form-data; boundary=x"}, None),
        (
            "POST",
            {"content-type": "multipart/form-data; boundary=x", "content-length": "2048"},
            None,
        ),
        (
            "POST",
            {"content-type": "multipart/form-data; boundary=x", "content-length": "2049"},
            "api.too_large",
        ),
        ("PUT", {"content-type": "multipart/form-data", "content-length": "2000"}, "api.too_large"),
        ("GET", {"content-length": "1025"}, "api.too_large"),
        ("GET", {"content-length": "-1"}, "api.too_large"),
        ("GET", {"content-length": "٣"}, "api.too_large"),
        ("DELETE", {}, None),
    ],
)
def test_headers(method: str, headers: dict[str, str], code: str | None) -> None:
    settings = Settings(max_body=1024, max_upload=2048)
    assert judge_headers(method, "/api/smtps/send", headers, settings) == code


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({}, None),
        ({"to": ["a@x.test"] * 3}, "to"),
        ({"cc": ["a@x.test"] * 2}, "to"),
        ({"envelope": {"to": ["a@x.test"] * 3}}, "to"),
        ({"headers": {"X-1": "", "X-2": "", "X-3": ""}}, "headers"),
        ({"attachments": [{"filename": "a", "content": ""}] * 3}, "attachments"),
    ],
)
def test_the_parts_of_a_message_are_counted(more: dict[str, Any], field: str | None) -> None:
    settings = Settings(max_recipients=2, max_attachments=2, max_headers=2)
    request = SendRequest(**{"host": "x", "from": "a@x.test", "to": "b@x.test", **more})
    if field is None:
        judge_message(request, settings)
        return
    with pytest.raises(InputError) as caught:
        judge_message(request, settings)
    assert (caught.value.field, caught.value.code) == (field, "api.too_many")


def test_rates_count_callers_and_targets_apart() -> None:
    rates = Rates("2/minute", "1/minute")
    rates.caller("a")
    rates.caller("a")
    rates.caller("b")
    rates.target("192.0.2.1")
    with pytest.raises(RateError) as caught:
        rates.caller("a")
    assert caught.value.code == "api.caller_limited"
    assert 1 <= caught.value.retry_after <= 60
    with pytest.raises(RateError) as caught:
        rates.target("192.0.2.1")
    assert caught.value.code == "api.target_limited"


def test_who_has_not_asked_for_a_while_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now)
    rates = Rates("5/second", "")
    for number in range(1000):
        rates.caller(str(number))
    now += 10
    storage: Any = rates._limiter.storage
    storage._MemoryStorage__expire_events()  # as its timer does
    assert len(storage.events) == len(storage.storage) == 0


def test_no_rate_is_no_limit_and_nonsense_is_named() -> None:
    rates = Rates("", "")
    for _ in range(1000):
        rates.caller("a")
        rates.target("a")
    with pytest.raises(InputError, match="60/minute"):
        Rates("often", "")


# Settings.


def test_on_loopback_it_is_open_and_elsewhere_it_is_not() -> None:
    near = Settings()
    assert near.private_targets
    assert near.egress.ports is None
    assert near.caller_rate == ""
    far = Settings(host="0.0.0.0", tokens=TOKENS)
    assert not far.private_targets
    assert far.egress.ports == MAIL_PORTS
    assert far.caller_rate == "60/minute"
    wide = Settings(host="0.0.0.0", tokens=TOKENS, private_targets=True, target_ports=[])
    assert wide.egress.private
    assert wide.egress.ports is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "mail.example.com"])
def test_beyond_loopback_it_wants_a_token(host: str) -> None:
    with pytest.raises(InputError, match="needs an API token"):
        load(host=host)
    assert load(host=host, allow_anonymous=True).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_loopback_it_does_not(host: str) -> None:
    assert load(host=host).loopback


def test_flags_go_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "smtps.toml"
    file.write_text(f'port = 1\nconcurrency = 2\nmax_headers = 3\n[tokens]\nci = "{TOKENS["ci"]}"')
    monkeypatch.setenv("SMTPS_CONCURRENCY", "20")
    monkeypatch.setenv("SMTPS_PORT", "10")
    monkeypatch.setenv("SMTPS_HOSTS", '["mail.example.com"]')
    settings = load(file, port=100)
    assert (settings.port, settings.concurrency, settings.max_headers) == (100, 20, 3)
    assert settings.hosts == ["mail.example.com"]
    monkeypatch.setenv("SMTPS_CONFIG", str(file))
    assert load().max_headers == 3


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("hosts", "mail.example.com", ["mail.example.com"]),
        ("hosts", " a.example, b.example,", ["a.example", "b.example"]),
        ("hosts", '["a.example"]', ["a.example"]),
        ("hosts", "", []),
        ("target_ports", "465,587", [465, 587]),
        ("accounts", "{}", {}),
    ],
)
def test_a_list_in_the_environment_may_have_commas(
    name: str, value: str, found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SMTPS_{name.upper()}", value)
    assert getattr(load(), name) == found


@pytest.mark.parametrize("name", ["accounts", "tokens", "grants"])
def test_a_table_in_the_environment_that_is_no_json_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SMTPS_{name.upper()}", "nonsense")
    with pytest.raises(InputError, match="JSON") as caught:
        load()
    assert caught.value.field == f"SMTPS_{name.upper()}"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("port = 70000", "port"),
        ("ports = 1", "ports"),
        ("concurrency = 0", "concurrency"),
        ("port = ", "config"),
        ('[tokens]\nci = "plain"', "tokens"),
        ('resolver = "nonsense"', "resolver"),
        ('[grants]\nshop = ["main"]', "grants"),
        (f'[tokens]\nci = "{TOKENS["ci"]}"\n[grants]\nci = ["main"]', "grants.ci"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, text: str, field: str) -> None:
    file = tmp_path / "smtps.toml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load(file)
    assert caught.value.field == field
    assert not caught.value.problem.startswith(f"{field}:")


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="/nonexistent"):
        load("/nonexistent")


def test_what_is_shown_holds_no_hash() -> None:
    shown = str(Settings(tokens=TOKENS).shown())
    assert TOKENS["ci"] not in shown
    assert "ci" in shown


# At the door.


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    async with Gallery() as running:
        yield running


def client(settings: Settings, gallery: Gallery | None = None, **options: Any) -> httpx.AsyncClient:
    app = create_app(settings, gallery, options.pop("stopping", None))
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", **options
    )


async def test_a_page_elsewhere_cannot_drive_it() -> None:
    async with client(Settings()) as session:
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            answer = await session.get("/api/smtps/ports", headers=headers)
            assert answer.status_code == 403
            assert answer.json()["success"] is False


async def test_without_the_token_nothing_is_told() -> None:
    settings = Settings(host="0.0.0.0", tokens=TOKENS, hosts=["127.0.0.1"])
    async with client(settings) as session:
        for path in ("/api/smtps/ports", "/metrics", "/smtps/192.0.2.1", "/api/nothing"):
            answer = await session.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "api.token_needed")
            assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/healthz", "/readyz", "/", "/openapi.json"):
            assert (await session.get(path)).status_code == 200
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert (await session.get("/api/smtps/ports", headers=headers)).status_code == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
async def test_a_balancer_may_ask_with_head(path: str) -> None:
    async with client(Settings()) as session:
        assert (await session.head(path)).status_code == 200


async def test_a_caller_who_asks_too_often_is_told_when_to_come_back() -> None:
    async with client(Settings(caller_rate="2/minute")) as session:
        codes = [(await session.get("/api/smtps/ports")).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        answer = await session.get("/api/smtps/ports")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.json()["retryable"] is True
        assert (await session.get("/healthz")).status_code == 200


async def test_a_target_is_protected_whoever_asks(gallery: Gallery) -> None:
    box = gallery.boxes["healthy"]
    query: dict[str, Any] = {"host": box.host, "port": box.port}
    async with client(Settings(target_rate="2/minute"), gallery) as session:
        codes = [
            (await session.get("/api/smtps/connect", params=query)).status_code for _ in range(3)
        ]
        assert codes == [200, 200, 429]
        by_name = await session.get("/api/smtps/connect", params=query | {"host": "localhost"})
        assert by_name.status_code == 429
        assert "retry-after" in by_name.headers


async def test_too_many_at_once_are_told_so(gallery: Gallery) -> None:
    slow = gallery.boxes["late-greeting"]
    query: dict[str, Any] = {"host": slow.host, "port": slow.port, "timeout": 400}
    async with client(Settings(concurrency=2), gallery) as session:
        asked = (session.get("/api/smtps/connect", params=query) for _ in range(5))
        answers = await asyncio.gather(*asked)
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [503, 503, 503, 504, 504]
        busy = next(answer for answer in answers if answer.status_code == 503)
        assert (busy.json()["code"], busy.headers["retry-after"]) == ("api.busy", "1")
        assert (await session.get("/readyz")).status_code == 200


async def _nothing_more() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.Event().wait()


async def _drop_by_drop() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.01)


async def _slowly() -> AsyncIterator[bytes]:
    for _ in range(10):
        yield b" " * pace.PACE
        await asyncio.sleep(0.1)
    yield b"x"


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("body", [_nothing_more, _drop_by_drop])
async def test_who_sends_too_slowly_loses_the_place(
    monkeypatch: pytest.MonkeyPatch, body: Callable[[], AsyncIterator[bytes]], kind: str
) -> None:
    monkeypatch.setattr(pace, "PATIENCE", 0.1)
    monkeypatch.setattr(Upload, "feed", _take)
    headers = {"content-type": kind}
    async with client(Settings(concurrency=1)) as session, asyncio.timeout(10):
        answer = await session.post("/api/smtps/send", content=body(), headers=headers)
        told = answer.json()
        assert (answer.status_code, told["status"], told["code"]) == (408, 408, "api.too_slow")
        assert told["title"] == ADVICE["api.too_slow"].meaning
        assert answer.headers["connection"] == "close"
        assert (await session.get("/api/smtps/ports")).status_code == 200


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
async def test_who_keeps_up_may_take_longer_than_that(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(pace, "PATIENCE", 0.5)
    monkeypatch.setattr(Upload, "feed", _take)
    headers = {"content-type": kind}
    async with client(Settings()) as session:
        answer = await session.post("/api/smtps/send", content=_slowly(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "api.malformed")


async def test_what_came_fast_buys_no_silence_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "PATIENCE", 0.1)
    pieces = [b"x" * pace.PACE * 3600]

    async def receive() -> Any:
        if not pieces:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(), "more_body": True}

    paced = pace.Paced(receive)
    await paced()
    with pytest.raises(pace.SlowError):
        async with asyncio.timeout(10):
            await paced()


async def _take(_upload: Upload, _chunk: bytes) -> None:
    """A form of anything, for bodies that are none."""


async def test_when_it_stops_running_requests_are_told(gallery: Gallery) -> None:
    slow = gallery.boxes["late-greeting"]
    query: dict[str, Any] = {"host": slow.host, "port": slow.port, "timeout": 30000}
    stopping = asyncio.Event()
    async with client(Settings(grace=0.1), gallery, stopping=stopping) as session:
        running = asyncio.create_task(session.get("/api/smtps/connect", params=query))
        while not slow.clients:
            await asyncio.sleep(0.01)
        stopping.set()
        answer = await running
        assert (answer.status_code, answer.json()["code"]) == (503, "api.stopping")
        assert (await session.get("/readyz")).status_code == 503


async def test_when_it_stops_running_requests_may_finish(gallery: Gallery) -> None:
    slow = gallery.boxes["late-greeting"]
    query: dict[str, Any] = {"host": slow.host, "port": slow.port, "timeout": 300}
    stopping = asyncio.Event()
    async with client(Settings(grace=5), gallery, stopping=stopping) as session:
        running = asyncio.create_task(session.get("/api/smtps/connect", params=query))
        while not slow.clients:
            await asyncio.sleep(0.01)
        stopping.set()
        assert (await running).status_code == 504  # its own time-out


async def test_the_access_log_shows_no_query(
    gallery: Gallery, caplog: pytest.LogCaptureFixture
) -> None:
    box = gallery.boxes["healthy"]
    query: dict[str, Any] = {
        "host": box.host,
        "port": box.port,
        "username": box.username,
        "password": "c4nary",
    }
    with caplog.at_level(logging.DEBUG):
        async with client(Settings(), gallery) as session:
            await session.get("/api/smtps/connect", params=query)
    ours = [record.getMessage() for record in caplog.records if record.name == "smtps.access"]
    assert len(ours) == 1
    assert "GET /api/smtps/connect 502" in ours[0]
    mine = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert not any("c4nary" in record.getMessage() for record in mine)
