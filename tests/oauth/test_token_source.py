"""The source of tokens: renewed once for all who wait, early, safely, and after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.net.pki import PKI
from tests.oauth.authorization import AuthorizationServer, authorization_server
from tests.webserver import Request

from smtps.errors import TokenError
from smtps.oauth.exchange import Exchange
from smtps.oauth.forms import form_of
from smtps.oauth.token_source import RETRY_ENDED, StoredTokens
from smtps.oauth.token_store import FileStore
from smtps.oauth.tokens import StoredLogin

HOME = "http://127.0.0.1:4/"


class Setting:
    """A server, a store, and sources that share them; the time is what the test says."""

    def __init__(self, server: AuthorizationServer, store: FileStore) -> None:
        self.server, self.store = server, store
        self.now = 1_000_000.0

    def source(self, **changes: Any) -> StoredTokens:
        """As another process has one."""
        exchange = Exchange(
            self.server.registration(**changes), clock=lambda: self.now, timeout=1.0
        )
        return StoredTokens("ann", exchange, self.store, clock=lambda: self.now)

    async def log_in(self, **changes: Any) -> StoredTokens:
        source = self.source(**changes)
        begun = await source.exchange.begin(HOME)
        tokens = await source.exchange.redeem(begun, self.server.browse(begun.url))
        await source.log_in(tokens)
        return source

    @property
    def login(self) -> StoredLogin:
        found = self.store.read("ann")
        assert found is not None
        return found


@pytest.fixture
async def setting(pki: PKI, tmp_path: Path) -> AsyncIterator[Setting]:
    async with authorization_server(pki) as server:
        yield Setting(server, FileStore(tmp_path / "accounts"))


async def test_a_token_is_handed_out_until_most_of_its_life_is_over(setting: Setting) -> None:
    source = await setting.log_in()
    first = await source.token()
    setting.now += 2879
    assert await source.token() == first
    assert setting.server.refreshed == 0
    setting.now += 1
    second = await source.token()
    assert second != first
    assert second in setting.server.live
    assert setting.server.refreshed == 1
    assert await setting.source().token() == second, "another process has the same"


async def test_all_who_wait_share_one_renewal(setting: Setting) -> None:
    source, other = await setting.log_in(), setting.source()
    setting.now += 3000
    found = await asyncio.gather(*(s.token() for s in (source, other) for _ in range(20)))
    assert len(set(found)) == 1
    assert setting.server.refreshed == 1


async def test_one_who_stops_waiting_does_not_stop_the_renewal(setting: Setting) -> None:
    source = await setting.log_in()
    setting.now += 3000
    gate = asyncio.Event()

    async def slow(request: Request) -> bool | None:
        await gate.wait()
        return await setting.server.act(request)

    setting.server.script = slow
    impatient = asyncio.create_task(source.token())
    patient = asyncio.create_task(source.token())
    while setting.login.refresh_begun is None:
        await asyncio.sleep(0)
    impatient.cancel()
    gate.set()
    assert await patient in setting.server.live
    assert setting.server.refreshed == 1
    assert setting.login.refresh_begun is None


async def test_a_refused_token_is_replaced_once_however_many_were_refused(
    setting: Setting,
) -> None:
    source, other = await setting.log_in(), setting.source()
    first = await source.token()
    found = await asyncio.gather(*(s.token(first) for s in (source, other) for _ in range(5)))
    assert len(set(found)) == 1
    assert first not in found
    assert setting.server.refreshed == 1
    assert await source.token(first) == found[0], "it is no longer the present one"
    assert setting.server.refreshed == 1


async def test_the_new_refresh_token_is_kept_before_its_access_token_is_used(
    setting: Setting,
) -> None:
    source = await setting.log_in()
    before = setting.login.tokens.refresh_token
    setting.now += 3000
    token = await source.token()
    kept = setting.login
    assert kept.tokens.access_token == token
    assert kept.tokens.refresh_token == setting.server.refresh_tokens[-1] != before
    assert (kept.used_at, kept.logged_in_at) == (setting.now, 1_000_000.0)


async def test_a_server_that_does_not_rotate_keeps_its_refresh_token(setting: Setting) -> None:
    setting.server.rotates = False
    source = await setting.log_in()
    before = setting.login.tokens.refresh_token
    for _ in range(3):
        setting.now += 3000
        await source.token()
    assert setting.login.tokens.refresh_token == before
    assert setting.server.refreshed == 3


async def test_that_it_has_begun_is_kept_before_the_request(setting: Setting) -> None:
    source = await setting.log_in()
    seen = []

    async def look(request: Request) -> bool | None:
        if b"refresh_token" in request.content:
            seen.append(setting.login.refresh_begun)
        return await setting.server.act(request)

    setting.server.script = look
    setting.now += 3000
    await source.token()
    assert seen == [setting.now]


async def crashed(setting: Setting) -> None:
    """As if the process had been killed behind the server's back: it has renewed the login."""
    before = setting.login
    source = setting.source()
    await source.token()
    setting.store.write("ann", replace(before, refresh_begun=setting.now))


