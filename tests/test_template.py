"""Templates: what may be in one, and that nothing filled in can become more than its blank."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import smtps
from smtps.client.outgoing import prepare
from smtps.message.mime import compose

LETTER = """\
From: Ann <ann@example.com>
To: {{ name }} <{{ email }}>
Cc: {{ cc }}
Subject: Your invoice {{ number }}
X-Campaign: november

Dear {{ name }},
{% if late %}
you are late.
{% endif %}
"""
BOB = {"name": "Bob", "email": "bob@example.org", "cc": "", "number": 7, "late": False}


def parsed(message: smtps.Message) -> Any:
    return message_from_bytes(compose(message).data, policy=default)


def test_a_message_is_filled_in() -> None:
    found = parsed(smtps.Template(LETTER).fill(BOB))
    assert found["From"] == "Ann <ann@example.com>"
    assert found["To"] == "Bob <bob@example.org>"
    assert found["Cc"] is None  # filled in with nothing
    assert found["Subject"] == "Your invoice 7"
    assert found["X-Campaign"] == "november"
    assert found.get_content().startswith("Dear Bob,\r\n")


def test_recipients_may_be_repeated_and_names_may_be_any() -> None:
    template = smtps.Template("From: a@x.test\nTo: {{ n }} <{{ e }}>\nTo: c@x.test\n\nHello")
    message = template.fill({"n": 'Doe, "J" <x@y.test>', "e": "j@x.test"})
    assert [str(who) for who in message.recipients] == ["j@x.test", "c@x.test"]
    first, second = parsed(message)["To"].addresses
    assert (first.display_name, first.addr_spec) == ('Doe, "J" <x@y.test>', "j@x.test")
    assert second.addr_spec == "c@x.test"


def test_a_folded_field_and_windows_line_ends_are_understood() -> None:
    template = smtps.Template(
        "From: a@x.test\r\nTo: b@x.test\r\nSubject: one\r\n two\r\n\r\nHi\r\n"
    )
    assert template.fill({}).subject == "one two"


def test_html_is_escaped_and_text_is_not() -> None:
    template = smtps.Template(
        "From: a@x.test\nTo: b@x.test\n\nHi {{ who }}", html="<p>Hi {{ who }}</p>"
    )
    message = template.fill({"who": "A & <B>"})
    assert message.text == "Hi A & <B>"
    assert message.html == "<p>Hi A &amp; &lt;B&gt;</p>"


def test_html_alone_is_enough() -> None:
    message = smtps.Template("From: a@x.test\nTo: b@x.test\n\n", html="<p>Hi").fill({})
    assert (message.text, message.html) == (None, "<p>Hi")


def test_files_and_attachments(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("From: a@x.test\nTo: b@x.test\n\nHi", encoding="utf-8-sig")
    (tmp_path / "h").write_text("<p>{{ x }}")
    file = smtps.Attachment(filename="a.bin", content=b"\0" * 300)
    template = smtps.Template.from_file(tmp_path / "t", html=tmp_path / "h", attachments=[file])
    one, two = (parsed(template.fill({"x": n})) for n in (1, 2))
    for message in (one, two):
        (found,) = message.iter_attachments()
        assert found.get_content() == b"\0" * 300
    assert one.get_body().get_content() != two.get_body().get_content()
    with pytest.raises(smtps.InputError, match="cannot read"):
        smtps.Template.from_file(tmp_path / "none")
    (tmp_path / "t").write_bytes(b"From: \xff\n\n")
    with pytest.raises(smtps.InputError, match="UTF-8"):
        smtps.Template.from_file(tmp_path / "t")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("To: b@x.test\n\nHi", "no From"),
        ("From: a@x.test\nFrom: b@x.test\n\nHi", "more than once"),
        ("From: a@x.test\nX-A: 1\nx-a: 2\n\nHi", "more than once"),
        ("From: a@x.test\nDear Bob\n\nHi", "not a header field"),
        ("From: a@x.test\n\nHi {{ name", "the text, line 1"),
        ("From: a@x.test\nSubject: {% if x %}\n\nHi", "Subject"),
    ],
)
def test_what_is_no_template_is_told(source: str, why: str) -> None:
    with pytest.raises(smtps.InputError, match=re.escape(why)):
        smtps.Template(source)


@pytest.mark.parametrize(
    ("source", "values", "why"),
    [
        ("Subject: {{ x }}\n\nHi", {}, "'x' is undefined"),
        ("Subject: {{ 1 / x }}\n\nHi", {"x": 0}, "Subject"),
        ("Subject: s\n\n{{ x.__class__.__mro__ }}", {"x": 0}, "the text"),
        ("Subject: {{ x }}\n\nHi", {"x": "a\r\nBcc: evil@x.test"}, "control character"),
        ("To: {{ x }}\n\nHi", {"x": "a@x.test, evil@x.test"}, "to"),
        ("To: A <{{ x }}>\n\nHi", {"x": "a@x.test> <evil"}, "to"),
        ("From: {{ x }}\n\nHi", {"x": ""}, "from"),
        ("X-Note: {{ x }}\n\nHi", {"x": "a\nb"}, "X-Note"),
    ],
)
def test_what_cannot_be_filled_in_is_told(source: str, values: dict[str, Any], why: str) -> None:
    head = "" if source.startswith("From") else "From: a@x.test\n"
    head += "" if source.startswith("To") else "To: b@x.test\n"
    with pytest.raises(smtps.InputError, match=re.escape(why)):
        smtps.Template(head + source).fill(values)


@given(st.text(), st.text(), st.text())
def test_a_blank_becomes_neither_field_nor_recipient(name: str, subject: str, note: str) -> None:
    """Whatever is filled in: the same fields, and the one recipient; or it is refused."""
    template = smtps.Template(
        "From: a@x.test\nTo: {{ name }} <b@x.test>\nSubject: {{ subject }}\n"
        "X-Note: {{ note }}\n\nHi"
    )
    try:
        message = template.fill({"name": name, "subject": subject, "note": note})
    except smtps.InputError:
        return
    outgoing = prepare(message, None)
    assert [str(who) for who in outgoing.envelope.recipients] == ["b@x.test"]
    names = [line.partition(":")[0] for line in parsed_fields(outgoing.data)]
    assert names == ["From", "To", "Subject", "Date", "Message-ID", "X-Note", "MIME-Version",
                     "Content-Type", "Content-Transfer-Encoding"]  # fmt: skip


def parsed_fields(data: bytes) -> list[str]:
    header = data.partition(b"\r\n\r\n")[0].decode("ascii")
    return [line for line in header.split("\r\n") if not line.startswith((" ", "\t"))]
