"""What holds for any input. Each test states its invariant first."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.core.hostile import ADDRESSES, ANN, EVERY_ARGUMENT, LINE_BREAKERS
from tests.core.pieces import cut_at, places
from tests.core.receiver import (
    BARE,
    LOOSE_END,
    from_xtext,
    read_carefully,
    read_carelessly,
    take_message,
)

from smtps.core.address import Mailbox
from smtps.core.capabilities import Capabilities
from smtps.core.command import (
    DATA,
    END_OF_DATA,
    NOOP,
    QUIT,
    RSET,
    STARTTLS,
    Command,
    Verb,
    auth,
    bdat,
    ehlo,
    helo,
    mail,
    rcpt,
    response,
    xtext,
)
from smtps.core.connection import Connection
from smtps.core.payload import DotStuffer, Normalizer, find_long_line, line_ends, normalize, stuff
from smtps.core.reply import Limits, Reply, ReplyParser, printable
from smtps.core.sasl import decode_bearer_error, decode_challenge
from smtps.core.state import REPLIES, SEND, State
from smtps.errors import (
    InputError,
    LoginError,
    NetworkError,
    ProtocolError,
    RemoteError,
    SessionError,
)

few = settings(max_examples=100, deadline=None)
many = settings(max_examples=250, deadline=None)


# Replies

TOKENS = [
    *(b"220", b"250", b"354", b"421", b"550", b"571", b"199", b"25"),
    *(b"-", b" ", b"\r\n", b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b"ok", b"2.1.0 "),
]
server_bytes = st.lists(st.sampled_from(TOKENS) | st.binary(max_size=8), max_size=40).map(b"".join)
"""Much of it nearly SMTP, so that more than the first line is looked at."""

TIGHT = Limits(line=24, lines=4, total=64)


def outcome(pieces: list[bytes], limits: Limits) -> tuple[list[Reply], str | None]:
    """All replies, and the code of the error that ended them."""
    parser, replies = ReplyParser(limits), []
    for piece in pieces:
        parser.feed(piece)
        try:
            while (reply := parser.next_reply()) is not None:
                replies.append(reply)
        except ProtocolError as error:
            return replies, error.code
        held = len(parser.unread)
        held += sum(len(line) for line in parser._partial.lines) if parser._partial else 0
        # A byte that cannot be shown takes four characters: \xNN.
        assert held <= limits.line + 4 * limits.total
    return replies, None


@many
@given(server_bytes, places)
@example(b"220 a\r\n", [6])
@example(b"250-a\r\n250 b\r\n", [4, 7, 8])
@example(b"x" * 25, [24])
@example(b"250-\r\n" * 5, [])
def test_any_bytes_give_the_same_replies_for_every_cut(data: bytes, cuts: list[int]) -> None:
    """Any bytes from a server, cut anywhere, give replies or a ProtocolError and nothing else;
    what is held meanwhile stays within the limits; the cut makes no difference."""
    for limits in (Limits(), TIGHT):
        whole = outcome([data], limits)
        assert outcome(cut_at(data, cuts), limits) == whole
        assert outcome([data[at : at + 1] for at in range(len(data))], limits) == whole


@few
@given(st.binary(max_size=200).filter(lambda data: b"\n" not in data), st.integers(1, 50))
@example(b"250-", 4)
@example(b"250-x", 1)
@example(b"2", 1)
def test_no_server_can_make_the_parser_hold_more_than_its_limits(data: bytes, times: int) -> None:
    """Whatever is repeated without end, with line ends or without, is given up or taken out."""
    assume(data)
    for end in (b"", b"\r\n"):
        pieces = [data + end] * (times + 3000 // len(data))
        replies, error = outcome(pieces, TIGHT)
        assert error is not None or len(replies) == len(pieces)


texts = st.lists(
    st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]) | st.just(" "), max_size=20),
    min_size=1,
    max_size=5,
)


@few
@given(st.integers(200, 599), texts, places)
def test_a_reply_comes_back_as_it_was_written(code: int, lines: list[str], cuts: list[int]) -> None:
    """Parsing is the inverse of writing, for all text that can be shown."""
    marks = ["-"] * (len(lines) - 1) + [" "]
    data = "".join(f"{code}{m}{t}\r\n" for m, t in zip(marks, lines, strict=True)).encode()
    replies, error = outcome(cut_at(data, cuts), Limits())
    assert error is None
    assert [(reply.code, list(reply.lines)) for reply in replies] == [(code, lines)]


@few
@given(st.binary(max_size=100) | server_bytes)
def test_whatever_is_shown_can_be_shown(data: bytes) -> None:
    """``printable`` holds no control but the tab, and can be encoded."""
    text = printable(data)
    assert text.replace("\t", "").isprintable()
    text.encode()


@few
@given(st.lists(st.text(max_size=30), min_size=1, max_size=8))
def test_any_answer_to_ehlo_can_be_read(lines: list[str]) -> None:
    """Capabilities keep all lines and never raise; size and limits are positive."""
    found = Capabilities.of(Reply(250, tuple(lines)))
    assert found.lines == tuple(lines[1:])
    assert found.size is None or found.size > 0
    assert all(limit > 0 for limit in found.limits.values())
    assert len(set(found.auth)) == len(found.auth)


@few
@given(st.text(max_size=60) | st.binary(max_size=60).map(printable))
def test_any_challenge_is_decoded_or_ends_the_login(text: str) -> None:
    """Bytes or LoginError, nothing else."""
    with suppress(LoginError):
        assert isinstance(decode_challenge(text), bytes)


@few
@given(st.binary(max_size=300))
@example(b'{"a":' * 5000)
def test_any_reason_of_a_bearer_failure_becomes_text(challenge: bytes) -> None:
    """Text of a bounded length, never an exception."""
    assert len(decode_bearer_error(challenge)) <= 800


# Commands

line_breakers = st.sampled_from([char for group in LINE_BREAKERS.values() for char in group])
any_text = st.text(st.characters() | line_breakers | st.sampled_from('<>@"=+.:[]'), max_size=40)


@pytest.mark.parametrize("build", EVERY_ARGUMENT.values(), ids=EVERY_ARGUMENT)
@few
@given(any_text)
@example("x\r\nQUIT")
@example("ann@example.org\n")
def test_no_argument_puts_a_second_command_on_the_wire(build: Any, text: str) -> None:
    """InputError before a byte, or one line with one CRLF at its end."""
    try:
        wire = build(text).encode()
    except InputError:
        return
    assert wire.endswith(b"\r\n")
    assert len(wire[:-2].decode().splitlines()) <= 1


plain = st.text("ab1.-+=", min_size=1, max_size=6)
structure = st.sampled_from(
    [
        *("@", ">", "<", '"', " ", "\t", "\\", ",", ";", ":", "(", ")", "[", "]"),
        *("> ", "SIZE=1", "ORCPT=rfc822;x", "[x:", "[IPv6:", "[192.0.2.1]", "@b.c", "ü"),
    ]
)
addresses = st.lists(plain | structure, max_size=8).map("".join)
"""Pieces of addresses and of what gets smuggled in them."""


@pytest.mark.parametrize("make", [mail, rcpt])
@many
@given(addresses)
@example("ann@example.org")
@example('"a.b"@example.org')
@example("a@[x:y>SIZE=1]")
def test_an_address_is_refused_or_is_one_path_without_parameters(make: Any, text: str) -> None:
    """Independent parsers, a careful and a careless one, read the very path that was meant."""
    try:
        line = make(Mailbox.parse(text)).line
    except InputError:
        return
    assert read_carelessly(line) == (text, [])
    path, parameters = read_carefully(line)
    assert parameters == []
    local, _, domain = text.rpartition("@")
    assert path in (text, f"{local.strip(chr(34))}@{domain}")


@many
@given(addresses)
@example("a+b=c@example.org")
@example("ü+=@example.org")
def test_an_original_recipient_is_one_parameter(text: str) -> None:
    """ORCPT is refused or is one word, from which the address can be read back."""
    try:
        line = rcpt(ANN, orcpt=Mailbox.parse(text)).line
    except InputError:
        return
    for read in (read_carefully, read_carelessly):
        path, parameters = read(line)
        assert path == str(ANN)
        assert len(parameters) == 1
    form, _, value = parameters[0].partition(";")
    if form == "ORCPT=rfc822":
        assert from_xtext(value) == text.encode()
    else:
        assert form == "ORCPT=utf-8"
        assert not set(value) & set("+=")
        assert value.replace(r"\x{2B}", "+").replace(r"\x{3D}", "=") == text


@given(st.sampled_from(ADDRESSES), st.text('ab@.<> "\\', max_size=3), st.integers(0, 40))
@few
def test_a_hostile_address_does_not_get_better_by_a_few_characters(
    text: str, more: str, place: int
) -> None:
    """Refused, or one path and no parameter: also for the neighbours of known attacks."""
    text = text[:place] + more + text[place:]
    try:
        line = rcpt(Mailbox.parse(text)).line
    except InputError:
        return
    assert read_carelessly(line) == (text, [])


@few
@given(st.text(st.characters(max_codepoint=0x7F)))
def test_xtext_comes_back(text: str) -> None:
    """Encoding is one word of xtext, and decoding gives the text again."""
    encoded = xtext(text)
    assert len(encoded.split()) <= 1
    assert from_xtext(encoded) == text.encode()


@few
@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=100))
def test_an_envelope_id_comes_back(envid: str) -> None:
    """ENVID is one parameter, from which the identifier can be read back."""
    parameters = mail(None, ret="FULL", envid=envid).line.split()[2:]
    assert parameters[0] == "RET=FULL"
    name, _, value = parameters[1].partition("=")
    assert (name, from_xtext(value), len(parameters)) == ("ENVID", envid.encode(), 2)


# The message

messages = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"\x00", b"a", b"\xff"])
    | st.binary(max_size=4),
    max_size=20,
).map(b"".join)


@many
@given(messages, places, st.binary(max_size=5))
@example(b".\r", [1], b".\r\n")
def test_a_message_arrives_and_nothing_behind_it_is_taken_for_it(
    message: bytes, cuts: list[int], behind: bytes
) -> None:
    """The wire has one CRLF.CRLF, at its end, and no bare CR or LF; un-stuffing by an independent
    receiver gives back the normal form; the cut makes no difference."""
    whole = stuff(normalize(message)) + b".\r\n"
    normalizer, stuffer = Normalizer(), DotStuffer()
    wire = b"".join([stuffer.feed(normalizer.feed(piece)) for piece in cut_at(message, cuts)])
    wire += stuffer.feed(normalizer.finish()) + stuffer.finish() + b".\r\n"
    assert wire == whole
    seen = b"\r\n" + wire
    assert seen.count(b"\r\n.\r\n") == 1
    assert seen.endswith(b"\r\n.\r\n")
    assert not BARE.search(seen)
    assert len(LOOSE_END.findall(seen)) == 1
    meant = normalize(message)
    meant += b"\r\n" if meant and not meant.endswith(b"\r\n") else b""
    assert take_message(wire + behind) == (meant, behind)


@few
@given(messages)
def test_the_normal_form_keeps_the_lines(message: bytes) -> None:
    """Only line ends change: the lines between them are the same, and the form is final."""
    normal = normalize(message)
    assert normal.split(b"\r\n") == message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(
        b"\n"
    )
    assert normalize(normal) == normal
    assert line_ends(normal) == "crlf"


@few
@given(messages, st.integers(1, 12))
def test_a_long_line_is_found_as_by_looking_at_every_line(message: bytes, limit: int) -> None:
    """Leaping gives the same place as walking."""
    data, at = normalize(message), 0
    for line in data.split(b"\r\n"):
        if len(line) > limit:
            assert find_long_line(data, limit) == at
            return
        at += len(line) + 2
    assert find_long_line(data, limit) is None


# The dialogue

POOL = [
    ehlo("client.example"),
    helo("client.example"),
    STARTTLS,
    auth("PLAIN", b"\0a\0b"),
    auth("LOGIN"),
    response(b"x"),
    mail(ANN),
    rcpt(ANN),
    DATA,
    END_OF_DATA,
    bdat(0, last=False),
    bdat(3, last=False),
    bdat(3, last=True),
    RSET,
    NOOP,
    QUIT,
]
REPLY_LINES = {
    2: [b"220 a\r\n", b"250 ok\r\n", b"250-a\r\n250-PIPELINING\r\n250 STARTTLS\r\n"],
    3: [b"334 \r\n", b"354 go on\r\n"],
    5: [b"550 5.7.1 no\r\n", b"452 no\r\n", b"550-a\r\n550 b\r\n"],
}
SURPRISES = [line for lines in REPLY_LINES.values() for line in lines] + [b"421 bye\r\n", b""]

EHLO_WITH_ALL = ([ehlo("client.example")], REPLY_LINES[2][2])
ENVELOPE = ([mail(ANN), rcpt(ANN)], b"250 a\r\n250 b\r\n")
BEGINNINGS: list[list[tuple[list[Command], bytes]]] = [
    [],
    [([], b"220 a\r\n")],
    [([], b"220 a\r\n"), EHLO_WITH_ALL],
    [([], b"220 a\r\n"), ([ehlo("client.example")], b"250 a\r\n")],
    [([], b"220 a\r\n"), EHLO_WITH_ALL, ENVELOPE],
    [([], b"220 a\r\n"), EHLO_WITH_ALL, ENVELOPE, ([DATA], b"354 go on\r\n")],
    [([], b"220 a\r\n"), EHLO_WITH_ALL, ENVELOPE, ([bdat(0, last=False)], b"250 ok\r\n")],
    [([], b"220 a\r\n"), EHLO_WITH_ALL, ENVELOPE, ([bdat(3, last=False)], b"")],
    [([], b"220 a\r\n"), EHLO_WITH_ALL, ([auth("LOGIN")], b"334 \r\n")],
    [([], b"220 a\r\n"), EHLO_WITH_ALL, ([STARTTLS], b"220 go on\r\n")],
]
"""Legal dialogues, commands and the replies to them, so that what follows is tried in any state."""


def play(connection: Connection, steps: list[tuple[list[Command], bytes]]) -> None:
    """Send, say and listen."""
    for commands, replies in steps:
        for command in commands:
            connection.send(command)
        if replies:
            connection.receive_data(replies)
        while replies and connection.pending:
            assert connection.next_answer()


class AnyDialogue(RuleBasedStateMachine):
    """Whatever a client may send and a server may say: answers paired in order, or one error of
    ours, after which no command can be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.connection = Connection(TIGHT)
        self.queue: deque[Verb] = deque()
        self.owed = 0
        self.failed = False

    @property
    def over(self) -> bool:
        return self.failed or self.connection.state is State.CLOSED

    @initialize(steps=st.sampled_from(BEGINNINGS))
    def begin(self, steps: list[tuple[list[Command], bytes]]) -> None:
        play(self.connection, steps)
        self.queue.extend(self.connection.pending)
        self.owed = self.connection._content_remaining

    @rule(data=st.data())
    def client_sends_what_fits(self, data: st.DataObject) -> None:
        fitting = SEND[self.connection._sent_state]
        self._send(data.draw(st.sampled_from([c for c in POOL if c.verb in fitting] or POOL)))

    @rule(command=st.sampled_from(POOL))
    def client_sends_anything(self, command: Command) -> None:
        self._send(command)

    def _send(self, command: Command) -> None:
        over, before = self.over, list(self.connection.pending)
        try:
            wire = self.connection.send(command)
        except SessionError:
            assert list(self.connection.pending) == before
        except (RemoteError, NetworkError):
            self.failed = True
        else:
            assert not over
            assert wire == command.encode()
            self.queue.append(command.verb)
            self.owed = command.octets

    @precondition(lambda self: self.owed and not self.failed)
    @rule(share=st.integers(1, 3))
    def client_sends_content(self, share: int) -> None:
        octets = min(share, self.owed)
        self.owed -= octets
        self.connection.chunk_sent(octets)

    @precondition(lambda self: self.connection.state is State.UPGRADING and not self.queue)
    @rule()
    def client_starts_tls(self) -> None:
        try:
            self.connection.upgraded()
        except ProtocolError:
            self.failed = True

    @precondition(lambda self: self.queue and not self.owed)
    @rule(data=st.data())
    def server_answers(self, data: st.DataObject) -> None:
        kinds = REPLIES[self.queue[0]]
        lines = [line for kind in kinds for line in REPLY_LINES[kind]]
        self.connection.receive_data(data.draw(st.sampled_from(lines)))
        self.client_listens()

    @rule(data=st.sampled_from(SURPRISES) | st.sampled_from(TOKENS) | st.binary(max_size=30))
    def server_says_anything_or_hangs_up(self, data: bytes) -> None:
        self.connection.receive_data(data)

    @rule()
    def client_listens(self) -> None:
        try:
            while (answer := self.connection.next_answer()) is not None:
                assert not self.failed
                assert answer.verb is self.queue.popleft()
                if answer.reply.code == 421:
                    self.queue.clear()
        except (RemoteError, NetworkError):
            self.failed = True

    @invariant()
    def what_is_due_is_what_was_sent(self) -> None:
        expected = [] if self.failed else list(self.queue)
        assert list(self.connection.pending) == expected

    @precondition(lambda self: self.over)
    @rule()
    def after_the_end_nothing_can_be_sent(self) -> None:
        for command in POOL:
            with pytest.raises(SessionError):
                self.connection.send(command)


