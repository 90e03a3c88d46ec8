"""Replies: bytes cut anywhere, in; values or one kind of error, out."""

from __future__ import annotations

from collections import deque

import pytest
from tests.core.pieces import all_cuts

from smtps.core.reply import (
    EnhancedCode,
    Limits,
    Quirk,
    Reply,
    ReplyParser,
    printable,
    unexpected,
    wrong_code,
)
from smtps.errors import LoginError, Phase, ProtocolError, RefusedError


def parse(*pieces: bytes | bytearray | memoryview, limits: Limits | None = None) -> list[Reply]:
    """All replies, asked for after each piece."""
    parser, replies = ReplyParser(limits), []
    for piece in pieces:
        parser.feed(piece)
        while (reply := parser.next_reply()) is not None:
            replies.append(reply)
    return replies


UNPRINTABLE = frozenset({Quirk.BARE_LF, Quirk.NON_ASCII, Quirk.CONTROL_CHARACTER, Quirk.ODD_CODE})

GOOD: list[tuple[bytes, Reply]] = [
    (b"220 mail.example ESMTP\r\n", Reply(220, ("mail.example ESMTP",))),
    (b"250\r\n", Reply(250, ("",))),
    (b"250 \r\n", Reply(250, ("",))),
    (b"250-\r\n250 \r\n", Reply(250, ("", ""))),
    (b"250-a\r\n250-b\r\n250 c\r\n", Reply(250, ("a", "b", "c"))),
    (b"250-a\r\n250\r\n", Reply(250, ("a", ""))),
    (b"250  two  spaces\r\n", Reply(250, (" two  spaces",))),
    (b"250 a\tb\r\n", Reply(250, ("a\tb",))),
    (b"334 VXNlcm5hbWU6\r\n", Reply(334, ("VXNlcm5hbWU6",))),
    (b"250 2.1.0 ok\r\n", Reply(250, ("2.1.0 ok",), EnhancedCode(2, 1, 0))),
    (b"550-5.7.1 no\r\n550 really\r\n", Reply(550, ("5.7.1 no", "really"), EnhancedCode(5, 7, 1))),
    (b"550-no\r\n550 5.7.1 really\r\n", Reply(550, ("no", "5.7.1 really"))),
    (b"250 5.7.1 the class does not fit\r\n", Reply(250, ("5.7.1 the class does not fit",))),
    (b"334 3.0.0 there is no class 3\r\n", Reply(334, ("3.0.0 there is no class 3",))),
    (b"220 a\n", Reply(220, ("a",), quirks=frozenset({Quirk.BARE_LF}))),
    (b"250-a\n250 b\r\n", Reply(250, ("a", "b"), quirks=frozenset({Quirk.BARE_LF}))),
    (b"571 no\r\n", Reply(571, ("no",), quirks=frozenset({Quirk.ODD_CODE}))),
    ("220 grüß\r\n".encode(), Reply(220, ("grüß",), quirks=frozenset({Quirk.NON_ASCII}))),
    (b"220 gr\xfc\r\n", Reply(220, (r"gr\xfc",), quirks=frozenset({Quirk.NON_ASCII}))),
    (b"220 a\x00b\r\n", Reply(220, (r"a\x00b",), quirks=frozenset({Quirk.CONTROL_CHARACTER}))),
    (b"220 \x1b[2J\r\n", Reply(220, (r"\x1b[2J",), quirks=frozenset({Quirk.CONTROL_CHARACTER}))),
    (b"220 a\x7f\r\n", Reply(220, (r"a\x7f",), quirks=frozenset({Quirk.CONTROL_CHARACTER}))),
    (rb"220 C:\xampp" + b"\r\n", Reply(220, (r"C:\xampp",))),
    (
        b"250 " + b"x" * 506 + b"\r\n",
        Reply(250, ("x" * 506,)),
    ),
    (
        b"250 " + b"x" * 507 + b"\r\n",
        Reply(250, ("x" * 507,), quirks=frozenset({Quirk.LONG_LINE})),
    ),
    (
        b"590-\xff\n590 \x01\r\n",
        Reply(590, (r"\xff", r"\x01"), quirks=UNPRINTABLE),
    ),
]