async def test_after_a_crash_the_old_refresh_token_is_tried_once_more(setting: Setting) -> None:
    setting.server.grace = True
    await setting.log_in()
    setting.now += 3000
    await crashed(setting)
    assert await setting.source().token() in setting.server.live
    assert setting.login.refresh_begun is None


async def test_a_server_that_ends_the_login_then_is_named_with_what_happened(
    setting: Setting,
) -> None:
    await setting.log_in()
    setting.now += 3000
    await crashed(setting)
    for _ in range(2):
        with pytest.raises(TokenError, match="smtps login --account ann") as caught:
            await setting.source().token()
        assert caught.value.code == "oauth.refresh_interrupted"
        assert "canary" not in str(caught.value) + repr(caught.value.failure)
    assert len(setting.server.asked) == 3, "an ended login is not asked about again and again"
    await setting.log_in()
    assert await setting.source().token() in setting.server.live


async def test_a_login_that_ended_is_tried_again_after_a_while(setting: Setting) -> None:
    source = await setting.log_in()
    setting.server.ended = True
    setting.now += 3600
    with pytest.raises(TokenError) as caught:
        await source.token()
    assert caught.value.code == "oauth.login_needed"
    setting.server.ended = False
    setting.now += RETRY_ENDED - 1
    with pytest.raises(TokenError):
        await source.token()
    assert setting.server.refreshed == 0
    setting.now += 1
    assert await source.token() in setting.server.live
    assert setting.login.ended is None


@pytest.mark.parametrize("trouble", [("503 Service Unavailable", {}), b""])
async def test_while_the_server_fails_a_token_that_is_still_good_is_used(
    setting: Setting, trouble: Any
) -> None:
    source = await setting.log_in()
    first = await source.token()
    setting.now += 3000
    setting.server.troubles.append(trouble)
    assert await source.token() == first
    setting.server.troubles.append(trouble)
    with pytest.raises(TokenError):
        await source.token(first)
    setting.now += 600
    setting.server.troubles.append(trouble)
    with pytest.raises(TokenError) as caught:
        await source.token()
    assert caught.value.failure.retryable
    assert await source.token() in setting.server.live


async def test_an_answer_that_did_not_come_may_have_ended_the_login(setting: Setting) -> None:
    source = await setting.log_in()
    setting.now += 3600

    async def lost(request: Request) -> bytes:
        await setting.server.act(replace(request, writer=_Nowhere()))  # type: ignore[arg-type]
        return b""

    setting.server.troubles.append(lost)
    with pytest.raises(TokenError) as caught:
        await source.token()
    assert caught.value.failure.retryable
    assert setting.login.refresh_begun == setting.now
    with pytest.raises(TokenError) as caught:
        await source.token()
    assert caught.value.code == "oauth.refresh_interrupted"


class _Nowhere:
    def write(self, _data: bytes) -> None: ...
    async def drain(self) -> None: ...


async def test_without_a_login_the_command_is_named(setting: Setting) -> None:
    with pytest.raises(TokenError, match=r"no login .* yet\. Log in: smtps login --account ann"):
        await setting.source().token()
    assert setting.server.asked == []


async def test_a_login_of_other_settings_is_not_used(setting: Setting) -> None:
    await setting.log_in()
    for changes in ({"username": "eve@example.com"}, {"client_id": "c2"}, {"scopes": ("all",)}):
        with pytest.raises(TokenError, match="no login"):
            await setting.source(**changes).token()
    assert await setting.source(grant="device").token() in setting.server.live


async def test_a_login_without_a_refresh_token_lasts_as_long_as_its_token(
    setting: Setting,
) -> None:
    setting.server.gives_refresh = False
    source = await setting.log_in()
    first = await source.token()
    setting.now += 3599
    assert await source.token() == first
    setting.now += 1
    with pytest.raises(TokenError, match="without a refresh token") as caught:
        await source.token()
    assert caught.value.code == "oauth.no_refresh_token"


