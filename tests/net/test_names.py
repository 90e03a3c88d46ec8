"""Which hosts may be looked up, and in which form."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtps.errors import InputError, Phase
from smtps.net.hostnames import literal, to_ascii

LABEL_63 = "a" * 63
NAME_253 = ".".join([LABEL_63, LABEL_63, LABEL_63, "b" * 61])

ACCEPTED = [
    ("smtp.example.com", "smtp.example.com"),
    ("SMTP.Example.COM", "smtp.example.com"),
    ("smtp.example.com.", "smtp.example.com"),
    ("localhost", "localhost"),
    ("LOCALHOST.", "localhost"),
    ("a", "a"),
    ("mail_server.internal", "mail_server.internal"),
    ("_smtps._tcp.example.com", "_smtps._tcp.example.com"),
    ("a-b.example", "a-b.example"),
    ("a--b.example", "a--b.example"),
    ("1and1.example", "1and1.example"),
    ("163.com", "163.com"),
    ("1.2.3.4.example", "1.2.3.4.example"),
    ("0x7f.example", "0x7f.example"),
    ("127.0.0.1e", "127.0.0.1e"),
    (LABEL_63, LABEL_63),
    (NAME_253, NAME_253),
    (NAME_253 + ".", NAME_253),
    # International names
    ("münchen.example", "xn--mnchen-3ya.example"),
    ("MÜNCHEN.example.", "xn--mnchen-3ya.example"),
    ("mu\u0308nchen.example", "xn--mnchen-3ya.example"),
    ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
    ("XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example"),
    ("straße.example", "xn--strae-oqa.example"),
    ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
    ("ｓｍｔｐ.example", "smtp.example"),
    ("soft\u00adhyphen.example", "softhyphen.example"),
    # Literals
    ("192.0.2.1", "192.0.2.1"),
    ("[192.0.2.1]", "192.0.2.1"),
    ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ("[2001:db8::1]", "2001:db8::1"),
    ("::1", "::1"),
    ("::", "::"),
    ("fe80::1%lo", "fe80::1%lo"),
    ("[fe80::1%eth0]", "fe80::1%eth0"),
]

REFUSED = [
    "",
    ".",
    "..",
    " ",
    "a..b",
    ".a",
    "a..",
    "a b",
    " a",
    "a ",
    "a\n",
    "a\r\nb",
    "a\0b",
    "a\tb",
    "\x7f",
    "a\x1b[0m",
    "-a.example",
    "a-.example",
    "a.-",
    "a/b",
    "a@b",
    "a:25",
    "a,b",
    "*.example",
    "http://a",
    "a?",
    "[a]",
    "[::1",
    "::1]",
    "[[::1]]",
    "[]",
    "[::1]:465",
    "::1%",
    "::1%a%b",
    ":::1",
    "1::2::3",
    "a" * 64,
    "a" * 64 + ".example",
    NAME_253 + "c",
    "c" + NAME_253 + ".",
    # What a resolver makes an address of, and nobody reads as one
    "2130706433",
    "0",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "127.0.0.256",
    "127.0.0.01",
    "0177.0.0.1",
    "0x7f000001",
    "0X7F000001",
    "0x7f.1",
    "127.0.0.0x1",
    "0x",
    "1.2.3.4.5",
    "example.123",
    "example.0x1f",
    "１２７.0.0.1",
    "①27.0.0.1",
    "127。0。0。1",
    "٣.example.٣",
    # International names that are none
    "\u00ad",
    "a\u2028b.example",
    "\ud800.example",
    "\u200d.example",
    "ü" * 63,
    "ü.." + "example",
    "😀\u202e.example",
    "-ü.example",
    "\u0301a.example",
]


@pytest.mark.parametrize(("host", "name"), ACCEPTED)
def test_accepted(host: str, name: str) -> None:
    assert to_ascii(host) == name


@pytest.mark.parametrize("name", sorted({name for _, name in ACCEPTED}))
def test_an_accepted_name_stays_as_it_is(name: str) -> None:
    assert to_ascii(name) == name


@pytest.mark.parametrize("host", REFUSED)
def test_refused(host: str) -> None:
    with pytest.raises(InputError) as caught:
        to_ascii(host, "target")
    failure = caught.value.failure
    assert (failure.code, failure.field, failure.phase) == ("dns.invalid_name", "target", "input")
    assert failure.message.startswith("target: ")
    assert failure.message.isprintable()


@pytest.mark.parametrize("host", ["ü.example.", "例え。テスト。"])
def test_a_final_dot_goes_from_an_international_name_whichever_dot_it_is(host: str) -> None:
    assert to_ascii(host) == to_ascii(host[:-1])


@pytest.mark.parametrize(
    "host", ["::1%a\r\nb", "fe80::1%\n", "::1%a\0b", "[fe80::1%x y]", "fe80::1%\x1b[0m", "::1%ü"]
)
def test_a_zone_id_is_held_to_what_an_interface_is_called(host: str) -> None:
    with pytest.raises(InputError):
        to_ascii(host)


@pytest.mark.parametrize("host", [None, 0, 2130706433, True, b"localhost", ["localhost"], 1.5])
def test_what_is_no_string_is_named_by_its_type(host: Any) -> None:
    with pytest.raises(InputError, match=f"not {type(host).__name__}") as caught:
        to_ascii(host)
    assert (caught.value.code, caught.value.field) == ("input.invalid", "host")
    assert caught.value.phase is Phase.INPUT


def test_a_long_name_is_not_repeated_in_full() -> None:
    for host in ("a" * 5000, "ü" * 5000):
        with pytest.raises(InputError) as caught:
            to_ascii(host)
        assert len(caught.value.failure.message) < 300


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("[127.0.0.1]", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::FFFF:1.2.3.4", "::ffff:1.2.3.4"),
        ("localhost", None),
        ("127.1", None),
        ("[localhost]", None),
        ("", None),
        ("[]", None),
        ("[", None),
    ],
)
def test_literal(host: str, address: str | None) -> None:
    assert literal(host) == (None if address is None else ip_address(address))


SHAPE = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")


@given(st.text() | st.text(alphabet="a-1.x0ü。％[]:%_ \n\0"))
def test_any_text_is_a_safe_name_or_refused(text: str) -> None:
    name, told = "", ""
    try:
        name = to_ascii(text)
    except InputError as error:
        told = error.failure.message
    assert bool(name) != bool(told)
    assert (name or told).isprintable()
    if name:
        assert literal(name) is not None or SHAPE.fullmatch(name)
        assert to_ascii(name) == name
