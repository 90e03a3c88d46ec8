"""Dialogues: what the client sends, what the server says, and which answers come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from smtps.core.address import Mailbox
from smtps.core.command import (
    CANCEL_AUTH,
    DATA,
    END_OF_DATA,
    NOOP,
    PHASES,
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
)
from smtps.core.connection import Connection
from smtps.core.reply import Limits, Quirk
from smtps.core.state import State
from smtps.errors import (
    LocalError,
    NetworkError,
    Phase,
    ProtocolError,
    RefusedError,
    SessionError,
    SMTPSError,
)

ANN, BOB, CLEO = (Mailbox(name, "example.org") for name in ("ann", "bob", "cleo"))
EHLO = ehlo("client.example")

COMMANDS: dict[Verb, Command] = {
    command.verb: command
    for command in (
        EHLO,
        helo("client.example"),
        STARTTLS,
        auth("PLAIN", b"\0ann\0secret"),
        response(b"secret"),
        mail(ANN),
        rcpt(BOB),
        DATA,
        END_OF_DATA,
        bdat(4, last=False),
        bdat(4, last=True),
        RSET,
        NOOP,
        QUIT,
    )
}
"""One of each verb."""


class Dialogue:
    """A connection with somebody at its other end, who speaks in pieces of a certain size."""

    def __init__(self, piece: int = 1_000_000, limits: Limits | None = None) -> None:
        self.connection = Connection(limits)
        self.piece = piece

    def sends(self, *commands: Command) -> None:
        """The client sends commands."""
        for command in commands:
            assert self.connection.send(command) == command.encode()

    def sends_content(self, octets: int) -> None:
        """The client sends so much of a chunk."""
        self.connection.chunk_sent(octets)

    def says(self, *lines: str) -> list[str]:
        """The server says lines, and the client listens; the answers as ``VERB code``."""
        data = "".join(f"{line}\r\n" for line in lines).encode()
        return self.says_bytes(data)

    def says_bytes(self, data: bytes) -> list[str]:
        """As ``says``; the line ends are the server's business."""
        heard = []
        for at in range(0, len(data), self.piece):
            self.arrives(data[at : at + self.piece])
            heard += self.listens()
        return heard

    def arrives(self, data: bytes) -> None:
        """The server says something and nobody listens yet."""
        self.connection.receive_data(data)

    def listens(self) -> list[str]:
        """The client takes all answers that are there."""
        heard = []
        while (answer := self.connection.next_answer()) is not None:
            heard.append(f"{answer.verb} {answer.reply.code}")
        return heard

    def hangs_up(self) -> None:
        """The server closes its side, and the client listens."""
        self.arrives(b"")
        self.listens()

    def after_greeting(self) -> Dialogue:
        assert self.says("220 mail.example ESMTP") == ["greeting 220"]
        return self

    def ready(self, *keywords: str) -> Dialogue:
        """After EHLO; with PIPELINING unless other keywords are given."""
        self.after_greeting().sends(EHLO)
        lines = ["mail.example", *(keywords or ("PIPELINING", "CHUNKING"))]
        dashes = ["-"] * (len(lines) - 1) + [" "]
        assert self.says(*(f"250{d}{line}" for d, line in zip(dashes, lines, strict=True))) == [
            "EHLO 250"
        ]
        return self

    def with_recipient(self) -> Dialogue:
        """After MAIL and RCPT."""
        self.ready().sends(mail(ANN), rcpt(BOB))
        assert self.says("250 ok", "250 ok") == ["MAIL 250", "RCPT 250"]
        return self

    def in_content(self) -> Dialogue:
        """After the 354."""
        self.with_recipient().sends(DATA)
        assert self.says("354 go on") == ["DATA 354"]
        return self

    def in_login(self) -> Dialogue:
        """After a challenge."""
        self.ready().sends(auth("LOGIN"))
        assert self.says("334 VXNlcm5hbWU6") == ["AUTH 334"]
        return self

    def upgrading(self) -> Dialogue:
        """After the 220 to STARTTLS."""
        self.ready("STARTTLS", "PIPELINING").sends(STARTTLS)
        assert self.says("220 go on") == ["STARTTLS 220"]
        return self

    def waiting_for(self, verb: Verb) -> Dialogue:
        """With just this command's reply due."""
        if verb is Verb.GREETING:
            return self
        starts: dict[Verb, Callable[[], Dialogue]] = {
            Verb.EHLO: self.after_greeting,
            Verb.HELO: self.after_greeting,
            Verb.RESPONSE: self.in_login,
            Verb.RCPT: self.with_recipient,
            Verb.DATA: self.with_recipient,
            Verb.END_OF_DATA: self.in_content,
            Verb.BDAT: self.with_recipient,
            Verb.BDAT_LAST: self.with_recipient,
        }
        starts.get(verb, self.ready)().sends(COMMANDS[verb])
        self.sends_content(COMMANDS[verb].octets)
        return self

    def is_over(self) -> None:
        """No command whatever can be sent, and nothing is waited for."""
        assert not self.connection.pending
        for command in COMMANDS.values():
            with pytest.raises(SessionError) as caught:
                self.connection.send(command)
            assert caught.value.code == "session.out_of_order"

    @contextmanager
    def breaks(
        self, kind: type[SMTPSError], code: str, phase: Phase | None = None
    ) -> Iterator[None]:
        """What is done inside ends the dialogue with exactly this error."""
        with pytest.raises(SMTPSError) as caught:
            yield
        assert (type(caught.value), caught.value.code) == (kind, code)
        assert phase is None or caught.value.phase is phase
        self.is_over()

    @contextmanager
    def refuses(self, code: str) -> Iterator[None]:
        """What is done inside is out of order, and nothing is changed by it."""

        def facts() -> tuple[object, ...]:
            c = self.connection
            return c.state, list(c.pending), c.capabilities, c.in_step

        before = facts()
        with pytest.raises(SessionError) as caught:
            yield
        assert caught.value.code == code
        assert facts() == before


@pytest.fixture(params=[1_000_000, 1], ids=["whole", "byte by byte"])
def talk(request: pytest.FixtureRequest) -> Dialogue:
    return Dialogue(request.param)


