"""What goes out can be read by others: addresses, ids, URLs and text come back equal.

Two readers of their own: ``tests/reader.py``, which takes only what the RFCs allow, and Python's.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes, message_from_string
from email.header import Header
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP, SMTPUTF8, compat32, default
from quopri import decodestring
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import reader

from smtps.client.outgoing import Envelope, Outgoing, prepare
from smtps.errors import InputError
from smtps.message.flatten import _keeps_folds
from smtps.message.message import Message

FUZZ = settings(max_examples=150, deadline=None, database=None)
ENVELOPE = Envelope.of("ann@example.com", "bob@example.org")


def modern(policy: Any = default) -> Any:
    return EmailMessage(policy=policy)


def legacy() -> Any:
    return MIMEText("t")


class Own:
    """A message of ours, set like the others."""

    ARGUMENTS: ClassVar = {"From": "from_", "To": "to", "Cc": "cc", "Reply-To": "reply_to",
                 "Subject": "subject", "Message-ID": "message_id", "Sender": "sender"}  # fmt: skip

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.headers: dict[str, str] = {}

    def __setitem__(self, name: str, value: str) -> None:
        if name in self.ARGUMENTS:
            self.fields[self.ARGUMENTS[name]] = value
        else:
            self.headers[name] = value

    def build(self) -> Message:
        return Message(**self.fields, headers=self.headers)


KINDS: dict[str, Callable[[], Any]] = {
    "Message": Own,
    "EmailMessage": modern,
    "EmailMessage, SMTP": lambda: modern(SMTP),
    "EmailMessage, SMTPUTF8": lambda: modern(SMTPUTF8),
    "MIMEText": legacy,
}
MAKES: dict[str, tuple[Callable[[], Any], Callable[[str], Any]]] = {
    **{name: (build, str) for name, build in KINDS.items()},
    "MIMEText of Header": (legacy, lambda text: Header(text, "utf-8")),
}
EACH = pytest.mark.parametrize("make", MAKES)


def made(make: str, **fields: str | None) -> Outgoing:
    build, wrap = MAKES[make]
    message = build()
    people = {"From": "ann@example.com", "To": "bob@example.org"}
    for name, value in {**people, **fields}.items():
        if value is not None:
            message[name.replace("_", "-")] = wrap(value)
    return prepare(message.build() if isinstance(message, Own) else message, None)


def pythons(data: bytes, name: str) -> Any:
    return message_from_bytes(data, policy=SMTPUTF8)[name]


# One kind after the other.


@EACH
@pytest.mark.parametrize("field", ["From", "Sender", "Reply-To", "To", "Cc"])
@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("Jörg <joerg@example.org>", "Jörg", "joerg@example.org"),
        ('"Müller, Jörg (Büro)" <joerg@example.org>', "Müller, Jörg (Büro)", "joerg@example.org"),
        ("日本語テスト <a@example.org>", "日本語テスト", "a@example.org"),
        ("مرحبا بالعالم <a@example.org>", "مرحبا بالعالم", "a@example.org"),
        ("💩 " * 30 + "<a@example.org>", ("💩 " * 30).strip(), "a@example.org"),
        ("x" * 200 + " é <a@example.org>", "x" * 200 + " é", "a@example.org"),
        ('"Jörg \\"J\\" M" <a@example.org>', 'Jörg "J" M', "a@example.org"),
        ("Ann Example <a@bücher.example>", "Ann Example", "a@xn--bcher-kva.example"),
        ("jürgen@example.org", "", "jürgen@example.org"),
        ("Jürgen Müller <jürgen@bücher.example>", "Jürgen Müller",
         "jürgen@xn--bcher-kva.example"),
        ("a@example.org", "", "a@example.org"),
        ("A" * 60 + "@" + "b" * 60 + ".example", "", "A" * 60 + "@" + "b" * 60 + ".example"),
    ],
)  # fmt: skip
def test_a_mailbox_comes_back(make: str, field: str, text: str, name: str, address: str) -> None:
    outgoing = made(make, **{field.replace("-", "_"): text})
    found = reader.addresses(reader.value(outgoing.data, field))
    assert found == [(name, address)]
    (theirs,) = pythons(outgoing.data, field).addresses
    spec = f"{theirs.username}@{theirs.domain}"
    assert spec.encode("utf-8", "surrogateescape").decode() == address
    assert outgoing.smtputf8 is not address.isascii()
    if field in ("From", "Sender"):
        assert str(outgoing.envelope.sender) == address
    if field in ("To", "Cc"):
        assert address in map(str, outgoing.envelope.recipients)


RECEIPTS = ["Disposition-Notification-To", "Return-Receipt-To", "Errors-To", "X-Sender",
            "X-Original-From", "X-Report-Abuse-To", "X-My-Contact", "Mail-Followup-To"]  # fmt: skip


@EACH
@pytest.mark.parametrize("field", RECEIPTS)
@pytest.mark.parametrize(
    "text", ["Jörg <joerg@example.org>", "Jörg Müller von und zu " * 5 + "<joerg@example.org>"]
)
def test_an_address_in_any_other_field_is_in_plain_sight(make: str, field: str, text: str) -> None:
    value = reader.value(made(make, **{field.replace("-", "_"): text}).data, field)
    assert value.endswith(" <joerg@example.org>")
    assert reader.text(value) == text


IDS = " ".join(f"<{n}.{'x' * 80}@example.com>" for n in range(40))
URLS = (
    "<mailto:list@example.com?subject=unsubscribe>, "
    f"<https://example.com/u?mail=user%40example.org&hash={'c' * 300}>"
)
FOR_PROGRAMS = {
    "References": IDS, "In-Reply-To": f"<{'y' * 150}@example.com>",
    "Message-ID": f"<{'z' * 180}@example.com>", "List-Unsubscribe": URLS, "List-Help": URLS,
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Archived-At": URLS.split(" ")[1],
    "X-Link": f"https://example.com/{'d' * 200}", "X-Token": "a" * 300,
    "Autocrypt": f"addr=a@example.com; keydata={'QUFB' * 200}",
    "List-Id": f"Our list <{'l' * 100}.example.com>", "Feedback-ID": f"{'f' * 100}:a:b",
}  # fmt: skip


@EACH
@pytest.mark.parametrize("field", FOR_PROGRAMS)
def test_what_is_for_programs_is_never_encoded(make: str, field: str) -> None:
    wanted = FOR_PROGRAMS[field]
    data = made(make, **{field.replace("-", "_"): wanted}).data
    value = reader.value(data, field)
    assert value == wanted
    assert reader.bracketed(value) == reader.bracketed(wanted)
    assert str(pythons(data, field)) == wanted


@EACH
@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("List-Unsubscribe", "<https://exämple.com/>"),
        ("References", "<é@example.com>"),
        ("X-Link", "https://example.com/größe"),
        ("X-Contact", "Jörg<jörg@example.com>"),
        ("X-Contact", "jörg@example.com"),
        ("List-Archive", "<https://example.com/ü>"),
        ("Archived-At", "<https://example.com/ü>"),
    ],
)
def test_what_could_not_be_read_is_refused_by_its_name(make: str, field: str, text: str) -> None:
    if "UTF8" in make:  # there it may stand as it is
        value = reader.value(made(make, **{field.replace("-", "_"): text}).data, field)
        assert value == text
        return
    with pytest.raises(InputError) as caught:
        made(make, **{field.replace("-", "_"): text})
    assert caught.value.field == f"headers.{field}"


@pytest.mark.parametrize("field", ["From", "Sender", "Reply-To", "To", "Cc", "Resent-From"])
@pytest.mark.parametrize(
    "text", ["Jörg <joerg@example.org>", "joerg@example.org", "a@b.example, Jörg <c@d.example>"]
)
def test_a_source_that_hides_an_address_is_refused(field: str, text: str) -> None:
    """``Header(…).encode()``, as many a tutorial has it."""
    for word in (Header(text, "utf-8").encode(), Header(text, "utf-16").encode()):
        message = legacy()
        message["From"], message["To"] = "ann@example.com", "bob@example.org"
        del message[field]
        message[field] = word
        with pytest.raises(InputError, match="encoded word") as caught:
            prepare(message, ENVELOPE)
        assert caught.value.field == f"headers.{field}"
        with pytest.raises(InputError):
            prepare(message, None)


@EACH
@pytest.mark.parametrize(
    "text",
    ["Grüße", "x" * 300, "=?utf-8?q?x?=", "é" * 500, "a  b   c", "💩" * 60, "re: <a@b.example> é",
     "שלום, עולם " * 20, "word " * 100 + "é", "é=?", "https://example.com/é", "\u202eabc"],
)  # fmt: skip
def test_a_subject_comes_back(make: str, text: str) -> None:
    text = text.strip()
    if make != "Message" and text == "=?utf-8?q?x?=":
        return  # to Python's package this says x
    data = made(make, Subject=text).data
    assert reader.text(reader.value(data, "Subject")) == text
    assert str(pythons(data, "Subject")) == text


@EACH
@pytest.mark.parametrize("field", ["X-Note", "Comments", "X-Ticket", "Organization"])
@pytest.mark.parametrize("text", ["Größe 5 €", "plain words " * 20, "é " * 200 + "x", "a é b é c"])
def test_words_in_other_fields_come_back(make: str, field: str, text: str) -> None:
    data = made(make, **{field.replace("-", "_"): text.strip()}).data
    assert reader.text(reader.value(data, field)) == text.strip()


# Made up.

NAMES = st.lists(
    st.sampled_from(["Jörg", "Lee,", "(x)", '"', "\\", "=?", "日本語", "a@b", "<x>", "💩", "Ann",
                     "x" * 90, "=?utf-8?q?a?=", ".", ";", "مرحبا", "e\u0301"])
    | st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=9),
    max_size=6,
).map(" ".join)  # fmt: skip
ADDRESSES = st.sampled_from(
    ["a@example.org", "o'b+x=y@example.org", '"a.b"@example.org', "jürgen@example.org",
     "x@[192.0.2.1]", "l" * 64 + "@" + "d" * 60 + ".example", "!#$%&'*/=^_`?{|}~-@example.org"]
)  # fmt: skip
PEOPLE = st.lists(st.tuples(NAMES, ADDRESSES), min_size=1, max_size=4)
TARGETS = st.sampled_from(["<a@b.example>", "https://x.example/?a=b", ""])
WORDS = st.lists(NAMES | TARGETS, max_size=6)


def phrase(name: str) -> str:
    """A name in quotes, as any program may write it."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" ' if name else ""


