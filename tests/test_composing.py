"""What an author may say and how it stands in the message: sender, alternatives, names, fields."""

from __future__ import annotations

from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from email.utils import formataddr
from pathlib import Path
from typing import Any

import pytest

from smtps.client.outgoing import Envelope, prepare
from smtps.errors import InputError
from smtps.message.addresses import NameAddr
from smtps.message.message import Attachment, Message
from smtps.message.mime import compose

ENVELOPE = Envelope.of("ann@example.com", "bob@example.org")


def a_message(**fields: Any) -> Message:
    return Message(**{"from_": "ann@example.com", "to": "bob@example.org", "text": "t", **fields})


def parse(message: Message) -> EmailMessage:
    return message_from_bytes(compose(message).data, policy=default)


def shape(part: Any) -> Any:
    """The tree of content types."""
    if part.is_multipart():
        return [part.get_content_subtype(), *map(shape, part.iter_parts())]
    return part.get_content_type()


# Sender.


def test_who_sends_for_the_author_stands_in_sender_and_gets_the_bounces() -> None:
    outgoing = prepare(a_message(sender="Office <office@example.com>"), None)
    parsed = message_from_bytes(outgoing.data, policy=default)
    assert str(parsed["Sender"].address) == "Office <office@example.com>"
    assert str(parsed["From"]) == "ann@example.com"
    assert str(outgoing.envelope.sender) == "office@example.com"
    assert (outgoing.message_id or "").endswith("@example.com>")


def test_a_sender_who_is_the_author_is_not_said_twice() -> None:
    """RFC 5322 section 3.6.2."""
    assert "Sender" not in parse(a_message(sender="Ann <ann@example.com>"))


@pytest.mark.parametrize("sender", ["x", "", [], ["a@b.example", "c@d.example"], 5, b"a@b.example"])
def test_a_sender_is_one_mailbox(sender: Any) -> None:
    with pytest.raises(InputError) as caught:
        a_message(sender=sender)
    assert caught.value.field == "sender"


# Alternatives.

INVITATION = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nSUMMARY:Gr\xc3\xbc\xc3\x9fe\r\nEND:VCALENDAR\r\n"  # noqa: E501


def an_invitation(**fields: Any) -> Attachment:
    return Attachment(**{"filename": "invite.ics", "content": INVITATION, **fields})


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, ["alternative", "text/plain", "text/calendar"]),
        ({"html": "<p>"}, ["alternative", "text/plain", "text/html", "text/calendar"]),
        ({"text": None, "html": "<p>"}, ["alternative", "text/html", "text/calendar"]),
        ({"text": None}, ["alternative", "text/plain", "text/calendar"]),
        (
            {"attachments": [an_invitation()]},
            ["mixed", ["alternative", "text/plain", "text/calendar"], "text/calendar"],
        ),
        (
            {"html": "<img>", "attachments": [
                Attachment(filename="a.png", content=b"x", content_id="i", disposition="inline"),
            ]},
            ["alternative", "text/plain", ["related", "text/html", "image/png"], "text/calendar"],
        ),
    ],
)  # fmt: skip
def test_an_invitation_stands_beside_the_text(fields: dict[str, Any], wanted: Any) -> None:
    assert shape(parse(a_message(alternatives=[an_invitation()], **fields))) == wanted


@pytest.mark.parametrize(
    "kind", ["", "text/calendar", 'text/calendar; charset="utf-8"; method=REQUEST']
)
def test_an_invitation_says_what_it_wants_and_is_no_file(kind: str) -> None:
    parsed = parse(a_message(alternatives=[an_invitation(content_type=kind)]))
    *_, part = parsed.iter_parts()
    assert part["Content-Type"].params == {"charset": "utf-8", "method": "REQUEST"}
    assert "Content-Disposition" not in part
    assert part.get_content() == INVITATION.decode()


def test_a_method_that_is_not_the_calendar_s_is_refused() -> None:
    """RFC 6047 section 2.4."""
    message = a_message(alternatives=[an_invitation(content_type="text/calendar; method=CANCEL")])
    with pytest.raises(InputError, match=r"method=CANCEL.*METHOD:REQUEST") as caught:
        compose(message)
    assert caught.value.field == "alternatives.content_type"


def test_a_calendar_without_a_method_has_none() -> None:
    file = an_invitation(content=INVITATION.replace(b"METHOD:REQUEST\r\n", b""))
    *_, part = parse(a_message(alternatives=[file])).iter_parts()
    assert "method" not in part["Content-Type"].params


def test_forms_that_html_shall_win_over_go_before_it() -> None:
    amp = Attachment(filename="a", content=b"<html amp4email>", content_type="text/x-amp-html")
    parsed = parse(a_message(html="<p>", alternatives=[an_invitation(), amp]))
    assert shape(parsed) == [
        "alternative", "text/plain", "text/x-amp-html", "text/html", "text/calendar",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["attachments", "alternatives"])
@pytest.mark.parametrize("files", [["x"], [b"x"], 5, [None], "x"])
def test_files_are_attachments(name: str, files: Any) -> None:
    with pytest.raises(InputError, match="must be Attachment objects") as caught:
        a_message(**{name: files})
    assert caught.value.field == name


