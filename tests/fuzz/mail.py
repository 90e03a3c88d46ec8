"""What users hand in: messages in every form, their headers, addresses and names of files."""

from __future__ import annotations

from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from tests.fuzz.target import Cursor, Target, text

import smtps
from smtps.client.outgoing import prepare
from smtps.core.address import Mailbox
from smtps.core.payload import LineEnds, line_ends
from smtps.errors import InputError, SMTPSError
from smtps.message.addresses import read_list
from smtps.message.encoded_words import decode_phrase
from smtps.message.header_fields import hides_address, write, write_source
from smtps.message.mime import write_parameters

FIELDS = ("Subject", "X-Any", "To", "From", "Sender", "List-Unsubscribe", "References",
          "Content-Disposition", "DKIM-Signature", "x")  # fmt: skip
ENVELOPE = smtps.Envelope.of("a@x.test", "b@x.test")


def messages(data: bytes) -> None:
    """A message of any fields is composed so that it can be sent, or refused by a field's name."""
    cursor = Cursor(data)
    field = FIELDS[cursor.byte() % 5 + 1]
    part = [text(piece) for piece in [*cursor.pieces(), *[b""] * 8][:8]]
    try:
        message = smtps.Message(
            from_=part[0] or "a@x.test",
            to=part[1] or "b@x.test",
            subject=part[2],
            text=part[3],
            html=part[4] or None,
            headers={part[7] or field: part[5]} if part[5] else {},
            attachments=_file(part[6]),
        )
        sendable(prepare(message).data)
    except InputError as error:
        assert error.field
        assert len(str(error)) < 5000


def _file(name: str) -> list[smtps.Attachment]:
    return (
        [smtps.Attachment(filename=name, content=name.encode("utf-8", "replace"))] if name else []
    )


def sendable(data: bytes) -> None:
    """Lines that end in CRLF and are not too long."""
    assert line_ends(data) is LineEnds.CRLF
    assert b"\0" not in data
    assert max(map(len, data.split(b"\r\n"))) <= 998


def raw(data: bytes) -> None:
    """Octets that are to be sent as they are, are; or are refused."""
    with suppress(InputError):
        outgoing = prepare(data, ENVELOPE)
        sendable(outgoing.data)
        assert outgoing.eight_bit == (not data.isascii())


POLICIES = (policy.default, policy.SMTP, policy.compat32, policy.SMTPUTF8)


def parsed(data: bytes) -> None:
    """A message that Python's email package made of any octets can be sent, or is refused."""
    cursor = Cursor(data)
    how = cursor.byte()
    message: Any = message_from_bytes(cursor.rest(), policy=POLICIES[how % 4])
    try:
        outgoing = prepare(
            message,
            None if how & 64 else ENVELOPE,
            seven_bit=bool(how & 16),
            ascii_header=bool(how & 32),
        )
        sendable(outgoing.data)
    except SMTPSError as error:
        assert len(str(error)) < 5000


def set_by_hand(data: bytes) -> None:
    """The same of one whose fields were set to anything."""
    cursor = Cursor(data)
    message = EmailMessage(policy=POLICIES[cursor.byte() % 4])
    names = [cursor.pick(FIELDS) for _ in range(3)]
    for name, piece in zip(names, cursor.pieces(), strict=False):
        try:
            message[name] = text(piece)
        except Exception:
            return  # the package refused it, in its own way
    with suppress(InputError):
        sendable(prepare(message, ENVELOPE).data)


def fields(data: bytes) -> None:
    """Any text is written so that it fits, or refused."""
    cursor = Cursor(data)
    name, how = cursor.pick(FIELDS), cursor.byte()
    value = text(cursor.rest()).replace("\r", " ").replace("\n", " ")
    whole = value.encode("utf-8", "replace").decode() == value
    with suppress(InputError):
        written = write(name, value, utf8=bool(how & 1)) if whole else ""
        assert max(len(line.encode()) for line in written.split("\r\n")) <= 998
        assert "\n" not in written.replace("\r\n ", "")
    with suppress(InputError):
        if whole:
            write_source(name, value, where="x")
            write_parameters(value)
    with suppress(InputError):
        read_list(value, "to")
    with suppress(InputError):
        Mailbox.parse(value)
    hides_address(value)
    decode_phrase(value.split(" "))


def field(begin: bytes, part: bytes, name: str = "To", end: bytes = b"") -> Any:
    """A field with so many parts."""
    return lambda size: bytes([FIELDS.index(name), 0]) + begin + part * size + end


