"""The patterns: each with what it takes and what it must not take."""

from __future__ import annotations

import re

import pytest
from tests.core.hostile import LINE_BREAKERS

from smtps.core import grammar

TABLE: list[tuple[re.Pattern[str], list[str], list[str]]] = [
    (
        grammar.UTF8_DOT_STRING,
        ["a", "ä.ö", "用户", "a.ñ"],
        ["", ".ä", "ä.", "ä..ö", "ä ö", "ä@ö", "ä>"],
    ),
    (
        grammar.QUOTED_STRING,
        ['"a"', '"a..b"', '".a"', '"(a)"', '"[a]"'],
        ['""', '"a', 'a"', *(f'"a{char}b"' for char in ' @<>,;:\\"ä')],
    ),
    (
        grammar.DOMAIN,
        ["a", "example.org", "xn--bcher-kva.example", "3com.example", "a-b.c", "a" * 63 + ".b"],
        ["", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "a_b.c", "a b", "bücher.de", "a" * 64 + ".b"],
    ),
    (
        grammar.UTF8_LABEL,
        ["bücher", "例え", "a", "xn--a"],
        ["", "-ü", "ü.ü", "ü ü", "ü_", "ü>"],
    ),
    (
        grammar.KEYWORD,
        ["SIZE", "8BITMIME", "X-ANYTHING", "auth"],
        ["", "-X", "AUTH=LOGIN", "A_B", "A B", "Ä"],
    ),
    (
        grammar.SASL_MECHANISM,
        ["PLAIN", "SCRAM-SHA-256-PLUS", "X_1", "A" * 20],
        ["", "plain", "A" * 21, "A B", "PLAIN=", "Ä"],
    ),
    (
        grammar.ENVELOPE_ID,
        ["QQ314159", "a+b=c", "!~", "x" * 100],
        ["", "a b", "x" * 101, "ä"],
    ),
]

CASES = [
    (pattern, text, takes)
    for pattern, good, bad in TABLE
    for texts, takes in ((good, True), (bad, False))
    for text in texts
]


@pytest.mark.parametrize(("pattern", "text", "takes"), CASES)
def test_a_pattern_takes_its_language_and_no_more(
    pattern: re.Pattern[str], text: str, takes: bool
) -> None:
    assert (pattern.fullmatch(text) is not None) is takes


@pytest.mark.parametrize("breakers", LINE_BREAKERS.values(), ids=LINE_BREAKERS)
@pytest.mark.parametrize(("pattern", "good"), [(pattern, good[0]) for pattern, good, _ in TABLE])
def test_no_pattern_of_ascii_lets_a_line_end_through(
    pattern: re.Pattern[str], good: str, breakers: list[str]
) -> None:
    beyond_ascii = pattern in (grammar.UTF8_DOT_STRING, grammar.UTF8_LABEL)  # see test_address
    for char in breakers:
        if char.isascii() or not beyond_ascii:
            assert not pattern.fullmatch(good + char), ascii(char)
            assert not pattern.fullmatch(char + good), ascii(char)


def test_forbidden_are_all_that_can_end_a_line_and_nothing_else() -> None:
    expected = {char for group in LINE_BREAKERS.values() for char in group} - {" "}
    found = {chr(n) for n in range(0x110000) if grammar.FORBIDDEN.search(chr(n))}
    assert found == expected
    assert all(
        grammar.FORBIDDEN.search(c) for c in map(chr, range(0x3000)) if c.splitlines() != [c]
    )


def test_a_domain_has_at_most_255_octets() -> None:
    labels = ".".join(["a" * 63] * 3)
    assert grammar.DOMAIN.fullmatch(f"{labels}.{'a' * 63}")
    assert not grammar.DOMAIN.fullmatch(f"{labels}.{'a' * 62}.b")


@pytest.mark.parametrize(
    ("code", "wide", "strict"),
    [
        (b"220", True, True),
        (b"554", True, True),
        (b"571", True, False),
        (b"299", True, False),
        (b"199", False, False),
        (b"600", False, False),
        (b"25", False, False),
        (b"2500", False, False),
        (b"250\n", False, False),
        ("٢٥٠".encode(), False, False),
    ],
)
def test_reply_codes(code: bytes, wide: bool, strict: bool) -> None:
    assert (grammar.REPLY_CODE.fullmatch(code) is not None) is wide
    assert (grammar.STRICT_REPLY_CODE.fullmatch(code) is not None) is strict


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        ("2.1.0 ok", True),
        ("5.7.1", True),
        ("4.999.999\tlater", True),
        ("3.1.0 no such class", False),
        ("2.1 ok", False),
        ("2.1.0000 ok", False),
        ("2.1.0ok", False),
        ("192.0.2.1 connected", False),
        ("2.0.2.1 is an address", False),
        (" 2.1.0 ok", False),
    ],
)
def test_enhanced_codes(text: str, takes: bool) -> None:
    assert (grammar.ENHANCED_CODE.match(text) is not None) is takes


@pytest.mark.parametrize(
    "text", ["[192.0.2.1]", "[IPv6:2001:db8::1]", "[ipv6:::1]", "[IPv6:::ffff:192.0.2.1]"]
)
def test_address_literals(text: str) -> None:
    assert grammar.is_address_literal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "192.0.2.1",
        "[192.0.2.1",
        "192.0.2.1]",
        "[192.0.2]",
        "[192.0.2.256]",
        "[192.0.2.01]",
        "[192.0.2.1/24]",
        "[192.0.2.1 ]",
        "[192.0.2.1\n]",
        "[2001:db8::1 ]",
        "[IPv6:]",
        "[IPv6:fe80::1%eth0]",
        "[IPv6:fe80::1%> SIZE=1]",
        "[IPv6:fe80::1%]",
        "[IPv6:192.0.2.1]",
        "[IPv6:::1/64]",
        "[IPv6:12345::]",
        "[IPv6:zzz]",
        "[١٩٢.0.2.1]",
    ],
)
def test_what_is_no_address_literal(text: str) -> None:
    assert not grammar.is_address_literal(text)


@pytest.mark.parametrize("text", ["[x:y]", "[tag:a>b]", "[x:y>SIZE=1]", "[IPv4:192.0.2.1]"])
def test_the_general_form_has_no_registered_tag_but_ipv6(text: str) -> None:
    """And its grammar has brackets in it, which end a path for a careless reader."""
    assert not grammar.is_address_literal(text)