# Messages from end to end


def test_a_message_by_data(talk: Dialogue) -> None:
    assert talk.says("220 mail.example ESMTP") == ["greeting 220"]
    talk.sends(ehlo("client.example"))
    assert talk.says("250-mail.example", "250-SIZE 1000", "250 AUTH PLAIN") == ["EHLO 250"]
    talk.sends(auth("PLAIN", b"\0ann\0secret"))
    assert talk.says("235 2.7.0 welcome") == ["AUTH 235"]
    talk.sends(mail(ANN))
    assert talk.says("250 2.1.0 ok") == ["MAIL 250"]
    talk.sends(rcpt(BOB))
    assert talk.says("250 2.1.5 ok") == ["RCPT 250"]
    talk.sends(rcpt(CLEO))
    assert talk.says("251 will forward") == ["RCPT 251"]
    talk.sends(DATA)
    assert talk.says("354 go on") == ["DATA 354"]
    talk.sends(END_OF_DATA)
    assert talk.says("250 2.0.0 queued") == ["end of data 250"]
    talk.sends(QUIT)
    assert talk.says("221 bye") == ["QUIT 221"]
    talk.is_over()


def test_a_message_by_data_in_groups(talk: Dialogue) -> None:
    talk.ready("PIPELINING")
    talk.sends(mail(ANN), rcpt(BOB), rcpt(CLEO), DATA)
    assert talk.says("250 ok", "550 no", "250 ok", "354 go on") == [
        "MAIL 250",
        "RCPT 550",
        "RCPT 250",
        "DATA 354",
    ]
    talk.sends(END_OF_DATA, mail(BOB), rcpt(ANN), QUIT)
    assert talk.says("250 queued", "250 ok", "250 ok", "221 bye") == [
        "end of data 250",
        "MAIL 250",
        "RCPT 250",
        "QUIT 221",
    ]
    talk.is_over()


def test_a_message_by_bdat(talk: Dialogue) -> None:
    talk.ready("PIPELINING", "CHUNKING").sends(mail(ANN), rcpt(BOB), bdat(6, last=False))
    assert talk.says("250 ok", "250 ok") == ["MAIL 250", "RCPT 250"]
    talk.sends_content(4)
    talk.sends_content(2)
    talk.sends(bdat(0, last=True))
    assert talk.says("250 6 octets", "250 queued") == ["BDAT 250", "BDAT LAST 250"]
    assert talk.connection.state is State.READY


def test_a_group_in_which_all_is_refused_leaves_the_session_ready(talk: Dialogue) -> None:
    talk.ready().sends(mail(ANN), rcpt(BOB), DATA)
    assert talk.says("550 no", "503 no", "503 no") == ["MAIL 550", "RCPT 503", "DATA 503"]
    assert talk.connection.state is State.READY
    talk.sends(mail(BOB))


def test_data_accepted_without_a_recipient_is_ended_by_the_dot(talk: Dialogue) -> None:
    """RFC 2920 section 3.1."""
    talk.ready().sends(mail(ANN), rcpt(BOB), DATA)
    talk.says("250 ok", "550 no", "354 go on")
    talk.sends(END_OF_DATA)
    assert talk.says("554 no valid recipients") == ["end of data 554"]
    assert talk.connection.state is State.READY


def test_rset_ends_a_transaction(talk: Dialogue) -> None:
    talk.with_recipient().sends(RSET)
    assert talk.says("250 flushed") == ["RSET 250"]
    with talk.refuses("session.out_of_order"):
        talk.sends(rcpt(CLEO))
    talk.sends(mail(ANN))


def test_noop_changes_nothing(talk: Dialogue) -> None:
    talk.with_recipient().sends(NOOP)
    assert talk.says("250 ok") == ["NOOP 250"]
    talk.sends(rcpt(CLEO))


def test_helo_takes_the_place_of_a_refused_ehlo(talk: Dialogue) -> None:
    talk.after_greeting().sends(EHLO)
    assert talk.says("502 not here") == ["EHLO 502"]
    talk.sends(helo("client.example"))
    assert talk.says("250 mail.example") == ["HELO 250"]
    assert talk.connection.capabilities.server_name == "mail.example"
    talk.sends(mail(ANN))


def test_a_refused_greeting_leaves_quit(talk: Dialogue) -> None:
    assert talk.says("554 go away") == ["greeting 554"]
    with talk.refuses("session.out_of_order"):
        talk.sends(EHLO)
    talk.sends(QUIT)
    assert talk.says("221 bye") == ["QUIT 221"]


# Logins


def test_a_login_in_steps(talk: Dialogue) -> None:
    talk.ready().sends(auth("LOGIN"))
    assert talk.says("334 VXNlcm5hbWU6") == ["AUTH 334"]
    talk.sends(response(b"ann"))
    assert talk.says("334 UGFzc3dvcmQ6") == ["response 334"]
    talk.sends(response(b"secret"))
    assert talk.says("235 welcome") == ["response 235"]
    talk.sends(mail(ANN))


def test_a_refused_login_can_be_tried_again(talk: Dialogue) -> None:
    talk.in_login().sends(response(b"ann"))
    assert talk.says("535 no") == ["response 535"]
    talk.sends(auth("PLAIN", b"\0ann\0other"))
    assert talk.says("535 no") == ["AUTH 535"]
    talk.sends(QUIT)


def test_a_login_can_be_cancelled(talk: Dialogue) -> None:
    talk.in_login().sends(CANCEL_AUTH)
    assert talk.says("501 cancelled") == ["response 501"]
    assert talk.connection.state is State.READY


def test_inside_a_login_only_responses_have_a_place(talk: Dialogue) -> None:
    talk.in_login()
    for command in (mail(ANN), QUIT, NOOP, auth("PLAIN")):
        with talk.refuses("session.out_of_order"):
            talk.sends(command)


# What may go out together (RFC 2920 section 3.1)


def test_without_pipelining_every_reply_is_waited_for(talk: Dialogue) -> None:
    talk.ready("SIZE").sends(mail(ANN))
    with talk.refuses("session.reply_due"):
        talk.sends(rcpt(BOB))
    talk.says("250 ok")
    talk.sends(rcpt(BOB))