@FUZZ
@given(PEOPLE, st.sampled_from(sorted(set(MAKES) - {"EmailMessage, SMTPUTF8"})))
def test_any_list_of_people_comes_back(people: list[tuple[str, str]], make: str) -> None:
    text = ", ".join(f"{phrase(name)}<{address}>" for name, address in people)
    if make == "Message":
        several = [f"{phrase(name)}<{address}>" for name, address in people]
        outgoing = prepare(Message(from_="ann@example.com", to=several), None)
        names = [name for name, _ in reader.addresses(reader.value(outgoing.data, "To"))]
        assert names == [name for name, _ in people]
    else:
        try:
            outgoing = made(make, To=text)
        except InputError:  # Python's package reads some names in its own way
            assert "=?" in text
            return
    found = reader.addresses(reader.value(outgoing.data, "To"))
    plain = [address.replace('"', "") for _, address in people]
    assert [address.replace('"', "") for _, address in found] == plain
    recipients = [str(who).replace('"', "") for who in outgoing.envelope.recipients]
    assert recipients == list(dict.fromkeys(plain))


@FUZZ
@given(
    WORDS.map(" ".join).map(str.strip), st.sampled_from(["X-A", "X-Link", "Reply-To", "Errors-To"])
)
def test_any_other_field_comes_back_or_is_refused(text: str, field: str) -> None:
    message = Own()
    message["From"], message["To"] = "ann@example.com", "bob@example.org"
    message[field] = text if field != "Reply-To" else "a@b.example"
    with suppress(InputError):
        check_field(prepare(message.build(), None).data, field, text)


