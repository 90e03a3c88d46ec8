"""What can be put into a message, and what is refused with the name of the field."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smtps.core.address import Mailbox
from smtps.errors import InputError, Phase
from smtps.message.addresses import NameAddr, mailbox
from smtps.message.message import OWN_FIELDS, Attachment, Message
from smtps.message.mime import compose


def a_message(**fields: Any) -> Message:
    return Message(**{"from_": "ann@example.com", "to": "bob@example.org", **fields})


def an_attachment(**fields: Any) -> Attachment:
    return Attachment(**{"filename": "a.txt", "content": b"x", **fields})


# People.


@pytest.mark.parametrize(
    ("text", "email", "name"),
    [
        ("ann@example.com", "ann@example.com", ""),
        ("<ann@example.com>", "ann@example.com", ""),
        ("Ann <ann@example.com>", "ann@example.com", "Ann"),
        (" Ann  Example\t<ann@example.com> ", "ann@example.com", "Ann  Example"),
        ("Ann<ann@example.com>", "ann@example.com", "Ann"),
        ('"Example, Ann: (1)" <ann@example.com>', "ann@example.com", "Example, Ann: (1)"),
        ('"" <ann@example.com>', "ann@example.com", ""),
        ("Änn Exämple <ann@example.com>", "ann@example.com", "Änn Exämple"),
        ("evil@example.net <ann@example.com>", "ann@example.com", "evil@example.net"),
    ],
)
def test_one_name_and_address_is_read(text: str, email: str, name: str) -> None:
    assert NameAddr.parse(text) == NameAddr(email, name)
    assert NameAddr.parse(text).mailbox("to") == Mailbox.parse(email)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "Ann", "Ann <>", "Ann <ann>", "Ann <ann@example.com", "ann@example.com>",
        "Ann <ann@example.com> x", "a@b.example, c@d.example", "a@b.example; c@d.example",
        "Ann <a@b.example>, Bob <c@d.example>", "Example, Ann <ann@example.com>",
        '"Ann" Example <ann@example.com>', '"Ann <ann@example.com>', "Team: a@b.example;",
        "<a@b.example> <c@d.example>", "Ann\r\nBcc: x@y.example <ann@example.com>",
        "Ann\r\nBcc <ann@example.com>", "Ann <ann@example.com>\n", "Ann\r\n <ann@example.com>",
        "Ann\x85<ann@example.com>", "Ann\u2028<ann@example.com>", "ann@example.com\n",
    ],
)  # fmt: skip
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(InputError, match=r"^to: ") as caught:
        NameAddr.parse(text).mailbox("to")
    assert (caught.value.field, caught.value.phase) == ("to", Phase.INPUT)


@pytest.mark.parametrize(
    "name", ["a\nb", "a\rb", "\0", "\x7f", "\x85", "\u2028", "\udc00", 5, None]
)
def test_a_name_that_cannot_be_shown_is_refused(name: Any) -> None:
    for field in ("from_", "to", "cc", "bcc", "reply_to"):
        with pytest.raises(InputError) as caught:
            a_message(**{field: NameAddr("x@example.com", name)})
        assert caught.value.field == field.removesuffix("_")


def test_a_domain_is_kept_as_a_labels() -> None:
    assert mailbox("a@BÜCHER.example", "to") == Mailbox("a", "xn--bcher-kva.example")
    assert mailbox("a@Example.COM", "to") == Mailbox("a", "Example.COM")


def test_what_is_accepted_can_be_said_to_a_server() -> None:
    """A-labels are longer than what they stand for."""
    with pytest.raises(InputError, match=r"^to: .*is longer than 254 bytes"):
        mailbox("x" * 64 + "@" + ".".join(["é"] * 30), "to")


@pytest.mark.parametrize("people", [(), [], "a@b.example", ["a@b.example"], {"a@b.example": 1}])
def test_people_are_one_or_several(people: Any) -> None:
    message = a_message(to=people, cc=people)
    assert [str(who.mailbox("to")) for who in message.people("to")[0]] == ["a@b.example"] * bool(
        people
    )
    assert len(message.recipients) == bool(people)


def test_people_may_come_from_an_iterator() -> None:
    message = a_message(to=(f"{n}@example.com" for n in range(3)))
    assert [str(m) for m in message.recipients] == [
        "0@example.com",
        "1@example.com",
        "2@example.com",
    ]
    assert len(message.recipients) == 3


def test_every_recipient_is_there_once_in_the_order_given() -> None:
    message = a_message(
        to=["a@x.example", "Ann <a@x.example>", "A@x.example"],
        cc=["b@bücher.example", "a@x.example"],
        bcc=["c@x.example", "b@xn--bcher-kva.example"],
        reply_to="r@x.example",
    )
    assert [str(m) for m in message.recipients] == [
        "a@x.example", "A@x.example", "b@xn--bcher-kva.example", "c@x.example",
    ]  # fmt: skip
    assert message.reverse_path == Mailbox("ann", "example.com")
    assert message.author == NameAddr("ann@example.com")


@pytest.mark.parametrize("from_", [(), [], ["a@b.example", "c@d.example"]])
def test_there_is_one_author(from_: Any) -> None:
    with pytest.raises(InputError, match=r"^from: must be one mailbox"):
        a_message(from_=from_)


# Fields.


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"subject": None}, "subject"),
        ({"subject": b"x"}, "subject"),
        ({"subject": "a\nb"}, "subject"),
        ({"subject": "tab\t"}, "subject"),
        ({"subject": "half \ud83d"}, "subject"),
        ({"text": b"x"}, "text"),
        ({"text": "half \udca9"}, "text"),
        ({"html": 5}, "html"),
        ({"html": "\ud800"}, "html"),
        ({"headers": {"": "x"}}, "headers"),
        ({"headers": {"X Y": "x"}}, "headers"),
        ({"headers": {"X:": "x"}}, "headers"),
        ({"headers": {"X\n": "x"}}, "headers"),
        ({"headers": {"Xé": "x"}}, "headers"),
        ({"headers": {"X" * 77: "x"}}, "headers"),
        ({"headers": {5: "x"}}, "headers"),
        ({"subject": "x" * 10_001}, "subject"),
        ({"headers": {"X-Y": "x" * 10_001}}, "headers.X-Y"),
        ({"headers": {"X-Y": None}}, "headers.X-Y"),
        ({"headers": {"X-Y": "a\r\nb"}}, "headers.X-Y"),
        ({"headers": {"X-Y": "\udc00"}}, "headers.X-Y"),
        ({"headers": {"Content-Foo": "x"}}, "headers.Content-Foo"),
        ({"headers": {"RESENT-BCC": "x"}}, "headers.RESENT-BCC"),
        ({"message_id": ""}, "message_id"),
        ({"message_id": "a@b"}, "message_id"),
        ({"message_id": "<a>"}, "message_id"),
        ({"message_id": "<a@b>\r\nBcc: x"}, "message_id"),
        ({"message_id": "<a b@c>"}, "message_id"),
        ({"message_id": "<a@b>\n"}, "message_id"),
        ({"message_id": "<é@b>"}, "message_id"),
        ({"message_id": f"<{'a' * 201}@b>"}, "message_id"),
        ({"date": datetime(2026, 1, 1)}, "date"),  # noqa: DTZ001
    ],
)
def test_what_cannot_stand_in_a_message_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        a_message(**fields)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"from_": None}, "from"),
        ({"to": 5}, "to"),
        ({"to": None}, "to"),
        ({"to": [None]}, "to"),
        ({"to": b"a@b.example"}, "to"),
        ({"date": "2026-01-01"}, "date"),
        ({"message_id": 5}, "message_id"),
        ({"headers": "X: y"}, "headers"),
        ({"headers": None}, "headers"),
        ({"attachments": [b"x"]}, "attachments"),
        ({"attachments": 5}, "attachments"),
        ({"attachments": "x"}, "attachments"),
    ],
)
def test_a_wrong_type_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        a_message(**fields)
    assert caught.value.field == field


@pytest.mark.parametrize("name", [*sorted(OWN_FIELDS), "To", "BCC", "Content-Type"])
def test_fields_with_a_place_of_their_own_cannot_be_headers(name: str) -> None:
    with pytest.raises(InputError, match=r"leave it out|has its own argument: \w+$"):
        a_message(headers={name: "x"})


def test_a_header_in_two_spellings_is_there_twice() -> None:
    with pytest.raises(InputError, match="contains the same field twice"):
        a_message(headers={"References": "<1@x.example>", "references": "<2@x.example>"})


def test_long_texts_are_taken() -> None:
    message = a_message(
        cc=NameAddr("x@example.com", "é" * 500),
        subject="x" * 10_000,
        headers={"X" * 76: "é" * 10_000},
        message_id=f"<{'!' * 200}@{'~' * 200}>",
    )
    assert max(map(len, compose(message).data.split(b"\r\n"))) <= 998


def test_what_was_given_is_kept_and_cannot_be_changed() -> None:
    headers = {"X-Ticket": "1"}
    files = [an_attachment()]
    message = a_message(
        text="a", html="b", headers=headers, attachments=iter(files),
        date=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    headers["Bcc"] = "x"
    assert message.headers == {"X-Ticket": "1"}
    assert list(message.attachments) == files
    with pytest.raises(FrozenInstanceError):
        message.subject = "x"  # type: ignore[misc]


# Attachments.


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "text/plain"), ("a.PNG", "image/png"), ("é.pdf", "application/pdf"),
        ("a.eml", "message/rfc822"), ("a.html", "text/html"), ("a", "application/octet-stream"),
        ("a.unknown", "application/octet-stream"), ("a.txt.gz", "application/octet-stream"),
        ("a.tar.gz", "application/octet-stream"), (".png", "application/octet-stream"),
        ("data:text/html,x", "application/octet-stream"),
        ("data:multipart/mixed,x", "application/octet-stream"),
        ("data:,", "application/octet-stream"), ("http://example.com/a.png", "image/png"),
    ],
)  # fmt: skip
def test_a_content_type_is_guessed_from_the_ending(name: str, kind: str) -> None:
    assert an_attachment(filename=name).content_type == kind


@pytest.mark.parametrize(
    "kind",
    [
        "image/png", "Image/PNG", "application/vnd.x-y+json", "text/plain; charset=utf-8",
        "text/plain;charset=utf-8;format=flowed", 'a/b; c="d; e"', 'a/b; c=""', "message/rfc822",
        "a" * 60 + "/" + "b" * 60,
    ],
)  # fmt: skip
def test_a_content_type_is_kept_as_given(kind: str) -> None:
    assert an_attachment(content_type=kind).content_type == kind


@pytest.mark.parametrize(
    "kind",
    [
        " ", "a", "a/", "/b", "a/b/c", "a b/c", "a/b;", "a/b; c", "a/b; c=", "a/b c=d", "a/b; c=d;",
        "é/b", "a/b\r\nBcc: x", "a/b\n", 'a/b; c="d\n"', 'a/b; c="d"e"', 'a/b; c="\\""',
        "a/b (c)", "a/b; c=\u0661", "a" * 61 + "/b", "multipart/mixed", "MultiPart/x; boundary=y",
        "a/b; c==?utf-8?q?=0A?=", "text/plain;\tcharset=utf-8", "a/b" + "; c=d" * 50_000 + "(",
        "a/b; c=" + '"' * 50_000, "a" * 100_000, "a/" * 100_000, "a/b;" + " " * 100_000,
        5,
    ],
    ids=range(30),
)  # fmt: skip
def test_a_bad_content_type_is_refused(kind: Any) -> None:
    with pytest.raises(InputError) as caught:
        an_attachment(content_type=kind)
    assert caught.value.field == "attachments.content_type"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"filename": ""}, "filename"),
        ({"filename": None}, "filename"),
        ({"filename": b"a"}, "filename"),
        ({"filename": "a" * 256}, "filename"),
        ({"filename": "a\nb"}, "filename"),
        ({"filename": "a\0"}, "filename"),
        ({"filename": "a\u2029"}, "filename"),
        ({"filename": "\udcff"}, "filename"),
        ({"content": "text"}, "content"),
        ({"content": bytearray(b"x")}, "content"),
        ({"content": None}, "content"),
        ({"content_id": ""}, "content_id"),
        ({"content_id": "<a@b>"}, "content_id"),
        ({"content_id": "a b"}, "content_id"),
        ({"content_id": "a@b@c"}, "content_id"),
        ({"content_id": "a\r\nX: y"}, "content_id"),
        ({"content_id": "é"}, "content_id"),
        ({"content_id": "a" * 201}, "content_id"),
        ({"content_id": 5}, "content_id"),
        ({"disposition": "form-data"}, "disposition"),
        ({"disposition": "inline\r\nX: y"}, "disposition"),
        ({"disposition": None}, "disposition"),
    ],
)
def test_what_cannot_stand_in_a_part_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        an_attachment(**fields)
    assert caught.value.field == f"attachments.{field}"


def test_the_bytes_of_an_attachment_are_not_shown() -> None:
    assert "canary" not in repr(an_attachment(content=b"canary"))


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "日本語.png"
    path.write_bytes(b"\x89PNG")
    for given in (path, str(path)):
        file = Attachment.from_file(given)
        assert (file.filename, file.content_type, file.content, file.disposition) == (
            "日本語.png", "image/png", b"\x89PNG", "attachment",
        )  # fmt: skip
    assert Attachment.from_file(path, "a/b").content_type == "a/b"


@pytest.mark.parametrize(
    "name", ["missing", ".", "", "a\0b", "n" * 300, "missing/x", "\ud800"], ids=range(7)
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot read") as caught:
        Attachment.from_file(f"{tmp_path}/{name}")
    assert caught.value.field == "attachments"


def test_a_file_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a\udcff.txt"
    path.write_bytes(b"x")
    with pytest.raises(InputError) as caught:
        Attachment.from_file(path)
    assert caught.value.field == "attachments.filename"
