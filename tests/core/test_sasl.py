"""SASL mechanisms against the examples of their specifications."""

from __future__ import annotations

import base64

import pytest

from smtps.core import sasl
from smtps.core.command import auth
from smtps.errors import InputError, LoginError

BEARER_ERROR = (
    b'{"status":"invalid_token","scope":"example_scope",'
    b'"openid-configuration":"https://example.com/.well-known/openid-configuration"}'
)
"""RFC 7628 section 4.3."""


def test_plain() -> None:
    """RFC 4616 section 4."""
    mechanism = sasl.Plain("tim", "tanstaaftanstaaf")
    assert mechanism.initial() == b"\0tim\0tanstaaftanstaaf"


def test_plain_is_utf8() -> None:
    assert sasl.Plain("jörg", "grün").initial() == "\0jörg\0grün".encode()


def test_login_gives_the_user_name_and_then_the_password() -> None:
    mechanism = sasl.Login("tim", "tanstaaftanstaaf")
    assert mechanism.initial() is None
    assert mechanism.respond(b"Username:") == b"tim"
    assert mechanism.respond(b"Password:") == b"tanstaaftanstaaf"
    with pytest.raises(LoginError) as caught:
        mechanism.respond(b"Your mother's maiden name:")
    assert caught.value.code == "auth.unexpected_challenge"
    assert caught.value.failure.seen == "Your mother's maiden name:"


def test_cram_md5() -> None:
    """RFC 2195 section 2."""
    mechanism = sasl.CramMD5("tim", "tanstaaftanstaaf")
    assert mechanism.initial() is None
    challenge = sasl.decode_challenge("PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+")
    assert challenge == b"<1896.697170952@postoffice.reston.mci.net>"
    answer = base64.b64encode(mechanism.respond(challenge))
    assert answer == b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"