def check_field(data: bytes, field: str, text: str) -> None:
    value = reader.value(data, field)
    if field in ("X-A", "X-Link"):
        assert reader.text(value) == text
    for word in text.split(" ") if field != "Reply-To" else ():
        if word.startswith("https://"):
            assert word in value.split(" ")
        if word == "<a@b.example>":
            assert word[1:-1] in value


# What was parsed goes out octet for octet.

PARTS = [
    b"""Content-Type: text/plain; charset="utf-8"; protected-headers="v1"
In-Reply-To:
 <0123456789012345678901234567890123456789012345@mail.example.com>

hello

""",
    b"Content-Type: text/plain\nSubject: two  spaces\n\tand a tab\n\n\nx\n",
    b"\nno fields\n",
    b"""Content-Type: text/plain;
 charset=utf-8
Content-Transfer-Encoding: 8bit

Gr\xc3\xbc\xc3\x9fe\x20
 trailing \t
""",
    b'Content-Type: application/octet-stream; name="%s"\n\n' % (b"n" * 200),
    b"""Content-Disposition: attachment;
\tfilename*0="a";
\tfilename*1="b"

x""",
    b"""Content-Type: message/rfc822

From: x
References: %s<z@x>
Subject: =?utf-8?q?a?=
 =?utf-8?q?b?=

inner
"""
    % (b"<r@x> " * 40),
    b"""Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; a@x.example
Action: failed
""",
    b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nRnJvbTogYQ0KDQp4DQo=\n",
    b"Content-Type: message/external-body; access-type=x\n\nContent-Type: text/plain\n\n\n",
    b"Content-Type: text/html\nX-Long: %s %s\n\n<p>\n" % (b"y" * 300, b"z" * 300),
]
PART = st.sampled_from([part.replace(b"\n", b"\r\n") for part in PARTS])