def test_before_the_greeting_nothing_is_sent(talk: Dialogue) -> None:
    with talk.refuses("session.out_of_order"):
        talk.sends(EHLO)
    assert talk.connection.phase is Phase.GREETING


@pytest.mark.parametrize(
    ("verb", "behind"),
    [
        (Verb.EHLO, NOOP),
        (Verb.HELO, NOOP),
        (Verb.AUTH, response(b"x")),
        (Verb.RESPONSE, response(b"x")),
        (Verb.DATA, END_OF_DATA),
        (Verb.NOOP, NOOP),
    ],
)
def test_nothing_goes_out_behind_a_command_that_ends_a_group(
    talk: Dialogue, verb: Verb, behind: Command
) -> None:
    talk.waiting_for(verb)
    with talk.refuses("session.reply_due"):
        talk.sends(behind)


@pytest.mark.parametrize("verb", [Verb.STARTTLS, Verb.QUIT])
def test_nothing_at_all_goes_out_behind_starttls_and_quit(talk: Dialogue, verb: Verb) -> None:
    talk.waiting_for(verb)
    for command in COMMANDS.values():
        with talk.refuses("session.out_of_order"):
            talk.sends(command)


@pytest.mark.parametrize(
    "verb", [Verb.MAIL, Verb.RCPT, Verb.RSET, Verb.END_OF_DATA, Verb.BDAT, Verb.BDAT_LAST]
)
def test_a_server_that_pipelines_gets_more_behind_the_others(talk: Dialogue, verb: Verb) -> None:
    talk.waiting_for(verb).sends(RSET)
    assert list(talk.connection.pending) == [verb, Verb.RSET]


@pytest.mark.parametrize(
    ("start", "command"),
    [
        (Dialogue.after_greeting, mail(ANN)),
        (Dialogue.after_greeting, RSET),
        (Dialogue.after_greeting, auth("PLAIN")),
        (Dialogue.ready, rcpt(BOB)),
        (Dialogue.ready, DATA),
        (Dialogue.ready, END_OF_DATA),
        (Dialogue.ready, response(b"x")),
        (Dialogue.ready, bdat(0, last=True)),
        (Dialogue.with_recipient, mail(ANN)),
        (Dialogue.with_recipient, STARTTLS),
        (Dialogue.with_recipient, auth("PLAIN")),
        (Dialogue.with_recipient, END_OF_DATA),
        (Dialogue.in_content, RSET),
        (Dialogue.in_content, QUIT),
        (Dialogue.upgrading, EHLO),
    ],
)
def test_a_command_out_of_order_is_not_sent(
    talk: Dialogue, start: Callable[[Dialogue], Dialogue], command: Command
) -> None:
    start(talk)
    with talk.refuses("session.out_of_order"):
        talk.sends(command)


def test_what_a_refusal_undoes_cannot_be_built_upon(talk: Dialogue) -> None:
    """Under way it was taken for granted; when all replies are here, they alone count."""
    talk.ready().sends(mail(ANN), rcpt(BOB))
    talk.says("250 ok", "550 no")
    with talk.refuses("session.out_of_order"):
        talk.sends(DATA)
    talk.sends(rcpt(CLEO))


def test_chunks_are_not_mixed_with_data(talk: Dialogue) -> None:
    """RFC 3030 section 2."""
    talk.waiting_for(Verb.BDAT)
    talk.says("250 ok")
    with talk.refuses("session.out_of_order"):
        talk.sends(DATA)


def test_after_a_refused_chunk_no_other_is_sent(talk: Dialogue) -> None:
    """RFC 3030 section 2."""
    talk.waiting_for(Verb.BDAT)
    assert talk.says("552 too big") == ["BDAT 552"]
    with talk.refuses("session.out_of_order"):
        talk.sends(bdat(1, last=True))


def test_after_a_refused_chunk_no_other_is_sent_though_one_under_way_was_accepted(
    talk: Dialogue,
) -> None:
    """The message would arrive with a hole in it."""
    talk.with_recipient().sends(bdat(0, last=False), bdat(0, last=False))
    assert talk.says("452 no room", "250 ok") == ["BDAT 452", "BDAT 250"]
    with talk.refuses("session.out_of_order"):
        talk.sends(bdat(1, last=True))


def test_a_refused_chunk_is_cleared_away_by_rset(talk: Dialogue) -> None:
    talk.waiting_for(Verb.BDAT)
    talk.says("552 too big")
    talk.sends(RSET)
    assert talk.says("250 flushed") == ["RSET 250"]
    talk.sends(mail(ANN))


# Codes that mean nothing where they come

FITTING: dict[Verb, set[int]] = {
    **{verb: {250} for verb in Verb},
    Verb.GREETING: {220},
    Verb.STARTTLS: {220},
    Verb.AUTH: {235, 334},
    Verb.RESPONSE: {235, 334},
    Verb.RCPT: {250, 251, 252},
    Verb.DATA: {354},
    Verb.QUIT: {221},
}
"""Codes that say yes (RFC 5321 section 4.3.2, RFC 4954 section 4)."""

CODES = (200, 211, 214, 220, 221, 235, 250, 251, 252, 253, 290, 300, 334, 350, 354)


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("code", [*CODES, 450, 454, 550, 590])
def test_a_reply_counts_only_with_a_code_that_fits(talk: Dialogue, verb: Verb, code: int) -> None:
    talk.waiting_for(verb)
    if code >= 400 or code in FITTING[verb]:
        assert talk.says(f"{code} words") == [f"{verb} {code}"]
        return
    twice = code == 220 and verb in (Verb.EHLO, Verb.HELO)
    with talk.breaks(
        ProtocolError, "smtp.greets_twice" if twice else "smtp.wrong_code", PHASES[verb]
    ):
        talk.says(f"{code} words")


def test_a_reply_to_another_command_is_told_by_what_it_answers(talk: Dialogue) -> None:
    talk.with_recipient().sends(RSET)
    with pytest.raises(ProtocolError, match="answered RSET with 354, which answers DATA: 354 go"):
        talk.says("354 go on")


