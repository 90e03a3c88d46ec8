"""The talk with an authorization server: each grant, and each way in which a server misbehaves."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.net.pki import PKI
from tests.oauth.authorization import (
    CLIENT,
    SECRET,
    USER,
    AuthorizationServer,
    authorization_server,
)
from tests.webserver import Request, answer, website

from smtps.errors import InputError, TokenError
from smtps.net.egress import Egress
from smtps.oauth import grants
from smtps.oauth.assertion import Signer
from smtps.oauth.authority import Authority, Registration, metadata_urls, read_metadata
from smtps.oauth.exchange import Exchange
from smtps.oauth.grants import Authorization, claims_of
from smtps.oauth.tokens import Tokens

HOME = "http://127.0.0.1:4/"


@pytest.fixture
async def server(pki: PKI) -> AsyncIterator[AuthorizationServer]:
    async with authorization_server(pki) as found:
        yield found


async def logged_in(server: AuthorizationServer, exchange: Exchange) -> Any:
    begun = await exchange.begin(HOME)
    return await exchange.redeem(begun, server.browse(begun.url))


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.waits: list[float] = []
        self.after: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        self.after()


async def test_a_code_becomes_tokens_and_those_are_renewed(server: AuthorizationServer) -> None:
    time = Time()
    exchange = Exchange(server.registration(), clock=time)
    tokens = await logged_in(server, exchange)
    assert tokens.access_token in server.live
    assert tokens.expires_at == time.now + 3600
    assert not tokens.due(time.now + 2879)
    assert tokens.due(time.now + 2880)
    assert tokens.good(time.now + 3599)
    assert not tokens.good(time.now + 3600)
    assert tokens.due(time.now - 3600), "the clock was set back"
    renewed = await exchange.refresh(tokens.refresh_token)
    assert renewed.access_token != tokens.access_token
    assert renewed.refresh_token not in (None, tokens.refresh_token)
    with pytest.raises(TokenError) as caught:
        await exchange.refresh(tokens.refresh_token)
    assert caught.value.code == "oauth.login_needed"
    assert "canary" not in str(caught.value) + repr(caught.value.failure)


async def test_a_client_without_a_secret_sends_none(pki: PKI) -> None:
    async with authorization_server(pki, public=True) as server:
        await logged_in(server, Exchange(server.registration()))
        assert server.asked[-1]["client_id"] == CLIENT
        assert "client_secret" not in server.asked[-1]
        assert server.authorization_header == ""


async def test_the_secret_goes_where_the_server_takes_it(server: AuthorizationServer) -> None:
    await logged_in(server, Exchange(server.registration()))
    assert server.authorization_header.startswith("Basic ")
    assert "client_secret" not in server.asked[-1]
    server.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    with pytest.raises(TokenError):
        await Exchange(server.registration(grant="client_credentials")).app_tokens()
    assert server.asked[-1]["client_secret"] == SECRET


async def test_client_credentials_by_secret_and_by_key(
    server: AuthorizationServer, pki: PKI
) -> None:
    ours = server.registration(grant="client_credentials", scopes=("app",))
    tokens = await Exchange(ours).app_tokens()
    assert tokens.refresh_token is None
    assert server.asked[-1] == {"grant_type": "client_credentials", "scope": "app"}
    keyed = server.registration(
        grant="client_credentials", secret=None, signer=lambda: Signer.of_file(pki.rsa.pem)
    )
    await Exchange(keyed).app_tokens()
    asked = server.asked[-1]
    assert asked["client_assertion_type"] == grants.ASSERTION_TYPE
    claims = claims_of(asked["client_assertion"])
    assert claims is not None
    assert (claims["iss"], claims["aud"]) == (CLIENT, f"{server.issuer}/token")


async def test_a_service_account_acts_for_a_mailbox(server: AuthorizationServer) -> None:
    signer = Signer(rsa.generate_private_key(65537, 2048), "RS256", client_id="robot@p.test")
    ours = server.registration(
        grant="jwt_bearer", client_id="", secret=None, signer=lambda: signer, scopes=("mail",)
    )
    await Exchange(ours).app_tokens()
    asked = server.asked[-1]
    assert asked["grant_type"] == grants.BEARER_GRANT
    claims = claims_of(asked["assertion"])
    assert claims is not None
    assert (claims["iss"], claims["sub"], claims["scope"]) == ("robot@p.test", USER, "mail")
    with pytest.raises(InputError, match="client_key_file: is needed"):
        await Exchange(server.registration(grant="jwt_bearer", secret=None)).app_tokens()


async def test_a_device_code_is_polled_no_faster_than_the_server_wants(
    server: AuthorizationServer,
) -> None:
    server.slow_downs, server.interval = 2, 5
    time = Time()
    exchange = Exchange(server.registration(), clock=time, sleep=time.sleep)
    device = await exchange.begin_device()
    assert device.user_code == "WDJB-MJHT"
    assert "canary" not in repr(device)

    def approve() -> None:
        if len(time.waits) == 4:
            server.devices[device.code].approved = True

    time.after = approve
    tokens = await exchange.poll(device)
    assert tokens.access_token in server.live
    assert time.waits == [5, 10, 15, 15]


async def test_a_device_code_may_be_declined_or_expire(server: AuthorizationServer) -> None:
    time = Time()
    exchange = Exchange(server.registration(), clock=time, sleep=time.sleep)
    device = await exchange.begin_device()
    with pytest.raises(TokenError) as caught:
        await exchange.poll(device)
    assert caught.value.code == "oauth.device_code_expired"
    assert sum(time.waits) == 600
    device = await exchange.begin_device()
    server.devices[device.code].approved = False
    with pytest.raises(TokenError) as caught:
        await exchange.poll(device)
    assert caught.value.code == "oauth.access_denied"


async def test_polling_goes_on_while_the_server_fails_for_now(server: AuthorizationServer) -> None:
    time = Time()
    exchange = Exchange(server.registration(), clock=time, sleep=time.sleep)
    device = await exchange.begin_device()
    server.troubles.append(("503 Service Unavailable", {}))
    server.devices[device.code].approved = True
    assert (await exchange.poll(device)).access_token in server.live
    assert time.waits == [5, 10]


async def test_a_login_is_revoked(server: AuthorizationServer) -> None:
    exchange = Exchange(server.registration())
    tokens = await logged_in(server, exchange)
    assert await exchange.revoke(tokens)
    assert server.revoked == [tokens.refresh_token]
    server.metadata = {"revocation_endpoint": None}
    assert not await Exchange(server.registration()).revoke(tokens)


async def test_the_nonce_of_an_id_token_is_checked(server: AuthorizationServer) -> None:
    ours = server.registration(scopes=("openid", "mail"))
    exchange = Exchange(ours)
    tokens = await logged_in(server, exchange)
    claims = claims_of(tokens.id_token)
    assert claims is not None
    assert claims["email"] == USER
    for wrong in (server.id_token("another"), server.id_token("right", "another-client"), "x.y.z"):
        begun = Authorization("", HOME, "s", "v", nonce="right")
        odd = Tokens(access_token="a", obtained_at=0, id_token=wrong)
        with pytest.raises(TokenError) as caught:
            grants.check_id_token(await exchange.authority(), ours, begun, odd)
        assert caught.value.code == "oauth.not_this_login"


# What comes back from the browser.


def begun(**changes: Any) -> Authorization:
    values = {"url": "", "redirect_uri": HOME, "state": "state-1", "verifier": "v", **changes}
    return Authorization(**values)


HERE = Authority(name="a.test", token_endpoint="https://a.test/t", issuer="https://a.test")
STRICT = Authority(
    name="a.test", token_endpoint="https://a.test/t", issuer="https://a.test", names_issuer=True
)


@pytest.mark.parametrize(
    "text",
    [
        f"{HOME}?code=c1&state=state-1",
        f"  {HOME}?state=state-1&code=c1&iss=https%3A%2F%2Fa.test&session_state=x  ",
        "code=c1&state=state-1",
        "?code=c1&state=state-1",
    ],
)
def test_the_answer_is_read_in_every_form_that_people_paste(text: str) -> None:
    assert grants.read_redirect(HERE, begun(), text) == "c1"


def test_a_bare_code_that_a_page_shows_is_taken() -> None:
    assert grants.read_redirect(HERE, begun(), " 4/0AbCd_e-f ") == "4/0AbCd_e-f"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{HOME}?code=c1&state=state-2", "oauth.not_this_login"),
        (f"{HOME}?code=c1", "oauth.not_this_login"),
        (f"{HOME}?code=c1&state=", "oauth.not_this_login"),
        (f"{HOME}?code=c1&code=c2&state=state-1", "oauth.not_this_login"),
        (f"{HOME}?state=state-1", "oauth.not_this_login"),
        (f"{HOME}?code=&state=state-1", "oauth.not_this_login"),
        ("http://127.0.0.1:5/?code=c1&state=state-1", "oauth.not_this_login"),
        ("https://evil.test/?code=c1&state=state-1", "oauth.not_this_login"),
        ("http://127.0.0.1:4/other?code=c1&state=state-1", "oauth.not_this_login"),
        (f"{HOME}?code=c1&state=state-1&iss=https://evil.test", "oauth.issuer_mismatch"),
        (f"{HOME}?error=access_denied&state=state-1", "oauth.access_denied"),
        (f"{HOME}?error=access_denied", "oauth.not_this_login"),
        ("", "oauth.not_this_login"),
        ("the code is c1", "oauth.not_this_login"),
        ("x" * 20_000, "oauth.not_this_login"),
    ],
)
def test_an_answer_that_does_not_belong_here_is_refused(text: str, code: str) -> None:
    with pytest.raises(TokenError) as caught:
        grants.read_redirect(HERE, begun(), text)
    assert caught.value.code == code


def test_an_issuer_that_promised_its_name_has_to_say_it() -> None:
    with pytest.raises(TokenError) as caught:
        grants.read_redirect(STRICT, begun(), f"{HOME}?code=c1&state=state-1")
    assert caught.value.code == "oauth.issuer_mismatch"
    text = f"{HOME}?code=c1&state=state-1&iss=https://a.test"
    assert grants.read_redirect(STRICT, begun(), text) == "c1"


async def test_a_code_of_another_login_is_of_no_use(server: AuthorizationServer) -> None:
    exchange = Exchange(server.registration())
    theirs, ours = await exchange.begin(HOME), await exchange.begin(HOME)
    stolen = parse_qs(urlsplit(server.browse(theirs.url)).query)["code"][0]
    answer_ = f"{HOME}?code={stolen}&state={ours.state}&iss={server.issuer}"
    with pytest.raises(TokenError) as caught:
        await exchange.redeem(ours, answer_)
    assert caught.value.code == "oauth.login_refused"


# Metadata.


@pytest.mark.parametrize(
    ("issuer", "urls"),
    [
        ("https://a.test", ("https://a.test/.well-known/oauth-authorization-server",
                            "https://a.test/.well-known/openid-configuration")),
        ("https://a.test/realms/x", ("https://a.test/.well-known/oauth-authorization-server/realms/x",
                                     "https://a.test/realms/x/.well-known/openid-configuration")),
    ],
)  # fmt: skip
def test_metadata_is_where_the_standards_say(issuer: str, urls: tuple[str, ...]) -> None:
    assert metadata_urls(issuer) == urls


@pytest.mark.parametrize(
    "issuer", ["http://a.test", "https://a.test/?x", "a.test", "https://u@a.test"]
)
def test_an_issuer_that_cannot_be_one_is_named(issuer: str) -> None:
    with pytest.raises(InputError, match="issuer: must be"):
        metadata_urls(issuer)


def metadata(**changes: Any) -> bytes:
    found = {"issuer": "https://a.test", "token_endpoint": "https://a.test/token", **changes}
    return json.dumps({k: v for k, v in found.items() if v is not None}).encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (metadata(issuer="https://b.test"), "oauth.issuer_mismatch"),
        (metadata(issuer="https://a.test/"), "oauth.issuer_mismatch"),
        (metadata(issuer=None), "oauth.issuer_mismatch"),
        (metadata(token_endpoint="http://a.test/token"), "oauth.malformed"),
        (metadata(token_endpoint="https://user@a.test/token"), "oauth.malformed"),
        (metadata(token_endpoint="https://[::1/token"), "oauth.malformed"),
        (metadata(token_endpoint=None), "oauth.malformed"),
        (metadata(authorization_endpoint="javascript:alert(1)"), "oauth.malformed"),
        (metadata(authorization_endpoint="https://a.test/\u202e"), "oauth.malformed"),
        (metadata(device_authorization_endpoint=["x"]), "oauth.malformed"),
        (b"<html>", "oauth.malformed"),
        (b"[]", "oauth.malformed"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(TokenError) as caught:
        read_metadata("https://a.test", body, public=True)
    assert caught.value.code == code


async def test_metadata_of_another_issuer_gets_nothing(server: AuthorizationServer) -> None:
    server.metadata = {"issuer": "https://elsewhere.test"}
    with pytest.raises(TokenError) as caught:
        await Exchange(server.registration(grant="client_credentials")).app_tokens()
    assert caught.value.code == "oauth.issuer_mismatch"
    assert server.asked == []


async def test_metadata_must_not_lead_inside(server: AuthorizationServer) -> None:
    """An issuer outside whose document names an address inside."""
    exchange = Exchange(server.registration())
    inside = read_metadata(
        "https://a.test", metadata(token_endpoint=f"{server.issuer}/token"), public=True
    )
    exchange._authority = inside
    with pytest.raises(TokenError) as caught:
        await exchange.refresh("refresh-canary")
    assert caught.value.code == "oauth.forbidden"
    assert server.asked == []


async def test_the_egress_policy_of_the_service_counts_too(server: AuthorizationServer) -> None:
    with pytest.raises(TokenError) as caught:
        await Exchange(server.registration(), allow=Egress(private=False, ports=None)).refresh("x")
    assert caught.value.code == "oauth.forbidden"


async def test_an_issuer_without_metadata_is_named(pki: PKI) -> None:
    async with website(answer(b"no", status="404 Not Found"), pki.good.pem) as site:
        issuer = f"https://127.0.0.1:{site.port}"
        ours = Registration(grant="code", username="a", client_id="c", issuer=issuer,
                            ca_file=str(pki.ca))  # fmt: skip
        with pytest.raises(TokenError) as caught:
            await Exchange(ours).begin(HOME)
    assert caught.value.code == "oauth.no_metadata"
    assert len(site.requests) == 2


# A token endpoint that misbehaves.


def known(server: AuthorizationServer, **more: Any) -> Registration:
    return server.registration(token_endpoint=f"{server.issuer}/token", **more)


async def drip(request: Request) -> None:
    await request.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        await request.say(b" ")
        await asyncio.sleep(0.02)


async def flood(request: Request) -> None:
    await request.say(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(100):
        await request.say(b" " * (1 << 20))


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (drip, "oauth.timeout"),
        (flood, "oauth.malformed"),
        (answer(b"<html><body>Welcome to our network", "Content-Type: text/html"),
         "oauth.malformed"),
        (answer(b"", "Location: https://127.0.0.1:1/", status="307 Temporary Redirect"),
         "oauth.malformed"),
        (answer(b"x", "Content-Encoding: gzip"), "oauth.malformed"),
        (b"what?\r\n\r\n", "oauth.malformed"),
        (b"", "oauth.unreachable"),
    ],
    ids=["drips", "100 MB", "a web page", "a redirect", "compressed", "no HTTP", "nothing"],
)  # fmt: skip
async def test_a_token_endpoint_that_misbehaves_is_named(
    server: AuthorizationServer, trouble: Any, code: str
) -> None:
    server.troubles.append(trouble)
    with pytest.raises(TokenError) as caught:
        await Exchange(known(server), timeout=1.0).refresh("refresh-canary-0")
    assert caught.value.code == code
    assert caught.value.failure.retryable
    assert len(server.asked) == 1, "a refresh token goes out once"
    assert "canary" not in repr(caught.value.failure)


async def test_a_closed_port_and_another_certificate_are_told_apart(
    server: AuthorizationServer, pki: PKI
) -> None:
    closed = server.registration(token_endpoint="https://127.0.0.1:1/token")
    with pytest.raises(TokenError) as caught:
        await Exchange(closed).refresh("x")
    assert caught.value.code == "oauth.unreachable"
    with pytest.raises(TokenError) as caught:
        await Exchange(known(server, ca_file=str(pki.other_ca))).refresh("x")
    assert caught.value.code == "oauth.tls_failed"
    assert not caught.value.failure.retryable
    assert server.asked == []


async def test_http_without_tls_is_never_used(tmp_path: Path) -> None:
    ours = Registration(grant="code", username="a", client_id="c",
                        token_endpoint="http://127.0.0.1:1/token")  # fmt: skip
    with pytest.raises(InputError, match="must begin with https://"):
        await Exchange(ours).refresh("x")


def test_requests_show_nothing_secret() -> None:
    ours = Registration(grant="code", username="a", client_id="c", secret=lambda: "canary",
                        token_endpoint="https://a.test/t")  # fmt: skip
    authority = ours.authority()
    request = grants.refresh_request(authority, ours, "canary-refresh", 0.0)
    basic = base64.b64encode(b"c:canary").decode()
    assert request.headers["Authorization"] == f"Basic {basic}"
    assert "canary" not in repr(request) + repr(ours) + repr(authority)
    assert basic not in repr(request)
    assert "canary" not in repr(begun(verifier="canary", state="canary"))
