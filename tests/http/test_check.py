"""The whole report by HTTP: what is told, what may be asked, and what may not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import jsonschema_rs
import pytest
from tests.nameserver import Zone, name_server
from tests.oauth.test_claims import jwt

from smtps.checks.report import report_schema
from smtps.config.settings import Settings
from smtps.http.app import create_app
from smtps.sandbox.gallery import Gallery

PATH = "/api/smtps/check"
REPORT = jsonschema_rs.validator_for(json.loads(report_schema()))


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    async with Gallery() as running:
        yield running


@pytest.fixture
async def client(gallery: Gallery) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(Settings(), gallery))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as running:
        yield running


def place(gallery: Gallery, name: str, **more: Any) -> dict[str, Any]:
    box = gallery.boxes[name]
    login = {"username": box.username, "password": box.password}
    return {"host": box.host, "port": box.port, **login, **more}


async def test_by_get_and_by_post(client: httpx.AsyncClient, gallery: Gallery) -> None:
    asked = place(gallery, "healthy")
    for answer in (
        await client.get(PATH, params={**asked, "detail": "full"}),
        await client.post(PATH, json=asked, params={"detail": "full"}),
    ):
        assert answer.status_code == 200
        report = answer.json()
        REPORT.validate(report)
        assert (report["verdict"], report["grade"]["letter"]) == ("works", "A")
        assert report["auth"]["authenticated"]
        assert report["addresses"][0]["transcript"]
        assert asked["password"] not in answer.text


@pytest.mark.parametrize("name", ["expired", "three-faults", "bad-password", "plaintext", "resets"])
async def test_what_fails_is_an_answer_too(
    client: httpx.AsyncClient, gallery: Gallery, name: str
) -> None:
    answer = await client.post(PATH, json=place(gallery, name))
    assert answer.status_code == 200
    REPORT.validate(answer.json())
    assert answer.json()["verdict"] == "fails"
    assert answer.json()["findings"][0]["code"] == gallery.boxes[name].persona.finding
    assert "sandbox-password" not in answer.text


async def test_an_access_token_is_explained_and_not_shown(
    client: httpx.AsyncClient, gallery: Gallery
) -> None:
    token = jwt({"aud": "https://graph.microsoft.com", "exp": 4_000_000_000})
    asked = place(gallery, "token-expired", access_token=token)
    del asked["password"]
    answer = await client.post(PATH, json=asked)
    REPORT.validate(answer.json())
    assert answer.json()["token"]["origin"] == "request"
    assert answer.json()["token"]["audience"] == ["https://graph.microsoft.com"]
    assert answer.json()["findings"][0]["code"] == "oauth.wrong_audience"
    assert not any(part in answer.text for part in token.split("."))


async def test_a_deep_look(client: httpx.AsyncClient, gallery: Gallery) -> None:
    answer = await client.post(PATH, json=place(gallery, "old-tls-too", deep=True))
    codes = [finding["code"] for finding in answer.json()["findings"]]
    assert codes == ["tls.old_versions_accepted"]
    assert answer.json()["addresses"][0]["looks"]


async def test_an_envelope_without_a_message(client: httpx.AsyncClient, gallery: Gallery) -> None:
    asked = place(gallery, "other-sender", **{"from": "eve@example.test", "to": ["bob@x.test"]})
    report = (await client.post(PATH, json=asked)).json()
    assert report["envelope"]["mail"].startswith("5")
    assert [finding["code"] for finding in report["findings"]] == ["send.sender_refused"]
    assert len(gallery.inbox) == 0


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"to": ["b@x.test"]}, "to"),
        ({"size": 5}, "size"),
        ({"size": 0, "from": "a@x.test"}, "size"),
        ({"from": "a@x.test"}, "to"),
        ({"from": "no address", "to": ["b@x.test"]}, "envelope.from"),
        ({"from": "a@x.test", "to": ["b\r\nDATA@x.test"]}, "envelope.to"),
        ({"deep": 1}, "deep"),
        ({"host": "a b"}, "host"),
        ({"host": "ann@"}, "address"),
        ({"dep": True}, "dep"),
    ],
)
@pytest.mark.parametrize("path", [PATH, f"{PATH}/events"])
async def test_what_cannot_be_asked(
    client: httpx.AsyncClient, path: str, more: dict[str, Any], field: str
) -> None:
    answer = await client.post(path, json={"host": "127.0.0.1", "port": 1, **more})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


async def events(client: httpx.AsyncClient, asked: dict[str, Any]) -> list[tuple[str, Any]]:
    found = []
    async with client.stream("POST", f"{PATH}/events", json=asked) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
    return found


async def test_each_phase_as_it_happens_then_the_report(
    client: httpx.AsyncClient, gallery: Gallery
) -> None:
    found = await events(client, place(gallery, "healthy"))
    assert [data["phase"] for name, data in found if name == "phase"] == [
        "tcp", "tls", "greeting", "ehlo", "auth",
    ]  # fmt: skip
    assert found[-1][0] == "result"
    REPORT.validate({**found[-1][1]})


async def test_a_forbidden_target_gets_the_same_words_whatever_leads_there() -> None:
    zone: Zone = {
        ("private.test", "A"): ["127.0.0.1"],
        ("_submissions._tcp.x.test", "SRV"): ["0 0 465 private.test."],
        ("public.test", "A"): ["192.88.99.1"],
    }
    told = set()
    async with name_server(zone) as server:
        settings = Settings(private_targets=False, target_ports=[465], resolver=server.place)
        transport = httpx.ASGITransport(create_app(settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for host in ("127.0.0.1", "private.test", "ann@x.test", "::1", "public.test"):
                for deep in (False, True):
                    answer = await client.post(PATH, json={"host": host, "deep": deep})
                    assert answer.status_code == 403
                    told.add(answer.text)
    assert len(told) == 1


async def test_a_reader_who_leaves_ends_the_check(gallery: Gallery) -> None:
    box = gallery.boxes["late-greeting"]
    app = create_app(Settings(), gallery)
    transport = httpx.ASGITransport(app)
    before = asyncio.all_tasks()
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        asking = asyncio.create_task(events(client, place(gallery, "late-greeting")))
        async with asyncio.timeout(5):
            while not box.clients:
                await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        async with asyncio.timeout(5):
            while box.clients or asyncio.all_tasks() - before:
                await asyncio.sleep(0.01)