def test_a_code_that_nobody_knows_is_told_so(talk: Dialogue) -> None:
    talk.ready().sends(mail(ANN))
    with pytest.raises(
        ProtocolError, match="answered MAIL with 299, which is not an SMTP reply code"
    ):
        talk.says("299 fine")


@pytest.mark.parametrize("late", [False, True])
def test_a_second_greeting_is_called_one(talk: Dialogue, late: bool) -> None:
    talk.says("220 proxy.example")
    if late:
        talk.sends(EHLO)
    with talk.breaks(ProtocolError, "smtp.greets_twice", Phase.EHLO):
        talk.says("220 mail.example ESMTP")


# Several codes in one reply


NO_HARM = {
    *(Verb.GREETING, Verb.EHLO, Verb.HELO, Verb.STARTTLS, Verb.AUTH, Verb.RESPONSE),
    *(Verb.RSET, Verb.NOOP, Verb.QUIT),
}


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("code", [421, 450, 521, 550])
def test_a_no_behind_a_yes_counts_where_nothing_is_at_stake(
    talk: Dialogue, verb: Verb, code: int
) -> None:
    talk.waiting_for(verb)
    lines = f"{max(FITTING[verb])}-words", f"{code} 5.7.1 no"
    closing = code == 421 and verb in (Verb.MAIL, Verb.RCPT, Verb.DATA)
    if verb in NO_HARM or closing:
        assert talk.says(*lines) == [f"{verb} {code}"]
    else:
        with talk.breaks(ProtocolError, "smtp.mixed_codes", PHASES[verb]):
            talk.says(*lines)


@pytest.mark.parametrize("verb", Verb)
def test_a_yes_behind_a_no_counts_nowhere(talk: Dialogue, verb: Verb) -> None:
    talk.waiting_for(verb)
    with talk.breaks(ProtocolError, "smtp.mixed_codes", PHASES[verb]):
        talk.says("550-no", f"{max(FITTING[verb])} words")


@pytest.mark.parametrize("verb", Verb)
def test_of_several_refusals_the_last_counts(talk: Dialogue, verb: Verb) -> None:
    talk.waiting_for(verb)
    assert talk.says("450-later", "550 never") == [f"{verb} 550"]


def test_a_contradiction_is_told_with_its_words(talk: Dialogue) -> None:
    talk.in_content().sends(END_OF_DATA)
    with pytest.raises(ProtocolError, match=r"in one reply to the message: 250-ok; 550 5\.7\.1 no"):
        talk.says("250-ok", "550 5.7.1 no")


def test_of_several_codes_that_answer_nothing_none_counts(talk: Dialogue) -> None:
    talk.ready().sends(mail(ANN))
    with talk.breaks(ProtocolError, "smtp.mixed_codes", Phase.MAIL):
        talk.says("220-a", "221 b")


def test_two_ways_to_say_yes_are_one(talk: Dialogue) -> None:
    talk.waiting_for(Verb.RCPT)
    assert talk.says("251-forwarded", "250 ok") == ["RCPT 250"]
    assert talk.connection.quirks == {Quirk.MIXED_CODES}


def test_a_wrong_code_in_a_group_ends_it_there(talk: Dialogue) -> None:
    talk.ready().sends(mail(ANN), rcpt(BOB), DATA)
    assert talk.says("250 ok") == ["MAIL 250"]
    with talk.breaks(ProtocolError, "smtp.wrong_code", Phase.RCPT):
        talk.says("354 go on", "354 go on")


@pytest.mark.parametrize("verb", Verb)
def test_what_is_no_reply_breaks_the_protocol_in_its_phase(talk: Dialogue, verb: Verb) -> None:
    talk.waiting_for(verb)
    with talk.breaks(ProtocolError, "smtp.not_a_reply", PHASES[verb]):
        talk.says("Segmentation fault")


def test_limits_are_handed_to_the_parser() -> None:
    talk = Dialogue(limits=Limits(line=10))
    with talk.breaks(ProtocolError, "smtp.reply_too_long", Phase.GREETING):
        talk.says("220 mail.example")


# 421, anywhere


@pytest.mark.parametrize("verb", Verb)
def test_421_answers_any_command_and_ends_the_session(talk: Dialogue, verb: Verb) -> None:
    talk.waiting_for(verb)
    assert talk.says("421 4.3.2 shutting down") == [f"{verb} 421"]
    assert talk.connection.state is State.CLOSED
    talk.is_over()


def test_421_in_a_group_answers_one_command_and_the_others_get_nothing(talk: Dialogue) -> None:
    talk.ready().sends(mail(ANN), rcpt(BOB), rcpt(CLEO), DATA)
    assert talk.says("250 ok", "421 shutting down") == ["MAIL 250", "RCPT 421"]
    talk.is_over()


def test_what_comes_behind_421_answers_nothing(talk: Dialogue) -> None:
    talk.ready().sends(mail(ANN), rcpt(BOB))
    with talk.breaks(ProtocolError, "smtp.unexpected_reply"):
        talk.says("421 shutting down", "250 ok")


def test_after_421_the_end_of_the_connection_is_no_surprise(talk: Dialogue) -> None:
    talk.ready().sends(mail(ANN))
    talk.says("421 shutting down")
    talk.hangs_up()
    talk.is_over()


QUIET: list[Callable[[Dialogue], Dialogue]] = [
    Dialogue.after_greeting,
    Dialogue.ready,
    Dialogue.with_recipient,
    Dialogue.in_login,
    Dialogue.upgrading,
]
"""States in which no reply is due."""


@pytest.mark.parametrize("start", QUIET)
def test_421_may_come_unasked(talk: Dialogue, start: Callable[[Dialogue], Dialogue]) -> None:
    start(talk)
    with talk.breaks(RefusedError, "smtp.shutting_down"):
        talk.says("421 4.4.2 idle for too long")


def test_421_unasked_is_found_before_the_next_command(talk: Dialogue) -> None:
    talk.ready().arrives(b"421 4.4.2 idle for too long\r\n")
    with talk.breaks(RefusedError, "smtp.shutting_down"):
        talk.sends(mail(ANN))


