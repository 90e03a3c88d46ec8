"""A login whose access token comes from a source: asked for late, and once more after a refusal."""

from __future__ import annotations

import asyncio
import base64
import copy
import pickle
from dataclasses import replace

import pytest
from tests.client.farm import farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI

import smtps
from smtps.cli import exits
from smtps.errors import Phase, TokenError

REFUSED = '{"status":"401","schemes":"bearer"}'


class Tokens(Strict):
    """Takes the token ``good`` and no other, with AUTH or after it; ``how`` it refuses."""

    def __init__(
        self, how: str = "535 5.7.8 no", challenge: str = REFUSED, good: str = "good-token"
    ) -> None:
        super().__init__(offers=("AUTH XOAUTH2",))
        self.how, self.challenge, self.good = how, challenge, good
        self.tokens: list[str] = []

    def _command(self, line: str) -> None:
        words = line.split()
        if words[:1] == ["AUTH"] and len(words) == 2:
            self._say("334 ")
        elif words[:1] == ["AUTH"] or len(line) > 100:
            text = base64.b64decode(words[-1]).decode()
            self.tokens.append(text.partition("Bearer ")[2].rstrip("\x01"))
            if self.tokens[-1] == self.good:
                self._say("235 2.7.0 welcome")
            elif self.challenge:
                self._say("334 " + base64.b64encode(self.challenge.encode()).decode())
            else:
                self._say(self.how)
        elif line == "":
            self._say(self.how)
        else:
            super()._command(line)


class Source:
    """Hands out tokens in turn; the last for ever."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.asked: list[str | None] = []

    async def token(self, refused: str | None = None) -> str:
        self.asked.append(refused)
        if refused == self.tokens[0] and len(self.tokens) > 1:
            self.tokens.pop(0)
        return self.tokens[0]


async def test_the_token_is_asked_for_when_the_login_begins(pki: PKI) -> None:
    source = Source("good-token")
    async with farm(pki, lambda _: Tokens()) as servers:
        endpoint = servers.endpoint(username="ann", token_source=source)
        async with smtps.connect(endpoint) as session:
            assert session.mechanism == "XOAUTH2"
            assert source.asked == [None]
            assert set(session.timings) >= {"token", "auth"}
            assert "good-token" not in str(session.transcript)
        async with smtps.connect(endpoint):
            assert source.asked == [None, None]


async def test_nothing_is_asked_for_where_the_server_takes_no_token(pki: PKI) -> None:
    source = Source("good-token")
    async with farm(pki, lambda _: Strict(offers=("AUTH PLAIN",))) as servers:
        with pytest.raises(smtps.LoginError) as caught:
            async with smtps.connect(servers.endpoint(username="ann", token_source=source)):
                pass
    assert caught.value.code == "auth.no_common_mechanism"
    assert source.asked == []


@pytest.mark.parametrize(
    "server",
    [
        lambda _: Tokens(),
        lambda _: Tokens(challenge=""),
        lambda _: Tokens("554 5.7.0 no"),
    ],
    ids=["535 after a challenge", "535 at once", "401 in the challenge and another code"],
)
async def test_a_refused_token_is_replaced_once(pki: PKI, server: object) -> None:
    source = Source("stale-token", "good-token")
    async with (
        farm(pki, server) as servers,  # type: ignore[arg-type]
        smtps.connect(servers.endpoint(username="ann", token_source=source)) as session,
    ):
        assert session.mechanism == "XOAUTH2"
        shown = str(session.transcript)
    assert source.asked == [None, "stale-token"]
    assert servers.servers[0].tokens == ["stale-token", "good-token"]  # type: ignore[attr-defined]
    assert "stale-token" not in shown


@pytest.mark.parametrize("tokens", [("a-bad-one", "another-bad-one"), ("a-bad-one",)])
async def test_a_second_refusal_stands(pki: PKI, tokens: tuple[str, ...]) -> None:
    source = Source(*tokens)
    async with farm(pki, lambda _: Tokens()) as servers:
        with pytest.raises(smtps.LoginError) as caught:
            async with smtps.connect(servers.endpoint(username="ann", token_source=source)):
                pass
    assert caught.value.code == "auth.token_rejected"
    assert servers.servers[0].tokens == list(tokens)  # type: ignore[attr-defined]
    assert len(servers.servers) == 1
    assert not any(token in repr(caught.value.failure) for token in tokens)


async def test_a_refusal_for_another_reason_replaces_nothing(pki: PKI) -> None:
    disabled = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled"
    source = Source("a-token", "good-token")
    async with farm(pki, lambda _: Tokens(disabled)) as servers:
        with pytest.raises(smtps.LoginError) as caught:
            async with smtps.connect(servers.endpoint(username="ann", token_source=source)):
                pass
    assert caught.value.code == "auth.disabled_by_admin"
    assert source.asked == [None]


class Broken:
    """Has none, and says so or says nothing."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    async def token(self, refused: str | None = None) -> str:
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()
        raise AssertionError


def no_token() -> TokenError:
    return TokenError("oauth.timeout", "No token.", phase=Phase.TOKEN)


async def test_without_a_token_no_other_address_is_tried(
    pki: PKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with farm(pki, lambda _: Tokens()) as servers:
        endpoint = servers.endpoint(username="ann", token_source=Broken(no_token()))
        with pytest.raises(TokenError) as caught:
            async with smtps.connect(endpoint):
                pass
        assert caught.value.phase is Phase.TOKEN
        assert len(servers.servers) == 1
        report = await smtps.check(endpoint)
    failure = report.facts.addresses[0].login_failure
    assert failure is not None
    assert (failure.code, failure.phase) == ("oauth.timeout", "token")
    assert report.verdict == "fails"
    assert report.as_json()["findings"][0]["code"] == "oauth.timeout"
    assert exits.of_send(failure) == exits.of_error(failure) == exits.LOGIN


async def test_a_source_that_never_answers_is_waited_for_like_a_command(pki: PKI) -> None:
    timeouts = smtps.Timeouts(command=0.2)
    async with farm(pki, lambda _: Tokens()) as servers:
        endpoint = servers.endpoint(username="a", token_source=Broken(None), timeouts=timeouts)
        with pytest.raises(TokenError) as caught:
            async with smtps.connect(endpoint):
                pass
    assert (caught.value.code, caught.value.failure.retryable) == ("oauth.timeout", True)
    assert exits.of_send(caught.value.failure) == exits.TRY_AGAIN


def test_an_endpoint_has_one_secret_and_shows_none() -> None:
    source = Source("canary")
    endpoint = smtps.Endpoint("smtp.example.com", username="ann", token_source=source)
    assert "Source" not in repr(endpoint)
    assert copy.deepcopy(endpoint).token_source is source
    with pytest.raises(TypeError, match="token source cannot be pickled"):
        pickle.dumps(endpoint)
    assert pickle.loads(pickle.dumps(replace(endpoint, username=None, token_source=None)))
    for other in ({"password": "x"}, {"access_token": "x"}):
        with pytest.raises(smtps.InputError, match="a token source, not both"):
            smtps.Endpoint("smtp.example.com", username="ann", token_source=source, **other)  # type: ignore[arg-type]
    with pytest.raises(smtps.InputError, match="go together"):
        smtps.Endpoint("smtp.example.com", token_source=source)
