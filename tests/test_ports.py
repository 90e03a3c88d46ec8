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

STARTTLS = (25, 587, 2525, 2587)


@pytest.mark.parametrize("port", [*STARTTLS, 465, 2465, 443, 1])
def test_every_face_follows_the_port(port: int) -> None:
    wanted = "starttls" if port in STARTTLS else "implicit"
    assert security_of(port) == wanted
    assert Endpoint("x.test", port).security == wanted
    assert CheckRequest(host="x.test", port=port).endpoint(1000).security == wanted
    account = AccountSettings(host="x.test", port=port).account("main")
    assert account.endpoint().security == wanted
    assert Module().endpoint("x.test", port, most=1).security == wanted
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
    ("host", "words"),
    [
        ("smtps://mail.example.com", "is a URL"),
        ("ssl://mail.example.com:465", "is a URL"),
        ("mail.example.com:465", "has a port in it; give host mail.example.com and port 465"),
        ("[::1]:465", "has a port in it"),
    ],
)
def test_what_is_more_than_a_host_is_refused_with_the_remedy(host: str, words: str) -> None:
    with pytest.raises(smtps.InputError, match="host: ") as caught:
        Endpoint(host)
    assert words in str(caught.value)


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