# Replies that nothing asked for


@pytest.mark.parametrize("start", QUIET)
@pytest.mark.parametrize("line", ["250 ok", "354 go on", "550 no", "450 no"])
def test_a_surplus_reply_breaks_the_protocol(
    talk: Dialogue, start: Callable[[Dialogue], Dialogue], line: str
) -> None:
    start(talk)
    with talk.breaks(ProtocolError, "smtp.unexpected_reply"):
        talk.says(line)


@pytest.mark.parametrize(
    ("start", "command"),
    [
        (Dialogue.after_greeting, EHLO),
        (Dialogue.ready, mail(ANN)),
        (Dialogue.with_recipient, DATA),
        (Dialogue.with_recipient, bdat(4, last=True)),
        (Dialogue.in_login, response(b"ann")),
    ],
)
@pytest.mark.parametrize("data", [b"250 ok\r\n", b"250-ok\r\n", b"2", b"\r", b"550 no\r\n250"])
def test_a_surplus_reply_or_half_of_one_is_found_before_the_next_command(
    talk: Dialogue, start: Callable[[Dialogue], Dialogue], command: Command, data: bytes
) -> None:
    start(talk).arrives(data)
    assert not talk.connection.in_step
    with talk.breaks(ProtocolError, "smtp.unexpected_reply"):
        talk.sends(command)


@pytest.mark.parametrize(
    ("data", "half"),
    [(b"", False), (b"4", True), (b"421-a\r\n", True), (b"421 a\r\n", False), (b"junk\r\n", False)],
)
def test_half_a_surplus_reply_is_told_from_a_whole_one(
    talk: Dialogue, data: bytes, half: bool
) -> None:
    talk.ready().arrives(data)
    assert talk.connection.half_said is half


@pytest.mark.parametrize(
    ("data", "surplus"),
    [(b"", False), (b"250", False), (b"250 a\r\n", True), (b"421 a\r\n", False)],
)
def test_a_whole_surplus_reply_is_seen(talk: Dialogue, data: bytes, surplus: bool) -> None:
    talk.ready().sends(mail(ANN))
    talk.arrives(b"250 ok\r\n" + data)
    assert not talk.connection.overfull
    assert talk.connection.answers()
    assert talk.connection.overfull is surplus


def test_half_of_a_reply_that_is_due_is_no_surplus(talk: Dialogue) -> None:
    talk.ready().sends(mail(ANN))
    talk.arrives(b"25")
    assert not talk.connection.half_said


@pytest.mark.parametrize(("code", "noted"), [(251, True), (450, False)])
def test_a_mixed_reply_is_reported_unless_its_words_are(
    talk: Dialogue, code: int, noted: bool
) -> None:
    talk.waiting_for(Verb.RCPT)
    talk.says(f"{250 if noted else 550}-a", f"{code} b")
    assert (Quirk.MIXED_CODES in talk.connection.quirks) is noted


def test_half_a_surplus_reply_is_shown(talk: Dialogue) -> None:
    talk.ready().arrives(b"250 surpl")
    with pytest.raises(ProtocolError) as caught:
        talk.connection.expect_silence()
    assert caught.value.failure.seen == "250 surpl"


def test_junk_that_nothing_asked_for_is_found_before_the_next_command(talk: Dialogue) -> None:
    talk.ready().arrives(b"Segmentation fault\r\n")
    with talk.breaks(ProtocolError, "smtp.not_a_reply"):
        talk.sends(mail(ANN))


def test_a_surplus_reply_behind_a_good_one_is_found(talk: Dialogue) -> None:
    talk.ready().sends(mail(ANN))
    with talk.breaks(ProtocolError, "smtp.unexpected_reply"):
        talk.says("250 ok", "250 ok")


def test_silence_is_what_is_expected_between_commands(talk: Dialogue) -> None:
    talk.ready().connection.expect_silence()
    talk.sends(mail(ANN))
    talk.arrives(b"250 ok\r\n")
    talk.connection.expect_silence()  # a reply is due, so that is no surplus
    assert talk.listens() == ["MAIL 250"]


@pytest.mark.parametrize("surplus", [b"250 nobody asked\r\n", b"250-nobody\r\n", b"2"])
def test_a_reply_from_before_its_command_is_surplus_though_another_is_due(
    talk: Dialogue, surplus: bytes
) -> None:
    talk.ready().sends(mail(ANN))
    talk.arrives(b"250 ok\r\n" + surplus)
    with talk.breaks(ProtocolError, "smtp.unexpected_reply"):
        talk.sends(rcpt(BOB))
        talk.listens()


# Replies before the message is complete


@pytest.mark.parametrize("line", ["552 5.3.4 too big", "452 no room", "421 shutting down"])
def test_a_refusal_before_the_end_of_data_counts(talk: Dialogue, line: str) -> None:
    talk.in_content()
    with talk.breaks(RefusedError, "send.message_refused", Phase.DATA):
        talk.says(line)


@pytest.mark.parametrize("line", ["250 queued", "354 go on", "221 bye"])
def test_anything_but_a_refusal_before_the_end_of_data_is_a_lie(talk: Dialogue, line: str) -> None:
    talk.in_content()
    with talk.breaks(ProtocolError, "smtp.unexpected_reply", Phase.DATA):
        talk.says(line)


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [
        (b"250 queued\r\n", ProtocolError, "smtp.unexpected_reply"),
        (b"250-que", ProtocolError, "smtp.unexpected_reply"),
        (b"250-que\r\n", ProtocolError, "smtp.unexpected_reply"),
        (b"552 too big\r\n", RefusedError, "send.message_refused"),
        (b"junk\r\n", ProtocolError, "smtp.not_a_reply"),
    ],
)
def test_an_early_reply_is_found_before_the_dot_is_sent(
    talk: Dialogue, data: bytes, kind: type[SMTPSError], code: str
) -> None:
    talk.in_content().arrives(data)
    with talk.breaks(kind, code):
        talk.sends(END_OF_DATA)


def test_an_early_reply_behind_the_354_is_found(talk: Dialogue) -> None:
    talk.with_recipient().sends(DATA)
    with talk.breaks(ProtocolError, "smtp.unexpected_reply", Phase.DATA):
        talk.says("354 go on", "250 queued")


