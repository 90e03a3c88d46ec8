"""Any form of message made ready: its bytes, its envelope and what it needs of the server."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes
from email.header import Header
from email.message import EmailMessage
from email.message import Message as LegacyMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP, SMTPUTF8, compat32, default
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtps.client.outgoing import DSN, Envelope, Outgoing, check_capabilities, check_raw, prepare
from smtps.core.address import Mailbox
from smtps.core.capabilities import Capabilities
from smtps.errors import CapabilityError, InputError, Phase
from smtps.message.content import Content
from smtps.message.message import Message

FUZZ = settings(max_examples=100, deadline=None, database=None)
ENVELOPE = Envelope.of("bounce@example.com", "bob@example.org")


def modern(policy: Any = default, **fields: Any) -> EmailMessage:
    message = EmailMessage(policy=policy)
    for name, value in {"From": "ann@example.com", "To": "bob@example.org", **fields}.items():
        if value is not None:
            message[name.replace("_", "-")] = value
    message.set_content(".\nFrom me\n")
    return message


def legacy(text: str = ".\nFrom me\n", **fields: Any) -> MIMEText:
    message = MIMEText(text)
    for name, value in {"From": "ann@example.com", "To": "bob@example.org", **fields}.items():
        if value is not None:
            message[name.replace("_", "-")] = value
    return message


KINDS = pytest.mark.parametrize("build", [modern, legacy])
Build = Callable[..., Any]


def read(outgoing: Outgoing) -> EmailMessage:
    return message_from_bytes(outgoing.data, policy=default)


def tried(work: Callable[[], Any]) -> Any:
    """What came of it, or the error that refused it."""
    try:
        return work()
    except InputError as error:
        return error


def snapshot(message: Any) -> Any:
    """Everything that a message of Python's email package holds."""
    return [
        (
            type(part),
            part.policy,
            list(part.raw_items()),
            None if part.is_multipart() else part.get_payload(),
            part.preamble,
            part.epilogue,
        )
        for part in message.walk()
    ]


# Messages of Python's email package.


@KINDS
def test_date_and_message_id_are_added_when_missing(build: Build) -> None:
    outgoing = prepare(build(), None)
    parsed = read(outgoing)
    assert parsed["Message-ID"] == outgoing.message_id
    assert re.fullmatch(r"<[^@<>\s]+@example\.com>", outgoing.message_id or "")
    assert parsedate_to_datetime(parsed["Date"]).utcoffset() is not None
    assert prepare(build(), None).message_id != outgoing.message_id


@KINDS
def test_date_and_message_id_are_kept(build: Build) -> None:
    date = "Mon, 02 Feb 2026 03:04:05 -0330"
    outgoing = prepare(build(date=date, message_ID="<1@x.example>"), None)
    assert (outgoing.message_id, read(outgoing)["Date"]) == ("<1@x.example>", date)
    assert len(re.findall(rb"(?im)^(?:date|message-id):", outgoing.data)) == 2


@KINDS
@pytest.mark.parametrize(
    ("sender", "domain"),
    [(None, "localhost"), ("a@bücher.example", "xn--bcher-kva.example"),
     ("a@[192.0.2.1]", "[192.0.2.1]")],
)  # fmt: skip
def test_a_message_id_is_made_of_the_reverse_path(
    build: Build, sender: str | None, domain: str
) -> None:
    outgoing = prepare(build(), Envelope.of(sender, "bob@example.org"))
    assert (outgoing.message_id or "").endswith(f"@{domain}>")


@KINDS
def test_blind_recipients_are_in_the_envelope_only(build: Build) -> None:
    outgoing = prepare(build(bCC="secret@hidden.example, other@hidden.example"), None)
    assert b"hidden" not in outgoing.data
    assert [m.local for m in outgoing.envelope.recipients] == ["bob", "secret", "other"]


@KINDS
def test_blind_recipients_of_a_resent_message_are_not_told(build: Build) -> None:
    message = build(Resent_Bcc="secret@hidden.example", Resent_From="carol@example.net")
    outgoing = prepare(message, None)
    assert b"hidden" not in outgoing.data
    assert [str(who) for who in outgoing.envelope.recipients] == ["secret@hidden.example"]


