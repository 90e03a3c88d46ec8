"""Mailboxes: one address, read as strictly as it is sent."""

from __future__ import annotations

import pytest
from tests.core.hostile import ADDRESSES, LINE_BREAKERS

from smtps.core.address import Mailbox
from smtps.errors import InputError, Phase


@pytest.mark.parametrize(
    ("text", "local", "domain", "needs_smtputf8"),
    [
        ("ann@example.org", "ann", "example.org", False),
        ("a.b+tag@sub.example.org", "a.b+tag", "sub.example.org", False),
        ("root@localhost", "root", "localhost", False),
        ('"a..b"@example.org', '"a..b"', "example.org", False),
        ("ann@[192.0.2.1]", "ann", "[192.0.2.1]", False),
        ("ann@[IPv6:2001:db8::1]", "ann", "[IPv6:2001:db8::1]", False),
        ("ann@xn--bcher-kva.example", "ann", "xn--bcher-kva.example", False),
        ("ann@bücher.example", "ann", "bücher.example", True),
        ("jörg@example.org", "jörg", "example.org", True),
        ("用户@例え.jp", "用户", "例え.jp", True),
        ("x" * 64 + "@example.org", "x" * 64, "example.org", False),
    ],
)
def test_a_mailbox_is_kept_as_written(
    text: str, local: str, domain: str, needs_smtputf8: bool
) -> None:
    mailbox = Mailbox.parse(text)
    assert (mailbox.local, mailbox.domain) == (local, domain)
    assert mailbox.needs_smtputf8 is needs_smtputf8
    assert str(mailbox) == text


@pytest.mark.parametrize("text", ADDRESSES)
def test_a_hostile_address_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Mailbox.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "ann",
        "ann@",
        "@example.org",
        "ann@example..org",
        "ann@.example.org",
        "ann@example.org.",
        "ann@-example.org",
        "ann@exa_mple.org",
        "ann@example.org:25",
        "ann@[192.0.2.256]",
        "ann@[]",
        "ann@[x:y]",
        "ann@[IPv6:zzz]",
        "=?utf-8?q?ann?=@example.org",
        '"=?utf-8?q?ann?="@example.org',
        ".ann@example.org",
        "ann.@example.org",
        "a..b@example.org",
        "ann@bü cher.example",
        "ann@bücher..example",
        "ann@-bücher.example",
        "j\u200brg@example.org",
        "j\u202erg@example.org",
        "j\u00a0rg@example.org",
        "ann@b\u200bcher.example",
        "ann@b\u00a0cher.example",
    ],
)
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Mailbox.parse(text)


@pytest.mark.parametrize("dot", ["\u3002", "\uff0e", "\uff61"])
def test_what_idna_reads_as_a_dot_is_refused_in_a_domain(dot: str) -> None:
    """RFC 3490 section 3.1 lists them. Else policy and RCPT may see different domains."""
    with pytest.raises(InputError):
        Mailbox.parse(f"ann@example{dot}org")


@pytest.mark.parametrize("breakers", LINE_BREAKERS.values(), ids=LINE_BREAKERS)
@pytest.mark.parametrize("form", ["a{}b@example.org", '"a{}b"@example.org', "ann@exa{}mple.org"])
def test_no_character_that_breaks_lines_is_in_a_mailbox(form: str, breakers: list[str]) -> None:
    for char in breakers:
        with pytest.raises(InputError):
            Mailbox.parse(form.format(char))


@pytest.mark.parametrize("place", ["{}ann@example.org", "ann@example.org{}"])
def test_white_space_around_it_is_not_taken_off(place: str) -> None:
    for space in " \t\r\n":
        with pytest.raises(InputError):
            Mailbox.parse(place.format(space))


@pytest.mark.parametrize("char", '(<,"@;:\\[')
def test_a_megabyte_of_structure_is_refused(char: str) -> None:
    with pytest.raises(InputError):
        Mailbox.parse(char * 1_000_000 + "@example.org")


@pytest.mark.parametrize("value", [None, b"ann@example.org", 7, ["ann@example.org"]])
def test_only_text_is_read(value: object) -> None:
    with pytest.raises(InputError, match=f"not {type(value).__name__}"):
        Mailbox.parse(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x" * 65 + "@example.org", "more than 64 bytes"),
        ("ö" * 33 + "@example.org", "more than 64 bytes"),
        ("ann@" + ".".join(["a" * 50] * 5), "longer than 254 bytes"),
        ("ann@" + ".".join(["ü" * 50] * 5), "longer than 254 bytes"),
    ],
)
def test_lengths_count_octets(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        Mailbox.parse(text)


def test_the_longest_path_is_256_octets_with_its_brackets() -> None:
    domain = ".".join(["a" * 49] * 5)
    assert len(f"<{'x' * 4}@{domain}>") == 256
    assert Mailbox.parse(f"{'x' * 4}@{domain}").domain == domain
    with pytest.raises(InputError, match="longer than 254 bytes"):
        Mailbox.parse(f"{'x' * 5}@{domain}")


def test_the_error_names_the_field_and_shows_little_of_the_input() -> None:
    with pytest.raises(InputError) as caught:
        Mailbox.parse("no address " * 10, "to")
    assert caught.value.field == "to"
    assert caught.value.phase is Phase.INPUT
    assert "..." in str(caught.value)
    assert len(str(caught.value)) < 110
