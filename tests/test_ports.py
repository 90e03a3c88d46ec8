"""How TLS begins on a port where nobody has said: one rule, wherever a server is named."""

from __future__ import annotations

import pytest
from tests.checks.test_rules import facts

import smtps
from smtps.advice import ADVICE
from smtps.checks.rules.hints import hint
from smtps.cli import server_options
from smtps.config.accounts import AccountSettings
from smtps.config.probe_modules import Module
from smtps.endpoint import Endpoint, security_of
from smtps.http.requests import CheckRequest
from smtps.main import build_parser
from smtps.providers import by_id
from smtps.target import Target

STARTTLS = (25, 587, 2525, 2587)


@pytest.mark.parametrize("port", [*STARTTLS, 465, 2465, 443, 1])
def test_every_face_follows_the_port(port: int) -> None:
    wanted = "starttls" if port in STARTTLS else "implicit"
    assert security_of(port) == wanted
    assert Endpoint("x.test", port).security == wanted
    assert CheckRequest(host="x.test", port=port).endpoint(1000).security == wanted
    account = AccountSettings(host="x.test", port=port).account("main")
    assert account.endpoint().security == wanted
    assert Module().endpoint(Target("x.test", port), most=1).security == wanted
    options = build_parser().parse_args(["check", f"x.test:{port}"])
    assert server_options.endpoint(options, f"x.test:{port}").security == wanted


def test_a_bare_host_is_port_465_with_implicit_tls() -> None:
    endpoint = Endpoint("x.test")
    assert (endpoint.port, endpoint.security) == (465, "implicit")


@pytest.mark.parametrize(("port", "security"), [(587, "implicit"), (465, "starttls")])
def test_whoever_says_how_is_believed(port: int, security: smtps.endpoint.Security) -> None:
    assert Endpoint("x.test", port, security=security).security == security
    options = build_parser().parse_args(
        ["check", "x.test", "--port", str(port), "--security", security]
    )
    assert server_options.endpoint(options, "x.test").security == security


@pytest.mark.parametrize(
    ("host", "port", "security"),
    [
        ("smtps://mail.example.com", 465, "implicit"),
        ("ssl://mail.example.com:465", 465, "implicit"),
        ("smtp://mail.example.com", 587, "starttls"),
        ("mail.example.com:587", 587, "starttls"),
        ("mail.example.com 2525", 2525, "starttls"),
    ],
)
def test_an_endpoint_takes_apart_what_is_more_than_a_host(
    host: str, port: int, security: str
) -> None:
    found = Endpoint(host)
    assert (found.host, found.port, found.security) == ("mail.example.com", port, security)
    assert Endpoint(host, port) == found
    with pytest.raises(smtps.InputError, match="port: is 1, but"):
        Endpoint(host, 1)


def test_an_ipv6_address_keeps_its_colons() -> None:
    assert Endpoint("::1").host == "::1"
    assert (Endpoint("[::1]:587").host, Endpoint("[::1]:587").port) == ("[::1]", 587)


def test_the_user_of_a_url_logs_in_where_there_is_a_password() -> None:
    assert Endpoint("smtps://ann@mail.example.com", password="p").username == "ann"
    assert Endpoint("smtps://ann@mail.example.com").username is None
    with pytest.raises(smtps.InputError, match="with a password in it") as caught:
        Endpoint("smtps://ann:hunter2@mail.example.com")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("port", "security", "code", "words", "never"),
    [
        # A remedy never breaks a port that works: 25 takes the mail of the world.
        (25, "implicit", "tls.plaintext_on_tls_port", "leave it as it is", "wrappermode"),
        (465, "implicit", "tls.plaintext_on_tls_port", "smtpd_tls_wrappermode=yes", "--security"),
        (587, "implicit", "tls.plaintext_on_tls_port", "leave out --security", "Use port 587"),
        (4650, "implicit", "tls.plaintext_on_tls_port", "add --security starttls", "wrappermode"),
        (587, "starttls", "tls.implicit_tls_port", 'security = "implicit"', "587"),
        (465, "starttls", "tls.implicit_tls_port", "leave out --security", "add"),
    ],
)
def test_a_remedy_knows_the_port(
    port: int, security: str, code: str, words: str, never: str
) -> None:
    found = hint(facts(port=port, security=security), code)
    assert found is not None
    assert words in found
    assert never not in found


def test_a_refused_token_keeps_the_advice_for_tokens() -> None:
    gmail = facts(host="smtp.gmail.com", wanted_login=True)
    assert "app password" in (hint(gmail, "auth.rejected") or "")
    for code in ("auth.token_rejected", "auth.locked", "auth.passwords_retired"):
        assert hint(gmail, code) is None
        assert code in ADVICE
    assert hint(facts(host="smtp.gmail.com", token=True), "auth.rejected") is None


@pytest.mark.parametrize(
    ("provider", "port", "security"),
    [("icloud", 465, "implicit"), ("gmail", 25, "starttls"), ("gmail", 0, "implicit")],
)
def test_a_provider_by_name_follows_the_port_too(provider: str, port: int, security: str) -> None:
    found = by_id(provider)
    assert found is not None
    assert found.place(None, port).security == security