@KINDS
def test_the_callers_message_is_not_changed(build: Build) -> None:
    message = build(Bcc="secret@hidden.example", subject="Grüße")
    before = snapshot(message)
    prepare(message, None)
    prepare(message, ENVELOPE, seven_bit=True)
    assert snapshot(message) == before


def test_the_parts_of_the_callers_message_are_not_changed() -> None:
    message = modern()
    message.add_alternative("<p>é", subtype="html")
    message.add_attachment(modern(subject="inner"))
    message.add_attachment("é", filename="é.txt")
    before = snapshot(message)
    prepare(message, None)
    prepare(message, None, seven_bit=True)
    assert snapshot(message) == before


@KINDS
def test_the_body_is_as_it_was(build: Build) -> None:
    assert prepare(build(), None).data.endswith(b"\r\n\r\n.\r\nFrom me\r\n")


@pytest.mark.parametrize("policy", [compat32, default, SMTP, SMTPUTF8])
def test_the_line_ends_of_any_policy_become_crlf(policy: Any) -> None:
    data = b"From: ann@example.com\nTo: bob@example.org\nSubject: x\n y\n\na\nb\n"
    outgoing = prepare(message_from_bytes(data, policy=policy), None)
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", outgoing.data)
    assert outgoing.data.endswith(b"\r\n\r\na\r\nb\r\n")


def test_a_body_of_8_bits_is_encoded_anew_for_a_server_of_7() -> None:
    message = modern()
    message.set_content("é\n", cte="8bit")
    message.add_alternative("<p>é\n", subtype="html", cte="8bit")
    message.add_attachment("ü\n", cte="8bit", filename="a.txt")
    eight = prepare(message, None)
    assert eight.eight_bit
    assert not eight.smtputf8
    seven = prepare(message, None, seven_bit=True)
    assert not seven.eight_bit
    contents = [part.get_content() for part in read(seven).walk() if not part.is_multipart()]
    assert [c.strip() for c in contents] == ["é", "<p>é", "ü"]


def test_octets_of_no_known_charset_cannot_be_encoded_anew() -> None:
    message = message_from_bytes(b"From: a@b.example\nTo: c@d.example\n\n\xff\n")
    assert prepare(message, None).data.endswith(b"\r\n\r\n\xff\r\n")
    with pytest.raises(InputError, match=r"^message: cannot be serialised") as caught:
        prepare(message, None, seven_bit=True)
    assert caught.value.field == "message"


@pytest.mark.parametrize("policy", [SMTP, SMTPUTF8, default])
def test_a_header_beyond_ascii_is_encoded_unless_an_address_needs_smtputf8(policy: Any) -> None:
    plain = prepare(modern(policy, Subject="é"), None)
    assert not plain.smtputf8
    assert b"Subject: =?utf-8?" in plain.data
    needed = prepare(modern(policy, Subject="é", Cc="ünï@x.example"), None)
    assert needed.smtputf8
    assert (b"Subject: \xc3\xa9\r\n" in needed.data) is (policy is SMTPUTF8)
    assert not prepare(legacy(subject=Header("é", "utf-8")), None).smtputf8


@pytest.mark.parametrize("policy", [SMTP, SMTPUTF8])
def test_no_part_has_a_header_beyond_ascii_unless_an_address_needs_it(policy: Any) -> None:
    for cc, needed in ((None, False), ("ünï@x.example", True)):
        message = modern(policy, Cc=cc)
        message.add_attachment(b"x", maintype="a", subtype="b", filename="é.pdf")
        outgoing = prepare(message, None)
        assert outgoing.data.isascii() is not needed
        *_, part = read(outgoing).iter_attachments()
        found = part.get_filename()
        assert found is not None
        assert found.encode("utf-8", "surrogateescape").decode() == "é.pdf"


@pytest.mark.parametrize("place", ["sender", "recipient"])
def test_a_mailbox_beyond_ascii_needs_smtputf8(place: str) -> None:
    people = ("ünï@example.com", "b@d.example")
    envelope = Envelope.of(*(people if place == "sender" else people[::-1]))
    for message in (modern(), legacy(), b"Subject: x\r\n\r\n", Message(from_="a@b.example")):
        assert prepare(message, envelope).smtputf8
        assert not prepare(message, ENVELOPE).smtputf8


