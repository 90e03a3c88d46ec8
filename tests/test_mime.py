"""What is composed, read by another parser: nothing lost, nothing added, fit for any relay."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from itertools import pairwise
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from tests.reader import pairs

from smtps.errors import InputError
from smtps.message.addresses import NameAddr
from smtps.message.message import Attachment, Message
from smtps.message.mime import check_header_block, compose, format_date

FUZZ = settings(
    max_examples=50,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)

# Strategies.

CHARACTERS = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
FRAGMENTS = (
    " ", "  ", "=?", "?=", "=?utf-8?q?x?=", '"', "\\", ",", ";", ":", "<a@b.c>", "@", "(", "é",
    "e\u0301", "日本語テスト", "💩", "\u202e", "مرحبا", "%41", "'", "../", "x" * 70, "y" * 2000,
    " " * 80, "word " * 30,
)  # fmt: skip


def pieces(
    characters: st.SearchStrategy[str], fragments: tuple[str, ...]
) -> st.SearchStrategy[str]:
    """Text in which the odd cases are common and come together."""
    piece = st.sampled_from(fragments) | st.text(characters, max_size=8)
    return st.lists(piece, max_size=8).map("".join)


LINES = pieces(CHARACTERS, FRAGMENTS).map(lambda text: text[:9000])
NAMES = LINES.map(lambda text: text[:500])
BODIES = pieces(
    st.characters(exclude_categories=["Cs"]),
    (
        "\n", "\r", "\r\n", "\n\n", " \n", "\t\r\n", ".", ".\n", "\n..\n", "From me\n", "\nFrom me",
        "\0", "\x0b", "\x85", "\u2028", "=", "=20", "--", "--=_", "x" * 998, "x" * 999, "é" * 400,
        "word " * 300, "  ", *FRAGMENTS,
    ),
)  # fmt: skip
MAILBOXES = st.sampled_from(
    ("ann@example.com", "o'neil+x@mail.example.org", "x@[192.0.2.1]", "post@bücher.example",
     f"{'l' * 64}@{'d' * 63}.example", '"a(b"@example.com')
)  # fmt: skip
PEOPLE = st.builds(NameAddr, MAILBOXES, NAMES)
DATES = st.datetimes(
    datetime(1900, 1, 2),  # noqa: DTZ001
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m))),
)
FILE_NAMES = LINES.map(lambda text: re.split(r"[/\\]", text)[-1][:255] or "x").filter(
    lambda name: name not in (".", "..") and not re.match(r"[A-Za-z]:\S", name)
)
FILES = st.builds(
    Attachment,
    filename=FILE_NAMES,
    content=st.binary(max_size=300),
    content_type=st.sampled_from(
        ("", "image/png", "text/plain; charset=utf-8", "application/x-a.b+c",
         'application/x; a="b c; d"; e=f', "application/x; name=" + "n" * 120)
    ),
    content_id=st.none() | st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}", fullmatch=True),
    disposition=st.sampled_from(("attachment", "inline")),
)  # fmt: skip


def can_be_read(headers: dict[str, str]) -> bool:
    """Whether they are taken: an address or a URL beyond ASCII is refused."""
    with suppress(InputError):
        return bool(Message(from_="ann@example.com", headers=headers))
    return False


HEADERS = st.dictionaries(
    st.from_regex(r"X-[A-Za-z0-9_!.-]{1,74}", fullmatch=True) | st.just("List-Unsubscribe"),
    LINES,
    max_size=3,
).filter(can_be_read)
MESSAGES = st.builds(
    Message,
    from_=PEOPLE,
    to=st.lists(PEOPLE, max_size=3),
    cc=st.lists(PEOPLE, max_size=2),
    bcc=st.just(NameAddr("secret@hidden.example", "Hidden Secret")),
    reply_to=st.lists(PEOPLE, max_size=2),
    subject=LINES,
    text=st.none() | BODIES,
    html=st.none() | BODIES,
    attachments=st.lists(FILES, max_size=3),
    headers=HEADERS,
    date=st.none() | DATES,
    message_id=st.none() | st.just("<given!id@example.com>"),
)


# Reading.


def a_message(**fields: Any) -> Message:
    return Message(**{"from_": "ann@example.com", "to": "bob@example.org", **fields})


def read(data: bytes) -> EmailMessage:
    return message_from_bytes(data, policy=default)


def parse(message: Message) -> EmailMessage:
    return read(compose(message).data)


def line_feeds(text: str) -> str:
    return re.sub(r"\r\n|\r", "\n", text)


def unfolded(message: EmailMessage, name: str) -> str:
    """One field as it was sent, in one line."""
    (value,) = [value for key, value in message.raw_items() if key == name]
    return re.sub(r"\r\n(?=[ \t])", "", value)


def words(value: str) -> str:
    """A value by RFC 2047 alone, without the reading of structure."""
    return str(make_header(decode_header(value)))


def header(message: EmailMessage, name: str) -> str:
    """One field; the older parser is kinder to spaces at the edge of an encoded word."""
    return words(unfolded(message, name))


def parameter(part: EmailMessage, name: str) -> str:
    """A parameter of Content-Disposition; ``get_filename`` would strip it."""
    found: str = part["Content-Disposition"].params[name]
    return found


def shape(part: Any) -> Any:
    """The tree of content types."""
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        return [part.get_content_subtype(), *map(shape, part.iter_parts())]
    return part.get_content_type()


def expected_shape(message: Message) -> Any:
    files = list(message.attachments)
    inline = [f for f in files if f.disposition == "inline" and message.html is not None]
    kinds = {id(f): f.content_type.partition(";")[0].lower() for f in files}
    body: Any = "text/plain"
    if message.html is not None:
        body = ["related", "text/html", *(kinds[id(f)] for f in inline)] if inline else "text/html"
        if message.text is not None:
            body = ["alternative", "text/plain", body]
    rest = [kinds[id(f)] for f in files if not any(f is i for i in inline)]
    return ["mixed", body, *rest] if rest else body


def header_blocks(data: bytes) -> list[bytes]:
    """The header of the message and of every part in it."""
    blocks = re.findall(rb"(?:\A|--=_[0-9a-f]{32}\r\n)((?:[^\r\n]+\r\n)+)\r\n", data)
    assert blocks
    return blocks


def check_bytes(data: bytes) -> None:
    """What every relay asks for (RFC 5321 section 2.3.8, RFC 5322 section 2.1.1)."""
    assert data.isascii()
    assert b"\0" not in data
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", data), "a bare line end"
    assert data.endswith(b"\r\n")
    assert max(map(len, data.split(b"\r\n"))) <= 998
    for line in b"".join(header_blocks(data)).split(b"\r\n"):
        value = re.sub(rb'"(?:[^"\\]|\\.)*"', b'""', re.sub(rb"^[!-9;-~]+:", b"", line)).strip()
        assert len(line) <= 78 or b" " not in value, "a long line that could have been folded"


# Round trip.


@FUZZ
@given(MESSAGES)
def test_a_message_is_fit_for_every_relay(message: Message) -> None:
    data = compose(message).data
    check_bytes(data)
    assert b"secret@hidden" not in data
    names = [name.lower() for name in read(data)]
    assert "bcc" not in names
    assert len(names) == len(set(names)) or len(message.headers) > 1


@FUZZ
@given(MESSAGES)
def test_names_and_addresses_come_back(message: Message) -> None:
    parsed = parse(message)
    keys: tuple[Any, ...] = ("to", "cc", "reply_to")
    given = [(message.author,), *message.people(*keys)]
    for name, key, people in zip(
        ("From", "To", "Cc", "Reply-To"), ("from", *keys), given, strict=True
    ):
        if not people:
            assert name not in parsed
            continue
        assert not parsed[name].defects
        specs = [str(who.mailbox(key)) for who in people]
        assert [f"{a.username}@{a.domain}" for a in parsed[name].addresses] == [
            spec.replace('"', "") for spec in specs
        ]
        # The newer parser puts a space between the encoded words of a name.
        assert [(words(shown), spec) for shown, spec in pairs(unfolded(parsed, name))] == [
            (who.name, spec) for who, spec in zip(people, specs, strict=True)
        ]


@FUZZ
@given(MESSAGES)
@example(a_message(subject="a" + " " * 1200 + "b"))
@example(a_message(subject="   "))
@example(a_message(subject="=?utf-8?q?=0ABcc=3A_x=40y=2Ez?="))
@example(a_message(subject="w" * 899))
@example(a_message(subject="w" * 2000))
def test_subject_and_further_fields_come_back(message: Message) -> None:
    data = compose(message).data
    check_bytes(data)
    parsed = read(data)
    assert header(parsed, "Subject") == message.subject
    for name, value in message.headers.items():
        found = header(parsed, name)
        # Spaces at the edge of a field are nobody's, unless all of it is for people.
        assert found == value or found == value.strip(" ")


@FUZZ
@given(MESSAGES)
def test_the_parts_stand_where_readers_expect_them(message: Message) -> None:
    assert shape(parse(message)) == expected_shape(message)


@FUZZ
@given(st.none() | BODIES, st.none() | BODIES, st.lists(FILES, max_size=1))
@example("é" + " word" * 40, None, [])
@example("", "", [])
@example(None, None, [])
def test_text_and_html_come_back(
    text: str | None, html: str | None, files: list[Attachment]
) -> None:
    data = compose(a_message(text=text, html=html, attachments=files)).data
    check_bytes(data)
    parsed = read(data)
    for kind, given_text in (("plain", text), ("html", html)):
        part = parsed.get_body((kind,))
        if given_text is None:
            assert part is None or (text is html is None and part.get_content() in ("", "\n"))
            continue
        assert part is not None
        found, wanted = line_feeds(part.get_content()), line_feeds(given_text)
        # A message ends with a line end; only a part can do without.
        assert found in ((wanted, f"{wanted}\n") if part is parsed else (wanted,))


@FUZZ
@given(st.lists(FILES, max_size=4), st.booleans())
def test_attachments_come_back(files: list[Attachment], html: bool) -> None:
    parsed = parse(a_message(text="x", html="<p>" if html else None, attachments=files))
    parts: list[Any] = [part for part in parsed.walk() if part["Content-Disposition"]]
    wanted = sorted(files, key=lambda f: not (html and f.disposition == "inline"))
    for part, file in zip(parts, wanted, strict=True):
        assert part.get_payload(decode=True) == file.content
        assert part["Content-Disposition"].content_disposition == file.disposition
        assert parameter(part, "filename") == file.filename
        assert part["Content-ID"] == (file.content_id and f"<{file.content_id}>")


@pytest.mark.parametrize("letter", ["x", " ", '"', "é", "日", "💩", "\u202e", "%", "'", "*"])
@pytest.mark.parametrize("length", [1, 59, 60, 61, 254, 255])
def test_a_file_name_of_any_script_and_length_comes_back(letter: str, length: int) -> None:
    data = compose(a_message(attachments=[Attachment(filename=letter * length, content=b"")])).data
    check_bytes(data)
    *_, part = read(data).iter_attachments()
    assert parameter(part, "filename") == letter * length
    assert not part["Content-Disposition"].defects


@pytest.mark.parametrize("name", ["日本語" * 60, "é" * 255, "a💩" * 120, "=?utf-8?q?x?=.txt"])
def test_a_file_name_is_encoded_as_rfc_2231_says(name: str) -> None:
    """Read by hand, octets first: no reader has to be kind."""
    data = compose(a_message(attachments=[Attachment(filename=name, content=b"")])).data
    pieces = re.findall(rb"\r\n filename(?:\*(\d+))?\*=([^;\r\n]*)", data)
    assert [int(number or 0) for number, _ in pieces] == list(range(len(pieces)))
    charset, language, octets = b"".join(piece for _, piece in pieces).split(b"'")
    assert (charset, language) == (b"utf-8", b"")
    assert unquote_to_bytes(octets).decode() == name
    for _, piece in pieces:
        unquote_to_bytes(piece.rpartition(b"'")[2]).decode()  # no character is cut in two


@pytest.mark.parametrize(
    "name", ["=?utf-8?q?evil.exe?=", "=?utf-8?b?ZXZpbA==?= x.txt", "x =?utf-8?q?=0A?= y"]
)
def test_a_file_name_that_looks_encoded_is_not_decoded(name: str) -> None:
    *_, part = parse(
        a_message(attachments=[Attachment(filename=name, content=b"")])
    ).iter_attachments()
    assert parameter(part, "filename") == name


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("w" * 70, "ann@example.com"),
        ("word " * 14, f"{'l' * 64}@{'d' * 63}.example"),
        ('"' * 76, "ann@example.com"),
        ("Ann, of " + "\\" * 60, "ann@example.com"),
        ("Ann", f"{'l' * 64}@{'d' * 63}.{'e' * 63}.example"),
    ],
)
def test_a_long_name_or_address_is_folded(name: str, address: str) -> None:
    data = compose(a_message(to=[NameAddr(address, name)], cc=NameAddr(address, name))).data
    check_bytes(data)


@pytest.mark.parametrize(
    "kind",
    [
        "a/b" + "; c=d" * 300,
        'a/b; c="' + "d " * 60 + '"; e=' + "f" * 120,
        "a/b;" + " " * 999 + "c=d",
    ],
)
def test_a_content_type_with_many_parameters_is_folded_or_refused(kind: str) -> None:
    try:
        file = Attachment(filename="x", content=b"", content_type=kind)
    except InputError:
        return
    check_bytes(compose(a_message(attachments=[file])).data)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "7bit"),
        (" \t spaces at the end  \n\n.\n..\nFrom me\n", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("bell \a", "quoted-printable"),
        ("a long line with one é", "quoted-printable"),
        ("\0" * 100, "base64"),
        ("日本語" * 100, "base64"),
    ],
)
def test_the_lightest_encoding_that_is_safe_is_chosen(text: str, encoding: str) -> None:
    parsed = parse(a_message(text=text))
    assert parsed["Content-Transfer-Encoding"] == encoding
    assert parsed.get_content_charset() == "utf-8"
    assert line_feeds(parsed.get_content()).removesuffix("\n") == text.removesuffix("\n")


@pytest.mark.parametrize(
    "text", ["é" * 100, "é " + "x" * 2000, "x" * 1000, "\x01" + "word " * 40, "=" * 999]
)
def test_a_text_of_one_long_line_has_no_bare_line_feed(text: str) -> None:
    check_bytes(compose(a_message(text=text)).data)


def test_an_empty_message_is_whole() -> None:
    parsed = parse(a_message(to=()))
    assert set(parsed) == {
        "From", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    }  # fmt: skip
    assert (parsed["Subject"], parsed.get_content()) == ("", "")


def test_nothing_that_was_parsed_has_a_defect() -> None:
    files = [Attachment(filename="é.png", content=b"\0\xff" * 99, disposition=d, content_id="c@d")
             for d in ("inline", "attachment")]  # fmt: skip
    parsed = parse(
        a_message(subject="Grüße", text="é", html="<img src='cid:c@d'>", attachments=files)
    )
    assert [part.defects for part in parsed.walk()] == [[]] * 7
    for part in parsed.walk():
        assert not any(value.defects for value in part.values() if hasattr(value, "defects"))


def test_the_same_inline_file_twice_stays_beside_the_html() -> None:
    file = Attachment(filename="a.png", content=b"x", disposition="inline")
    assert shape(parse(a_message(html="<p>", attachments=[file, file]))) == [
        "related", "text/html", "image/png", "image/png",
    ]  # fmt: skip


def test_inline_without_html_is_attached() -> None:
    file = Attachment(filename="a.png", content=b"x", disposition="inline")
    assert shape(parse(a_message(attachments=[file]))) == ["mixed", "text/plain", "image/png"]


@pytest.mark.parametrize(
    ("content", "kind", "body"),
    [
        (b"Subject: x\n\nhi\n", "message/rfc822", b"Subject: x\r\n\r\nhi\r\n"),
        (b"Subject: x\r\n\r\nhi", "message/rfc822", b"Subject: x\r\n\r\nhi"),
        (b"", "message/rfc822", b""),
        (b"Subject: \xc3\xa9\n\nhi\n", "application/octet-stream", None),
        (b"Subject: x\n\n\0\n", "application/octet-stream", None),
        (b"Subject: x\n\n" + b"x" * 999, "application/octet-stream", None),
    ],
)
def test_a_message_goes_as_it_is_or_as_a_file(
    content: bytes, kind: str, body: bytes | None
) -> None:
    data = compose(a_message(attachments=[Attachment(filename="a.eml", content=content)])).data
    check_bytes(data)
    part: Any = list(read(data).iter_attachments())[-1]
    assert part.get_content_type() == kind
    if body is None:
        assert part["Content-Transfer-Encoding"] == "base64"
        assert part.get_payload(decode=True) == content
    else:
        assert part["Content-Transfer-Encoding"] == "7bit"
        assert b"\r\n\r\n" + body + b"\r\n--=_" in data


# Date and Message-ID.


@FUZZ
@given(DATES)
def test_the_date_comes_back(date: datetime) -> None:
    parsed = parse(a_message(date=date))
    assert parsed["Date"].datetime == date.replace(microsecond=0)
    assert parsed["Date"].datetime.utcoffset() == date.utcoffset()


@pytest.mark.parametrize("seconds", [1172, -1172, 1, -1, 3599])
def test_a_zone_with_seconds_does_not_shift_the_date(seconds: int) -> None:
    """As every place had before time zones (RFC 5322 knows whole minutes)."""
    date = datetime(1930, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(seconds=seconds)))
    assert parse(a_message(date=date))["Date"].datetime == date


@pytest.mark.parametrize(
    ("date", "text"),
    [
        (datetime(2026, 2, 1, 3, 4, 5, tzinfo=UTC), "Sun, 01 Feb 2026 03:04:05 +0000"),
        (
            datetime(1999, 12, 31, 23, 59, 59, tzinfo=timezone(-timedelta(hours=3, minutes=30))),
            "Fri, 31 Dec 1999 23:59:59 -0330",
        ),
        (datetime(2026, 7, 6), "Mon, 06 Jul 2026 00:00:00 +0000"),  # noqa: DTZ001
    ],
)
def test_a_date_is_written_in_english(date: datetime, text: str) -> None:
    assert format_date(date) == text


def test_now_is_the_date_of_a_message_without_one() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert read(compose(a_message(), now).data)["Date"].datetime == now
    given_date = now - timedelta(days=1)
    assert read(compose(a_message(date=given_date), now).data)["Date"].datetime == given_date
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= parse(a_message())["Date"].datetime <= datetime.now(UTC)


def test_a_message_id_is_as_given() -> None:
    composed = compose(a_message(message_id="<1@example.com>"))
    assert composed.message_id == "<1@example.com>" == read(composed.data)["Message-ID"]


@pytest.mark.parametrize(
    ("sender", "domain"),
    [("a@example.com", "example.com"), ("a@bücher.example", "xn--bcher-kva.example"),
     ("a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]")],
)  # fmt: skip
def test_a_message_id_is_made_of_the_authors_domain(sender: str, domain: str) -> None:
    composed = compose(a_message(from_=sender))
    assert re.fullmatch(rf"<[0-9a-f]{{32}}@{re.escape(domain)}>", composed.message_id)
    assert read(composed.data)["Message-ID"] == composed.message_id


def test_no_two_messages_share_an_id_or_a_boundary() -> None:
    message = a_message(text="x", html="y")
    composed = [compose(message) for _ in range(50)]
    assert len({c.message_id for c in composed}) == 50
    assert len({read(c.data).get_boundary() for c in composed}) == 50


def test_fields_come_in_one_order() -> None:
    message = a_message(cc="c@d.example", reply_to="r@s.example", headers={"X-B": "1", "x-a": "2"})
    assert list(parse(message)) == [
        "From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "X-B", "x-a",
        "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    ]  # fmt: skip


# The last look.

GOOD = b"From: a\r\nSubject: b\r\n c\r\n\td\r\n\r\nBcc: body\r\n"


@pytest.mark.parametrize("names", [["From", "Subject"], ["from", "SUBJECT"]])
def test_a_block_of_the_composed_fields_passes(names: list[str]) -> None:
    check_header_block(GOOD, iter(names))


def test_an_empty_block_passes_for_no_fields() -> None:
    check_header_block(b"\r\n\r\nbody", [])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"From: a\r\nSubject: b\r\nBcc: c\r\n\r\n", "bcc"),
        (b"From: a\r\nBcc: b\r\nSubject: c\r\n\r\n", "bcc"),
        (b"From: a\r\nSubject: b\r\nFrom: c\r\n\r\n", "a different order or number"),
        (b"Subject: b\r\nFrom: c\r\n\r\n", "a different order or number"),
        (b"From: a\r\n\r\nSubject: b\r\n\r\n", "a different order or number"),
        (b"From: a\r\nSubject: b", "a different order or number"),
        (b"From: a\r\nSubject: b\r\n", "not a header field"),
        (b"", "a different order or number"),
        (b"\r\n\r\n", "a different order or number"),
        (b"From: a\nBcc: c\r\nSubject: b\r\n\r\n", "a bare line end, NUL"),
        (b"From: a\rBcc: c\r\nSubject: b\r\n\r\n", "a bare line end, NUL"),
        (b"From: a\r\n x\nBcc: c\r\nSubject: b\r\n\r\n", "a bare line end, NUL"),
        (b"From: a\0\r\nSubject: b\r\n\r\n", "a bare line end, NUL"),
        (b"From: a\r\nno colon\r\nSubject: b\r\n\r\n", "not a header field"),
        (b"From: a\r\nBcc : c\r\nSubject: b\r\n\r\n", "not a header field"),
        (b"From: a\r\n: c\r\nSubject: b\r\n\r\n", "not a header field"),
        (b"From: a\r\nB\xc3\xa9: c\r\nSubject: b\r\n\r\n", "not a header field"),
    ],
)
def test_any_other_block_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        check_header_block(data, ["From", "Subject"])
    assert (caught.value.code, caught.value.field) == ("message.injection", "headers")


@pytest.mark.parametrize("bad", ["x\r\nBcc: y@z.example", "x\n\nbody", "x\rBcc: y", "x\0"])
def test_a_value_that_was_never_checked_is_still_found(bad: str) -> None:
    message = a_message()
    object.__setattr__(message, "subject", bad)
    with pytest.raises(InputError) as caught:
        compose(message)
    assert caught.value.code == "message.injection"


def test_a_header_set_afterwards_tells_no_blind_recipient() -> None:
    message: Any = a_message(headers={"X-A": "b"})
    with suppress(TypeError, InputError):
        message.headers["Bcc"] = "secret@hidden.example"
        assert "Bcc" not in parse(message)
    assert message.headers["X-A"] == "b"


def test_no_boundary_is_part_of_another() -> None:
    data = compose(
        a_message(
            text="x",
            html="y",
            attachments=[
                Attachment(filename="a", content=b"", disposition="inline"),
                Attachment(filename="b", content=b""),
            ],
        )
    ).data
    found = re.findall(rb'boundary="([^"]+)"', data)
    assert len(found) == 3
    assert not any(a.startswith(b) or b.startswith(a) for a, b in pairwise([*found, found[0]]))