AnyDialogue.TestCase.settings = settings(
    max_examples=250,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyDialogue = AnyDialogue.TestCase


def with_recipient() -> Connection:
    """Ready for the message, by any way of sending it."""
    connection = Connection()
    play(connection, [([], b"220 a\r\n"), EHLO_WITH_ALL, ENVELOPE])
    return connection


def hear(connection: Connection) -> list[int]:
    """The codes of all answers that are there."""
    codes = []
    while (answer := connection.next_answer()) is not None:
        codes.append(answer.reply.code)
    return codes


early_replies = st.sampled_from([b"250 queued\r\n", b"250-a\r\n250 b\r\n"]).flatmap(
    lambda data: st.integers(1, len(data)).map(lambda at: (data[:at], data[at:]))
)
"""A positive reply, cut in two."""


@few
@given(st.integers(0, 9), early_replies, st.booleans(), st.booleans(), st.booleans())
@example(3, (b"250 queued\r\n", b""), True, False, False)
@example(3, (b"250 q", b"ueued\r\n"), True, False, False)
@example(3, (b"250 queued\r\n", b""), False, False, True)
def test_what_began_before_a_chunk_is_complete_is_never_its_success(
    sent: int, reply: tuple[bytes, bytes], last: bool, listens: bool, goes_on: bool
) -> None:
    """No positive answer to BDAT from a reply whose first byte came while part of the chunk was
    still due, whether or not somebody listened at once or sent the next chunk."""
    early, late = reply
    connection, heard = with_recipient(), []
    connection.send(bdat(10, last=last))
    connection.chunk_sent(sent)
    with suppress(RemoteError):
        connection.receive_data(early)
        heard += hear(connection) if listens else []
        connection.chunk_sent(10 - sent)
        if goes_on and not last:
            connection.send(bdat(0, last=True))
        if late:
            connection.receive_data(late)
        heard += hear(connection)
    assert heard == []
    assert connection.state is State.CLOSED


@few
@given(early_replies, st.booleans())
def test_what_began_before_the_end_of_data_is_never_its_success(
    reply: tuple[bytes, bytes], listens: bool
) -> None:
    """No positive answer to the dot from a reply whose first byte came before it was sent."""
    early, late = reply
    connection = with_recipient()
    connection.send(DATA)
    connection.receive_data(b"354 go on\r\n")
    heard = hear(connection)
    with suppress(RemoteError):
        connection.receive_data(early)
        heard += hear(connection) if listens else []
        connection.send(END_OF_DATA)
        if late:
            connection.receive_data(late)
        heard += hear(connection)
    assert heard == [354]
    assert connection.state is State.CLOSED