@KINDS
@pytest.mark.parametrize("domain", ["bücher.example", "日本。example"])
def test_header_and_envelope_show_the_same_domain(build: Build, domain: str) -> None:
    outgoing = tried(lambda: prepare(build(To=None, Cc=f"bob@{domain}"), None))
    if isinstance(outgoing, InputError):
        assert outgoing.field in ("cc", "message", "headers")
        return
    (address,) = read(outgoing)["Cc"].addresses
    assert [Mailbox(address.username, address.domain)] == list(outgoing.envelope.recipients)


def with_payload(payload: Any) -> LegacyMessage:
    message = legacy()
    message._payload = payload  # type: ignore[attr-defined]
    return message


def with_part(part: Any) -> LegacyMessage:
    message = MIMEMultipart()
    message["From"], message["To"] = "ann@example.com", "bob@example.org"
    message.attach(part)
    return message


@pytest.mark.parametrize(
    "build",
    [
        lambda: with_payload(5),
        lambda: with_payload(object()),
        lambda: with_part("a string, not a part"),
        lambda: with_part(None),
        lambda: legacy(x_number=5),
        lambda: legacy(subject="x\nBcc: y@z.example"),
        lambda: legacy(subject="lone surrogate \ud83d"),
    ],
    ids=range(7),
)
def test_what_cannot_be_serialised_is_an_input_error(build: Callable[[], Any]) -> None:
    with pytest.raises(InputError) as caught:
        prepare(build(), ENVELOPE)
    assert caught.value.field.partition(".")[0] in ("message", "headers")


def test_a_line_too_long_is_refused_also_from_pythons_email() -> None:
    with pytest.raises(InputError) as caught:
        prepare(legacy("x" * 999), None)
    assert caught.value.code == "message.line_too_long"


REPORT = b"""Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B

It could not be delivered.
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; a@x.example
Action: failed

--B
Content-Type: text/rfc822-headers

Subject: x

--B--
"""