def begin_chunk(talk: Dialogue, *, last: bool) -> Dialogue:
    """A chunk of ten octets, three of which are out."""
    talk.with_recipient().sends(bdat(10, last=last))
    talk.sends_content(3)
    return talk


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("line", ["552 5.3.4 too big", "452 no room", "421 shutting down"])
def test_a_refusal_in_the_middle_of_a_chunk_counts(talk: Dialogue, line: str, last: bool) -> None:
    begin_chunk(talk, last=last)
    with talk.breaks(RefusedError, "send.message_refused", Phase.DATA):
        talk.says(line)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("line", ["250 queued", "354 go on"])
def test_anything_but_a_refusal_in_the_middle_of_a_chunk_is_a_lie(
    talk: Dialogue, line: str, last: bool
) -> None:
    begin_chunk(talk, last=last)
    with talk.breaks(ProtocolError, "smtp.unexpected_reply", Phase.DATA):
        talk.says(line)


@pytest.mark.parametrize(
    ("early", "late"),
    [
        (b"250 queued\r\n", b""),
        (b"250-mail.example\r\n", b"250 queued\r\n"),
        (b"250 que", b"ued\r\n"),
        (b"2", b"50 queued\r\n"),
    ],
)
def test_a_reply_that_began_in_the_middle_of_a_chunk_is_no_success_after_it(
    talk: Dialogue, early: bytes, late: bytes
) -> None:
    begin_chunk(talk, last=True).arrives(early)
    with talk.breaks(ProtocolError, "smtp.unexpected_reply"):
        talk.sends_content(7)
        talk.says_bytes(late)
        talk.listens()


def test_a_reply_that_began_in_the_middle_of_a_chunk_is_no_success_behind_the_next_chunk(
    talk: Dialogue,
) -> None:
    begin_chunk(talk, last=False).arrives(b"250 ok\r\n")
    with talk.breaks(ProtocolError, "smtp.unexpected_reply"):
        talk.sends_content(7)
        talk.sends(bdat(5, last=True))
        talk.sends_content(5)
        talk.says("250 queued")


def test_replies_to_what_went_before_a_chunk_may_come_in_its_middle(talk: Dialogue) -> None:
    talk.ready().sends(mail(ANN), rcpt(BOB), bdat(10, last=True))
    talk.sends_content(3)
    assert talk.says("250 ok", "250 ok") == ["MAIL 250", "RCPT 250"]
    with talk.breaks(ProtocolError, "smtp.unexpected_reply", Phase.DATA):
        talk.says("250 queued")


def test_a_chunk_is_finished_before_the_next_command(talk: Dialogue) -> None:
    begin_chunk(talk, last=False)
    with talk.refuses("session.out_of_order"):
        talk.sends(bdat(1, last=True))
    talk.sends_content(7)
    talk.sends(bdat(1, last=True))


@pytest.mark.parametrize("octets", [8, -1])
def test_no_more_of_a_chunk_can_be_sent_than_was_announced(talk: Dialogue, octets: int) -> None:
    """Whoever counts wrong has put message text where the server reads commands."""
    begin_chunk(talk, last=True)
    with pytest.raises(LocalError):
        talk.sends_content(octets)


# The server hangs up


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("half", [b"", b"2", b"250 o", b"250 ok\r", b"250-ok\r\n", b"250-ok\r\n2"])
def test_the_end_of_the_connection_while_a_reply_is_due(
    talk: Dialogue, verb: Verb, half: bytes
) -> None:
    talk.waiting_for(verb)
    assert talk.says_bytes(half) == []
    with talk.breaks(NetworkError, "net.closed_by_server", PHASES[verb]):
        talk.hangs_up()


def test_the_end_of_the_connection_in_the_message(talk: Dialogue) -> None:
    talk.in_content()
    with talk.breaks(NetworkError, "net.closed_by_server"):
        talk.hangs_up()


def test_the_end_of_the_connection_in_a_chunk(talk: Dialogue) -> None:
    begin_chunk(talk, last=False)
    with talk.breaks(NetworkError, "net.closed_by_server", Phase.DATA):
        talk.hangs_up()


def test_the_end_of_the_connection_in_the_message_is_found_before_the_dot_is_sent(
    talk: Dialogue,
) -> None:
    talk.in_content().arrives(b"55")
    talk.arrives(b"")
    with talk.breaks(NetworkError, "net.closed_by_server"):
        talk.sends(END_OF_DATA)


@pytest.mark.parametrize(
    ("verb", "missed"),
    [
        (Verb.GREETING, "before its greeting"),
        (Verb.MAIL, "replying to MAIL"),
        (Verb.DATA, "replying to DATA"),
        (Verb.END_OF_DATA, "replying to the message"),
        (Verb.BDAT_LAST, "replying to the message"),
    ],
)
def test_the_error_says_what_was_not_answered(verb: Verb, missed: str) -> None:
    talk = Dialogue().waiting_for(verb)
    talk.arrives(b"25")
    with pytest.raises(NetworkError, match=missed) as caught:
        talk.hangs_up()
    assert caught.value.failure.seen == "25"
    assert caught.value.failure.retryable


def test_a_reply_that_came_before_the_end_still_counts(talk: Dialogue) -> None:
    talk.ready().sends(mail(ANN), rcpt(BOB))
    talk.arrives(b"250 ok\r\n550 no\r\n")
    talk.arrives(b"")
    assert talk.listens() == ["MAIL 250", "RCPT 550"]
    assert not talk.connection.in_step


@pytest.mark.parametrize("start", [Dialogue.after_greeting, Dialogue.ready])
def test_the_end_of_the_connection_while_nothing_is_due_is_no_error(
    talk: Dialogue, start: Callable[[Dialogue], Dialogue]
) -> None:
    start(talk).hangs_up()
    assert not talk.connection.in_step


def test_the_end_of_the_connection_after_quit(talk: Dialogue) -> None:
    talk.ready().sends(QUIT)
    talk.says("221 bye")
    talk.hangs_up()
    talk.is_over()


