"""From nothing to a message in the mailbox, with parts that are not ours: oidc-provider gives the
tokens, Dovecot's submission service asks it about each (RFC 7662), Postfix delivers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.net.pki import PKI
from tests.peers.mailhost import MailHost
from tests.peers.oidc_provider import SECRET, USER, OIDCProvider, oidc_provider

import smtps
from smtps.errors import TokenError
from smtps.oauth import flows
from smtps.oauth.assertion import Signer
from smtps.oauth.authority import Registration
from smtps.oauth.exchange import Exchange
from smtps.oauth.grants import DeviceCode
from smtps.oauth.token_source import StoredTokens
from smtps.oauth.token_store import FileStore

ROBOT = "robot@example.com"

INTROSPECTION = """\
introspection_mode = post
introspection_url = https://mail-server:{secret}@{place}/token/introspection
tls_ca_cert_file = {ca}
username_attribute = {attribute}
active_attribute = active
active_value = true
"""


class AskingHost(MailHost):
    """Dovecot asks an authorization server whether a token is good.

    Args:
        directory: for its log and certificates.
        provider: the authorization server.
        attribute: of its answer that is the user's name.
    """

    def __init__(self, directory: Path, provider: OIDCProvider, attribute: str) -> None:
        super().__init__(directory)
        self._provider, self._attribute = provider, attribute

    def _configure(self, run: Path) -> None:
        super()._configure(run)
        ca = run / "authority.pem"  # where Dovecot's user may read it
        ca.write_bytes(self._provider.ca.read_bytes())
        place = self._provider.issuer.removeprefix("https://")
        text = INTROSPECTION.format(secret=SECRET, place=place, ca=ca, attribute=self._attribute)
        (run / "oauth2.conf").write_text(text)


class Places:
    """Both servers, and an account's login."""

    def __init__(self, provider: OIDCProvider, host: MailHost, folder: Path) -> None:
        self.provider, self.host = provider, host
        self.store = FileStore(folder / "accounts")

    def registration(self, **changes: Any) -> Registration:
        values: dict[str, Any] = {
            "grant": "code", "username": USER, "client_id": "native",
            "issuer": self.provider.issuer, "scopes": ("openid", "offline_access", "mail"),
            "ca_file": str(self.provider.ca),
        }  # fmt: skip
        return Registration(**(values | changes))

    async def send(self, source: StoredTokens, username: str, mechanism: str) -> str:
        """A message by a token; the mechanism that was used."""
        endpoint = smtps.Endpoint(
            self.host.host, self.host.dovecot_tls_port, security="implicit", username=username,
            token_source=source, ca_file=self.host.ca_file, mechanism=mechanism,
        )  # fmt: skip
        message = smtps.Message(
            from_=self.host.username, to=self.host.username, subject=mechanism, text="By a token."
        )
        async with smtps.connect(endpoint) as session:
            result = await session.send(message)
            assert result.outcome == "sent", result
            return str(session.mechanism)


@asynccontextmanager
async def places(pki: PKI, folder: Path, attribute: str, life: int) -> AsyncIterator[Places]:
    async with oidc_provider(pki, life=life) as provider:
        with AskingHost(folder, provider, attribute) as host:
            yield Places(provider, host, folder)


@pytest.fixture
async def here(pki: PKI, tmp_path: Path) -> AsyncIterator[Places]:
    async with places(pki, tmp_path, "sub", 3) as found:
        yield found


async def test_a_person_by_code_and_its_refresh(here: Places) -> None:
    ours = here.registration()
    pages: list[str] = []

    async def paste() -> str:
        return await here.provider.log_in(pages[0])

    source = StoredTokens("ann", Exchange(ours), here.store)
    await source.log_in(await flows.by_browser(source.exchange, pages.append, paste))
    for mechanism in ("XOAUTH2", "OAUTHBEARER"):
        assert await here.send(source, USER, mechanism) == mechanism
    first = await source.token()
    async with asyncio.timeout(10):
        while await source.token() == first:
            await asyncio.sleep(0.05)
    assert await here.send(source, USER, "XOAUTH2") == "XOAUTH2"
    assert len(here.host.wait_for_messages(3)) == 3


async def test_a_person_by_device_code(here: Places) -> None:
    entering: list[asyncio.Task[str]] = []

    def show(code: DeviceCode) -> None:
        entering.append(asyncio.create_task(here.provider.enter(code.url, code.user_code)))

    async def soon(_seconds: float) -> None:
        await asyncio.sleep(0.1)

    source = StoredTokens("ann", Exchange(here.registration(), sleep=soon), here.store)
    await source.log_in(await flows.by_device(source.exchange, show))
    await entering[0]
    await here.send(source, USER, "OAUTHBEARER")
    assert b"By a token." in here.host.wait_for_messages(1)[0]


async def test_a_login_that_was_revoked_behind_our_back_is_named(here: Places) -> None:
    """oidc-provider ends the whole login with one of its tokens."""
    pages: list[str] = []

    async def paste() -> str:
        return await here.provider.log_in(pages[0])

    source = StoredTokens("ann", Exchange(here.registration()), here.store)
    await source.log_in(await flows.by_browser(source.exchange, pages.append, paste))
    await here.provider.revoke_access(await source.token(), "native")
    with pytest.raises(TokenError, match="smtps login --account ann") as caught:
        await here.send(source, USER, "XOAUTH2")
    assert caught.value.code == "oauth.login_needed"


async def test_a_program_by_secret_and_by_key(pki: PKI, tmp_path: Path) -> None:
    async with places(pki, tmp_path, "client_id", 3600) as here:
        program: dict[str, Any] = {"grant": "client_credentials", "scopes": ("mail",)}
        by_secret = here.registration(client_id=USER, secret=lambda: SECRET, **program)
        source = StoredTokens("secret", Exchange(by_secret), here.store)
        await here.send(source, USER, "XOAUTH2")
        by_key = here.registration(
            client_id=ROBOT, username=ROBOT, signer=lambda: Signer.of_file(pki.rsa.pem), **program
        )
        source = StoredTokens("key", Exchange(by_key), here.store)
        await here.send(source, ROBOT, "OAUTHBEARER")
        assert len(here.host.wait_for_messages(2)) == 2