def multipart(kind: str, depth: int, parts: list[bytes], around: tuple[bytes, bytes]) -> bytes:
    line = f"--b{depth}".encode()
    before, behind = around
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts)
    field = f'Content-Type: multipart/{kind}; boundary="b{depth}"\r\n\r\n'.encode()
    return field + before + body + line + b"--" + behind


AROUND = st.tuples(
    st.sampled_from([b"", b"\r\n", b"This is MIME.\r\n", b"\r\nTwo\r\nlines\r\n"]),
    st.sampled_from([b"", b"\r\n", b"\r\n\r\n", b"\r\nbehind", b"\r\nbehind\r\n"]),
)
TREES = st.builds(
    lambda kind, deep, parts, around, inner: multipart(
        kind, 1, [*parts, *([multipart("mixed", 2, parts[:2], inner)] if deep else [])], around
    ),
    st.sampled_from(["signed", "mixed", "alternative"]), st.booleans(),
    st.lists(PART, min_size=1, max_size=3), AROUND, AROUND,
)  # fmt: skip
HEADS = st.lists(
    st.sampled_from([
        b"Subject: x\r\n", b"Comments: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n", b"X-A:\r\n folded\r\n",
        b"References: <a@x>\r\n\t<b@x>\r\n <c@x>\r\n", b"X-Long: " + b"w " * 300 + b"w\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple;\r\n\tbh=" + b"A" * 44 +
        b"=;\r\n\tb=" + b"B" * 200 + b"\r\n",
        b"Received: from x (y [192.0.2.1])\r\n\tby z; Mon, 30 Nov 2026 10:00:00 +0000\r\n",
        b'To: "Lee, Ann"\r\n <a@x.example>,\r\n\tBob <b@x.example>\r\n', b"X-Empty: \r\n",
        b"Content-Language: de\r\n", b"X-8: Gr\xc3\xbc\xc3\x9fe\r\n",
    ]),
    max_size=5, unique=True,
).map(b"".join)  # fmt: skip
FIRST = b"From: ann@example.com\r\nDate: Mon, 30 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n"


