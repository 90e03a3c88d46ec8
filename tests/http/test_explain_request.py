"""``/api/smtps/explain``: by GET, by POST, and within limits."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest

from smtps.config.settings import Settings
from smtps.explanations.explaining import explain
from smtps.http.app import create_app

PATH = "/api/smtps/explain"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(Settings(), None))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as found:
        yield found


async def test_both_methods_give_the_answer_of_the_shell(client: httpx.AsyncClient) -> None:
    text = "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect"
    got = await client.get(PATH, params={"text": text})
    posted = await client.post(PATH, json={"text": text})
    assert (got.status_code, posted.status_code) == (200, 200)
    assert got.json() == posted.json() == explain(text).as_json()
    assert got.headers["cache-control"] == "no-store"


async def test_what_is_not_known_is_an_answer_too(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, json={"text": "lorem ipsum"})
    assert answer.status_code == 200
    assert answer.json()["matches"] == []
    assert "smtps check" in answer.json()["next"]


async def test_no_text_is_400(client: httpx.AsyncClient) -> None:
    answers = [
        await client.get(PATH),
        await client.get(PATH, params={"text": " "}),
        await client.post(PATH, json={"text": ""}),
        await client.post(PATH, json={}),
        await client.post(PATH, json={"text": 5}),
    ]
    assert [answer.status_code for answer in answers] == [400] * 5
    assert {answer.json()["errors"][0]["field"] for answer in answers} == {"text"}


async def test_more_than_64_kib_is_413(client: httpx.AsyncClient) -> None:
    for text in ("x" * 65537, "é" * 32769):
        answer = await client.post(PATH, json={"text": text})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (413, "text")
    long = "certificate has expired\n" + "x" * 65000
    assert (await client.post(PATH, json={"text": long})).status_code == 200


async def test_an_unknown_field_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, json={"test": "x"})
    assert answer.status_code == 400
    assert "text" in answer.text


async def test_a_password_is_not_given_back(client: httpx.AsyncClient) -> None:
    for answer in (
        await client.post(PATH, json={"text": "smtps://ann:hunter2@x.test: 535 5.7.8 no"}),
        await client.get(PATH, params={"text": "AUTH PLAIN AGFubgBodW50ZXIy"}),
    ):
        assert "hunter2" not in answer.text
        assert "AGFubgBodW50ZXIy" not in answer.text


async def test_the_page_of_requests_knows_it(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert set(paths[PATH]) == {"get", "post"}