HONEST: dict[str, Callable[[], Any]] = {
    "a charset of old": lambda: MIMEText("Grüße\n", "plain", "iso-8859-1"),
    "UTF-8": lambda: MIMEText("Grüße\n" * 30, "plain", "utf-8"),
    "no line end": lambda: MIMEText("x"),
    "an empty text": lambda: MIMEText(""),
    "only line ends": lambda: MIMEText("\n\n\n"),
    "no type": LegacyMessage,
    "parts in parts": lambda: with_part(with_part(MIMEText("é", "html", "utf-8"))),
    "a message in a message": lambda: with_part(MIMEMessage(legacy(subject="inner"))),
    "a report": lambda: message_from_bytes(REPORT),
    "a report, by the newer parser": lambda: message_from_bytes(REPORT, policy=default),
    "words around the parts": lambda: message_from_bytes(
        b'Content-Type: multipart/mixed; boundary="B"\n\nbefore\n--B\n\na\n--B\n\n--B--\nafter\n'
    ),
    "base64 in long lines": lambda: message_from_bytes(
        b"Content-Transfer-Encoding: base64\n\n" + b"eHh4" * 200 + b"\n"
    ),
    "an encoding nobody knows": lambda: message_from_bytes(
        b"Content-Transfer-Encoding: x-odd\nContent-Type: text/plain; charset=x-odd\n\nhi\n"
    ),
    "octets": lambda: message_from_bytes(b"Subject: Gr\xfc\xdfe\n\n\xff\xfe\n"),
    "folded fields": lambda: message_from_bytes(
        b"Subject: a\n\tb\n c\nReferences: <1@x>\n <2@x>\n\nhi\n", policy=default
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HONEST)
def test_an_honest_message_of_any_make_goes_through(kind: str) -> None:
    message = HONEST[kind]()
    if "From" not in message:
        message["From"], message["To"] = "ann@example.com", "bob@example.org"
    sent: Any = message_from_bytes(prepare(message, None).data)
    for part, same in zip(message.walk(), sent.walk(), strict=True):
        assert same.get_content_type() == part.get_content_type()
        assert {*part.keys()} <= {*same.keys()}
        contents = [check_raw(p.get_payload(decode=True) or b"") for p in (part, same)]
        assert len({content.strip() for content in contents}) == 1


# The envelope of a header.


@KINDS
@pytest.mark.parametrize(
    ("fields", "sender", "recipients"),
    [
        ({}, "ann@example.com", ["bob@example.org"]),
        ({"sender": "s@x.example"}, "s@x.example", ["bob@example.org"]),
        ({"from": "a@x.example, b@x.example", "sender": "S <s@x.example>"}, "s@x.example",
         ["bob@example.org"]),
        ({"cc": "c@x.example", "bcc": "d@x.example"}, "ann@example.com",
         ["bob@example.org", "c@x.example", "d@x.example"]),
        ({"to": "A <a@x.example>, b@x.example, a@x.example", "cc": "b@x.example"},
         "ann@example.com", ["a@x.example", "b@x.example"]),
        ({"to": "Team: a@x.example, B <b@x.example>;, c@x.example"}, "ann@example.com",
         ["a@x.example", "b@x.example", "c@x.example"]),
        ({"to": "undisclosed-recipients:;", "bcc": "c@x.example"}, "ann@example.com",
         ["c@x.example"]),
        ({"to": None, "cc": "c@x.example"}, "ann@example.com", ["c@x.example"]),
        ({"to": '"Lee, Ann" <a@x.example>'}, "ann@example.com", ["a@x.example"]),
        ({"to": "=?utf-8?q?Lee=2C_x=40y=2Eexample?= <a@x.example>"}, "ann@example.com",
         ["a@x.example"]),
        ({"to": "a@x.example (Cron Daemon), (one) b@x.example (another)"}, "ann@example.com",
         ["a@x.example", "b@x.example"]),
        ({"to": '"Ann \\"Annie\\" Lee" <a@x.example>'}, "ann@example.com", ["a@x.example"]),
        ({"to": '<a@x.example>, ".NET Team" <b@x.example>'}, "ann@example.com",
         ["a@x.example", "b@x.example"]),
        ({"to": '"Lee, Jr..." <a@x.example>'}, "ann@example.com", ["a@x.example"]),
        ({"to": 'T: B <a@x.example>;, "C" <b@x.example>'}, "ann@example.com",
         ["a@x.example", "b@x.example"]),
        ({"to": "a@[192.0.2.1]"}, "ann@example.com", ["a@[192.0.2.1]"]),
    ],
)  # fmt: skip
def test_the_envelope_is_read_from_the_header(
    build: Build, fields: dict[str, Any], sender: str, recipients: list[str]
) -> None:
    envelope = prepare(build(**{n.title(): v for n, v in fields.items()}), None).envelope
    assert str(envelope.sender) == sender
    assert [str(m) for m in envelope.recipients] == recipients


@pytest.mark.parametrize("policy", [compat32, default, SMTP])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("fold", [b"\n ", b"\n\t", b"\n  \t"])
def test_folded_fields_are_read(policy: Any, line_end: bytes, fold: bytes) -> None:
    data = (
        b"From: Ann\n <ann@example.com>\nTo: a@x.example," + fold + b"B <b@x.example>\n"
        b'Cc: "C,' + fold + b'D" <c@x.example>\n\nhi\n'
    ).replace(b"\n", line_end)
    envelope = prepare(message_from_bytes(data, policy=policy), None).envelope
    assert str(envelope.sender) == "ann@example.com"
    assert [m.local for m in envelope.recipients] == ["a", "b", "c"]


def test_several_fields_of_one_name_count() -> None:
    """And go out as one: more are forbidden (RFC 5322 section 3.6), and refused by servers."""
    message = legacy(Cc="")
    several: list[tuple[str, Any]] = [
        ("To", Header("Jörg <c@x.example>", "utf-8")), ("Cc", "d@x.example"),
        ("Reply-To", "e@x.example"), ("Reply-To", "Ü <f@x.example>"),
    ]  # fmt: skip
    for name, value in several:
        message[name] = value
    before = snapshot(message)
    outgoing = prepare(message, None)
    assert snapshot(message) == before
    assert [m.local for m in outgoing.envelope.recipients] == ["bob", "c", "d"]
    parsed: Any = read(outgoing)
    assert [a.username for a in parsed["To"].addresses] == ["bob", "c"]
    assert [a.username for a in parsed["Cc"].addresses] == ["d"]
    assert [a.username for a in parsed["Reply-To"].addresses] == ["e", "f"]
    assert max(map(len, map(parsed.get_all, parsed.keys()))) == 1


@pytest.mark.parametrize(
    "field", ["From", "Sender", "Subject", "Date", "Message-ID", "Content-Type"]
)
@pytest.mark.parametrize("parsed", [False, True])
def test_several_of_a_field_that_may_be_there_once_are_refused(field: str, parsed: bool) -> None:
    fields = {field: "text/html" if field == "Content-Type" else "ann@example.com"}
    message: Any = legacy(**{n: v for n, v in fields.items() if n != "From"})
    if parsed:
        message = message_from_bytes(message.as_bytes(), policy=default)
        message._headers.append((field, fields[field]))
    else:
        message[field] = fields[field]
    with pytest.raises(InputError, match="more than once") as caught:
        prepare(message, ENVELOPE)
    assert caught.value.field == f"headers.{field}"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"from": None}, "from"),
        ({"from": ""}, "from"),
        ({"from": "<>"}, "from"),
        ({"from": "a@x.example, b@x.example"}, "from"),
        ({"from": "nobody"}, "from"),
        ({"sender": "not an address"}, "sender"),
        ({"to": None}, "to"),
        ({"to": ""}, "to"),
        ({"to": "undisclosed-recipients:;"}, "to"),
        ({"to": "a@x.example(y)evil.example"}, "to"),
        ({"to": "a@x.example <b@x.example>"}, "to"),
        ({"to": "a@x.example b@x.example"}, "to"),
        ({"to": "a@x.example;"}, "to"),
        ({"to": "a@@x.example"}, "to"),
        ({"to": "a@"}, "to"),
        ({"to": "@x.example"}, "to"),
        ({"to": "a"}, "to"),
        ({"to": "<a@x.example"}, "to"),
        ({"to": "Ann <a@x.example> y"}, "to"),
        ({"to": "<@r.example,@s.example:a@x.example>"}, "to"),
        ({"to": "a . b@x.example"}, "to"),
        ({"to": "a@x . example"}, "to"),
        ({"to": "a@x.example."}, "to"),
        ({"to": '"a@evil.example"@x.example'}, "to"),
        ({"to": '"a b"@x.example'}, "to"),
        ({"to": '"a\\"> <b@x.example"@x.example'}, "to"),
        ({"to": "=?utf-8?q?a?=@x.example"}, "to"),
        ({"to": "=?utf-8?q?a=40evil=2Eexample=3E?=@x.example"}, "to"),
        ({"to": "a@=?utf-8?q?evil.example?="}, "to"),
        ({"to": "a@=?utf-8?q?evil?=.example"}, "to"),
        ({"to": "a@x.example\0"}, "to"),
        ({"to": ",,,"}, "to"),
        ({"to": "(" * 2000}, "to"),
        ({"to": "((a)" * 500 + "a@x.example"}, "to"),
        ({"to": "a@x.example" + "(" * 2000 + ")" * 2000}, "to"),
        ({"cc": "nobody"}, "cc"),
        ({"bcc": "nobody"}, "bcc"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else None,
)
def test_a_header_that_can_be_doubted_gives_no_envelope(fields: dict[str, Any], field: str) -> None:
    """By the older class, which takes any value; the newer refuses some of these itself."""
    with pytest.raises(InputError) as caught:
        prepare(legacy(**{name.title(): value for name, value in fields.items()}), None)
    assert caught.value.field == field