@FUZZ
@given(HEADS, TREES, st.sampled_from([compat32, default, SMTP, SMTPUTF8]))
def test_what_was_parsed_goes_out_octet_for_octet(head: bytes, tree: bytes, policy: Any) -> None:
    data = FIRST + head + b"MIME-Version: 1.0\r\n" + tree
    wanted = data if data.endswith(b"\r\n") else data + b"\r\n"
    parsed = message_from_bytes(data, policy=policy)
    if _keeps_folds(policy):
        assert prepare(parsed, ENVELOPE).data == wanted
        return
    found = None  # the parser has lost whether a line ended right after a colon
    with suppress(InputError):
        found = prepare(parsed, ENVELOPE).data
    unfolded = wanted.replace(b":\r\n ", b": ")
    assert found == unfolded or (found is None and b"signed" in tree)


@pytest.mark.parametrize("policy", [compat32, default, SMTP])
def test_a_signed_part_is_not_encoded_anew(policy: Any) -> None:
    data = FIRST + multipart("signed", 1, [b"\r\nGr\xc3\xbc\xc3\x9fe\r\n"], (b"", b"\r\n"))
    message = message_from_bytes(data, policy=policy)
    assert prepare(message, ENVELOPE).data == data
    with pytest.raises(InputError, match="signature") as caught:
        prepare(message, ENVELOPE, seven_bit=True)
    assert caught.value.code == "message.signed_part"


def test_what_was_signed_as_python_wrote_it_goes_out_like_that() -> None:
    for policy in (default, SMTP):
        inner = EmailMessage(policy=policy)
        inner.set_content("Grüße\n")
        inner.add_attachment(b"x", maintype="a", subtype="b", filename="*" * 90)
        signed = inner.as_bytes(policy=policy.clone(linesep="\r\n"))
        outer: Any = EmailMessage(policy=policy)
        outer["From"], outer["To"] = "ann@example.com", "bob@example.org"
        outer.set_type("multipart/signed")
        outer.attach(inner)
        assert signed in prepare(outer, None).data
    old = MIMEMultipart("signed")
    old["From"], old["To"] = "ann@example.com", "bob@example.org"
    part = MIMEText("Grüße", "plain", "utf-8")
    old.attach(part)
    assert part.as_bytes().replace(b"\n", b"\r\n") in prepare(old, None).data


RECEIPT = (
    b"Content-Type: message/disposition-notification\r\n\r\nReporting-UA: x; y\r\n"
    b"Original-Message-ID: <" + b"x" * 100 + b"@y.example>\r\n"
    b"Disposition: manual-action/MDN-sent-manually; displayed\r\n"
)


@pytest.mark.parametrize("policy", [compat32, default, SMTP])
def test_a_receipt_is_as_it_was_but_in_a_signed_part(policy: Any) -> None:
    data = FIRST + multipart("report", 1, [b"\r\nread\r\n", RECEIPT], (b"", b"\r\n"))
    assert prepare(message_from_bytes(data, policy=policy), ENVELOPE).data == data
    signed = data.replace(b"multipart/report", b"multipart/signed")
    with pytest.raises(InputError, match="signed part") as caught:
        prepare(message_from_bytes(signed, policy=policy), ENVELOPE)
    assert caught.value.code == "message.signed_part"


class Forgetful(type(default)):  # type: ignore[misc]
    """A parser that keeps no line end behind the colon, as that of newer Pythons."""

    def header_source_parse(self, sourcelines: Any) -> Any:
        name, value = sourcelines[0].split(":", 1)
        value = "".join((value, *sourcelines[1:])).lstrip(" \t\r\n")
        return name, value.rstrip("\r\n")


def test_where_the_parser_forgot_how_a_signed_field_was_folded_it_is_refused() -> None:
    part = b"In-Reply-To:\r\n <" + b"0" * 60 + b"@mail.example.com>\r\n\r\nhello\r\n"
    for kind in ("signed", "mixed"):
        data = FIRST + multipart(kind, 1, [part], (b"", b"\r\n"))
        message = message_from_bytes(data, policy=Forgetful())
        if kind == "mixed":
            assert reader.fields(prepare(message, ENVELOPE).data)
            continue
        with pytest.raises(InputError, match="In-Reply-To in its signed part") as caught:
            prepare(message, ENVELOPE)
        assert caught.value.code == "message.signed_part"
    short = FIRST + multipart("signed", 1, [b"Subject: x\r\n\r\nhello\r\n"], (b"", b"\r\n"))
    assert prepare(message_from_bytes(short, policy=Forgetful()), ENVELOPE).data == short


