"""Accounts of the outbox with OAuth 2: tokens that expire, logins that end and are made again."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.farm import Farm, farm
from tests.net.pki import PKI
from tests.oauth.authorization import SECRET, USER, AuthorizationServer, authorization_server
from tests.oauth.mail import TokenMail
from tests.outbox.rig import Rig

from smtps.config.accounts import AccountSettings
from smtps.config.login_place import LoginPlace
from smtps.http.metrics import Metrics
from smtps.http.routes import operation
from smtps.oauth.standing import Standing
from smtps.outbox import logins, outbox
from smtps.outbox.account import Account
from smtps.outbox.writer import unavailable

HOME = "http://127.0.0.1:4/"


class Setting:
    """An outbox with one account, beside its mail server and its authorization server."""

    def __init__(self, rig: Rig, authority: AuthorizationServer, folder: Path, pki: PKI) -> None:
        self.rig, self.authority, self.folder = rig, authority, folder
        self.settings = AccountSettings(
            host="127.0.0.1", port=rig.servers.port, security="implicit", username=USER,
            ca_file=str(pki.ca),
            oauth={"issuer": authority.issuer, "client_id": "client-1",  # type: ignore[arg-type]
                   "client_secret_env": "CLIENT_SECRET", "scopes": ["mail"],
                   "ca_file": str(pki.ca)},
        )  # fmt: skip

    @property
    def account(self) -> Account:
        return self.settings.account(
            "main", None, LoginPlace(folder=self.folder), "/etc/smtps.toml"
        )

    async def log_in(self) -> None:
        """As ``smtps login`` does in another process."""
        source = self.settings.tokens("main", LoginPlace(folder=self.folder))
        begun = await source.exchange.begin(HOME)
        tokens = await source.exchange.redeem(begun, self.authority.browse(begun.url))
        await source.log_in(tokens)


@pytest.fixture
async def setting(
    pki: PKI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Setting]:
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    monkeypatch.setattr(outbox, "LOOK", 0.02)
    async with authorization_server(pki) as authority:
        servers: Farm
        async with farm(pki, lambda _: TokenMail(authority)) as servers:
            rig = Rig(str(tmp_path / "mail.db"), servers, [lambda _: "250 ok"])
            yield Setting(rig, authority, tmp_path / "accounts", pki)
            await rig.close()


async def test_mail_goes_out_by_token_and_a_revoked_one_is_replaced(setting: Setting) -> None:
    await setting.log_in()
    await setting.rig.start(setting.account)
    await setting.rig.until(await setting.rig.accept(), "sent")
    for writer in setting.rig.servers.writers:
        writer.transport.abort()
    setting.authority.live.clear()
    await setting.rig.until(await setting.rig.accept(), "sent")
    assert setting.authority.refreshed == 1
    assert len(setting.rig.servers.taken) == 2


async def test_without_a_login_the_account_stops_and_a_login_lets_it_go_on(
    setting: Setting,
) -> None:
    await setting.rig.start(setting.account)
    waiting = await setting.rig.accept()
    state = await setting.rig.standing("main", "stopped")
    assert state["code"] == "oauth.login_needed"
    assert "smtps login --account main --config /etc/smtps.toml" in state["reason"]
    assert setting.rig.servers.taken == []
    await setting.log_in()
    await setting.rig.until(waiting, "sent")
    assert (await setting.rig.standing("main", "ok"))["reason"] is None


async def test_a_login_that_has_ended_stops_the_account_until_another_is_made(
    setting: Setting,
) -> None:
    setting.authority.life = 0
    await setting.log_in()
    setting.authority.ended = True
    await setting.rig.start(setting.account)
    waiting = await setting.rig.accept()
    state = await setting.rig.standing("main", "stopped")
    assert state["code"] == "oauth.login_needed"
    setting.authority.life = 3600
    await setting.log_in()
    await setting.rig.until(waiting, "sent")


async def test_a_login_made_while_the_service_was_down_is_noticed(setting: Setting) -> None:
    await setting.rig.start(setting.account)
    waiting = await setting.rig.accept()
    await setting.rig.standing("main", "stopped")
    await setting.rig.close()
    await setting.log_in()
    await setting.rig.start(setting.account)
    await setting.rig.until(waiting, "sent")


async def test_a_server_that_cannot_be_reached_makes_the_account_wait_and_not_stop(
    setting: Setting,
) -> None:
    await setting.log_in()
    setting.authority.troubles.extend([("503 Service Unavailable", {})] * 20)
    store = setting.folder / "main.json"
    kept = json.loads(store.read_text())
    kept["tokens"]["expires_at"] = kept["tokens"]["obtained_at"] - 1
    store.write_text(json.dumps(kept))
    await setting.rig.start(setting.account)
    waiting = await setting.rig.accept()
    state = await setting.rig.standing("main", "waiting")
    assert state["code"] == "oauth.server_failed"
    setting.authority.troubles.clear()
    await setting.rig.outbox.resume("main")
    await setting.rig.until(waiting, "sent")


async def test_a_token_is_renewed_before_anybody_needs_it(setting: Setting) -> None:
    setting.authority.life = 0.2
    await setting.log_in()
    await setting.rig.start(setting.account)
    async with asyncio.timeout(10):
        while setting.authority.refreshed < 3:
            await asyncio.sleep(0.01)
    assert setting.rig.servers.servers == [], "no mail was sent"


class Kept:
    """A login that a test decides about."""

    def __init__(self) -> None:
        self.now = Standing(state="unknown", since=0.0)
        self.renewed = 0

    async def renew(self) -> None:
        self.renewed += 1

    async def ends(self) -> tuple[float | None, float | None]:
        return 5.0, None

    async def standing(self) -> Standing:
        return self.now


async def test_only_an_account_that_its_login_has_stopped_goes_on() -> None:
    kept, resumed, noted = Kept(), [], []
    states = [{"account": "a", "status": "stopped", "code": "send.account_blocked"}]

    async def state() -> list[dict[str, Any]]:
        return states

    async def resume(name: str) -> None:
        resumed.append(name)

    async def note(name: str, standing: Standing) -> None:
        noted.append(standing.state)

    account = Account(name="a", endpoint=lambda: None, login=kept)  # type: ignore[arg-type,return-value]
    watch = logins.Logins({"a": account}, state, resume, note)
    await watch.look()
    kept.now = Standing(state="ready", since=1.0, made_at=1.0)
    await watch.look()
    assert resumed == []
    states[0]["code"] = "oauth.login_needed"
    await watch.look()
    assert resumed == [], "the same login as before"
    kept.now = Standing(state="ready", since=2.0, made_at=2.0)
    await watch.look()
    assert resumed == ["a"]
    assert kept.renewed == 4
    assert noted == ["unknown", "ready"], "only what has changed"


async def test_what_could_not_be_noted_is_noted_at_the_next_look() -> None:
    kept, noted = Kept(), []
    troubles = [unavailable()]

    async def nothing(*_: Any) -> Any:
        return []

    async def note(name: str, standing: Standing) -> None:
        if troubles:
            raise troubles.pop()
        noted.append(name)

    account = Account(name="a", endpoint=lambda: None, login=kept)  # type: ignore[arg-type,return-value]
    watch = logins.Logins({"a": account}, nothing, nothing, note)
    await watch.look()
    await watch.look()
    assert noted == ["a"]


async def test_the_metrics_say_how_long_the_login_lasts(setting: Setting) -> None:
    metrics = Metrics()
    await setting.rig.start(setting.account)

    async def measured() -> str:
        await operation._measure(setting.rig.outbox, metrics.outbox)
        return metrics.render().decode()

    assert 'smtps_account_login_ends_seconds{account="main"} 0.0' in await measured()
    await setting.log_in()
    found = await measured()
    assert 'smtps_account_access_token_ends_seconds{account="main"} 35' in found
    assert "smtps_account_login_ends_seconds{" not in found, "the provider does not say"


async def test_nothing_secret_is_in_the_database_or_the_log(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    await setting.log_in()
    await setting.rig.start(setting.account)
    await setting.rig.until(await setting.rig.accept(), "sent")
    setting.authority.ended = True
    setting.authority.live.clear()
    for writer in setting.rig.servers.writers:
        writer.transport.abort()
    await setting.rig.accept()
    await setting.rig.standing("main", "stopped")
    await setting.rig.close()
    dump = "\n".join(sqlite3.connect(setting.rig.place).iterdump())
    for canary in ("access-canary", "refresh-canary", SECRET):
        assert canary not in dump
        assert canary not in caplog.text
