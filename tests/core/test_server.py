"""The server's half of the language: what it reads, what it refuses, and where a message ends."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.pieces import all_cuts, cut_at, places
from tests.core.receiver import take_message

from smtps.core.address import Mailbox
from smtps.core.command import auth, bdat, ehlo, mail, rcpt, xtext
from smtps.core.payload import normalize, stuff
from smtps.core.server_commands import Asked, Recipient, Refused, Sender
from smtps.core.server_connection import ServerConnection
from smtps.core.server_content import DotRemover, Size
from smtps.core.server_events import (
    ALLOWED,
    OUT_OF_ORDER,
    STANDARD,
    Content,
    Event,
    Finished,
    Hello,
    Login,
    Offer,
    Response,
    Simple,
    Stage,
    StartTLS,
)
from smtps.core.server_sasl import Claim, LoginExchange, PlainExchange
from smtps.errors import SessionError

OFFER = Offer(name="mail.example", mechanisms=("PLAIN", "LOGIN"), starttls=True)


def greeted(offer: Offer = OFFER, *, secured: bool = True) -> ServerConnection:
    connection = ServerConnection(offer, secured=secured)
    connection.answer("220 mail.example ESMTP")
    connection.data_to_send()
    return connection


def usual(connection: ServerConnection, event: Event) -> None:
    """Answer as a server that takes everything."""
    match event:
        case Hello():
            connection.greet()
        case StartTLS():
            connection.answer("220 2.0.0 Go ahead")
        case Login() | Response():
            connection.answer("235 2.7.0 Welcome")
        case Simple():
            connection.answer(STANDARD[event.verb])
        case Content():
            pass
        case _:
            connection.answer("250 2.0.0 OK")


def events(connection: ServerConnection, data: bytes = b"") -> Iterator[Event]:
    """All events of these octets, each with the usual answer after it was looked at."""
    connection.receive_data(data)
    while (event := connection.next_event()) is not None:
        yield event
        usual(connection, event)


def said(connection: ServerConnection, data: bytes) -> list[str]:
    """The replies to these octets."""
    for _ in events(connection, data):
        pass
    return connection.data_to_send().decode().splitlines()


def in_stage(stage: Stage, offer: Offer = OFFER) -> ServerConnection:
    connection = greeted(offer)
    lines = {
        Stage.GREETED: b"",
        Stage.READY: b"EHLO c.example\r\n",
        Stage.MAIL: b"EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n",
        Stage.RCPT: b"EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<b@b.example>\r\n",
        Stage.CHUNKS: b"EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<b@b.example>\r\n"
        b"BDAT 2\r\nab",
    }
    said(connection, lines[stage])
    assert connection.stage is stage
    return connection


# Invariant: what a client of this package says, a server of this package reads, for every cut.

texts = st.lists(
    st.sampled_from([b".", b"..", b"\r\n", b"\n", b"\r", b"a", b".\r\n", b"QUIT\r\n", b"\xff"]),
    max_size=20,
).map(b"".join)


@given(texts, texts, st.booleans(), places)
@settings(deadline=None)
def test_what_is_sent_is_received(
    first: bytes, second: bytes, chunking: bool, cuts: list[int]
) -> None:
    wire = ehlo("client.example").encode()
    wanted: list[object] = []
    for text in (first, second):
        body = normalize(text)
        wire += mail(Mailbox("a", "b.example"), size=len(body)).encode()
        wire += rcpt(Mailbox("c", "d.example"), notify=["FAILURE"]).encode()
        if chunking:
            half = len(body) // 2
            wire += bdat(half, last=False).encode() + body[:half]
            wire += bdat(len(body) - half, last=True).encode() + body[half:]
        else:
            if body and not body.endswith(b"\r\n"):
                body += b"\r\n"
            wire += b"DATA\r\n" + stuff(body) + b".\r\n"
        wanted += [
            Sender("a@b.example", size=len(normalize(text))),
            Recipient("c@d.example", notify=frozenset({"FAILURE"})),
            body,
        ]
    connection, data = greeted(), b""
    found: list[object] = []
    for piece in cut_at(wire, cuts):
        for event in events(connection, piece):
            match event:
                case Sender() | Recipient():
                    found.append(event)
                case Content():
                    data += event.data
                case Finished(last=True):
                    found.append(data)
                    data = b""
    assert found == wanted
    assert connection.stage is Stage.READY


# Invariant: a message ends at CRLF . CRLF and nowhere else, for every cut.


@given(texts, places)
@settings(deadline=None)
def test_the_end_is_where_the_standard_has_it(text: bytes, cuts: list[int]) -> None:
    wire = text + b"\r\n.\r\nMAIL"
    message, rest = take_message(wire)
    dots, taken = DotRemover(), b""
    pieces = cut_at(wire, cuts)
    for number, piece in enumerate(pieces):
        part, behind = dots.feed(piece)
        taken += part
        if behind is not None:
            assert (taken, behind + b"".join(pieces[number + 1 :])) == (message, rest)
            return
    pytest.fail("the end was not found")


LOOSE_ENDS = [
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\r\n.\0\r\n",
    b"\r\n\x00.\r\n", b"\r\r\n.\rx\r\n",
]  # fmt: skip


@pytest.mark.parametrize("end", LOOSE_ENDS)
def test_a_loose_end_is_content(end: bytes) -> None:
    for pieces in all_cuts(b"x" + end + b"MAIL FROM:<evil@b.example>\r\n.\r\n"):
        connection = in_stage(Stage.RCPT)
        assert said(connection, b"DATA\r\n")[0][:3] == "354"
        found = [event for piece in pieces for event in events(connection, piece)]
        assert [type(event) for event in found if not isinstance(event, Content)] == [Finished]
        assert b"evil" in b"".join(e.data for e in found if isinstance(e, Content))


@given(texts, places)
@settings(deadline=None)
def test_a_bare_cr_or_lf_is_noticed_for_every_cut(text: bytes, cuts: list[int]) -> None:
    size = Size(0)
    for piece in cut_at(text, cuts):
        assert size.take(piece) == piece
    size.end()
    rest = text.replace(b"\r\n", b"")
    assert size.bare == (b"\r" in rest or b"\n" in rest)
    assert (size.octets, size.too_large) == (len(text), False)


def test_a_message_that_is_too_large_is_read_to_its_end_and_not_kept() -> None:
    connection = in_stage(Stage.RCPT, Offer(name="m", size=10))
    said(connection, b"DATA\r\n")
    found = list(events(connection, b"1234\r\n" + b"x" * 50 + b"\r\n"))
    found += events(connection, b".\r\nNOOP\r\n")
    assert sum(len(event.data) for event in found if isinstance(event, Content)) <= 10
    assert Finished(True, 58, True, False) in found
    assert found[-1] == Simple(Asked.NOOP)


# Commands, one by one.


@pytest.mark.parametrize("stage", ALLOWED)
@pytest.mark.parametrize("verb", Asked)
def test_what_is_out_of_order_is_refused_and_changes_nothing(stage: Stage, verb: Asked) -> None:
    if verb in ALLOWED[stage]:
        return
    connection = in_stage(stage)
    line = b"BDAT 4\r\nQUIT" if verb is Asked.BDAT else f"{verb} x\r\n".encode()
    assert said(connection, line) == [OUT_OF_ORDER[stage]]
    assert connection.stage is stage


@pytest.mark.parametrize(
    ("stage", "line", "reply"),
    [
        (Stage.READY, "FROBNICATE", "500 5.5.2"),
        (Stage.READY, "\xff", "500 5.5.2"),
        (Stage.READY, "NOOP a\0b", "500 5.5.2"),
        (Stage.READY, "EHLO", "501 5.5.4"),
        (Stage.READY, "EHLO " + "a" * 256, "501 5.5.4"),
        (Stage.READY, "MAIL a@b.example", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:a@b.example", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example>SIZE=1", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a b@b.example>", "553 5.1.7"),
        (Stage.READY, "MAIL FROM:<a@b.example> SIZE", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example> SIZE=x", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example> SIZE=1 SIZE=1", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example> SIZE=99999999999", "552 5.3.4"),
        (Stage.READY, "MAIL FROM:<a@b.example> BODY=BINARYMIME", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example> SMTPUTF8=yes", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example> RET=ALL", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example> ENVID=+zz", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example> ENVID=+0A", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example> X=", "501 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example> FOO=1", "555 5.5.4"),
        (Stage.READY, "MAIL FROM:<a@b.example> REQUIRETLS", "555 5.5.4"),
        (Stage.READY, "MAIL FROM:<é@b.example>", "553 5.6.7"),
        (Stage.MAIL, "RCPT b@b.example", "501 5.5.4"),
        (Stage.MAIL, "RCPT TO:<>", "553 5.1.3"),
        (Stage.MAIL, "RCPT TO:<nobody>", "553 5.1.3"),
        (Stage.MAIL, "RCPT TO:<b@b.example> NOTIFY=NEVER,FAILURE", "501 5.5.4"),
        (Stage.MAIL, "RCPT TO:<b@b.example> NOTIFY=FAILURE,FAILURE", "501 5.5.4"),
        (Stage.MAIL, "RCPT TO:<b@b.example> NOTIFY", "501 5.5.4"),
        (Stage.MAIL, "RCPT TO:<b@b.example> ORCPT=rfc822", "501 5.5.4"),
        (Stage.MAIL, "RCPT TO:<b@b.example> ORCPT=rfc822;a+b", "501 5.5.4"),
        (Stage.RCPT, "DATA now", "501 5.5.4"),
        (Stage.READY, "AUTH", "501 5.5.4"),
        (Stage.READY, "AUTH PLAIN a b", "501 5.5.4"),
        (Stage.READY, "AUTH GSSAPI", "504 5.5.4"),
        (Stage.READY, "AUTH PLAIN ***", "501 5.5.2"),
        (Stage.READY, "STARTTLS", "503 5.5.1"),  # TLS is on already
    ],
)
def test_what_is_malformed_is_refused_and_changes_nothing(
    stage: Stage, line: str, reply: str
) -> None:
    connection = in_stage(stage)
    wire = line.encode("latin-1" if line == "\xff" else "utf-8")
    answers = said(connection, wire + b"\r\n")
    assert [answer[: len(reply)] for answer in answers] == [reply]
    assert connection.stage is stage


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("mail from:<>", Sender("")),
        ("MAIL FROM: <a@b.example>", Sender("a@b.example")),
        ("MAIL FROM:<@x.example,@y.example:a@b.example>", Sender("a@b.example")),
        ('MAIL FROM:<"a.b"@b.example>', Sender('"a.b"@b.example')),
        (
            "MAIL FROM:<é@b.example> SMTPUTF8 BODY=8BITMIME size=7",
            Sender("é@b.example", size=7, eight_bit=True, smtputf8=True),
        ),
        ("MAIL FROM:<a@b.example> BODY=7bit", Sender("a@b.example")),
        (
            f"MAIL FROM:<a@b.example> RET=hdrs ENVID={xtext('a+b=c')}",
            Sender("a@b.example", ret="HDRS", envid="a+b=c"),
        ),
        ("HELO c.example", Hello("c.example", extended=False)),
        ("EHLO [192.0.2.1] and more", Hello("[192.0.2.1]", extended=True)),
        ("NOOP\twell", Simple(Asked.NOOP, "well")),
        ("VRFY ann", Simple(Asked.VRFY, "ann")),
        ("rset", Simple(Asked.RSET)),
        ("QUIT", Simple(Asked.QUIT)),
        ("AUTH PLAIN =", Login("PLAIN", b"")),
        ("auth plain AGEAYg==", Login("PLAIN", b"\0a\0b")),
        ("AUTH LOGIN", Login("LOGIN", None)),
    ],
)
def test_what_is_read(line: str, event: Event) -> None:
    connection = in_stage(Stage.READY)
    connection.receive_data(line.replace("\t", " ").encode() + b"\r\n")
    assert connection.next_event() == event
    assert connection.next_event() is None  # an answer is due


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("RCPT TO:<Postmaster>", Recipient("Postmaster")),
        (
            "RCPT TO:<b@b.example> NOTIFY=delay,FAILURE ORCPT=rfc822;b+2Bx@b.example",
            Recipient("b@b.example", frozenset({"DELAY", "FAILURE"}), "rfc822;b+2Bx@b.example"),
        ),
        (
            "RCPT TO:<b@b.example> NOTIFY=NEVER ORCPT=utf-8;\\x{E9}@b.example",
            Recipient("b@b.example", frozenset({"NEVER"}), "utf-8;\\x{E9}@b.example"),
        ),
    ],
)
def test_recipients_that_are_read(line: str, event: Event) -> None:
    connection = in_stage(Stage.MAIL)
    connection.receive_data(line.encode() + b"\r\n")
    assert connection.next_event() == event


def test_what_ehlo_offers() -> None:
    connection = greeted(Offer(name="m", mechanisms=("PLAIN",), starttls=True, more=("X-A 1",)),
                         secured=False)  # fmt: skip
    extensions = [f"250-{name}" for name in OFFER.extensions]
    size = "250-SIZE 67108864"
    assert said(connection, b"EHLO c\r\n") == ["250-m", *extensions, size, "250-STARTTLS",
                                               "250 X-A 1"]  # fmt: skip
    assert said(connection, b"HELO c\r\n") == ["250 m"]
    assert said(connection, b"AUTH PLAIN AGEAYg==\r\n") == ["538 5.7.11 A login needs TLS here"]
    assert said(connection, b"STARTTLS x\r\n") == ["501 5.5.4 STARTTLS takes no argument"]
    assert said(connection, b"STARTTLS\r\n") == ["220 2.0.0 Go ahead"]
    connection.receive_data(b"\x16\x03\x01")  # this is TLS, and none of this half's business
    assert connection.next_event() is None
    connection.upgraded()
    assert (connection.stage, connection.secured, connection.unread) == (Stage.GREETED, True, 0)
    assert said(connection, b"MAIL FROM:<>\r\n") == [OUT_OF_ORDER[Stage.GREETED]]
    assert said(connection, b"EHLO c\r\n")[-2:] == ["250-AUTH PLAIN", "250 X-A 1"]
    assert said(connection, b"AUTH PLAIN AGEAYg==\r\n") == ["235 2.7.0 Welcome"]
    assert said(connection, b"AUTH PLAIN AGEAYg==\r\n") == ["503 5.5.1 You are logged in already"]
    assert said(connection, b"EHLO c\r\n")[-2:] == [size, "250 X-A 1"]


def test_a_server_that_offers_little() -> None:
    offer = Offer(name="m", extensions=(), size=0)
    connection = greeted(offer)
    connection.receive_data(b"EHLO c\r\n")
    assert connection.next_event() == Hello("c", extended=True)
    connection.greet(text="greets c")
    assert connection.data_to_send() == b"250 m greets c\r\n"
    assert said(connection, b"AUTH PLAIN\r\n") == ["503 5.5.1 AUTH is not offered here"]
    assert said(connection, b"MAIL FROM:<a@b.example> SMTPUTF8\r\n")[0][:9] == "555 5.5.4"
    assert said(connection, b"MAIL FROM:<a@b.example> SIZE=99999999999\r\n") == ["250 2.0.0 OK"]
    assert said(connection, b"RCPT TO:<b@b.example>\r\n") == ["250 2.0.0 OK"]
    assert said(connection, b"BDAT 4\r\nQUIT") == ["502 5.5.1 BDAT is not offered here"]
    assert connection.stage is Stage.RCPT


def test_nothing_may_come_with_starttls() -> None:
    connection = greeted(secured=False)
    assert said(connection, b"STARTTLS\r\nRSET\r\n")[0][:9] == "501 5.5.1"
    assert connection.stage is Stage.CLOSED


def test_a_login_in_steps() -> None:
    connection = in_stage(Stage.READY)
    connection.receive_data(auth("LOGIN").encode())
    assert connection.next_event() == Login("LOGIN", None)
    connection.challenge(b"Username:")
    assert connection.data_to_send() == b"334 " + base64.b64encode(b"Username:") + b"\r\n"
    connection.receive_data(base64.b64encode(b"ann") + b"\r\n")
    assert connection.next_event() == Response(b"ann")
    connection.answer("535 5.7.8 No")
    assert (connection.stage, connection.logged_in) == (Stage.READY, False)
    for line, reply in ((b"*", "501 5.7.0"), (b"%%", "501 5.5.2")):
        connection.receive_data(b"AUTH LOGIN\r\n")
        connection.next_event()
        connection.challenge(b"")
        connection.data_to_send()
        assert said(connection, line + b"\r\n")[0][:9] == reply
        assert connection.stage is Stage.READY


def test_a_message_in_chunks() -> None:
    connection = in_stage(Stage.RCPT)
    found = list(events(connection, b"BDAT 6\r\n.\r\n.\r\nBDAT 0\r\nBDAT 2 last\r\nab"))
    assert found == [
        Content(b".\r\n.\r\n"),
        Finished(False, 6, False, False),
        Finished(False, 6, False, False),
        Content(b"ab"),
        Finished(True, 8, False, False),
    ]
    assert connection.stage is Stage.READY


def test_a_chunk_that_is_refused_ends_the_message() -> None:
    connection = in_stage(Stage.RCPT)
    connection.receive_data(b"BDAT 2\r\nab")
    assert connection.next_event() == Content(b"ab")
    assert connection.next_event() == Finished(False, 2, False, False)
    connection.answer("452 4.3.1 The disk is full")
    connection.data_to_send()
    assert said(connection, b"BDAT 2 LAST\r\ncd") == [OUT_OF_ORDER[Stage.READY]]
    assert said(connection, b"NOOP\r\n") == ["250 2.0.0 OK"]


def test_a_chunk_without_a_size_ends_the_connection() -> None:
    connection = in_stage(Stage.RCPT)
    assert said(connection, b"BDAT many\r\nQUIT\r\n")[0][:9] == "501 5.5.4"
    assert connection.stage is Stage.CLOSED


def test_recipients_have_a_limit_and_are_forgotten() -> None:
    connection = in_stage(Stage.MAIL, Offer(name="m", recipients=2))
    replies = said(connection, b"RCPT TO:<b@b.example>\r\n" * 3)
    assert [reply[:3] for reply in replies] == ["250", "250", "452"]
    said(connection, b"RSET\r\n")
    assert (connection.stage, connection.recipients) == (Stage.READY, 0)
    said(connection, b"RSET\r\n")
    assert connection.stage is Stage.READY
    before_ehlo = greeted()
    assert said(before_ehlo, b"RSET\r\n") == ["250 2.0.0 OK"]
    assert before_ehlo.stage is Stage.GREETED


def test_a_refusal_leaves_the_dialogue_where_it_is() -> None:
    connection = in_stage(Stage.MAIL)
    connection.receive_data(b"RCPT TO:<b@b.example>\r\nDATA\r\n")
    assert connection.next_event() == Recipient("b@b.example")
    connection.answer("550 5.1.1 No such user")
    assert connection.recipients == 0
    assert said(connection, b"")[-1] == OUT_OF_ORDER[Stage.MAIL]


def test_what_follows_a_refused_data_is_not_taken_for_commands() -> None:
    connection = in_stage(Stage.RCPT)
    connection.receive_data(b"DATA\r\nMAIL FROM:<evil@b.example>\r\n")
    assert connection.next_event() == Simple(Asked.DATA)
    connection.answer("452 4.3.1 The disk is full")
    assert connection.data_to_send().splitlines()[-1][:9] == b"421 4.7.0"
    assert connection.next_event() is None
    quiet = in_stage(Stage.RCPT)
    quiet.receive_data(b"DATA\r\n")
    quiet.next_event()
    quiet.answer("452 4.3.1 The disk is full")
    assert quiet.stage is Stage.RCPT


@pytest.mark.parametrize(
    "line", [b"NOOP\n", b"NOOP\rRSET\r\n", b"NOOP a\r\r\n", b"x" * 2560, b"x" * 3000 + b"\r\n"]
)
def test_a_line_that_others_read_otherwise_ends_the_connection(line: bytes) -> None:
    connection = in_stage(Stage.READY)
    assert said(connection, line)[0][:9] == "500 5.5.2"
    assert connection.stage is Stage.CLOSED
    assert said(connection, b"NOOP\r\n") == []


def test_too_many_errors_end_the_connection() -> None:
    connection = in_stage(Stage.READY, Offer(name="m", errors=2))
    replies = said(connection, b"FOO\r\n" * 9)
    assert [reply[:3] for reply in replies] == ["500", "500", "500", "421"]


@pytest.mark.parametrize(("greeting", "stage"), [("554 5.7.1 Go away", Stage.CLOSED),
                                                 ("421 4.3.2 Later", Stage.CLOSED)])  # fmt: skip
def test_a_greeting_that_refuses_ends_the_connection(greeting: str, stage: Stage) -> None:
    connection = ServerConnection(OFFER)
    connection.answer(greeting)
    assert connection.stage is stage


def test_421_ends_the_connection_wherever_it_is_said() -> None:
    connection = in_stage(Stage.READY)
    connection.receive_data(b"NOOP\r\n")
    connection.next_event()
    connection.answer("421 4.3.2 Shutting down")
    assert connection.stage is Stage.CLOSED
    with pytest.raises(SessionError):
        connection.answer("250 OK")


def test_a_message_after_a_message_and_one_in_two_pieces() -> None:
    connection = in_stage(Stage.RCPT)
    said(connection, b"DATA\r\n")
    found = [*events(connection, b"a\r\n"), *events(connection, b"b\r\n.\r\n")]
    assert b"".join(e.data for e in found if isinstance(e, Content)) == b"a\r\nb\r\n"
    assert connection.stage is Stage.READY


def test_what_a_client_claims() -> None:
    plain, login = PlainExchange(), LoginExchange()
    assert plain.step(None) == b""
    assert plain.step(b"\0ann\0secret") == Claim("ann", "secret")
    assert plain.step(b"bob\0ann\0secret") == Claim("ann", "secret", "bob")
    assert [login.step(each) for each in (None, b"ann")] == [b"Username:", b"Password:"]
    assert login.step(b"secret") == Claim("ann", "secret")
    assert "secret" not in repr(Claim("ann", "secret"))
    for malformed in (b"ann", b"\0\0x", b"\0\xff\0x"):
        with pytest.raises(Refused):
            PlainExchange().step(malformed)


def test_a_refused_chunk_is_skipped_although_it_comes_in_pieces() -> None:
    connection = in_stage(Stage.READY)
    assert said(connection, b"BDAT 8\r\nQUIT") == []
    assert said(connection, b"\r\nxxNOOP\r\n")[0] == OUT_OF_ORDER[Stage.READY]