async def test_a_program_needs_no_login_and_shares_its_token(setting: Setting) -> None:
    program = {"grant": "client_credentials"}
    first = await setting.source(**program).token()
    assert await setting.source(**program).token() == first
    assert len(setting.server.asked) == 1
    setting.now += 3000
    assert await setting.source(**program).token() != first
    assert setting.login.ends_at is None


async def test_a_clock_that_was_set_back_makes_no_token_immortal(setting: Setting) -> None:
    source = await setting.log_in()
    await source.token()
    setting.now -= 86400
    await source.token()
    assert setting.server.refreshed == 1


async def test_logging_out_forgets_and_revokes(setting: Setting) -> None:
    source = await setting.log_in()
    assert await source.log_out() == (True, True)
    assert setting.server.revoked == [setting.server.refresh_tokens[-1]]
    assert setting.store.read("ann") is None
    assert await source.log_out() == (False, False)


async def test_logging_out_forgets_though_the_server_cannot_be_reached(setting: Setting) -> None:
    await setting.log_in()
    setting.server.troubles.clear()
    away = setting.source()
    setting.server.script = _hang_up
    assert await away.log_out() == (True, False)
    assert setting.store.read("ann") is None


async def _hang_up(_request: Request) -> None: ...


async def test_a_source_serves_one_event_loop_after_the_other(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await setting.log_in()
    source = setting.source()
    first = await source.token()

    def elsewhere() -> str:
        return asyncio.run(source.token())

    assert await asyncio.to_thread(elsewhere) == first
    setting.now += 3000
    second = await asyncio.to_thread(elsewhere)
    assert second != first
    assert await source.token() == second


def google(setting: Setting) -> dict[str, Any]:
    """As Google's, at the server of the test."""
    form, base = form_of("google"), setting.server.issuer
    assert form is not None
    return {
        "form": replace(form, proof="basic"), "token_endpoint": f"{base}/token",
        "authorization_endpoint": f"{base}/authorize",
    }  # fmt: skip


DAY = 86400


@pytest.mark.parametrize(
    ("used", "over", "code"),
    [
        (0, 7.0, "oauth.testing"),
        (6.9, 7.1, "oauth.testing"),
        (0, 12, "oauth.testing"),
        (0, 3, "oauth.login_needed"),
        (7.5, 8, "oauth.login_needed"),
        (0, 100, "oauth.login_needed"),
    ],
)
async def test_a_login_at_google_that_ends_after_seven_days_was_one_of_testing(
    setting: Setting, used: float, over: float, code: str
) -> None:
    source, begun = await setting.log_in(**google(setting)), setting.now
    setting.now = begun + used * DAY
    await source.token()
    setting.server.ended = True
    setting.now = begun + over * DAY
    for _ in range(2):
        with pytest.raises(TokenError, match="smtps login --account ann") as caught:
            await source.token()
        assert caught.value.code == code
        assert ("Testing" in str(caught.value)) == (code == "oauth.testing")


async def test_elsewhere_seven_days_mean_nothing(setting: Setting) -> None:
    source = await setting.log_in()
    setting.server.ended = True
    setting.now += 7 * DAY
    with pytest.raises(TokenError) as caught:
        await source.token()
    assert caught.value.code == "oauth.login_needed"


async def test_where_a_token_came_from(setting: Setting) -> None:
    source = await setting.log_in()
    first = await source.token()
    known = await source.provenance(first)
    assert (known.origin, known.grant, known.by_program) == ("store", "code", False)
    assert (known.renewable, known.logged_in_at) == (True, setting.now)
    assert known.expires_at == setting.now + 3600
    second = await source.token(first)
    assert (await source.provenance(second)).origin == "renewed"
    assert (await source.provenance(first)).origin == "store"
    assert (await setting.source().provenance(second)).origin == "store"
    assert "canary" not in repr(known)


async def test_a_program_asked_for_its_token_itself(setting: Setting) -> None:
    source = setting.source(grant="client_credentials")
    assert (await source.provenance(None)).renewable is None
    known = await source.provenance(await source.token())
    assert (known.origin, known.by_program) == ("client_credentials", True)
    other = setting.source(grant="client_credentials")
    assert (await other.provenance(await other.token())).origin == "store"