def header(part: bytes, end: bytes = b"\r\n\r\nx\r\n") -> Any:
    """A message of so many parts."""
    return lambda size: b"From: a@x.test\r\n" + part * size + end


def email(part: bytes, end: bytes = b"\r\n\r\nx\r\n", begin: bytes = b"") -> Any:
    """The same for the email package."""
    make = header(part, end)
    return lambda size: b"\1" + begin + make(size)


PARTS = (
    b"From: ", b"To: ", b"\r\n", b"\r\n ", b"=?utf-8?b?w7Y=?=", b"=?utf-8?q?=F6?=", b"a@x.test",
    b"<a@x.test>", b", ", b'"', b"\\", b"(", b")", b";", b":", b"Content-Type: ",
    b"multipart/mixed; boundary=b", b"\r\n--b\r\n", b"message/rfc822", b"text/plain; charset=",
    b"Content-Transfer-Encoding: base64\r\n", b"quoted-printable", b"\xff", b"|",
    b"filename*0*=utf-8''x", b"xn--",
)  # fmt: skip

TARGETS = (
    Target(
        "messages",
        messages,
        {
            "text": lambda n: b"\0||||" + b"word " * n,
            "lines": lambda n: b"\0|||" + b"word\n" * n,
            "long lines": lambda n: b"\0|||" + "ä".encode() * n,
            "subject": lambda n: b"\0||" + "wörd ".encode() * n,
            "recipients": lambda n: b"\0|" + b"Ann <a@x.test>, " * n,
            "name of a file": lambda n: b"\0||||||" + "ä".encode() * min(n, 255),
        },
        unit=50,
        words=PARTS,
    ),
    Target(
        "raw",
        raw,
        {
            "fields": header(b"X: y\r\n"),
            "folds": header(b"X: y\r\n z\r\n"),
            "colons": header(b":"),
            "bare line ends": header(b"\r"),
            "lines": header(b"", b"\r\n") and (lambda n: header(b"")(1) + b"line\r\n" * n),
            "spaces": header(b"Message-ID: \r\n  \r\n"),
        },
        unit=100,
        words=PARTS,
    ),
    Target(
        "parsed",
        parsed,
        {
            "fields": email(b"X: y\r\n"),
            "addresses": email(b"a@x.test, ", begin=b"To: "),
            "encoded words": email(b"=?utf-8?q?=C3=B6?= ", begin=b"Subject: "),
            "parts": email(
                b"--b\r\n\r\nx\r\n",
                b"--b--\r\n",
                begin=b"Content-Type: multipart/mixed; boundary=b\r\n\r\n",
            ),
            "lines": email(b"line\r\n", b"", begin=b"Subject: x\r\n\r\n"),
        },
        unit=10,
        words=PARTS,
    ),
    Target(
        "set_by_hand",
        set_by_hand,
        {"words": lambda n: b"\0\0\0\0" + "wörd ".encode() * n},
        unit=10,
        words=PARTS,
    ),
    Target(
        "fields",
        fields,
        {
            "letters": field(b"", b"a"),
            "words": field(b"", b"a ", "Subject"),
            "spaces": field(b"a", b" ", "X-Any"),
            "addresses": field(b"", b"a@x.test, "),
            "quotes": field(b"", b'"'),
            "backslashes": field(b'"', b"\\"),
            "comments": field(b"", b"("),
            "angles": field(b"", b"<"),
            "commas": field(b"", b","),
            "colons": field(b"", b":"),
            "at signs": field(b"", b"@"),
            "dots": field(b"", b"a."),
            "encoded words": field(b"", b"=?utf-8?q?=C3=B6?= "),
            "half encoded words": field(b"", b"=?"),
            "question marks": field(b"=?", b"?b", "X-Any"),
            "parameters": field(b"text/plain", b";a=b", "Content-Disposition"),
            "semicolons": field(b"text/plain", b"; ", "Content-Disposition"),
            "half parameters": field(b'text/plain;a="', b'";', "Content-Disposition"),
            "beyond ASCII": field(b"", "ä".encode(), "X-Any"),
            "beyond ASCII in addresses": field(b"", "ä <a@x.test>, ".encode()),
            "URLs": field(b"", b"<https://x.test/> ", "List-Unsubscribe"),
            "URLs in prose": field("ä ".encode(), b"a@b :// ", "X-Any"),
        },
        unit=150,
        words=PARTS,
    ),
)