# STARTTLS (RFC 3207)


def test_after_the_upgrade_all_is_asked_anew(talk: Dialogue) -> None:
    talk.upgrading()
    assert "STARTTLS" in talk.connection.capabilities
    talk.connection.upgraded()
    assert not talk.connection.capabilities.keywords
    assert talk.connection.state is State.GREETED
    with talk.refuses("session.out_of_order"):
        talk.sends(mail(ANN))
    talk.sends(EHLO)
    assert talk.says("250-mail.example", "250 AUTH PLAIN") == ["EHLO 250"]
    assert list(talk.connection.capabilities.keywords) == ["AUTH"]


def test_pipelining_from_before_the_upgrade_does_not_hold_after_it(talk: Dialogue) -> None:
    talk.upgrading().connection.upgraded()
    talk.sends(EHLO)
    talk.says("250 mail.example")
    talk.sends(mail(ANN))
    with talk.refuses("session.reply_due"):
        talk.sends(rcpt(BOB))


def test_a_refused_upgrade_leaves_the_session_as_it_was(talk: Dialogue) -> None:
    talk.ready("STARTTLS", "SIZE 5").sends(STARTTLS)
    assert talk.says("454 not now") == ["STARTTLS 454"]
    assert talk.connection.capabilities.size == 5
    talk.sends(mail(ANN))


@pytest.mark.parametrize(
    "injected",
    [b"250 ok\r\n", b"250-AUTH PLAIN\r\n", b"2", b"\r\n", b"\x00", b"250 ok\r\n250 ok\r\n"],
)
def test_bytes_between_the_answer_and_tls_are_an_attack(talk: Dialogue, injected: bytes) -> None:
    talk.upgrading().arrives(injected)
    with talk.breaks(ProtocolError, "tls.starttls_injection", Phase.TLS):
        talk.connection.upgraded()


@pytest.mark.parametrize("injected", ["2", "250-AUTH PLAIN", "250 ok"])
def test_bytes_in_the_same_packet_as_the_answer_are_an_attack(injected: str) -> None:
    talk = Dialogue().ready("STARTTLS")
    talk.sends(STARTTLS)
    talk.arrives(f"220 go on\r\n{injected}".encode())
    assert talk.connection.next_answer() is not None
    with pytest.raises(ProtocolError) as caught:
        talk.connection.upgraded()
    assert caught.value.code == "tls.starttls_injection"
    assert caught.value.failure.seen == injected
    assert not caught.value.failure.retryable


@pytest.mark.parametrize(
    "start",
    [
        lambda talk: talk,
        Dialogue.after_greeting,
        Dialogue.ready,
        Dialogue.in_content,
        lambda talk: talk.waiting_for(Verb.STARTTLS),
        lambda talk: talk.waiting_for(Verb.QUIT),
    ],
    ids=["connected", "greeted", "ready", "content", "asked for", "quit"],
)
def test_an_upgrade_has_its_place_behind_the_answer_to_starttls_only(
    talk: Dialogue, start: Callable[[Dialogue], Dialogue]
) -> None:
    start(talk)
    with talk.refuses("session.out_of_order"):
        talk.connection.upgraded()


def test_an_upgrade_does_not_bring_a_broken_session_back(talk: Dialogue) -> None:
    talk.waiting_for(Verb.MAIL)
    with talk.breaks(ProtocolError, "smtp.not_a_reply"):
        talk.says("Segmentation fault")
    with pytest.raises(SessionError):
        talk.connection.upgraded()
    talk.is_over()


# What is known meanwhile


def test_the_phase_is_that_of_the_oldest_reply_that_is_due(talk: Dialogue) -> None:
    phases = [talk.connection.phase, talk.ready().connection.phase]
    talk.sends(mail(ANN), rcpt(BOB), DATA)
    for line in ("250 ok", "250 ok", "354 go on"):
        phases.append(talk.connection.phase)
        talk.says(line)
    assert phases == [Phase.GREETING, None, Phase.MAIL, Phase.RCPT, Phase.DATA]
    assert talk.connection.phase is None


def test_in_step_means_that_nothing_is_due_and_nothing_left_over(talk: Dialogue) -> None:
    assert list(talk.connection.pending) == [Verb.GREETING]
    assert not talk.connection.in_step
    assert talk.ready().connection.in_step
    talk.arrives(b"2")
    assert not talk.connection.in_step


def test_capabilities_are_those_of_the_last_ehlo(talk: Dialogue) -> None:
    talk.ready("SIZE 5").sends(EHLO)
    talk.says("250-mail.example", "250 CHUNKING")
    assert list(talk.connection.capabilities.keywords) == ["CHUNKING"]
    talk.sends(EHLO)
    talk.says("550 no")
    assert list(talk.connection.capabilities.keywords) == ["CHUNKING"]


def test_leniencies_are_collected(talk: Dialogue) -> None:
    talk.says_bytes(b"220 mail.example\n")
    talk.sends(EHLO)
    talk.says_bytes("250 grüß dich\r\n".encode())
    assert talk.connection.quirks == {Quirk.BARE_LF, Quirk.NON_ASCII}


# All answers at once


def one_by_one(talk: Dialogue) -> tuple[list[str], str | None]:
    heard = []
    try:
        while talk.connection.pending and (answer := talk.connection.next_answer()) is not None:
            heard.append(f"{answer.verb} {answer.reply.code}")
    except SMTPSError as error:
        return heard, error.code
    return heard, None


def at_once(talk: Dialogue) -> tuple[list[str], str | None]:
    heard: list[str] = []
    try:
        while talk.connection.pending or not heard:
            answers = talk.connection.answers()
            if not answers:
                break
            heard += [f"{answer.verb} {answer.reply.code}" for answer in answers]
        if not heard or not heard[-1].endswith("421"):  # behind it nobody listens
            talk.connection.answers()
    except SMTPSError as error:
        return heard, error.code
    return heard, None