@pytest.mark.parametrize(("data", "reply"), GOOD)
def test_a_reply_is_the_same_for_every_cut(data: bytes, reply: Reply) -> None:
    for pieces in all_cuts(data):
        assert parse(*pieces) == [reply]


@pytest.mark.parametrize("data", [b"220 a\rb\r\n", b"220 ab\r\r\n"])
def test_a_stray_cr_is_a_control_character(data: bytes) -> None:
    (reply,) = parse(data)
    assert "\r" not in reply.text
    assert reply.quirks == {Quirk.CONTROL_CHARACTER}


def test_replies_come_one_by_one() -> None:
    parser = ReplyParser()
    parser.feed(b"250 one\r\n250-two\r\n250 more\r\n25")
    assert parser.next_reply() == Reply(250, ("one",))
    assert parser.next_reply() == Reply(250, ("two", "more"))
    assert parser.next_reply() is None
    assert parser.unread == b"25"
    parser.feed(b"0 three\r\n")
    assert parser.next_reply() == Reply(250, ("three",))
    assert parser.next_reply() is None


def test_any_buffer_can_be_fed() -> None:
    assert parse(bytearray(b"250 ok\r\n")) == [Reply(250, ("ok",))]
    assert parse(memoryview(b"250 ok\r\n")) == [Reply(250, ("ok",))]


@pytest.mark.parametrize(
    ("data", "idle"),
    [(b"", True), (b"250 ok\r\n", True), (b"2", False), (b"250-ok\r\n", False), (b"\r", False)],
)
def test_the_parser_is_idle_when_nothing_is_left_over(data: bytes, idle: bool) -> None:
    parser = ReplyParser()
    parser.feed(data)
    parser.next_reply()
    assert parser.idle is idle


BAD: list[tuple[bytes, str]] = [
    (b"\r\n", "smtp.not_a_reply"),
    (b"\n", "smtp.not_a_reply"),
    (b"hello\r\n", "smtp.not_a_reply"),
    (b"25\r\n", "smtp.not_a_reply"),
    (b"199 a\r\n", "smtp.wrong_code"),
    (b"100-a\r\n", "smtp.wrong_code"),
    (b"600 a\r\n", "smtp.wrong_code"),
    (b"000\r\n", "smtp.wrong_code"),
    (b"250-a\r\n150 a\r\n", "smtp.wrong_code"),
    (b"2500 a\r\n", "smtp.not_a_reply"),
    (b"250_a\r\n", "smtp.not_a_reply"),
    (b"250\ta\r\n", "smtp.not_a_reply"),
    (b" 250 a\r\n", "smtp.not_a_reply"),
    (b"\xb2\xb5\xb0 a\r\n", "smtp.not_a_reply"),
    (b"HTTP/1.1 400 Bad Request\r\n", "smtp.not_a_reply"),
    (b"* OK IMAP4rev1\r\n", "smtp.not_a_reply"),
    (b"+OK POP3\r\n", "smtp.not_a_reply"),
    (b"SSH-2.0-OpenSSH\r\n", "smtp.not_a_reply"),
    (b"\x15\x03\x01\x00\x02\x02\n", "smtp.not_a_reply"),
    (b"250-a\r\nb\r\n", "smtp.not_a_reply"),
    (b"x" * 4097, "smtp.reply_too_long"),
    (b"220 " + b"x" * 4091 + b"\r\n", "smtp.reply_too_long"),
    (b"250-\r\n" * 257, "smtp.reply_too_long"),
    ((b"250-" + b"x" * 4000 + b"\r\n") * 17, "smtp.reply_too_long"),
]


