"""What a token that has some accounts learns of the others: nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.http.test_messages import LETTER, PATH, service

from smtps.config.callers import hash_token
from smtps.config.settings import Settings, load
from smtps.errors import InputError
from smtps.http.routes import operation
from smtps.outbox.outbox import Outbox
from smtps.sandbox.gallery import Gallery

SHOP, BOSS, SEER = ({"Authorization": f"Bearer {name}"} for name in ("shop", "boss", "seer"))
SETTINGS = {
    "tokens": {name: hash_token(name) for name in ("shop", "boss", "seer")},
    "accounts": {"main": {"host": "a.test"}},
    "grants": {"shop": ["main"], "seer": ["main"]},
    "rights": {"seer": ["inbox", "metrics"]},
}
MAIL = "/api/sandbox/messages"


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    async with Gallery() as running:
        yield running


@pytest.fixture
async def client(gallery: Gallery, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings.model_validate(SETTINGS)
    async with service(gallery, tmp_path, settings) as running:
        for account in ("main", "other"):
            sent = await running.post(PATH, json={**LETTER, "account": account}, headers=BOSS)
            assert sent.status_code == 202
        yield running


async def test_the_metrics_tell_of_the_caller_s_accounts(client: httpx.AsyncClient) -> None:
    async def seen(headers: dict[str, str]) -> set[str]:
        text = (await client.get("/metrics", headers=headers)).text
        assert "smtps_http_requests_running" in text
        return {name for name in ("main", "other", "strict") if f'account="{name}"' in text}

    assert await seen(SHOP) == {"main"}
    assert await seen(SEER) == await seen(BOSS) == {"main", "other", "strict"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", MAIL), ("GET", f"{MAIL}/1"), ("GET", f"{MAIL}/1/raw"), ("GET", f"{MAIL}/1/html"),
     ("GET", f"{MAIL}/nothing"), ("DELETE", MAIL)],
)  # fmt: skip
async def test_the_inbox_wants_a_right(client: httpx.AsyncClient, method: str, path: str) -> None:
    refused = await client.request(method, path, headers=SHOP)
    assert (refused.status_code, refused.json()["code"]) == (403, "api.right_needed")
    for headers in (BOSS, SEER):
        assert (await client.request(method, path, headers=headers)).status_code in {200, 204, 404}


@pytest.mark.parametrize("name", ["other", "nothing", "Main", "", "m" * 300])
async def test_an_account_of_others_is_one_that_there_is_not(
    client: httpx.AsyncClient, name: str
) -> None:
    def same(answer: httpx.Response) -> tuple[int, dict[str, Any]]:
        told = answer.json()
        return answer.status_code, {key: told[key] for key in ("code", "advice", "title")}

    async def ask(account: str) -> list[tuple[int, dict[str, Any]]]:
        letter = {**LETTER, "account": account}
        return [
            same(await client.post(PATH, json=letter, headers=SHOP)),
            same(await client.post(f"{PATH}?x=1", json=letter, headers=SHOP)),  # the long way
            same(await client.post(PATH, data=letter, files=[("attachments", b"x")], headers=SHOP)),
        ]

    assert await ask(name) == await ask("other")
    assert {status for status, _ in await ask(name)} <= {400, 403}
    if name:
        resume = [
            same(await client.post(f"/api/smtps/accounts/{which}/resume", headers=SHOP))
            for which in (name, "other")
        ]
        assert resume[0] == resume[1]
        assert resume[0][0] == 403


def test_a_right_for_a_token_that_has_all_of_them_is_a_mistake() -> None:
    with pytest.raises(InputError) as caught:
        load(tokens=SETTINGS["tokens"], rights={"boss": ["inbox"]})
    assert caught.value.field == "rights"


async def test_metrics_are_told_while_the_outbox_says_nothing(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def hang(_box: Outbox) -> Any:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()

    monkeypatch.setattr(Outbox, "depth", hang)
    monkeypatch.setattr(operation, "PATIENCE", 0.1)
    answers = await asyncio.gather(*(client.get("/metrics", headers=BOSS) for _ in range(5)))
    assert asked == 1
    for answer in answers:
        assert answer.status_code == 200
        assert "\nsmtps_outbox_up 0.0\n" in answer.text
