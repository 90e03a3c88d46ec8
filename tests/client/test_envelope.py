"""The envelope of a header: who is meant, whatever the form, and nobody else."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.mime.text import MIMEText
from email.policy import SMTP, SMTPUTF8, compat32, default
from typing import Any

import pytest
from tests import reader

from smtps.client.outgoing import Envelope, prepare
from smtps.endpoint import Endpoint
from smtps.errors import InputError
from smtps.message.addresses import Group, NameAddr, read_list
from smtps.outbox.account import Account

ENVELOPE = Envelope.of("zoe@example.com", "yan@example.org")
POLICIES = pytest.mark.parametrize("policy", [compat32, default, SMTP, SMTPUTF8])
FIRST = b"""From: ann@example.com
To: bob@example.org
Cc: list@example.org
Date: Mon, 30 Nov 2026 10:00:00 +0000
Message-ID: <1@example.com>
Subject: s

hello
"""


def received(policy: Any = default, *before: str, **resent: str) -> Any:
    """A message that was read; fields before it, and fields that are set on it."""
    data = "".join(f"{line}\n" for line in before).encode() + FIRST
    message = message_from_bytes(data, policy=policy)
    for name, value in resent.items():
        message[name.replace("_", "-")] = value
    return message


def people(envelope: Envelope) -> list[str]:
    return [str(envelope.sender), *map(str, envelope.recipients)]


# A message that is sent once more (RFC 5322 section 3.6.6).


@POLICIES
def test_a_message_that_is_resent_goes_to_the_new_recipients_only(policy: Any) -> None:
    message = received(
        policy, Resent_From="Carol <carol@example.net>", Resent_To="dave@example.net",
        Resent_Cc="eve@example.net", Resent_Bcc="secret@example.net",
        Resent_Date="Mon, 30 Nov 2026 11:00:00 +0000",
    )  # fmt: skip
    outgoing = prepare(message, None)
    assert people(outgoing.envelope) == [
        "carol@example.net", "dave@example.net", "eve@example.net", "secret@example.net",
    ]  # fmt: skip
    assert b"secret" not in outgoing.data
    assert outgoing.data.startswith(FIRST.partition(b"\n\n")[0].replace(b"\n", b"\r\n"))
    assert reader.value(outgoing.data, "Resent-Date") == "Mon, 30 Nov 2026 11:00:00 +0000"
    assert outgoing.message_id == "<1@example.com>"


@POLICIES
def test_one_resending_in_front_counts_too(policy: Any) -> None:
    message = received(policy, "Resent-From: carol@example.net", "Resent-To: dave@example.net")
    assert people(prepare(message, None).envelope) == ["carol@example.net", "dave@example.net"]


def test_who_resends_for_another_gets_the_bounces() -> None:
    message = received(
        Resent_From="carol@example.net, carl@example.net", Resent_Sender="office@example.net",
        Resent_To="dave@example.net",
    )  # fmt: skip
    assert people(prepare(message, None).envelope) == ["office@example.net", "dave@example.net"]


def test_a_resending_gets_its_date() -> None:
    """It must have one; like Date it is added where it is missing."""
    outgoing = prepare(received(Resent_From="c@x.example", Resent_To="d@x.example"), None)
    assert reader.value(outgoing.data, "Resent-Date")
    assert not reader.values(prepare(received(), None).data, "Resent-Date")


@pytest.mark.parametrize(
    "fields",
    [
        {"Resent_From": "carol@example.net", "Resent_To": "dave@example.net"},
        {"resent_FROM": "carol@example.net"},
        {"Resent_To": "dave@example.net"},
        {"Resent_Date": "Mon, 30 Nov 2026 11:00:00 +0000"},
    ],
)
@POLICIES
def test_whose_turn_it_is_is_not_guessed(policy: Any, fields: dict[str, str]) -> None:
    before = ("Resent-From: old@example.net", "Resent-To: older@example.net",
              "Resent-Date: Mon, 30 Nov 2026 10:30:00 +0000")  # fmt: skip
    with pytest.raises(InputError, match="give an envelope") as caught:
        prepare(received(policy, *before, **fields), None)
    assert caught.value.field.startswith("resent-")
    assert prepare(received(policy, *before, **fields), ENVELOPE).envelope is ENVELOPE


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"Resent_From": "carol@example.net"}, "resent-to"),
        ({"Resent_From": "carol@example.net", "Resent_To": "nobody:;"}, "resent-to"),
        ({"Resent_To": "dave@example.net"}, "resent-from"),
        ({"Resent_Date": "Mon, 30 Nov 2026 11:00:00 +0000"}, "resent-from"),
        ({"Resent_Message_ID": "<2@example.net>"}, "resent-from"),
        ({"Resent_From": "a@x.example, b@x.example", "Resent_To": "c@x.example"}, "resent-from"),
    ],
)
def test_half_a_resending_goes_to_nobody(fields: dict[str, str], field: str) -> None:
    """Not to those of the first time, who have it already."""
    with pytest.raises(InputError, match="give an envelope") as caught:
        prepare(received(**fields), None)
    assert caught.value.field == field


# An account with senders of its own.


def account(*senders: str) -> Account:
    return Account(name="main", endpoint=lambda: Endpoint("x.test"), senders=senders)


def test_who_may_send_may_resend_own_mail() -> None:
    message = received(Resent_From="ann@example.com", Resent_To="dave@example.net")
    account("ann@example.com").admit(prepare(message, None))
    account("*@example.com").admit(prepare(message, None))


@pytest.mark.parametrize(
    ("fields", "allowed", "field"),
    [
        ({"Resent_From": "carol@example.net"}, "ann@example.com", "envelope.from"),
        ({"Resent_From": "carol@example.net"}, "carol@example.net", "from"),
        ({"Resent_From": "ann@example.com", "Resent_Sender": "carol@example.net"},
         "ann@example.com", "envelope.from"),
        ({"Resent_From": "carol@example.net", "Resent_Sender": "ann@example.com"},
         "ann@example.com", "resent-from"),
    ],
)  # fmt: skip
def test_a_resending_opens_no_other_name(fields: dict[str, str], allowed: str, field: str) -> None:
    outgoing = prepare(received(Resent_To="dave@example.net", **fields), None)
    with pytest.raises(InputError) as caught:
        account(allowed).admit(outgoing)
    assert (caught.value.code, caught.value.field) == ("outbox.sender_not_allowed", field)


def test_an_envelope_does_not_hide_who_resends() -> None:
    outgoing = prepare(
        received(Resent_From="carol@example.net", Resent_To="d@x.example"),
        Envelope.of("ann@example.com", "d@x.example"),
    )
    with pytest.raises(InputError) as caught:
        account("ann@example.com").admit(outgoing)
    assert caught.value.field == "resent-from"


def test_a_sender_beyond_ascii_is_read() -> None:
    message = EmailMessage(policy=SMTPUTF8)
    message["From"], message["To"] = "Jörg <jörg@bücher.example>", "b@x.example"
    outgoing = prepare(message, None)
    account("jörg@xn--bcher-kva.example").admit(outgoing)
    with pytest.raises(InputError):
        account("jorg@xn--bcher-kva.example").admit(outgoing)


# Corner cases of address lists.


def person(email: str, name: str = "") -> NameAddr:
    return NameAddr(email, name)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("a@x.example", [person("a@x.example")]),
        ("<a@x.example>", [person("a@x.example")]),
        ('"" <a@x.example>', [person("a@x.example")]),
        ("undisclosed-recipients:;", [Group("undisclosed-recipients", ())]),
        ("undisclosed-recipients: ;", [Group("undisclosed-recipients", ())]),
        ('"Team, A": a@x.example,B <b@x.example> ; , c@x.example',
         [Group("Team, A", (person("a@x.example"), person("b@x.example", "B"))),
          person("c@x.example")]),
        ("John Q. Public <a@x.example>", [person("a@x.example", "John Q. Public")]),
        ("a@x.example (Cron (the) Daemon)", [person("a@x.example")]),
        ("Ann (x) Lee <a@x.example>", [person("a@x.example", "Ann Lee")]),
        ("(one) a@x.example,\t(two) b@x.example", [person("a@x.example"), person("b@x.example")]),
        ("=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_M?= <a@x.example>", [person("a@x.example", "Jörg M")]),
        ('=?utf-8?q?J?= "=?utf-8?q?x?=" <a@x.example>',
         [person("a@x.example", "J =?utf-8?q?x?=")]),
        ("=?utf-8*en?q?J?= <a@x.example>", [person("a@x.example", "J")]),
        ("=?iso-8859-1?b?SvZyZw==?= <a@x.example>", [person("a@x.example", "Jörg")]),
        ("=?x-none?q?J?= <a@x.example>", [person("a@x.example", "=?x-none?q?J?=")]),
        ("Jörg <jörg@x.example>", [person("jörg@x.example", "Jörg")]),
        ("a@bücher.example", [person("a@xn--bcher-kva.example")]),
        ("a@BÜCHER.example", [person("a@xn--bcher-kva.example")]),
        ("a@[IPv6:2001:db8::1], b@[192.0.2.1]",
         [person("a@[IPv6:2001:db8::1]"), person("b@[192.0.2.1]")]),
        ('"a.b"@x.example', [person('"a.b"@x.example')]),
        ("'quoted' <a@x.example>", [person("a@x.example", "'quoted'")]),
        ("a@x.example,b@x.example", [person("a@x.example"), person("b@x.example")]),
    ],
)  # fmt: skip
def test_a_list_is_read(text: str, found: list[Any]) -> None:
    assert read_list(text, "to") == found


@pytest.mark.parametrize(
    "text",
    [
        "a@x.example,", ",a@x.example", "a@x.example,,b@x.example", "a@x.example;b@x.example", ";",
        ":", "a", "a b", "a@", "@x.example", "a@@x.example", "a @x.example", "a@ x.example",
        "< a@x.example>", "<a@x.example >", "<a@x.example", "a@x.example>", "<>", "Ann <>",
        "Ann <a@x.example> Lee", "Ann <a@x.example><b@x.example>", "G: a@x.example", "G: H: a@x;;",
        "G: a@x.example;b", "(a@x.example", "a@x.example)", '"a@x.example', "a@x.example(x)y.z",
        "a(x)@x.example", "a@(x)x.example", '"a b"@x.example', '"a@b"@x.example', "a..b@x.example",
        ".a@x.example", "a.@x.example", "a@x.example.", "a@.x.example", ".x <a@x.example>",
        "a@x..example", "=?utf-8?q?a?=@x.example", "a@=?utf-8?q?x?=", "a@x.example\0", "a\x7f@x.y",
        "<@r.example:a@x.example>", "a@[192.0.2.1", "a@192.0.2.1]", "a@[x y]", "(comment)",
        "<a@b,c>", "a@日本。example", "a@x.example\u2028", "Ann \\x <a@x.example>",
        "a@x.example b@x.example",
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_list(text, "to")
    assert caught.value.field == "to"


def test_each_recipient_gets_it_once() -> None:
    message = MIMEText("t")
    message["From"] = "ann@example.com"
    message["To"] = "A <a@x.example>, a@X.example, G: a@x.example;"
    message["Cc"] = "a@bücher.example, a@xn--bcher-kva.example"
    assert people(prepare(message, None).envelope) == [
        "ann@example.com", "a@x.example", "a@X.example", "a@xn--bcher-kva.example",
    ]  # fmt: skip


def test_a_group_stays_a_group() -> None:
    message = EmailMessage()
    message["From"], message["Bcc"] = "ann@example.com", "b@x.example"
    message["To"] = "Jörgs Gruppe: Jörg <a@x.example>, c@x.example;, undisclosed-recipients:;"
    data = prepare(message, None).data
    assert reader.addresses(reader.value(data, "To")) == [
        ("Jörg", "a@x.example"),
        ("", "c@x.example"),
    ]
    assert b"undisclosed-recipients:;" in data


@pytest.mark.parametrize("count", [2, 400])
@pytest.mark.parametrize("between", [",", ", ", ",\n "])
def test_long_lists_are_folded_and_none_is_lost(count: int, between: str) -> None:
    addresses = [f"reader.number.{n}@example.org" for n in range(count)]
    for make in (MIMEText("t"), EmailMessage()):
        message: Any = make
        message["From"] = "ann@example.com"
        if isinstance(make, EmailMessage) and "\n" in between:
            continue
        message["To"] = between.join(addresses)
        outgoing = prepare(message, None)
        assert people(outgoing.envelope)[1:] == addresses
        assert [a for _, a in reader.addresses(reader.value(outgoing.data, "To"))] == addresses