def test_an_envelope_that_is_given_wins_over_any_header() -> None:
    for message in (modern(), legacy(to="nobody at all", sender="x"), Message(from_="a@b.example")):
        assert prepare(message, ENVELOPE).envelope is ENVELOPE


# Envelope and DSN themselves.


@pytest.mark.parametrize(
    ("sender", "recipients"),
    [
        ("a@x.example", ("b@x.example",)),
        (None, "b@x.example"),
        ("a@x.example", ENVELOPE.recipients),
    ],
)
def test_addresses_as_text_are_sent_to_the_right_door(sender: Any, recipients: Any) -> None:
    with pytest.raises(InputError, match=r"Envelope\.of"):
        Envelope(sender, recipients)


def test_an_envelope_is_made_of_addresses() -> None:
    envelope = Envelope.of("a@bücher.example", ["b@x.example", "B@x.example", "b@x.example"])
    assert envelope.sender == Mailbox("a", "xn--bcher-kva.example")
    assert envelope.recipients == (Mailbox("b", "x.example"), Mailbox("B", "x.example"))


@pytest.mark.parametrize("sender", [None, ""])
def test_no_sender_is_the_null_reverse_path(sender: str | None) -> None:
    assert Envelope.of(sender, "a@x.example").sender is None


@pytest.mark.parametrize(
    ("sender", "recipients", "field"),
    [
        ("a@x.example", [], "to"),
        ("a@x.example", (), "to"),
        ("a@x.example", "", "envelope.to"),
        ("a@x.example", "b@x.example,c@x.example", "envelope.to"),
        ("a@x.example", ["b@x.example", "c"], "envelope.to"),
        ("a@x.example", ["b@x.example", 5], "envelope.to"),
        ("a@x.example", "B <b@x.example>", "envelope.to"),
        ("A <a@x.example>", "b@x.example", "envelope.from"),
        ("<>", "b@x.example", "envelope.from"),
        (5, "b@x.example", "envelope.from"),
        ("a@x.example\r\nRCPT TO:<c@x.example>", "b@x.example", "envelope.from"),
    ],
)
def test_an_envelope_takes_nothing_else(sender: Any, recipients: Any, field: str) -> None:
    with pytest.raises(InputError) as caught:
        Envelope.of(sender, recipients)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "notify", [None, ("NEVER",), ("SUCCESS", "FAILURE", "DELAY"), ("success",)]
)
def test_notifications_are_never_or_any_of_three(notify: Any) -> None:
    wanted = notify and tuple(word.upper() for word in notify)
    assert DSN(notify=notify).notify == wanted