# Names of files.


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("C:\\Users\\ann\\report.pdf", "report.pdf"),
        ("C:report.pdf", "report.pdf"),
        ("\\\\server\\share\\report.pdf", "report.pdf"),
        ("../../home/ann/report.pdf", "report.pdf"),
        ("/etc/passwd", "passwd"),
        ("C:/Users\\ann/レポート.pdf", "レポート.pdf"),
        ("file:///home/ann/a b.pdf", "a b.pdf"),
        ("12:30 notes.txt", "12:30 notes.txt"),
        ("...", "..."),
        (".profile", ".profile"),
        (" ", " "),
    ],
)
def test_of_a_path_only_the_name_is_shown(given: str, shown: str) -> None:
    file = Attachment(filename=given, content=b"x")
    assert file.filename == shown
    (part,) = parse(a_message(attachments=[file])).iter_attachments()
    assert part["Content-Disposition"].params["filename"] == shown


@pytest.mark.parametrize("given", ["/", "a/", "C:\\", "..", ".", "a/..", "a\\."])
def test_a_folder_is_no_file(given: str) -> None:
    with pytest.raises(InputError, match="names a folder") as caught:
        Attachment(filename=given, content=b"x")
    assert caught.value.field == "attachments.filename"


def test_the_type_is_guessed_from_the_name_alone(tmp_path: Path) -> None:
    assert Attachment(filename="a.png/b", content=b"").content_type == "application/octet-stream"


# Names of people.


@pytest.mark.parametrize(
    "name",
    ['Pat "P" O\'Brien', "a\\b", 'back\\"slash', "Lee, Ann", "a <b>", "<x@y.example>", "a@b", "(x)",
     "Jörg Müller", "日本語", "=", "Dr. A. B.", "a;b:c", '"', "\\", "مرحبا"],
)  # fmt: skip
def test_what_formataddr_and_address_write_is_read(name: str) -> None:
    for text in (formataddr((name, "pat@example.org")), str(Address(name, "pat", "example.org"))):
        (who,) = parse(a_message(to=text))["To"].addresses
        assert (who.display_name, who.addr_spec) == (name, "pat@example.org"), text


@pytest.mark.parametrize(
    "text",
    ["a@example.org, b@example.org", "a@example.org;b@example.org", "a@example.org b@example.org",
     "Ann <a@example.org>, Bob <b@example.org>", '"Lee, Ann" <a@example.org>, b@example.org',
     "a@example.org,b@example.org,", "a@example.org\tb@example.org",
     "a@example.org\nb@example.org\n", "a@example.org,\r\n b@example.org"],
)  # fmt: skip
def test_several_addresses_in_one_string_are_to_be_a_list(text: str) -> None:
    for call in (
        lambda: a_message(to=text),
        lambda: a_message(cc=["x@example.org", text]),
        lambda: Envelope.of("ann@example.com", text),
    ):
        with pytest.raises(InputError, match="several addresses; give a list"):
            call()


@pytest.mark.parametrize(
    ("text", "word"),
    [("Lee, Ann <a@example.org>", "in quotes"), ("a@example.org.", "ends with a dot"),
     ("undisclosed-recipients:;", "is a group"), ("Team: a@example.org;", "is a group"),
     ("Ann; <a@example.org>", "in quotes"), ("a@example.org\u00a0", "U\\+00A0, NO-BREAK SPACE"),
     ("\u200ba@example.org", "U\\+200B, ZERO WIDTH SPACE"), ("a\\b <a@example.org>", "in quotes")],
)  # fmt: skip
def test_what_is_meant_well_is_told_how_to_be_written(text: str, word: str) -> None:
    with pytest.raises(InputError, match=word) as caught:
        a_message(to=text)
    assert caught.value.field == "to"


def test_an_envelope_takes_no_names() -> None:
    with pytest.raises(InputError, match=r"has a name; give the bare address 'b@x\.example'"):
        Envelope.of("a@x.example", "Bob <b@x.example>")


def test_a_quoted_name_with_an_encoded_word_is_taken_as_it_reads() -> None:
    assert NameAddr.parse('"=?utf-8?q?x?=" <a@b.example>').name == "=?utf-8?q?x?="
    assert NameAddr.parse("=?utf-8?q?J=C3=B6rg?= <a@b.example>").name == "Jörg"
    assert NameAddr.parse("=?no-such?q?J?= <a@b.example>").name == "=?no-such?q?J?="
    for control in ("=0A", "=0D=0A", "=00"):
        with pytest.raises(InputError):
            a_message(to=f"=?utf-8?q?x{control}y?= <a@b.example>")


# Raw messages and blind recipients.


@pytest.mark.parametrize(
    "field",
    ["Bcc: x@hidden.example", "bcc:x@hidden.example", "BCC : x@hidden.example", "Bcc:",
     "Bcc:\r\n x@hidden.example", "Resent-Bcc: x@hidden.example"],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "From: ann@example.com\r\n"])
def test_a_raw_message_that_tells_of_blind_recipients_is_refused(field: str, before: str) -> None:
    data = f"{before}{field}\r\nSubject: x\r\n\r\nhi\r\n".encode()
    for given in (data, data.replace(b"\r\n", b"\n")):
        with pytest.raises(InputError, match=r"every recipient would see.*keep_bcc") as caught:
            prepare(given, ENVELOPE)
        assert (caught.value.code, caught.value.field) == ("message.bcc_in_raw", "raw")
        assert prepare(given, ENVELOPE, keep_bcc=True).data == data


@pytest.mark.parametrize(
    "data",
    [b"Subject: x\r\n\r\nBcc: x@hidden.example\r\n", b"Subject: x\r\n Bcc: y\r\n\r\n",
     b"X-Bcc: x@hidden.example\r\n\r\n", b"\r\nBcc: x@hidden.example\r\n", b""],
)  # fmt: skip
def test_any_other_raw_message_is_as_it_was(data: bytes) -> None:
    assert prepare(data, ENVELOPE).data == data
