"""No token, secret, code or verifier comes out anywhere: a canary through every path."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_accounts import CANARIES, Place, somewhere
from tests.net.pki import PKI
from tests.oauth.authorization import SECRET, USER
from tests.oauth.mail import TokenMail

import smtps
from smtps.cli.check import FORMS
from smtps.config.accounts import AccountSettings
from smtps.config.login_place import LoginPlace
from smtps.config.settings import Settings
from smtps.oauth.exchange import Exchange
from smtps.oauth.grants import Authorization, DeviceCode, Request
from smtps.oauth.tokens import StoredLogin, Tokens


@pytest.fixture
async def place(tmp_path: Path, pki: PKI, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(TokenMail, "echoes", True)
    async with somewhere(tmp_path, pki) as found:
        found.write(work=found.account())
        await found.run("login", "--account", "work", "--paste", paste=found.authority.browse)
        yield found


def nothing_of(text: str, *more: str) -> None:
    for canary in (*CANARIES, *more):
        assert canary not in text, canary


SENDING = ("send", "--account", "work", "--from", USER, "--to", "b@example.org", "--subject", "x",
           "--transcript")  # fmt: skip


@pytest.mark.parametrize("state", ["good", "refused", "ended"])
async def test_no_form_of_output_has_any(place: Place, state: str) -> None:
    if state != "good":  # the mail server repeats what it refuses; so does the other
        place.authority.live = _Nobody()
        place.authority.ended = state == "ended"
    for form in FORMS:
        code, out, err = await place.run(
            "check", "--account", "work", "--output", form, "--transcript"
        )
        assert (code == 2) == (state != "good"), out
        nothing_of(out + err)
    for more in ((), ("--json",)):
        _, out, err = await place.run(*SENDING, *more)
        nothing_of(out + err)
    for command in (("accounts",), ("accounts", "--json"), ("logout", "work")):
        _, out, err = await place.run(*command)
        nothing_of(out + err)


class _Nobody(dict[str, str]):
    def get(self, _key: str, _default: Any = None) -> Any:
        return "nobody"


@pytest.mark.parametrize("state", ["refused", "ended"])
async def test_no_error_holds_any(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    for name, value in place.environment.items():
        if name.startswith(("SMTPS_", "XDG_", "CLIENT_")):
            monkeypatch.setenv(name, value)
    caplog.set_level(logging.DEBUG)
    place.authority.live = _Nobody()
    place.authority.ended = state == "ended"
    with pytest.raises(smtps.LoginError) as caught:
        async with smtps.connect(smtps.account("work")):
            pass
    error = caught.value
    shown = "".join(traceback.format_exception(error))
    nothing_of(shown + repr(error) + repr(error.failure) + caplog.text)
    nothing_of(pickle.dumps(error).decode("latin-1"))


TOKENS = Tokens(access_token="access-canary", obtained_at=1, refresh_token="refresh-canary")
VALUES = [
    TOKENS,
    StoredLogin(client="c", tokens=TOKENS, logged_in_at=1, used_at=1),
    Request("https://a.test", b"code-canary", {"Authorization": SECRET}, ("code-canary",)),
    Authorization("https://a.test?code-canary", "http://127.0.0.1", "code-canary", "code-canary"),
    DeviceCode("device-canary", "ABCD", "https://a.test", None, 1, 1),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_holds_one_neither_shows_nor_pickles_it(value: object) -> None:
    nothing_of(repr(value) + str(value) + f"{value}")
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="holds secrets and cannot be pickled"):
            pickle.dumps(value, protocol)
    with pytest.raises(TypeError, match="holds secrets"):
        copy.copy(value)


def test_settings_show_where_secrets_are_and_not_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    account = AccountSettings(
        host="smtp.gmail.com", username=USER,
        oauth={"client_id": "c", "client_secret_env": "CLIENT_SECRET"},  # type: ignore[arg-type]
    )  # fmt: skip
    settings = Settings(accounts={"main": account})
    source = account.tokens("main", LoginPlace(folder=Path("/nowhere")))
    exchange: Exchange = source.exchange
    assert exchange.registration.secret is not None
    assert exchange.registration.secret() == SECRET
    nothing_of(repr(settings) + repr(account) + repr(source) + repr(exchange.registration))
    assert "CLIENT_SECRET" in repr(settings)