@pytest.mark.parametrize(
    "notify", [(), ("NEVER", "SUCCESS"), ("ALWAYS",), ("SUCCESS\r\n",), (None,), "NEVER"]
)
def test_other_notifications_are_refused(notify: Any) -> None:
    with pytest.raises(InputError) as caught:
        DSN(notify=notify)
    assert caught.value.field == "dsn.notify"


# Raw bytes.


@pytest.mark.parametrize(
    ("data", "normal"),
    [
        (b"", b""),
        (b"no line end", b"no line end"),
        (b"A: b\r\n\r\nbody\r\n", b"A: b\r\n\r\nbody\r\n"),
        (b"A: b\n\nbody\n", b"A: b\r\n\r\nbody\r\n"),
        (b"A: b\n\n.\n..\nFrom x\n", b"A: b\r\n\r\n.\r\n..\r\nFrom x\r\n"),
        (b"\n\n", b"\r\n\r\n"),
        (b"A: \xc3\xa9\r\n\r\n\xff\xfe\r\n", b"A: \xc3\xa9\r\n\r\n\xff\xfe\r\n"),
        (b"x" * 998, b"x" * 998),
        (b"x" * 998 + b"\n" + b"y" * 998 + b"\n", b"x" * 998 + b"\r\n" + b"y" * 998 + b"\r\n"),
        (b"\x01\x0b\x0c\x1a\x7f\r\n", b"\x01\x0b\x0c\x1a\x7f\r\n"),
    ],
)
def test_raw_bytes_of_one_line_end_are_taken(data: bytes, normal: bytes) -> None:
    assert check_raw(data) == normal
    for kind in (bytes, bytearray):
        outgoing = prepare(kind(data), ENVELOPE)  # type: ignore[arg-type]
        assert (type(outgoing.data), outgoing.data) == (bytes, normal)
        assert outgoing.eight_bit is not data.isascii()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"a\r\nb\n", "message.mixed_line_ends"),
        (b"a\nb\r\n", "message.mixed_line_ends"),
        (b"a\rb", "message.mixed_line_ends"),
        (b"a\rb\r\n", "message.mixed_line_ends"),
        (b"a\r", "message.mixed_line_ends"),
        (b"\r\r\n", "message.mixed_line_ends"),
        (b"a\n\r", "message.mixed_line_ends"),
        (b"a\r\n.\rb\r\n", "message.mixed_line_ends"),
        (b"a\r\n\r\n\n.\r\n", "message.mixed_line_ends"),
        (b"a\0\r\n", "message.nul"),
        (b"a\r\n\0", "message.nul"),
        (b"x" * 999, "message.line_too_long"),
    ],
)
def test_raw_bytes_that_servers_read_differently_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(InputError, match=r"^raw: ") as caught:
        prepare(data, ENVELOPE)
    assert (caught.value.code, caught.value.field) == (code, "raw")


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"x" * 999, 1),
        (b"x" * 999 + b"\n", 1),
        (b"a\n\n" + b"x" * 2000 + b"\n" + b"x" * 999, 3),
        (b"x" * 998 + b"\r\n" + b"\xc3\xa9" * 500, 2),
        ((b"x" * 998 + b"\r\n") * 5 + b"x" * 999, 6),
        (b"\n" * 5000 + b"x" * 999 + b"\n", 5001),
    ],
)
def test_a_long_line_is_told_by_its_number(data: bytes, line: int) -> None:
    with pytest.raises(InputError, match=f"line {line} has more than 998 bytes"):
        check_raw(data)


