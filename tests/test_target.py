"""Servers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtps.errors import InputError
from smtps.target import SCHEMES, Target, read_target


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smtp.example.com", Target("smtp.example.com")),
        (" smtp.example.com\t", Target("smtp.example.com")),
        ("smtp.example.com:587", Target("smtp.example.com", 587)),
        ("smtp.example.com 587", Target("smtp.example.com", 587)),
        ("smtp.example.com, 587", Target("smtp.example.com", 587)),
        ("192.0.2.1:25", Target("192.0.2.1", 25)),
        ("2001:db8::1", Target("2001:db8::1")),
        ("2001:db8::1 465", Target("[2001:db8::1]", 465)),
        ("[2001:db8::1]", Target("[2001:db8::1]")),
        ("[2001:db8::1]:465", Target("[2001:db8::1]", 465)),
        ("smtps://smtp.example.com", Target("smtp.example.com", 465, "implicit")),
        ("SMTPS://smtp.example.com:2465/", Target("smtp.example.com", 2465, "implicit")),
        ("smtp://smtp.example.com:587?auth=login", Target("smtp.example.com", 587)),
        ("smtp://smtp.example.com:465", Target("smtp.example.com", 465)),
        ("smtp://[2001:db8::1]", Target("[2001:db8::1]", 587)),
        ("ssl://smtp.example.com", Target("smtp.example.com", 465)),
        ("tls://smtp.example.com:587", Target("smtp.example.com", 587)),
        ("submission://smtp.example.com", Target("smtp.example.com", 587, "starttls")),
        (
            "smtps://ann%40example.com@smtp.example.com:465",
            Target("smtp.example.com", 465, "implicit", "ann@example.com"),
        ),
        (
            "smtps://ann@example.com@smtp.example.com",
            Target("smtp.example.com", 465, "implicit", "ann@example.com"),
        ),
    ],
)
def test_what_is_read(text: str, expected: Target) -> None:
    assert read_target(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("465", "465 is a number"),
        ("ann@example.com", "is a mail address"),
        ("x:0", "must be between 1 and 65535"),
        ("x:٤٦٥", "must be between 1 and 65535"),
        (f"x:{'9' * 5000}", "must be between 1 and 65535"),
        ("x 70000", "must be between 1 and 65535"),
        ("https://smtp.example.com/x", "for its host, give smtp.example.com"),
        ("imap://imap.example.com", "not one of smtps://"),
        ("://x", "not one of smtps://"),
        ("smtps://", "without a host"),
        ("smtps://x/path", "with a path"),
        ("smtps://ann@b@:465", "host"),
    ],
)
def test_what_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read_target(text)
    assert problem in str(caught.value)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_password_in_a_url_is_refused_and_not_repeated(scheme: str) -> None:
    with pytest.raises(InputError) as caught:
        read_target(f"{scheme}://ann:hunter2@smtp.example.com:465")
    assert "hunter2" not in str(caught.value)


def test_a_mail_address_is_read_where_its_server_is_looked_for() -> None:
    assert read_target("ann@example.com", addresses=True) == Target("ann@example.com")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read_target(text, addresses=True)
    except InputError:
        return
    assert 0 <= found.port <= 65535
