"""Logins at oidc-provider, a certified authorization server that ends a login on reuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.client.farm import farm
from tests.net.pki import PKI
from tests.oauth.mail import TokenMail
from tests.peers.oidc_provider import SECRET, USER, OIDCProvider, oidc_provider

import smtps
from smtps.errors import TokenError
from smtps.oauth import flows
from smtps.oauth.assertion import Signer
from smtps.oauth.authority import Registration
from smtps.oauth.exchange import Exchange
from smtps.oauth.grants import DeviceCode, claims_of
from smtps.oauth.token_source import StoredTokens
from smtps.oauth.token_store import FileStore


@pytest.fixture
async def provider(pki: PKI) -> AsyncIterator[OIDCProvider]:
    async with oidc_provider(pki) as found:
        yield found


def registration(provider: OIDCProvider, **changes: Any) -> Registration:
    values: dict[str, Any] = {
        "grant": "code", "username": USER, "client_id": "native", "issuer": provider.issuer,
        "scopes": ("openid", "offline_access", "mail"), "ca_file": str(provider.ca),
    }  # fmt: skip
    return Registration(**(values | changes))


async def by_browser(provider: OIDCProvider, ours: Registration) -> Any:
    async def paste() -> str:
        return await provider.log_in(pages[0])

    pages: list[str] = []
    return await flows.by_browser(Exchange(ours), pages.append, paste)


@pytest.mark.parametrize(("client", "secret"), [("native", None), ("confidential", lambda: SECRET)])
async def test_code_with_pkce_and_refresh_to_a_message_in_the_mailbox(
    provider: OIDCProvider, pki: PKI, tmp_path: Path, client: str, secret: Any
) -> None:
    ours = registration(provider, client_id=client, secret=secret)
    tokens = await by_browser(provider, ours)
    assert tokens.refresh_token is not None
    claims = claims_of(tokens.id_token)
    assert claims is not None
    assert (claims["sub"], claims["iss"]) == (USER, provider.issuer)
    source = StoredTokens("ann", Exchange(ours), FileStore(tmp_path / "accounts"))
    await source.log_in(tokens)
    mails: list[Asking] = []

    def mail(_: int) -> TokenMail:
        mails.append(Asking(provider, known))
        return mails[-1]

    known = {tokens.access_token: USER}
    async with farm(pki, mail) as servers:
        endpoint = servers.endpoint(username=USER, token_source=source)
        message = smtps.Message(from_=USER, to="bob@example.org", subject="x", text="y")
        assert (await smtps.send(message, endpoint)).outcome == "sent"
        renewed = await source.token(tokens.access_token)
        assert renewed != tokens.access_token
        assert (await provider.introspect(renewed))["sub"] == USER
        known[renewed] = USER
        assert (await smtps.send(message, endpoint)).outcome == "sent"
    assert len(servers.taken) == 2


class Asking(TokenMail):
    """A mail server that takes what the provider has said is good."""

    def __init__(self, provider: OIDCProvider, known: dict[str, str]) -> None:
        super().__init__(self)  # type: ignore[arg-type]
        self.known = known

    def takes(self, token: str, user: str) -> bool:
        return self.known.get(token) == user


async def test_a_refresh_token_that_is_used_twice_ends_the_login(
    provider: OIDCProvider, tmp_path: Path
) -> None:
    ours = registration(provider)
    tokens = await by_browser(provider, ours)
    store = FileStore(tmp_path / "accounts")
    source = StoredTokens("ann", Exchange(ours), store)
    await source.log_in(tokens)
    kept = store.read("ann")
    assert kept is not None
    await source.token(tokens.access_token)
    store.write("ann", replace(kept, refresh_begun=1.0))  # as after a crash
    with pytest.raises(TokenError) as caught:
        await StoredTokens("ann", Exchange(ours), store).token(tokens.access_token)
    assert caught.value.code == "oauth.refresh_interrupted"


async def test_a_device_code(provider: OIDCProvider) -> None:
    entering: list[asyncio.Task[str]] = []

    def show(code: DeviceCode) -> None:
        entering.append(asyncio.create_task(provider.enter(code.url, code.user_code)))

    async def soon(_seconds: float) -> None:
        await asyncio.sleep(0.1)

    exchange = Exchange(registration(provider), sleep=soon)
    tokens = await flows.by_device(exchange, show)
    await entering[0]
    assert (await provider.introspect(tokens.access_token))["sub"] == USER
    assert tokens.refresh_token is not None
    assert (await exchange.refresh(tokens.refresh_token)).access_token


async def test_client_credentials_by_secret_and_by_a_signed_assertion(
    provider: OIDCProvider, pki: PKI
) -> None:
    by_secret = registration(
        provider, grant="client_credentials", client_id=USER, secret=lambda: SECRET,
        scopes=("mail",),
    )  # fmt: skip
    tokens = await Exchange(by_secret).app_tokens()
    assert (await provider.introspect(tokens.access_token))["client_id"] == USER
    by_key = registration(
        provider, grant="client_credentials", client_id="robot@example.com", scopes=("mail",),
        signer=lambda: Signer.of_file(pki.rsa.pem),
    )  # fmt: skip
    tokens = await Exchange(by_key).app_tokens()
    assert (await provider.introspect(tokens.access_token))["client_id"] == "robot@example.com"
    wrong = replace(by_secret, secret=lambda: "wrong")
    with pytest.raises(TokenError) as caught:
        await Exchange(wrong).app_tokens()
    assert caught.value.code == "oauth.client_refused"


async def test_a_login_is_revoked(provider: OIDCProvider) -> None:
    ours = registration(provider)
    tokens = await by_browser(provider, ours)
    assert await Exchange(ours).revoke(tokens)
    with pytest.raises(TokenError) as caught:
        await Exchange(ours).refresh(tokens.refresh_token)
    assert caught.value.code == "oauth.login_needed"
    assert not (await provider.introspect(tokens.refresh_token))["active"]