def test_oauthbearer() -> None:
    """RFC 7628 section 4.4, and what it says about a failure in sections 3.2.2 and 3.2.3."""
    token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
    mechanism = sasl.OAuthBearer("user@example.com", token, "server.example.com", 587)
    assert auth("OAUTHBEARER", mechanism.initial()).line.split()[2] == (
        "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9Qm"
        "VhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )
    assert mechanism.explain() is None
    assert mechanism.respond(BEARER_ERROR) == b"\x01"
    assert mechanism.explain() == (
        "status: invalid_token, scope: example_scope, openid-configuration: "
        "https://example.com/.well-known/openid-configuration"
    )
    with pytest.raises(LoginError):
        mechanism.respond(BEARER_ERROR)


def test_oauthbearer_without_a_place() -> None:
    assert sasl.OAuthBearer("u", "t").initial() == b"n,a=u,\x01auth=Bearer t\x01\x01"


def test_oauthbearer_escapes_the_name() -> None:
    """RFC 5801 section 4."""
    assert sasl.OAuthBearer("a=2C,b", "t").initial().startswith(b"n,a=a=3D2C=2Cb,\x01")


def test_xoauth2() -> None:
    """The example of Google's description."""
    mechanism = sasl.XOAuth2(
        "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"
    )
    assert auth("XOAUTH2", mechanism.initial()).line.split()[2] == (
        "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNr"
        "QmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
    )
    challenge = sasl.decode_challenge(
        "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9t"
        "YWlsLmdvb2dsZS5jb20vIn0K"
    )
    assert mechanism.respond(challenge) == b""
    assert mechanism.explain() == (
        "status: 401, schemes: bearer mac, scope: https://mail.google.com/"
    )


def test_external() -> None:
    assert sasl.External("", "").initial() == b""
    assert sasl.External("fred@example.com", "").initial() == b"fred@example.com"


def test_a_mechanism_with_one_thing_to_say_says_no_more() -> None:
    with pytest.raises(LoginError, match="more than EXTERNAL provides"):
        sasl.External("u", "s").respond(b"?")


def test_plain_repeats_itself_once_for_who_did_not_listen() -> None:
    plain = sasl.Plain("u", "s")
    assert plain.respond(b"") == plain.initial()
    with pytest.raises(LoginError, match="more than PLAIN provides"):
        plain.respond(b"")


def test_what_the_prompts_of_plain_and_login_say_does_not_matter() -> None:
    deaf = [name for name, kind in sasl.SIMPLE.items() if not kind.listens]
    assert deaf == ["PLAIN", "LOGIN"]


@pytest.mark.parametrize("name", sasl.SIMPLE)
def test_every_mechanism_answers_to_its_name_and_hides_the_secret(name: str) -> None:
    mechanism: sasl.Mechanism = sasl.SIMPLE[name]("ann", "s3cret", "mail.example", 465)
    assert mechanism.name == name
    assert mechanism.explain() is None
    mechanism.finished()
    assert "s3cret" not in repr(mechanism)


@pytest.mark.parametrize(
    ("name", "separator"), [("PLAIN", "\0"), ("OAUTHBEARER", "\x01"), ("XOAUTH2", "\x01")]
)
@pytest.mark.parametrize("where", ["user name", "secret"])
def test_a_separator_inside_the_credentials_is_refused(
    name: str, separator: str, where: str
) -> None:
    """Else one field could end early and another be put behind it."""
    text = f"a{separator}b"
    user, secret = (text, "s") if where == "user name" else ("u", text)
    with pytest.raises(InputError) as caught:
        sasl.SIMPLE[name](user, secret).initial()
    assert caught.value.field == "credentials"
    assert text not in str(caught.value)


def test_a_nul_in_the_name_is_refused_by_oauthbearer() -> None:
    """RFC 5801 section 4: UTF8-1-safe begins at U+0001."""
    with pytest.raises(InputError):
        sasl.OAuthBearer("a\0b", "t").initial()


def test_oauthbearer_without_a_name_has_no_empty_one() -> None:
    """RFC 5801 section 4: a saslname has one character or more; without one it is ``n,,``."""
    assert sasl.OAuthBearer("", "t").initial() == b"n,,\x01auth=Bearer t\x01\x01"


def first_words(mechanism: sasl.Mechanism) -> bytes:
    initial = mechanism.initial()
    return mechanism.respond(b"?") if initial is None else initial


@pytest.mark.parametrize("name", sasl.SIMPLE)
def test_credentials_that_are_no_unicode_are_refused(name: str) -> None:
    """A lone surrogate is what Python makes of undecodable bytes in arguments and environment."""
    assert first_words(sasl.SIMPLE[name]("ü", "ß"))
    with pytest.raises(InputError):
        first_words(sasl.SIMPLE[name]("ü\udcff", "ß\udcff"))


def test_candidates_keep_the_order_of_preference() -> None:
    offered = ["LOGIN", "X-OTHER", "PLAIN", "SCRAM-SHA-256", "LOGIN"]
    assert sasl.candidates(offered, sasl.PASSWORD_ORDER) == ["SCRAM-SHA-256", "PLAIN", "LOGIN"]
    assert sasl.candidates(offered, sasl.TOKEN_ORDER) == []
    assert sasl.candidates([], sasl.PASSWORD_ORDER) == []


def test_no_password_is_shown_while_a_proof_would_do() -> None:
    order = sasl.PASSWORD_ORDER
    assert order.index("CRAM-MD5") < order.index("PLAIN") < order.index("LOGIN")
    assert order.index("SCRAM-SHA-256-PLUS") < order.index("SCRAM-SHA-256") < order.index("PLAIN")
    assert not set(order) & set(sasl.TOKEN_ORDER)


@pytest.mark.parametrize("mechanism", ["PLAIN", "OAUTHBEARER", "NTLM"])
def test_an_initial_response_fits_while_its_line_has_at_most_512_octets(mechanism: str) -> None:
    for size in range(600):
        wire = auth(mechanism, b"x" * size).encode()
        assert sasl.fits_initial_response(mechanism, b"x" * size) is (len(wire) <= 512)


@pytest.mark.parametrize(
    ("text", "challenge"),
    [("", b""), ("  ", b""), ("VXNlcm5hbWU6", b"Username:"), (" VXNlcm5hbWU6 ", b"Username:")],
)
def test_a_challenge_is_base64(text: str, challenge: bytes) -> None:
    assert sasl.decode_challenge(text) == challenge


@pytest.mark.parametrize(
    "text",
    ["Username:", "VXNlcm5hbWU", "=", "VXNl cm5hbWU6", "VXNl\tcm5h", "YQ==YQ==", "ü", "\ud800"],
)
def test_a_challenge_that_is_not_base64_ends_the_login(text: str) -> None:
    with pytest.raises(LoginError) as caught:
        sasl.decode_challenge(text)
    assert caught.value.code == "auth.bad_challenge"
    assert caught.value.failure.seen == text


@pytest.mark.parametrize(
    ("challenge", "text"),
    [
        (b'{"status":"401"}', "status: 401"),
        (b'{"status":401,"scope":null}', "status: 401, scope: None"),
        (b"{}", ""),
        (b"[1, 2]", "[1, 2]"),
        (b'"no"', "no"),
        (b"", ""),
        (b"no json", "no json"),
        (b'{"status":', '{"status":'),
        (b"\xff\xfe\xfd", r"\xff\xfe\xfd"),
        (b"9" * 5000, "9" * 200),
        (b"x" * 1000, "x" * 200),
        (b'"' + b"x" * 1000 + b'"', "x" * 200),
        (b'{"a":"' + b"x" * 1000 + b'"}', "a: " + "x" * 497),
        (b"[" * 100_000, "[" * 200),
    ],
    ids=lambda value: str(value)[:20],
)
def test_the_reason_of_a_bearer_failure_is_read_whatever_its_form(
    challenge: bytes, text: str
) -> None:
    assert sasl.decode_bearer_error(challenge) == text


@pytest.mark.parametrize(
    "challenge",
    [
        b'{"status":"\\u001b[2J"}',
        b'{"status":"a\\r\\nb"}',
        b'{"status":"\\ud800"}',
        b'{"\\u202e":"\\u2028"}',
        b'"\\u0000"',
        b"no json \x1b[2J\r\n",
    ],
)
def test_the_reason_of_a_bearer_failure_is_made_printable(challenge: bytes) -> None:
    """It goes into messages: no control may reach a terminal, no lone surrogate an encoder."""
    assert sasl.decode_bearer_error(challenge).isprintable()


def test_an_unexpected_challenge_is_made_printable() -> None:
    with pytest.raises(LoginError) as caught:
        sasl.External("u", "s").respond(b"\x1b[2J\r\n\xff\xe2\x80\xae")
    assert (caught.value.failure.seen or "").isprintable()