@FUZZ
@given(
    st.lists(
        st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\n", b"x", b".", b"\xff", b"\0", b"y" * 600]),
        max_size=12,
    ).map(b"".join)
)
def test_raw_bytes_are_normal_or_refused(data: bytes) -> None:
    normal = tried(lambda: check_raw(data))
    bare = re.search(rb"\r(?!\n)", data) or (b"\r" in data and re.search(rb"(?<!\r)\n", data))
    long = max(map(len, re.split(rb"\r\n|\n", data))) > 998
    if bare or long or b"\0" in data:
        assert isinstance(normal, InputError)
        assert normal.field == "raw"
        return
    assert normal.split(b"\r\n") == re.split(rb"\r\n|\n", data)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", normal)
    assert check_raw(normal) == normal


@pytest.mark.parametrize("data", [b"", b"To: a@b.example\r\n\r\n", bytearray(b"x")])
def test_raw_bytes_need_an_envelope(data: Any) -> None:
    with pytest.raises(InputError) as caught:
        prepare(data, None)
    assert caught.value.field == "envelope"


@pytest.mark.parametrize("message", ["Subject: x", None, memoryview(b"x"), 5, {"from": "x"}])
def test_nothing_else_is_a_message(message: Any) -> None:
    with pytest.raises(InputError, match=r"^message: is of type \w+; give") as caught:
        prepare(message, ENVELOPE)
    assert caught.value.field == "message"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"Message-ID: <1@x>\n\nhi\n", "<1@x>"),
        (b"A: b\r\nMESSAGE-ID:<1@x>\r\n\r\n", "<1@x>"),
        (b"message-id:\t <1@x> \r\n\r\n", "<1@x>"),
        (b"Message-Id:\r\n <1@x>\r\n\r\n", "<1@x>"),
        (b"Message-ID: \r\n\t <1@x>\r\n\r\n", "<1@x>"),
        (b"Message-ID: <1@x>", "<1@x>"),
        (b"Message-ID: <1@x>\r\nMessage-ID: <2@x>\r\n\r\n", "<1@x>"),
        (b"Message-ID: <\xff@x>\r\n\r\n", "<\ufffd@x>"),
        (b"A: b\r\n\r\nMessage-ID: <1@x>\r\n", None),
        (b"\r\nMessage-ID: <1@x>\r\n\r\n", None),
        (b"A: b\r\n Message-ID: <1@x>\r\n\r\n", None),
        (b"X-Message-ID: <1@x>\r\n\r\n", None),
        (b"Message-ID: 1@x\r\n\r\n", None),
        (b"Message-ID: <1@x\r\n y>\r\n\r\n", None),
        (b"Message-ID: <1 2@x>\r\n\r\n", None),
        (b"Message-ID:\r\nTo: <1@x>\r\n\r\n", None),
        (b"", None),
    ],
)
def test_the_message_id_of_raw_bytes_is_found(data: bytes, found: str | None) -> None:
    assert prepare(data, ENVELOPE).message_id == found