def by_the_run(talk: Dialogue) -> tuple[list[str], str | None]:
    """What was said together where all of it is all_accepted, and else the same as all at once."""
    heard: list[str] = []
    verbs = list(talk.connection.pending)
    while (replies := talk.connection.all_accepted()) is not None:
        heard += [f"{verbs.pop(0)} {reply.code}" for reply in replies]
    behind, error = at_once(talk) if verbs or not heard else ([], None)
    return heard + behind, error


@pytest.mark.parametrize(
    "said",
    [
        "250 ok|250 ok|250 ok|250 ok",
        "250 ok|250 ok|250 ok|554 no",
        "250 ok|550 no|503 no|503 no",
        "250 ok|250-more|250 ok|250 ok|250 ok",
        "250 ok|250 gr\u00fc\u00df|250 ok|250 ok",
        "250 ok|421 closing|250 ok|250 ok",
        "250 ok|354 what|250 ok|250 ok",
        "250 ok|garbage|250 ok|250 ok",
        "354 what|250 ok",
        "421 closing",
        "250 ok|250 ok|250 o",
        "250 ok|250 ok",
        "",
    ],
)
@pytest.mark.parametrize("hangs_up", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_all_answers_at_once_are_those_that_come_one_by_one(
    said: str, hangs_up: bool, apart: bool
) -> None:
    ends = []
    for listen in (one_by_one, at_once, by_the_run):
        talk = Dialogue().ready()
        send = talk.sends if apart else talk.connection.send
        send(RSET, mail(ANN), rcpt(BOB), bdat(4, last=True))
        talk.sends_content(4)
        whole = said if said.endswith(" o") else f"{said}|"
        talk.arrives(whole.replace("|", "\r\n").encode() if said else b"")
        if hangs_up:
            talk.arrives(b"")
        heard, error = listen(talk)
        ends.append((heard, error, talk.connection.state, talk.connection.quirks))
    assert ends[0] == ends[1] == ends[2]


def test_while_a_chunk_is_under_way_only_what_was_before_it_is_answered() -> None:
    talk = Dialogue().ready()
    talk.sends(mail(ANN), rcpt(BOB), bdat(4, last=True))
    talk.arrives(b"250 ok\r\n250 ok\r\n")
    assert [answer.verb for answer in talk.connection.answers()] == [Verb.MAIL, Verb.RCPT]
    talk.arrives(b"552 too much\r\n")
    with pytest.raises(RefusedError):
        talk.connection.answers()


def test_several_commands_go_out_together_or_none() -> None:
    talk = Dialogue().ready()
    group = (mail(ANN), rcpt(BOB), bdat(4, last=True))
    with pytest.raises(SessionError):
        talk.connection.send(*group, RSET)
    with pytest.raises(SessionError):
        talk.connection.send(mail(ANN), DATA)
    assert talk.connection.send(*group) == b"".join(command.encode() for command in group)


def transactions(talk: Dialogue, *more: Command) -> Dialogue:
    """Two of them under way, and their replies all there."""
    for commands in ((mail(ANN), rcpt(BOB), bdat(4, last=True)), (RSET, mail(ANN), *more)):
        talk.connection.expect(tuple(command.verb for command in commands))
    return talk


def test_what_was_said_together_is_granted_together() -> None:
    talk = transactions(Dialogue().ready(), rcpt(BOB), bdat(4, last=True))
    talk.arrives(b"250 1\r\n250 2\r\n250 3\r\n250 4\r\n250 5\r\n250 6\r\n")
    first = talk.connection.all_accepted()
    assert [str(reply) for reply in first or ()] == ["250 1", "250 2", "250 3"]
    assert talk.connection.all_accepted() is None  # one is still to come
    assert list(talk.connection.pending) == [Verb.RSET, Verb.MAIL, Verb.RCPT, Verb.BDAT_LAST]
    talk.arrives(b"250 7\r\n")
    second = talk.connection.all_accepted()
    assert [str(reply) for reply in second or ()] == ["250 4", "250 5", "250 6", "250 7"]
    assert talk.connection.in_step
    assert talk.connection.state is State.READY
    assert talk.connection.all_accepted() is None


@pytest.mark.parametrize("last", ["550 no", "250 gr\u00fc\u00df", "421 closing", "354 what"])
def test_nothing_is_granted_where_one_reply_needs_a_thought(last: str) -> None:
    talk = transactions(Dialogue().ready(), rcpt(BOB))
    talk.arrives(f"250 1\r\n250 2\r\n{last}\r\n".encode())
    assert talk.connection.all_accepted() is None
    assert len(talk.connection.pending) == 6
    answer = talk.connection.next_answer()
    assert answer is not None
    assert (answer.verb, str(answer.reply)) == (Verb.MAIL, "250 1")
    assert talk.connection.all_accepted() is None  # its first reply is taken already


def test_nothing_is_granted_where_a_yes_means_more() -> None:
    talk = Dialogue().ready()
    talk.connection.send(mail(ANN), rcpt(BOB), DATA)
    talk.arrives(b"250 ok\r\n250 ok\r\n354 go on\r\n")
    assert talk.connection.all_accepted() is None


def test_nothing_is_granted_while_the_message_is_under_way() -> None:
    talk = Dialogue().ready()
    talk.connection.send(mail(ANN), rcpt(BOB), bdat(4, last=True))
    talk.arrives(b"250 ok\r\n250 ok\r\n250 ok\r\n")
    assert talk.connection.all_accepted() is None
    talk.sends_content(4)
    assert talk.connection.all_accepted() is None  # the last of them came too early


def test_nothing_goes_out_between_a_chunk_and_its_octets() -> None:
    talk = Dialogue().ready()
    talk.sends(mail(ANN), rcpt(BOB), bdat(4, last=False))
    with talk.refuses("session.out_of_order"):
        talk.connection.expect((Verb.RSET,))
    talk.sends_content(4)
    with talk.refuses("session.out_of_order"):
        talk.connection.send(bdat(4, last=False), bdat(4, last=True))
    assert talk.connection.send() == b""


def test_ehlo_ends_an_envelope_as_rset_does(talk: Dialogue) -> None:
    """RFC 5321 section 4.1.4."""
    talk.with_recipient().sends(EHLO)
    assert talk.says("250 mail.example") == ["EHLO 250"]
    assert talk.connection.state is State.READY
