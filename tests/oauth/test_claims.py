"""What a token says of itself: read within limits, and never believed."""

from __future__ import annotations

import json
import time
import tracemalloc
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtps.oauth.claims import LONGEST, MOST, SHOWN, Claims, is_guid, mistaken, read

SIGNATURE = "c2lnbmF0dXJlLWNhbmFyeQ"


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwt(claims: Any, **header: Any) -> str:
    return f"{segment({'alg': 'RS256', **header})}.{segment(claims)}.{SIGNATURE}"


def test_the_claims_of_a_person_at_microsoft() -> None:
    found = read(jwt({
        "aud": "https://outlook.office.com", "iss": "https://sts.windows.net/t/", "iat": 1000,
        "nbf": 1000, "exp": 4600.5, "appid": "a", "tid": "t", "oid": "o", "scp": "SMTP.Send a",
        "upn": "ann@contoso.com", "sub": "x",
    }))  # fmt: skip
    assert found == Claims(
        kind="jwt", issuer="https://sts.windows.net/t/", audience=("https://outlook.office.com",),
        scopes=("SMTP.Send", "a"), issued_at=1000.0, not_before=1000.0, expires_at=4600.5,
        tenant="t", user="ann@contoso.com", application="a", object_id="o", app_only=False,
    )  # fmt: skip
    assert found.readable


def test_the_claims_of_a_program_at_microsoft() -> None:
    found = read(jwt({"aud": ["x", "y"], "roles": ["SMTP.SendAsApp"], "tid": "t", "oid": "o",
                      "sub": "o", "appid": "a"}))  # fmt: skip
    assert (found.audience, found.roles) == (("x", "y"), ("SMTP.SendAsApp",))
    assert (found.app_only, found.user, found.object_id) == (True, None, "o")


@pytest.mark.parametrize(
    ("claims", "app_only", "user"),
    [
        ({"idtyp": "app", "upn": "ann@contoso.com"}, True, "ann@contoso.com"),
        ({"idtyp": "user"}, False, None),
        ({"scp": "SMTP.Send", "roles": ["x"]}, False, None),
        ({"sub": "client", "client_id": "client", "scope": "mail"}, True, None),
        ({"sub": "ann@example.org", "client_id": "client"}, False, "ann@example.org"),
        ({"sub": "17", "client_id": "client"}, None, None),
        ({"preferred_username": "ann"}, False, "ann"),
    ],
)
def test_whose_it_is(claims: Any, app_only: bool | None, user: str | None) -> None:
    found = read(jwt(claims))
    assert (found.app_only, found.user) == (app_only, user)


def test_scopes_stand_in_a_text_or_a_list() -> None:
    assert read(jwt({"scope": "a  b"})).scopes == ("a", "b")
    assert read(jwt({"scope": ["a", 7, "b"]})).scopes == ("a", "b")
    assert read(jwt({"scope": 7})).scopes == ()


@pytest.mark.parametrize(
    ("claims", "header", "is_id_token"),
    [
        ({"nonce": "n"}, {}, True),
        ({"at_hash": "h"}, {"typ": "JWT"}, True),
        ({"nonce": "n", "scp": "SMTP.Send"}, {}, False),
        ({"nonce": "n"}, {"typ": "at+jwt"}, False),
        ({"nonce": "n", "roles": []}, {}, False),
        ({"aud": "x"}, {}, False),
    ],
)
def test_an_id_token_is_made_for_the_client(claims: Any, header: Any, is_id_token: bool) -> None:
    assert read(jwt(claims, **header)).id_token == is_id_token


@pytest.mark.parametrize(
    "token",
    [
        "", "opaque", "ya29.a0AfH6SMBx", "a.b.c", "..", "EwB4A8l6BAAU+/=", "eyJ.eyJ.eyJ",
        f"{segment([1])}.{segment({})}.x", f"{segment({'alg': 7})}.{segment({})}.x",
        f"{segment({})}.{segment({})}.x", f"{segment(b'[' * 9000)}.{segment({})}.x",
        "é.é.é", "a b.c.d", "eyJhbGciOiJub25lIn0=x.e30.x",
    ],
)  # fmt: skip
def test_anything_else_is_opaque(token: str) -> None:
    assert read(token) == Claims(kind="opaque")


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"[" * 9000, b'{"a":' * 4000, b"\xff",
                                     b'{"exp": ' + b"9" * 9000 + b"}"])  # fmt: skip
