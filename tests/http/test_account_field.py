"""``account`` in place of a server: in requests that test, check and send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.client.farm import farm
from tests.net.pki import PKI
from tests.oauth.authorization import SECRET, USER, authorization_server
from tests.oauth.mail import TokenMail

from smtps.config.accounts import AccountSettings
from smtps.config.callers import hash_token
from smtps.config.settings import Settings
from smtps.http.app import create_app
from smtps.sandbox.gallery import Gallery

TOKENS = {"all": hash_token("a" * 32), "some": hash_token("b" * 32)}
SOME = {"Authorization": "Bearer " + "b" * 32}
ALL = {"Authorization": "Bearer " + "a" * 32}
MAIL = {"from": "ann@example.com", "to": "bob@example.org", "subject": "x", "body": "y"}


@asynccontextmanager
async def client(settings: Settings, gallery: Gallery | None = None) -> AsyncIterator[Any]:
    transport = httpx.ASGITransport(create_app(settings, gallery))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as found:
        yield found


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    async with Gallery() as running:
        yield running


@pytest.fixture
def account(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    box = gallery.boxes["healthy"]
    monkeypatch.setenv("MAIL_PW", box.password)
    return {"host": box.host, "port": box.port, "security": "implicit", "username": box.username,
            "password_env": "MAIL_PW", "ca_file": str(box.ca_file),
            "senders": ["ann@example.com"]}  # fmt: skip


async def test_an_account_is_tested_checked_and_sent_through(
    account: dict[str, Any], gallery: Gallery
) -> None:
    async with client(Settings(accounts={"main": account})) as service:  # type: ignore[dict-item]
        for answer in (
            await service.post("/api/smtps/connect", json={"account": "main"}),
            await service.get("/api/smtps/connect", params={"account": "main"}),
        ):
            found = answer.json()
            assert (answer.status_code, found["authenticated"]) == (200, True), found
            assert (found["host"], found["port"]) == (account["host"], account["port"])
        for answer in (
            await service.post("/api/smtps/check", json={"account": "main"}),
            await service.get("/api/smtps/check", params={"account": "main"}),
        ):
            assert answer.json()["auth"]["authenticated"], answer.text
        answer = await service.get("/api/smtps/connect/events", params={"account": "main"})
        assert '"authenticated":true' in answer.text.replace(" ", "")
        answer = await service.post("/api/smtps/send", json={"account": "main", **MAIL})
        assert answer.status_code == 200, answer.text
        assert (answer.json()["host"], answer.json()["port"]) == (account["host"], account["port"])
    assert len(gallery.boxes["healthy"].inbox.all()) == 1


@pytest.mark.parametrize(
    "more",
    [{"host": "a.test"}, {"port": 465}, {"username": "u", "password": "p"}, {"verify": False},
     {"access_token": "t"}],
)  # fmt: skip
async def test_what_the_account_has_cannot_be_given_too(
    account: dict[str, Any], more: dict[str, Any]
) -> None:
    async with client(Settings(accounts={"main": account})) as service:  # type: ignore[dict-item]
        for path, mail in (("connect", {}), ("check", {}), ("send", MAIL)):
            answer = await service.post(
                f"/api/smtps/{path}", json={"account": "main", **more, **mail}
            )
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["field"] == "account"
            assert "cannot be combined with" in answer.json()["error"]


async def test_without_host_and_account_the_host_is_required() -> None:
    async with client(Settings()) as service:
        for body in ({}, {"account": None}):
            answer = await service.post("/api/smtps/connect", json=body)
            assert (answer.status_code, answer.json()["error"]) == (400, "Host is required")


async def test_a_token_uses_the_accounts_that_it_may_use(account: dict[str, Any]) -> None:
    settings = Settings(
        host="0.0.0.0", tokens=TOKENS, hosts=["127.0.0.1"], grants={"some": ["other"]},
        accounts={"main": account, "other": account},  # type: ignore[dict-item]
    )  # fmt: skip
    async with client(settings) as service:
        allowed = await service.post("/api/smtps/connect", json={"account": "other"}, headers=SOME)
        assert allowed.status_code == 200, allowed.text  # though it is no public address
        for name in ("main", "none"):
            answer = await service.post("/api/smtps/connect", json={"account": name}, headers=SOME)
            assert answer.status_code == 403
            assert answer.json()["code"] == "outbox.account_not_allowed"
        answer = await service.post(
            "/api/smtps/send", json={"account": "main", **MAIL}, headers=SOME
        )
        assert answer.status_code == 403
        answer = await service.post("/api/smtps/connect", json={"account": "none"}, headers=ALL)
        assert answer.status_code == 400
        assert answer.json()["code"] == "outbox.no_account"


async def test_the_senders_of_an_account_count(account: dict[str, Any], gallery: Gallery) -> None:
    async with client(Settings(accounts={"main": account})) as service:  # type: ignore[dict-item]
        mail = {**MAIL, "from": "eve@example.com"}
        answer = await service.post("/api/smtps/send", json={"account": "main", **mail})
    assert answer.status_code == 403
    assert answer.json()["code"] == "outbox.sender_not_allowed"
    assert gallery.boxes["healthy"].inbox.all() == []


async def test_an_account_with_a_login_by_token(
    pki: PKI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    async with (
        authorization_server(pki) as authority,
        farm(pki, lambda _: TokenMail(authority)) as mail,
    ):
        account = AccountSettings(
            host="127.0.0.1", port=mail.port, security="implicit", username=USER,
            ca_file=str(pki.ca),
            oauth={"issuer": authority.issuer, "client_id": "client-1",  # type: ignore[arg-type]
                   "grant": "client_credentials", "client_secret_env": "CLIENT_SECRET",
                   "scopes": ["mail"], "ca_file": str(pki.ca)},
        )  # fmt: skip
        settings = Settings(accounts={"main": account}, state_dir=str(tmp_path))
        async with client(settings) as service:
            answer = await service.post(
                "/api/smtps/connect", json={"account": "main"}, params={"detail": "full"}
            )
            assert answer.json()["authenticated"], answer.text
            assert "canary" not in answer.text
            answer = await service.post("/api/smtps/send", json={"account": "main", **MAIL})
            assert answer.status_code == 200, answer.text
            authority.live.clear()
            authority.troubles.extend([("400 Bad Request", {"error": "invalid_client"})] * 2)
            answer = await service.post("/api/smtps/connect", json={"account": "main"})
    assert answer.status_code == 502
    assert (answer.json()["code"], answer.json()["phase"]) == ("oauth.client_refused", "token")
    assert len(authority.asked) == 2, "one token served them all until it was refused"