@pytest.mark.parametrize("policy", [compat32, default])
def test_a_message_of_text_beyond_ascii_is_written_properly(policy: Any) -> None:
    source = (
        "From: Jörg <joerg@example.com>\nTo: a@bücher.example\nSubject: Grüße\n"
        'Content-Type: text/plain; name="Größe.txt"; charset=utf-8\n'
        "Content-Disposition: attachment; filename=Größe.txt\n\nhi\n"
    )
    outgoing = prepare(message_from_string(source, policy=policy), None)
    assert outgoing.data.isascii()
    assert reader.addresses(reader.value(outgoing.data, "From")) == [("Jörg", "joerg@example.com")]
    assert reader.addresses(reader.value(outgoing.data, "To")) == [("", "a@xn--bcher-kva.example")]
    parsed: Any = message_from_bytes(outgoing.data, policy=default)
    assert parsed["Subject"] == "Grüße"
    assert parsed.get_filename() == "Größe.txt"
    assert parsed["Content-Type"].params == {"name": "Größe.txt", "charset": "utf-8"}


@pytest.mark.parametrize("policy", [compat32, default, SMTPUTF8])
@pytest.mark.parametrize("lacks", ["seven_bit", "ascii_header"])
def test_a_header_in_utf_8_is_as_it_was_or_encoded_for_a_server_without(
    policy: Any, lacks: str
) -> None:
    data = FIRST + "To: Jörg <b@x.example>\r\nSubject: Grüße\r\n\r\nhi\r\n".encode()
    message = message_from_bytes(data, policy=policy)
    assert prepare(message, None).data == data
    encoded = prepare(message, None, **{lacks: True})
    assert encoded.data.isascii()
    assert not encoded.smtputf8
    assert reader.addresses(reader.value(encoded.data, "To")) == [("Jörg", "b@x.example")]
    assert reader.text(reader.value(encoded.data, "Subject")) == "Grüße"


@pytest.mark.parametrize("policy", [compat32, default, SMTPUTF8])
def test_a_header_that_is_signed_or_cannot_be_encoded_stays(policy: Any) -> None:
    for line in ("To: jörg@x.example\r\n", "Subject: ü\r\nDKIM-Signature: v=1; b=A\r\n"):
        data = FIRST + line.encode() + b"\r\nhi\r\n"
        kept = prepare(message_from_bytes(data, policy=policy), ENVELOPE, ascii_header=True)
        assert (kept.data, kept.smtputf8) == (data, True)


@pytest.mark.parametrize("more", ["", " ü"])
@pytest.mark.parametrize("field", ["Subject", "X-Note", "Comments"])
def test_encoded_words_that_were_there_are_not_encoded_again(field: str, more: str) -> None:
    """In one line that is too long, and beside text that is not encoded."""
    words = [f"=?utf-8?q?Gr=C3=BC=C3=9Fe{n:03}_?=" for n in range(60)]
    message = legacy()
    message["From"], message["To"] = "a@b.example", "c@d.example"
    message[field] = " ".join(words) + more
    value = reader.value(prepare(message, None).data, field)
    assert reader.text(value).split() == [f"Grüße{n:03}" for n in range(60)] + more.split()


@EACH
def test_a_url_that_no_line_can_take_is_named(make: str) -> None:
    with pytest.raises(
        InputError, match="without a space, but a line can have at most 998"
    ) as caught:
        made(make, X_Link="see https://example.com/" + "u" * 1000 + " Größe")
    assert (caught.value.code, caught.value.field) == ("message.line_too_long", "headers.X-Link")