@pytest.mark.parametrize(("data", "code"), BAD, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("size", [1_000_000, 1000, 1])
def test_what_is_no_reply_is_a_protocol_error(data: bytes, code: str, size: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse(*(data[at : at + size] for at in range(0, len(data), size)))
    assert caught.value.code == code
    assert caught.value.failure.retryable
    assert caught.value.failure.seen is not None
    assert caught.value.failure.seen.replace("\t", " ").isprintable()
    assert len(caught.value.failure.seen) <= 800


@pytest.mark.parametrize(
    ("limits", "fits", "too_much"),
    [
        (Limits(line=10), b"250 1234\r\n", b"250 12345\r\n"),
        (Limits(line=10), b"250 12345\n", b"250 123456\n"),
        (Limits(lines=2), b"250-a\r\n250 b\r\n", b"250-a\r\n250-b\r\n250 c\r\n"),
        (Limits(lines=1), b"250 b\r\n", b"250-a\r\n250 b\r\n"),
        (Limits(total=14), b"250-a\r\n250 b\r\n", b"250-a\r\n250 bb\r\n"),
    ],
)
def test_limits_are_exact(limits: Limits, fits: bytes, too_much: bytes) -> None:
    assert len(parse(fits, limits=limits)) == 1
    with pytest.raises(ProtocolError) as caught:
        parse(too_much, limits=limits)
    assert caught.value.code == "smtp.reply_too_long"


def test_limits_are_those_of_one_reply_not_of_all() -> None:
    assert len(parse(b"250 1234\r\n" * 100, limits=Limits(10, 1, 10))) == 100


def test_a_line_without_end_is_given_up_before_it_is_stored() -> None:
    parser = ReplyParser()
    parser.feed(b"2" * 4096)
    assert parser.next_reply() is None
    parser.feed(b"2")
    with pytest.raises(ProtocolError):
        parser.next_reply()


def test_a_reply_without_end_is_given_up() -> None:
    parser = ReplyParser()
    for _ in range(256):
        parser.feed(b"250-still here\r\n")
        assert parser.next_reply() is None
    parser.feed(b"250-still here\r\n")
    with pytest.raises(ProtocolError, match="over 256 lines"):
        parser.next_reply()


@pytest.mark.parametrize(
    ("code", "kind", "positive"), [(250, 2, True), (354, 3, True), (421, 4, False), (554, 5, False)]
)
def test_the_first_digit_says_what_kind_it_is(code: int, kind: int, positive: bool) -> None:
    reply = Reply(code, ("",))
    assert reply.kind == kind
    assert reply.positive is positive


@pytest.mark.parametrize(
    ("lines", "text"), [(("",), "250"), (("ok",), "250 ok"), ((" a ", "b "), "250 a  b")]
)
def test_a_reply_reads_as_one_line(lines: tuple[str, ...], text: str) -> None:
    assert str(Reply(250, lines)) == text


def test_a_refusal_carries_all_that_was_said() -> None:
    reply = Reply(550, ("5.7.1 go away", "for good"), EnhancedCode(5, 7, 1))
    error = reply.refusal("send.message_refused", "The server said no")
    assert type(error) is RefusedError
    assert error.code == "send.message_refused"
    assert str(error) == "The server said no: 550 5.7.1 go away for good"
    assert error.failure.smtp_code == 550
    assert error.failure.enhanced == "5.7.1"
    assert error.failure.lines == ("5.7.1 go away", "for good")
    assert not error.failure.retryable


def test_a_refusal_for_now_may_be_tried_again() -> None:
    error = Reply(454, ("later",)).refusal("auth.try_later", "Not now", LoginError)
    assert type(error) is LoginError
    assert error.failure.retryable
    assert error.failure.enhanced is None


def test_a_reply_out_of_place_is_told_with_its_words() -> None:
    reply = Reply(250, ("ok",))
    surplus = unexpected(reply)
    assert (surplus.code, surplus.failure.smtp_code) == ("smtp.unexpected_reply", 250)
    wrong = wrong_code(reply, "DATA", "answers another command", Phase.DATA)
    assert (wrong.code, wrong.phase, wrong.failure.lines) == (
        "smtp.wrong_code",
        Phase.DATA,
        ("ok",),
    )
    assert "DATA" in str(wrong)


@pytest.mark.parametrize(
    ("data", "code", "lines", "enhanced", "others"),
    [
        (b"220-mx\r\n521 5.7.1 no\r\n", 521, ("5.7.1 no",), (5, 7, 1), ("220-mx",)),
        (b"220-a\r\n220-b\r\n421 c\r\n", 421, ("c",), None, ("220-a", "220-b")),
        (b"220-a\r\n550-b\r\n550 c\r\n", 550, ("b", "c"), None, ("220-a",)),
        (b"550-5.1.1 a\r\n220-b\r\n550 c\r\n", 550, ("5.1.1 a", "c"), (5, 1, 1), ("220-b",)),
        (b"250-a\r\n251\r\n", 251, ("",), None, ("250-a",)),
    ],
)
def test_the_last_line_says_the_code(
    data: bytes,
    code: int,
    lines: tuple[str, ...],
    enhanced: tuple[int, int, int] | None,
    others: tuple[str, ...],
) -> None:
    for pieces in all_cuts(data):
        (reply,) = parse(*pieces)
        assert (reply.code, reply.lines, reply.enhanced) == (code, lines, enhanced)
        assert reply.others == others
        assert reply.other_codes == tuple(int(line[:3]) for line in others)
        assert reply.quirks == {Quirk.MIXED_CODES}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        ("grüß".encode(), "grüß"),
        (b"\xff\xfe", r"\xff\xfe"),
        (b"a\tb", "a\tb"),
        (b"a\r\nb", r"a\r\nb"),
        (b"\x00\x1b\x7f", r"\x00\x1b\x7f"),
        (b"\xc2\x85", r"\x85"),
        ("\u2028\u202e\u200b".encode(), r"\u2028\u202e\u200b"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        (b"", ""),
    ],
)
def test_printable_shows_what_can_be_shown_and_escapes_the_rest(data: bytes, text: str) -> None:
    assert printable(data) == printable(bytearray(data)) == text


def test_text_is_made_printable_as_well() -> None:
    assert printable("grüß\r\n\x1b\ud800") == r"grüß\r\n\x1b\ud800"


@pytest.mark.parametrize(
    "line",
    [
        b"250 ok", b"250", b"250 ", b"250-", b"250 2.1.0 Ok", b"250 5.1.0 Ok", b"550 5.1.1x no",
        b"250 2.0.0 Ok: queued as 4XYZ", b"290 odd", b"250 tab\there", b"250 gr\xc3\xbc\xc3\x9f",
        b"250 bare\rreturn", b"199 what", b"x", b"", b"250 " + b"x" * 506, b"250 " + b"x" * 507,
        b"250 first\n250 second", b"354 go on", b"421 closing",
    ],
)  # fmt: skip
def test_a_line_is_read_alike_among_others_and_alone(line: bytes) -> None:
    found: list[tuple[list[Reply], str | None]] = []
    for together in (True, False):
        parser, replies, code = ReplyParser(), deque[Reply](), None
        parser.feed(b"220 before\r\n" + line + b"\r\n250 behind\r\n")
        try:
            if together:
                parser.take_replies(replies)
            else:
                while (reply := parser.next_reply()) is not None:
                    replies.append(reply)
        except ProtocolError as error:
            code = error.code
        found.append((list(replies), code))
    assert found[0] == found[1]


def test_a_reply_that_has_begun_tells_how_much_of_it_is_there() -> None:
    parser = ReplyParser()
    assert parser.begun == (0, "")
    parser.feed(b"25")
    assert parser.begun == (2, "25")
    parser.feed(b"0-mail.x.test\r\n250")
    assert parser.next_reply() is None
    assert parser.begun == (20, "250-mail.x.test")
    parser.feed(b" ok\r\n")
    assert parser.next_reply() is not None
    assert parser.begun == (0, "")
