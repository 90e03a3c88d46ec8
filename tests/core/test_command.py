"""Commands: what can be built can be sent, and is one line."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.core.hostile import ADDRESSES, ANN, HARMLESS, LINE_BREAKERS, REFUSING, Build
from tests.core.receiver import from_xtext, read_carefully, read_carelessly

from smtps.core import command
from smtps.core.address import Mailbox
from smtps.core.command import (
    CANCEL_AUTH,
    DATA,
    END_OF_DATA,
    HIDDEN,
    NOOP,
    PHASES,
    QUIT,
    RSET,
    STARTTLS,
    Command,
    Verb,
    auth,
    bdat,
    ehlo,
    helo,
    mail,
    rcpt,
    response,
    xtext,
)
from smtps.errors import InputError, Phase

JOERG = Mailbox.parse("jörg@bücher.example")

LINES: list[tuple[Command, str]] = [
    (ehlo("client.example"), "EHLO client.example"),
    (ehlo("[192.0.2.1]"), "EHLO [192.0.2.1]"),
    (ehlo("[IPv6:2001:db8::1]"), "EHLO [IPv6:2001:db8::1]"),
    (helo("client.example"), "HELO client.example"),
    (STARTTLS, "STARTTLS"),
    (auth("CRAM-MD5"), "AUTH CRAM-MD5"),
    (auth("PLAIN", b"\0test\0001234"), "AUTH PLAIN AHRlc3QAMTIzNA=="),  # RFC 4954 section 4.1
    (auth("EXTERNAL", b""), "AUTH EXTERNAL ="),
    (response(b"user"), "dXNlcg=="),
    (response(b""), ""),
    (CANCEL_AUTH, "*"),
    (mail(None), "MAIL FROM:<>"),
    (mail(ANN), "MAIL FROM:<ann@example.org>"),
    (mail(ANN, size=0), "MAIL FROM:<ann@example.org> SIZE=0"),
    (mail(ANN, size=10**20 - 1), f"MAIL FROM:<ann@example.org> SIZE={'9' * 20}"),
    (mail(ANN, body="7BIT"), "MAIL FROM:<ann@example.org> BODY=7BIT"),
    (
        mail(JOERG, size=7, body="8BITMIME", smtputf8=True, requiretls=True),
        "MAIL FROM:<jörg@bücher.example> SIZE=7 BODY=8BITMIME SMTPUTF8 REQUIRETLS",
    ),
    (
        mail(None, ret="HDRS", envid="QQ+314=159"),
        "MAIL FROM:<> RET=HDRS ENVID=QQ+2B314+3D159",
    ),
    (rcpt(ANN), "RCPT TO:<ann@example.org>"),
    (rcpt(ANN, notify=["NEVER"]), "RCPT TO:<ann@example.org> NOTIFY=NEVER"),
    (
        rcpt(ANN, notify=["SUCCESS", "FAILURE", "DELAY"]),
        "RCPT TO:<ann@example.org> NOTIFY=SUCCESS,FAILURE,DELAY",
    ),
    (
        rcpt(ANN, orcpt=Mailbox.parse("a+b=c@example.net")),
        "RCPT TO:<ann@example.org> ORCPT=rfc822;a+2Bb+3Dc@example.net",
    ),
    (
        rcpt(ANN, orcpt=Mailbox.parse("jörg+a=b@example.net")),
        r"RCPT TO:<ann@example.org> ORCPT=utf-8;jörg\x{2B}a\x{3D}b@example.net",
    ),
    (DATA, "DATA"),
    (END_OF_DATA, "."),
    (bdat(86, last=False), "BDAT 86"),
    (bdat(0, last=True), "BDAT 0 LAST"),
    (RSET, "RSET"),
    (NOOP, "NOOP"),
    (QUIT, "QUIT"),
]


@pytest.mark.parametrize(("built", "line"), LINES)
def test_a_command_is_its_line_and_one_crlf(built: Command, line: str) -> None:
    assert built.line == line
    assert built.encode() == line.encode() + b"\r\n"


@pytest.mark.parametrize("built", [built for built, _ in LINES])
def test_a_command_is_told_by_its_verb(built: Command) -> None:
    if built.verb not in (Verb.RESPONSE, Verb.END_OF_DATA):
        assert built.line.split()[0] == built.verb.split()[0]
    assert built.phase is PHASES[built.verb]


def test_every_verb_has_its_phase() -> None:
    assert set(PHASES) == set(Verb)
    assert PHASES[Verb.GREETING] is Phase.GREETING
    assert END_OF_DATA.phase is bdat(1, last=True).phase is Phase.FINAL


def test_bdat_announces_how_much_follows() -> None:
    assert bdat(86, last=False).octets == bdat(86, last=True).octets == 86
    assert (bdat(1, last=False).verb, bdat(1, last=True).verb) == (Verb.BDAT, Verb.BDAT_LAST)
    assert DATA.octets == 0


@pytest.mark.parametrize("size", [-1, True, "1\r\nQUIT", "1", 1.5, None])
@pytest.mark.parametrize("last", [False, True])
def test_bdat_takes_a_number_of_octets_and_nothing_else(size: Any, last: bool) -> None:
    with pytest.raises(InputError):
        bdat(size, last=last)


@pytest.mark.parametrize("size", [-1, 10**20, True, False, "1", "1\r\nQUIT", 1.5, float("nan")])
def test_size_is_a_number_of_octets_and_nothing_else(size: Any) -> None:
    with pytest.raises(InputError) as caught:
        mail(ANN, size=size)
    assert caught.value.field == "size"


@pytest.mark.parametrize(
    ("built", "shown"),
    [
        (auth("PLAIN", b"\0ann\0secret"), f"AUTH PLAIN {HIDDEN}"),
        (auth("EXTERNAL", b""), "AUTH EXTERNAL ="),
        (auth("LOGIN"), "AUTH LOGIN"),
        (response(b"secret"), HIDDEN),
        (response(b""), HIDDEN),
        (CANCEL_AUTH, "*"),
        (mail(ANN), "MAIL FROM:<ann@example.org>"),
    ],
)
def test_a_transcript_is_shown_everything_but_credentials(built: Command, shown: str) -> None:
    assert built.shown == shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ehlo_name", lambda: ehlo("")),
        ("ehlo_name", lambda: ehlo("my_container")),
        ("ehlo_name", lambda: ehlo("client.example.")),
        ("ehlo_name", lambda: ehlo("192.0.2.1]")),
        ("ehlo_name", lambda: ehlo("bücher.example")),
        ("ehlo_name", lambda: ehlo(None)),  # type: ignore[arg-type]
        ("ehlo_name", lambda: helo("a b")),
        ("mechanism", lambda: auth("")),
        ("mechanism", lambda: auth("plain")),
        ("mechanism", lambda: auth("PLAIN AHRlc3QAMTIzNA==")),
        ("body", lambda: mail(ANN, body="BINARYMIME")),  # type: ignore[arg-type]
        ("body", lambda: mail(ANN, body="")),  # type: ignore[arg-type]
        ("dsn.ret", lambda: mail(ANN, ret="full")),  # type: ignore[arg-type]
        ("dsn.envid", lambda: mail(ANN, envid="")),
        ("dsn.envid", lambda: mail(ANN, envid="a b")),
        ("dsn.envid", lambda: mail(ANN, envid="x" * 101)),
        ("dsn.envid", lambda: mail(ANN, envid="jörg")),
        ("from", lambda: mail(Mailbox("", ""))),
        ("from", lambda: mail(Mailbox("ann", "b@c"))),
        ("to", lambda: rcpt(Mailbox("ann> SIZE=1", "b"))),
        ("dsn.orcpt", lambda: rcpt(ANN, orcpt=Mailbox("ann x", "b"))),
        ("dsn.notify", lambda: rcpt(ANN, notify=[])),
        ("dsn.notify", lambda: rcpt(ANN, notify=["never"])),
        ("dsn.notify", lambda: rcpt(ANN, notify=["NEVER", "DELAY"])),
        ("dsn.notify", lambda: rcpt(ANN, notify=["DELAY", "NEVER"])),
        ("dsn.notify", lambda: rcpt(ANN, notify="NEVER")),
    ],
)
def test_a_wrong_argument_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        value()
    assert caught.value.field == name
    assert caught.value.phase is Phase.INPUT


@pytest.mark.parametrize(("good", "build"), REFUSING.values(), ids=REFUSING)
def test_the_arguments_below_are_good_without_a_line_breaker(good: str, build: Build) -> None:
    assert build(good).encode().endswith(b"\r\n")


@pytest.mark.parametrize("breakers", LINE_BREAKERS.values(), ids=LINE_BREAKERS)
@pytest.mark.parametrize(("good", "build"), REFUSING.values(), ids=REFUSING)
def test_a_line_breaker_is_refused_in_every_argument(
    good: str, build: Build, breakers: list[str]
) -> None:
    for char in breakers:
        for place in (0, 2, len(good)):
            with pytest.raises(InputError):
                build(good[:place] + char + good[place:])


@pytest.mark.parametrize("breakers", LINE_BREAKERS.values(), ids=LINE_BREAKERS)
@pytest.mark.parametrize("build", HARMLESS.values(), ids=HARMLESS)
def test_a_line_breaker_never_arrives_from_an_argument_that_takes_it(
    build: Build, breakers: list[str]
) -> None:
    for char in breakers:
        for text in (char, f"{char}x", f"x{char}", f"x{char}QUIT{char}"):
            try:
                wire = build(text).encode()
            except InputError:
                continue
            assert wire.endswith(b"\r\n")
            assert len(wire[:-2].decode().splitlines()) == 1


def test_a_space_makes_no_second_word_out_of_an_encoded_argument() -> None:
    assert len(auth("PLAIN", b"a b c").line.split()) == 3
    assert len(mail(ANN, smtputf8=True, envid="a+20b").line.split()) == 4


@pytest.mark.parametrize("breakers", LINE_BREAKERS.values(), ids=LINE_BREAKERS)
def test_a_command_looks_at_its_finished_line_once_more(breakers: list[str]) -> None:
    for char in breakers:
        if char != " ":
            with pytest.raises(InputError):
                Command(Verb.NOOP, f"NOOP{char}")


@pytest.mark.parametrize("text", ADDRESSES)
@pytest.mark.parametrize("make", [mail, rcpt, lambda box: rcpt(ANN, orcpt=box)])
def test_a_hostile_address_gains_no_parameter(text: str, make: Any) -> None:
    """Also where the mailbox was put together by hand: CVE-2025-59937 and its kin."""
    local, _, domain = text.rpartition("@")
    with pytest.raises(InputError):
        make(Mailbox(local, domain))


@pytest.mark.parametrize("built", [built for built, _ in LINES if built.verb in ("MAIL", "RCPT")])
def test_servers_see_one_path_and_the_parameters_that_were_meant(built: Command) -> None:
    meant = built.line.split()[2:]
    for read in (read_carefully, read_carelessly):
        path, parameters = read(built.line)
        assert path in ("", str(ANN), str(JOERG))
        assert parameters == meant


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", ""),
        ("QQ314159", "QQ314159"),
        ("a+b=c", "a+2Bb+3Dc"),
        ("a b", "a+20b"),
        ("+2B", "+2B2B"),
        ("\r\n\x00\x7f", "+0D+0A+00+7F"),
        ("!~", "!~"),
    ],
)
def test_xtext(text: str, encoded: str) -> None:
    assert xtext(text) == encoded
    assert from_xtext(encoded) == text.encode()


@pytest.mark.parametrize("text", ["é", "€", "\U0001f4a9", "\ud800"])
def test_xtext_beyond_ascii_is_refused_or_comes_back(text: str) -> None:
    """RFC 3461 section 4: a hexchar has two digits, so ``+20AC`` reads as a space and ``AC``."""
    try:
        encoded = xtext(text)
    except InputError:
        return
    assert from_xtext(encoded) == text.encode()


def test_what_goes_out_in_base64_comes_back() -> None:
    data = bytes(range(256))
    assert base64.b64decode(auth("PLAIN", data).line.split()[2]) == data
    assert base64.b64decode(response(data).line) == data


def test_a_response_has_to_fit_a_line() -> None:
    """RFC 4954 section 4: 12288 octets, CRLF included; base64 makes four of three."""
    assert len(response(b"x" * 9213).line) == 12284
    with pytest.raises(InputError) as caught:
        response(b"x" * 9217)
    assert caught.value.field == "credentials"


def test_every_factory_is_under_test() -> None:
    """A new one has to be added to the table of arguments."""
    made = {
        name
        for name, value in vars(command).items()
        if callable(value) and getattr(value, "__annotations__", {}).get("return") == "Command"
    }
    assert made == {"ehlo", "helo", "auth", "response", "mail", "rcpt", "bdat"}