def test_octets_of_another_charset_are_encoded_as_unknown() -> None:
    data = FIRST + b"Subject: Gr\xfc\xdfe\r\n\r\nhi\r\n"
    for policy in (compat32, default):
        encoded = prepare(message_from_bytes(data, policy=policy), ENVELOPE, ascii_header=True)
        (word,) = re.findall(rb"Subject: =\?unknown-8bit\?([bq])\?(\S+)\?=\r\n", encoded.data)
        octets = b64decode(word[1]) if word[0] == b"b" else decodestring(word[1], header=True)
        assert octets == b"Gr\xfc\xdfe"
        assert not encoded.smtputf8


# Signed with DKIM by one's own program.


def test_what_was_signed_with_dkim_is_as_python_wrote_it() -> None:
    """The signer saw what ``as_bytes`` makes, and that goes out."""
    message: Any = modern(SMTP)
    message["From"] = "Jörg Müller von und zu der Tannen und Fichten <joerg@example.com>"
    message["To"], message["Date"] = "bob@example.org", "Mon, 30 Nov 2026 10:00:00 +0000"
    message["Message-ID"] = "<1@example.com>"
    message["Subject"] = "Grüße " * 30
    message["X-Note"] = "ü " * 100
    message.set_content("hello\n")
    signed = message.as_bytes()
    message["DKIM-Signature"] = f"v=1; a=rsa-sha256; b={'A' * 300}"
    head, body = prepare(message, None).data.split(b"\r\n\r\n")
    assert head.startswith(signed.split(b"\r\n\r\n")[0])
    assert b"DKIM-Signature: v=1;" in head
    assert body == b"hello\r\n"


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("List-Unsubscribe", f"<https://example.com/{'u' * 90}>"),
        ("References", f"<{'r' * 90}@example.com>"),
    ],
)
def test_a_signature_over_what_nobody_can_read_is_refused(field: str, text: str) -> None:
    message: Any = modern()
    for name, value in (("From", "a@b.example"), ("To", "c@d.example"), (field, text)):
        message[name] = value
    assert text in reader.text(reader.value(prepare(message, None).data, field))
    message["DKIM-Signature"] = "v=1; b=AAAA"
    with pytest.raises(InputError, match="DKIM") as caught:
        prepare(message, None)
    assert caught.value.field == f"headers.{field}"


# Parts of Python's package.


NAMES_OF_FILES = ["Prüfbericht Q1.pdf", "ü" * 300 + ".pdf", "a" * 1200 + ".pdf", 'x"y\\z.pdf',
                  "日本.txt", "a;b=c.pdf", "مرحبا.pdf"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES_OF_FILES)
def test_a_file_name_comes_back_however_it_was_set(name: str) -> None:
    new: Any = modern()
    new["From"], new["To"] = "a@b.example", "c@d.example"
    new.set_content("x")
    new.add_attachment(b"x", maintype="a", subtype="b", filename=name)
    old = MIMEMultipart()
    old["From"], old["To"] = "a@b.example", "c@d.example"
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    for number in range(3):
        part = MIMEBase("a", "b")
        part.set_payload("x")
        if number == 0:
            part.add_header("Content-Disposition", "attachment", filename=name)
        elif number == 1:
            part["Content-Disposition"] = f'attachment; filename="{quoted}"'
        else:
            value: Any = ("utf-8", "", name)
            part.add_header("Content-Disposition", "attachment", filename=value)
        old.attach(part)
    for message in (new, old):
        parsed: Any = message_from_bytes(prepare(message, None).data, policy=default)
        found = [part["Content-Disposition"] for part in parsed.iter_attachments()]
        assert found
        assert {header.params["filename"] for header in found} == {name}


def test_people_as_python_has_them_come_back() -> None:
    message: Any = modern()
    message["From"] = Address('A "B" C\\', "ann", "example.com")
    message["To"] = (
        Address("Müller, Jörg", "joerg", "example.org"),
        Group("Team Ü", (Address("x" * 100, "x", "example.org"),)),
        Group("undisclosed", ()),
    )
    message.set_content("x")
    data = prepare(message, None).data
    assert reader.addresses(reader.value(data, "From")) == [('A "B" C\\', "ann@example.com")]
    assert reader.addresses(reader.value(data, "To")) == [
        ("Müller, Jörg", "joerg@example.org"), ("x" * 100, "x@example.org"),
    ]  # fmt: skip