def test_a_payload_that_is_no_object_cannot_be_read(payload: bytes) -> None:
    token = f"{segment({'alg': 'none'})}.{segment(payload) or 'e'}.x"
    found = read(token)
    assert (found.kind, found.readable) == ("jwt", False)
    assert found.unread == "its payload is not a JSON object"


def test_an_encrypted_one_is_for_the_server_alone() -> None:
    found = read(f"{segment({'alg': 'RSA-OAEP', 'enc': 'A256GCM'})}.a.b.c.d")
    assert (found.kind, found.readable) == ("encrypted", False)


@pytest.mark.parametrize("value", [True, "1000", -1, 1e300, float("nan"), float("inf"), [1], None])
def test_a_time_that_no_date_can_show_is_none(value: Any) -> None:
    assert read(jwt({"exp": value, "nbf": value, "iat": value})).expires_at is None


def test_values_are_printable_short_and_few() -> None:
    found = read(jwt({"aud": ["x" * 900] * 25, "upn": "\x1b[31m\u202eann", "tid": {"a": 1}}))
    assert found.audience == (f"{'x' * SHOWN}…",) * MOST
    assert found.user is not None
    assert found.user.isprintable()
    assert found.tenant is None


def test_nothing_of_a_token_is_kept_that_would_make_it_again() -> None:
    token = jwt({"upn": "ann@contoso.com", "secret": "claim-canary", "jti": "jti-canary"})
    found = repr(read(token))
    assert "canary" not in found
    assert not any(part in found for part in token.split("."))


@pytest.mark.parametrize(
    "token",
    [
        "eyJ" + "a" * 10_000_000,
        "." * 5_000_000,
        jwt({"scp": " ".join(["a"] * 8000)}),
        f"{segment({'alg': 'x'})}.{segment(b'[' * 20_000)}.x",
        f"{segment({'alg': 'x'})}.{segment(b'[{},' * 5_000)}.x",
    ],
    ids=["long", "dots", "scopes", "deep", "wide"],
)
def test_a_hostile_token_costs_neither_time_nor_memory(token: str) -> None:
    tracemalloc.start()
    begun = time.process_time()
    read(token)
    spent = time.process_time() - begun
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 2.0  # milliseconds, but for other work on the machine
    assert most < 8_000_000


def test_a_token_that_is_too_long_is_not_read() -> None:
    token = jwt({"upn": "a" * LONGEST})
    assert read(token) == Claims(kind="jwt", unread="it is too long")
    assert read("x" * LONGEST * 2) == Claims(kind="opaque")


@given(st.text() | st.lists(st.binary().map(segment)).map(".".join))
def test_any_text_is_read(token: str) -> None:
    read(token)


@given(st.dictionaries(
    st.sampled_from(["aud", "scp", "scope", "roles", "exp", "nbf", "iat", "tid", "upn", "sub",
                     "appid", "oid", "iss", "idtyp", "nonce"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.lists(st.text() | st.integers()),
))  # fmt: skip
def test_any_claims_are_read(claims: Any) -> None:
    assert read(jwt(claims)).readable


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("Bearer eyJ", "Bearer"),
        ("1//0gabc", "refresh token"),
        ("4/0Axyz", "authorization code"),
        ("GOCSPX-abc", "client secret"),
        ('{"access_token": "x"}', "whole answer"),
    ],
)
def test_what_is_given_in_place_of_an_access_token(token: str, words: str) -> None:
    assert words in str(mistaken(token))


def test_what_may_be_an_access_token() -> None:
    for token in ("ya29.x", "EwB", jwt({}), "opaque", "", "bearertoken"):
        assert mistaken(token) is None


def test_a_guid() -> None:
    assert is_guid("11111111-2222-3333-4444-55555555555F")
    for text in ("", None, "x", "11111111-2222-3333-4444-555555555555\n", "abc8Q~" + "x" * 34):
        assert not is_guid(text)
