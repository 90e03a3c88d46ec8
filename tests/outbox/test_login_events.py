"""A login that has ended is told once, whoever sees it, and so is the next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tests.outbox.rig import ON_POSTGRESQL, Rig
from tests.outbox.test_notices import Heard, hook, listening

from smtps.oauth.standing import Standing, standing_of
from smtps.oauth.tokens import StoredLogin, Tokens
from smtps.outbox import login_events, outbox
from smtps.outbox.account import Account
from smtps.outbox.login_events import LoginNote
from smtps.outbox.notices import NoticeFilter, NoticeState


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    async with listening() as server:
        yield server


class Login:
    """A login that a test decides about; all workers look at the same."""

    def __init__(self) -> None:
        self.now = Standing(state="ready", since=100.0, made_at=100.0)

    def ends(self, at: float) -> None:
        self.now = Standing(
            state="login_needed", since=at, made_at=100.0, code="oauth.login_needed",
            reason="It was revoked.", command="smtps login --account main",
        )  # fmt: skip

    def comes(self, at: float) -> None:
        self.now = Standing(state="ready", since=at, made_at=at)

    async def standing(self) -> Standing:
        return self.now

    async def renew(self) -> None: ...


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> Login:
    monkeypatch.setattr(outbox, "LOOK", 0.02)
    return Login()


def with_login(rig: Rig, login: Login, heard: Heard | None) -> Account:
    options: dict[str, Any] = {} if heard is None else {"webhook": hook(heard.url)}
    return replace(rig.account(**options), login=login)  # type: ignore[arg-type]


async def test_the_end_of_a_login_is_told_once_with_what_mends_it(
    rig: Rig, login: Login, heard: Heard
) -> None:
    await rig.start(with_login(rig, login, heard))
    login.ends(200.0)
    assert await heard.until(1) == ["account.login_needed"]
    ((headers, post),) = heard.posts
    assert post["data"] == {
        "account": "main", "state": "login_needed", "since": "1970-01-01T00:03:20.000Z",
        "code": "oauth.login_needed", "reason": "It was revoked.",
        "command": "smtps login --account main",
    }  # fmt: skip
    assert headers["webhook-id"]
    login.ends(300.0)  # it was tried again, in vain
    login.comes(400.0)
    assert await heard.until(2) == ["account.login_needed", "account.ready"]
    assert heard.posts[1][1]["data"]["reason"] is None
    login.ends(500.0)
    assert (await heard.until(3))[2] == "account.login_needed"


@ON_POSTGRESQL
async def test_of_several_workers_one_tells(rig: Rig, login: Login, heard: Heard) -> None:
    for _ in range(3):
        await rig.start(with_login(rig, login, heard))
    login.ends(200.0)
    await heard.until(1)
    login.comes(300.0)
    assert await heard.until(2) == ["account.login_needed", "account.ready"]
    await rig.close()
    assert len(heard.posts) == 2


async def test_a_worker_that_is_started_later_tells_nothing_that_was_told(
    rig: Rig, login: Login, heard: Heard
) -> None:
    login.ends(200.0)
    await rig.start(with_login(rig, login, heard))
    await heard.until(1)
    await rig.close()
    await rig.start(with_login(rig, login, heard))
    login.comes(300.0)
    assert await heard.until(2) == ["account.login_needed", "account.ready"]


async def test_a_login_that_was_there_from_the_beginning_is_nothing_to_tell(
    rig: Rig, login: Login, heard: Heard
) -> None:
    await rig.start(with_login(rig, login, heard))
    await told_apart(rig)
    assert heard.posts == []


async def told_apart(rig: Rig) -> None:
    """Wait until the login was looked at, and whatever there was to tell was told."""
    async with asyncio.timeout(15):
        while await rig.outbox.store.read(login_events.show, "main") is None:
            await asyncio.sleep(0.02)
    await rig.outbox._tell()


async def note(rig: Rig, state: str, since: int) -> bool:
    one = LoginNote("main", state, since, None, None, None, notify=True, now=since)
    news: bool = await rig.outbox.store.write(login_events.note, one)
    return news


async def test_what_was_seen_before_the_last_change_is_no_news(rig: Rig) -> None:
    await rig.start(deliver=False)
    assert not await note(rig, "ready", 50)
    assert await note(rig, "login_needed", 100)
    assert not await note(rig, "ready", 50), "of a worker that lags behind"
    assert not await note(rig, "login_needed", 200)
    assert await note(rig, "ready", 300)
    assert not await note(rig, "login_needed", 100)


async def test_without_a_webhook_the_end_is_known_and_not_told(rig: Rig, login: Login) -> None:
    login.ends(200.0)
    await rig.start(with_login(rig, login, None))
    await told_apart(rig)
    assert (await rig.outbox.login_notices()) == {"main": None}


async def test_a_notice_that_is_not_heard_shows_with_the_login_and_not_among_messages(
    rig: Rig, login: Login, heard: Heard
) -> None:
    heard.status = 500
    login.ends(200.0)
    await rig.start(with_login(rig, login, heard))
    await heard.until(1)
    async with asyncio.timeout(15):
        while (found := (await rig.outbox.login_notices())["main"]) is None or (
            found["failure"] is None
        ):
            await asyncio.sleep(0.02)
    assert found["event"] == "account.login_needed"
    assert found["status"] == "pending"
    assert found["failure"]["code"] == "web.status"
    assert await rig.outbox.notices(NoticeFilter(state=NoticeState.PENDING)) == []
    (state,) = await rig.outbox.account_states()
    assert state["notices"] == {"pending": 0, "undelivered": 0}


# What a login is, from what is kept of it.


def kept(**changes: Any) -> StoredLogin:
    tokens = Tokens(
        access_token="t", obtained_at=1000.0, expires_at=4600.0,
        refresh_token=changes.pop("refresh_token", "r"),
    )  # fmt: skip
    values: dict[str, Any] = {"client": "c", "tokens": tokens, "logged_in_at": 900.0,
                              "used_at": 1000.0, **changes}  # fmt: skip
    return StoredLogin(**values)


@pytest.mark.parametrize(
    ("login", "interactive", "state", "since"),
    [
        (kept(), True, "ready", 1000.0),
        (kept(ended="Revoked", ended_at=1500.0), True, "login_needed", 1500.0),
        (kept(ends_at=2000.0), True, "login_needed", 2000.0),
        (kept(ends_at=9000.0), True, "ready", 1000.0),
        (kept(refresh_token=None), True, "login_needed", 4600.0),
        (kept(refresh_token=None), False, "ready", 900.0),
        (None, True, "login_needed", 5000.0),
        (None, False, "unknown", 5000.0),
    ],
)
def test_how_a_login_stands(
    login: StoredLogin | None, interactive: bool, state: str, since: float
) -> None:
    found = standing_of(login, 5000.0, "smtps login", interactive=interactive)
    assert (found.state, found.since) == (state, since)
    assert (found.command == "smtps login") == (state == "login_needed")
    assert (found.reason is not None) == (state == "login_needed")
    assert '"t"' not in str(found.as_json())