@pytest.mark.parametrize(
    ("data", "smtputf8", "eight_bit"),
    [
        (b"A: b\r\n\r\nhi\r\n", False, False),
        (b"A: b\r\n\r\n\xc3\xa9\r\n", False, True),
        (b"A: \xc3\xa9\r\n\r\nhi\r\n", True, True),
        (b"A: b\nB: \xc3\xa9\n\nhi\n", True, True),
        (b"A: \xc3\xa9", True, True),
        (b"\r\n\r\n\xc3\xa9", False, True),
    ],
)
def test_what_raw_bytes_need_is_seen(data: bytes, smtputf8: bool, eight_bit: bool) -> None:
    outgoing = prepare(data, ENVELOPE)
    assert (outgoing.smtputf8, outgoing.eight_bit) == (smtputf8, eight_bit)
    assert not prepare(data, Envelope.of(None, "a@x.example")).message_id


# A message of our own.


def test_a_composed_message_brings_its_envelope() -> None:
    message = Message(
        from_="Ann <a@x.example>", to="b@x.example", cc="c@x.example", bcc="d@x.example",
        reply_to="r@x.example", message_id="<1@x>", text="é",
    )  # fmt: skip
    outgoing = prepare(message, None)
    assert outgoing.envelope == Envelope.of("a@x.example", [f"{n}@x.example" for n in "bcd"])
    assert (outgoing.message_id, outgoing.smtputf8, outgoing.eight_bit) == ("<1@x>", False, False)
    assert prepare(message, ENVELOPE).envelope is ENVELOPE


def test_a_composed_message_for_nobody_is_refused() -> None:
    with pytest.raises(InputError, match=r"^to: at least one recipient") as caught:
        prepare(Message(from_="a@x.example"), None)
    assert caught.value.field == "to"


def test_a_composed_name_beyond_ascii_before_the_at_needs_smtputf8() -> None:
    for key in ("from_", "to", "cc", "bcc", "reply_to"):
        people = {"from_": "a@x.example", "to": "b@x.example", key: "ünï@x.example"}
        assert prepare(Message(**people), None).smtputf8  # type: ignore[arg-type]


# What the server must offer.


def offers(**keywords: tuple[str, ...]) -> Capabilities:
    names = {name.removeprefix("_").upper(): value for name, value in keywords.items()}
    return Capabilities(keywords=MappingProxyType(names))


def outgoing(size: int = 10, **needs: bool) -> Outgoing:
    return Outgoing(
        Content(b"x" * size), ENVELOPE, None,
        **{"smtputf8": False, "eight_bit": False, **needs},
    )  # fmt: skip


NEEDS: list[tuple[Outgoing, DSN | None, bool, str, str]] = [
    (outgoing(smtputf8=True), None, False, "smtputf8", "send.smtputf8_not_offered"),
    (outgoing(eight_bit=True), None, False, "_8bitmime", "send.8bitmime_not_offered"),
    (outgoing(), DSN(), False, "dsn", "send.dsn_not_offered"),
    (outgoing(), None, True, "requiretls", "send.requiretls_not_offered"),
]


@pytest.mark.parametrize(("message", "dsn", "tls", "keyword", "code"), NEEDS)
def test_what_the_server_does_not_offer_is_told_before_it_is_asked(
    message: Outgoing, dsn: DSN | None, tls: bool, keyword: str, code: str
) -> None:
    check_capabilities(message, offers(**{keyword: ()}), dsn=dsn, require_tls=tls)
    with pytest.raises(CapabilityError) as caught:
        check_capabilities(message, offers(size=()), dsn=dsn, require_tls=tls)
    assert (caught.value.code, caught.value.phase) == (code, Phase.MAIL)


@pytest.mark.parametrize(
    ("size", "limit", "fits"),
    [(10, "10", True), (11, "10", False), (11, "0", True), (11, "ten", True), (11, "", True)],
)
def test_a_message_above_the_limit_is_told_before_it_is_sent(
    size: int, limit: str, fits: bool
) -> None:
    server = offers(size=(limit,) if limit else ())
    if fits:
        check_capabilities(outgoing(size), server, dsn=None, require_tls=False)
        return
    with pytest.raises(
        CapabilityError, match="has 11 bytes; the server accepts at most 10"
    ) as caught:
        check_capabilities(outgoing(size), server, dsn=None, require_tls=False)
    assert caught.value.code == "send.too_large"