@pytest.mark.parametrize("value", [["a@b.example", "c@d.example"], ("a@b.example",), None, 5])
def test_a_list_where_a_string_belongs_is_named(value: Any) -> None:
    message = legacy()
    message["From"], message["To"] = "ann@example.com", value
    for envelope in (None, ENVELOPE):
        with pytest.raises(InputError, match="must be a string, with commas") as caught:
            prepare(message, envelope)
        assert caught.value.field == "headers.To"


def test_a_message_in_a_message_is_written_as_well() -> None:
    message, inner, image = modern(), modern(), modern()
    for each in (message, inner, image):
        each["From"], each["To"] = "ann@example.com", "bob@example.org"
        each.set_content("x")
    inner.replace_header("From", "Jörg <joerg@example.org>")
    inner["References"] = IDS
    image.add_alternative("<p>", subtype="html")
    image.get_payload()[1].add_related(b"x", "image", "png", cid=f"<{'c' * 120}@example.com>")
    message.add_attachment(inner)
    message.add_attachment(image)
    data = prepare(message, None).data
    first = b"From: =?" + data.split(b"From: =?")[1]
    assert reader.addresses(reader.value(first, "From")) == [("Jörg", "joerg@example.org")]
    assert reader.value(first, "References") == IDS
    assert f"Content-ID: <{'c' * 120}@example.com>\r\n".encode() in data


# All of it at once.

TAME = st.lists(
    st.sampled_from(["Jörg", "Lee,", "(x)", "日本語", "💩", "Ann", "x" * 90, ".", "مرحبا", "a/b"])
    | st.text(st.characters(categories=("L", "N")), min_size=1, max_size=9),
    min_size=1, max_size=30,
).map(" ".join)  # fmt: skip
"""Words that Python's package does not read as something else."""
ID = st.text("abc019.!#$%&'*+-/=^_`{|}~", min_size=1, max_size=120).map(
    lambda text: f"<{text.replace('=?', '=.')}@example.com>"
)
URL = st.text("abc019.!$&'*+-/=_~%;?", min_size=1, max_size=200).map(
    lambda text: f"<https://example.com/{text.replace('=?', '=.')}>"
)


@FUZZ
@given(
    st.sampled_from(sorted(MAKES)), TAME, TAME, st.lists(ID, min_size=1, max_size=12),
    st.lists(URL, min_size=1, max_size=4),
    st.sampled_from(["ann@example.org", "jürgen@example.org", "a@bücher.example"]),
)  # fmt: skip
def test_everything_comes_back_whoever_made_it(
    make: str, subject: str, name: str, ids: list[str], urls: list[str], address: str
) -> None:
    shown = address.replace("bücher", "xn--bcher-kva")
    outgoing = made(
        make, Subject=subject, From=f'"{name}" <{address}>', Reply_To=f'"{name}" <{address}>',
        Errors_To=f'"{name}" <{shown}>' if address.isascii() else None,
        References=" ".join(ids), List_Unsubscribe=", ".join(urls), X_Link=urls[0],
        Message_ID=ids[0] if len(ids[0]) < 150 else None,
    )  # fmt: skip
    data = outgoing.data
    assert reader.text(reader.value(data, "Subject")) == subject
    for field in ("From", "Reply-To"):
        assert reader.addresses(reader.value(data, field)) == [(name, shown)]
    for value in reader.values(data, "Errors-To"):
        assert reader.addresses(value) == [(name, shown)]
    assert reader.bracketed(reader.value(data, "References")) == [i[1:-1] for i in ids]
    assert reader.bracketed(reader.value(data, "List-Unsubscribe")) == [u[1:-1] for u in urls]
    assert reader.value(data, "X-Link") == urls[0]
    assert str(outgoing.envelope.sender) == shown
    assert outgoing.smtputf8 is not shown.isascii()
    assert reader.value(data, "Message-ID") == outgoing.message_id
