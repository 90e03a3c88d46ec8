"""A server that minds what is sent ahead: what it answers is never taken for its view of a message.

The measure is the same server sent to one message at a time: each message has to come to the same.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.client.farm import farm
from tests.dialogues.scripted import ScriptedWire
from tests.dialogues.strict import Judge, Strict, StrictWire
from tests.dialogues.test_window import REFUSED, Pair, check, message, open_at, send_all
from tests.net.pki import PKI

import smtps
from smtps.client import lending as pools
from smtps.client import pipeline
from smtps.client.handshake import Access
from smtps.client.result import Result, out_of_sequence
from smtps.client.session import Session
from smtps.core.reply import ReplyParser

WINDOWS = [1, 4, 16, 64]
BY_DATA = ("PIPELINING",)
BY_BDAT = ("PIPELINING", "CHUNKING")
MIXED: Judge = lambda said: "550 no" if said.startswith("RCPT TO:<to3") else "250 ok"  # noqa: E731


def two_of_three(said: str) -> str:
    refused = said.startswith("RCPT") and int(said[11:].partition("@")[0]) % 3
    return "550 no" if refused else "250 ok"


def nobody(said: str) -> str:
    return "550 no" if said.startswith("RCPT") else "250 ok"


JUDGES = {**REFUSED, "some recipients": MIXED}


async def alone(messages: list[Pair], offers: tuple[str, ...], judge: Judge, **terms: str) -> Any:
    """What each message comes to on a connection of its own, to a server that minds nothing."""
    found = []
    for data, envelope in messages:
        session = await open_at(Strict(offers=offers, judge=judge))
        found.append(await session.send(data, envelope, **terms))  # type: ignore[arg-type]
    return [told(result) for result in found]


def told(result: Result) -> tuple[Any, ...]:
    failure = result.failure
    people = [(who.email, who.status, who.reply) for who in result.recipients]
    return result.outcome, people, failure and (failure.code, failure.phase, failure.smtp_code)


@pytest.mark.parametrize("offers", [BY_DATA, BY_BDAT])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("what", JUDGES)
async def test_each_message_comes_to_what_it_comes_to_alone(
    what: str, window: int, offers: tuple[str, ...]
) -> None:
    messages = [message(number) for number in range(40)]
    server = Strict(offers=offers, judge=JUDGES[what], jealous=True)
    session = await open_at(server)
    found = await send_all(session, messages, window)
    check(messages, found, server)
    expected = await alone(messages, offers, JUDGES[what])
    assert [told(found[number]) for number in range(40)] == expected
    assert session.usable
    assert session._access.learned.overlapping is (window == 1)
    assert session._access.learned.pipelining


@pytest.mark.parametrize("offers", [BY_DATA, BY_BDAT])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("partial", ["abort", "send"])
async def test_several_recipients_at_such_a_server(
    partial: str, window: int, offers: tuple[str, ...]
) -> None:
    judge: Judge = lambda said: "550 no" if "<bad@" in said else "250 ok"  # noqa: E731
    messages = [message(n, *["bad@x.test", "c@x.test"][: n % 3]) for n in range(20)]
    server = Strict(offers=offers, judge=judge, jealous=True)
    found = await send_all(await open_at(server), messages, window, partial=partial)
    check(messages, found, server)
    expected = await alone(messages, offers, judge, partial=partial)
    assert [told(found[number]) for number in range(20)] == expected


@pytest.mark.parametrize("offers", [BY_DATA, BY_BDAT])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("partial", ["abort", "send"])
async def test_more_recipients_than_go_into_one_transaction(
    partial: str, window: int, offers: tuple[str, ...]
) -> None:
    many = [f"r{number}@x.test" for number in range(250)]
    messages = [message(number, *(many if number % 2 else [])) for number in range(6)]
    server = Strict(offers=offers, jealous=True)
    session = await open_at(server)
    found = await send_all(session, messages, window, partial=partial)
    assert {result.outcome for result in found.values()} == {"sent"}
    for number, (data, envelope) in enumerate(messages):
        reached = [who for taken in server.taken if taken.data == data for who in taken.to]
        assert sorted(reached) == sorted(map(str, envelope.recipients)), number


@pytest.mark.parametrize("piece", [1, 7, 30, 70])
async def test_such_a_server_that_reads_in_pieces(piece: int) -> None:
    """It drops half a line, and takes the other half for a command that it does not know."""

    class Pieces(StrictWire):
        def write(self, data: bytes | memoryview) -> None:
            for at in range(0, len(data), piece):
                self.server.feed(bytes(data[at : at + piece]))

    messages = [message(number) for number in range(12)]
    server = Strict(offers=BY_DATA, jealous=True, judge=REFUSED["every other recipient"])
    session = Session(Access(Pieces(server), smtps.Endpoint("x.test")))
    await session._access.greet()
    await session._access.hello()
    found = await send_all(session, messages, 4)
    check(messages, found, server)
    outcomes = [found[number].outcome for number in range(12)]
    assert outcomes == ["sent", "refused"] * 6


async def test_a_long_envelope_waits_for_the_message_before_it() -> None:
    many = [f"{'r' * 50}{number}@{'x' * 50}.test" for number in range(99)]
    messages = [message(number, *many) for number in range(6)]
    server = Strict(offers=BY_DATA, jealous=True)
    session = await open_at(server)
    found = await send_all(session, messages, 4, partial="send")
    assert {result.outcome for result in found.values()} == {"sent"}
    assert session._access.learned.overlapping, "nothing went out ahead, so nothing was learned"


@pytest.mark.parametrize("offers", [BY_DATA, BY_BDAT])
@pytest.mark.parametrize("window", WINDOWS)
async def test_a_server_that_cannot_read_two_commands_in_one_write(
    window: int, offers: tuple[str, ...]
) -> None:
    """Though it says that it can; it is sent to step by step then."""

    class Single(Strict):
        def feed(self, data: bytes) -> None:
            line, _, rest = data.partition(b"\r\n")
            if self._data or self._chunk is not None or not rest or line.startswith(b"BDAT"):
                super().feed(data)
                return
            super().feed(line + b"\r\n")
            while rest:
                line, _, rest = rest.partition(b"\r\n")
                self._say("503 5.5.1 Error: improper use of SMTP command pipelining")
                if line.startswith(b"BDAT"):
                    rest = rest[int(line.split()[1]) :]

    messages = [message(number) for number in range(12)]
    server = Single(offers=offers, judge=REFUSED["recipient"])
    session = await open_at(server)
    found = await send_all(session, messages, window)
    check(messages, found, server)
    outcomes = ["refused" if number == 7 else "sent" for number in range(12)]
    assert [found[number].outcome for number in range(12)] == outcomes
    assert not session._access.learned.pipelining


@pytest.mark.parametrize("offers", [BY_DATA, BY_BDAT])
async def test_a_503_that_means_what_it_says_is_a_refusal(offers: tuple[str, ...]) -> None:
    judge: Judge = lambda said: "503 not for you" if said.startswith("RCPT TO:<to3@") else "250 ok"  # noqa: E731
    server = Strict(offers=offers, judge=judge)
    session = await open_at(server)
    messages = [message(number) for number in range(8)]
    found = await send_all(session, messages, 4)
    check(messages, found, server)
    outcomes = ["refused" if number == 3 else "sent" for number in range(8)]
    assert [found[number].outcome for number in range(8)] == outcomes
    assert session._access.learned.pipelining


# Limits.


@pytest.mark.parametrize("offers", [BY_DATA, BY_BDAT])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("at", ["MAIL", "RCPT", "message"])
async def test_a_limit_on_messages_refuses_none_of_them(
    pki: PKI, monkeypatch: pytest.MonkeyPatch, at: str, window: int, offers: tuple[str, ...]
) -> None:
    monkeypatch.setattr(pools, "between", lambda *_: 0.001)

    def make(_: int) -> Strict:
        server = Strict(offers=offers)

        def judge(said: str) -> str:
            if said.startswith(at) and len(server.taken) >= 7:
                return "421 4.7.0 too many messages in this session"
            return "550 no" if said.startswith("RCPT TO:<to5@") else "250 ok"

        server.judge = judge
        return server

    messages = [message(number) for number in range(40)]
    async with farm(pki, make) as servers, smtps.Pool(servers.endpoint(), size=2) as pool:
        many = pool.send_many(messages, window=window)
        found = {messages.index(item): result async for item, result in many}
    outcomes = ["refused" if number == 5 else "sent" for number in range(40)]
    assert [str(found[number].outcome) for number in range(40)] == outcomes
    assert len(servers.taken) == 39


def test_what_is_about_the_order_alone() -> None:
    about_order = [
        "503 Bad sequence of commands - pipelined after end of DATA",
        "503 5.5.1 Error: nested MAIL command",
        "503 5.5.0 Sender already specified",
        "503 sender already given",
        "503 5.0.0 Need RCPT (recipient)",
        "503 RCPT first (#5.5.1)",
        "554 5.5.1 Error: no valid recipients",
        "554 SMTP synchronization error",
        "550 5.5.1 Protocol error",
        "501 nested MAIL",
        "500 5.5.2 unrecognized command",
    ]
    about_mail = [
        "550 5.1.1 no such user",
        "550 5.7.1 sender rejected",
        "501 5.1.7 bad sender address syntax",
        "452 4.5.3 too many recipients",
        "554 5.7.1 spam",
        "530 5.7.0 authentication required",
        "451 4.7.1 greylisted, try again in 5 minutes",
    ]
    for line in about_order + about_mail:
        parser = ReplyParser()
        parser.feed(f"{line}\r\n".encode())
        reply = parser.next_reply()
        assert reply is not None
        assert out_of_sequence(reply) is (line in about_order), line


# The order of the answers themselves.


@pytest.mark.parametrize("people", [1, 2])
async def test_answers_in_the_wrong_order_refuse_nothing_and_deliver_nothing_twice(
    people: int,
) -> None:
    """What was sent ahead is answered before the message in front of it."""

    class Hasty(Strict):
        def _finish(self, message: bytes, *, forget: bool) -> None:
            before = len(self.out)
            super()._finish(message, forget=forget)
            final, self.out[before:] = bytes(self.out[before:]), b""
            self._refuse_what_follows()
            self.out += final

    messages = [message(n, *["c@x.test"][: people - 1]) for n in range(6)]
    server = Hasty(offers=BY_DATA)
    found = await send_all(await open_at(server), messages, 4)
    check(messages, found, server)
    assert found[0].outcome == "uncertain"
    assert "refused" not in {result.outcome for result in found.values()}


# RSET.


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("offers", [BY_DATA, ("HELP",)])
async def test_the_end_of_data_needs_no_rset(window: int, offers: tuple[str, ...]) -> None:
    server = Strict(offers=offers, judge=REFUSED["every other"])
    session = await open_at(server)
    messages = [message(number) for number in range(20)]
    check(messages, await send_all(session, messages, window), server)
    assert server.resets == 0


@pytest.mark.parametrize("offers", [BY_DATA, BY_BDAT, ("CHUNKING",), ("HELP",)])
@pytest.mark.parametrize("window", WINDOWS)
async def test_one_rset_at_most_behind_a_refused_recipient(
    window: int, offers: tuple[str, ...]
) -> None:
    server = Strict(offers=offers, judge=REFUSED["every other recipient"])
    session = await open_at(server)
    messages = [message(number) for number in range(20)]
    check(messages, await send_all(session, messages, window), server)
    assert server.resets <= (20 if offers == BY_BDAT else 10)


@pytest.mark.parametrize("by", ["session", "pool"])
@pytest.mark.parametrize("offers", [BY_DATA, BY_BDAT])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("judge", [two_of_three, nobody])
async def test_a_server_that_hangs_up_after_ten_resets_and_is_known_for_it(
    pki: PKI, judge: Judge, window: int, offers: tuple[str, ...], by: str
) -> None:
    def make(_: int) -> Strict:
        server = Strict(offers=offers, judge=judge, most_resets=10)
        server.out[:] = b"220 x.test ESMTP Exim 4.96\r\n"
        return server

    messages = [message(number) for number in range(60)]
    async with farm(pki, make) as servers:
        if by == "session":
            async with smtps.connect(servers.endpoint()) as session:
                found = await send_all(session, messages, window)
        else:
            async with smtps.Pool(servers.endpoint(), size=2) as pool:
                many = pool.send_many(messages, window=window)
                found = {messages.index(item): result async for item, result in many}
        accepted = [n for n in range(60) if judge(f"RCPT TO:<to{n}@x.test>").startswith("2")]
        assert [found[n].outcome for n in range(60)] == [
            "sent" if n in accepted else "refused" for n in range(60)
        ]
        assert len(servers.taken) == len(accepted)
        assert 1 < len(servers.servers) < 15


@pytest.mark.parametrize("window", WINDOWS)
async def test_of_one_that_is_not_known_for_it_that_is_learned(pki: PKI, window: int) -> None:
    def make(_: int) -> Strict:
        return Strict(offers=BY_BDAT, judge=two_of_three, most_resets=10)

    messages = [message(number) for number in range(90)]
    async with farm(pki, make) as servers, smtps.Pool(servers.endpoint(), size=1) as pool:
        many = pool.send_many(messages, window=window)
        found = {messages.index(item): result async for item, result in many}
        outcomes = [str(found[n].outcome) for n in range(90)]
        assert outcomes.count("uncertain") < window, "one at a time, nothing is in doubt"
        assert outcomes.count("deferred") == 0
        again = [result.outcome async for _, result in pool.send_many(messages, window=window)]
        assert "uncertain" not in again
        assert pool.learned.resets == 10


@pytest.mark.parametrize("offers", [BY_DATA, BY_BDAT, ("HELP",)])
@pytest.mark.parametrize("window", WINDOWS)
async def test_nobody_has_what_was_sent_behind_a_refused_rset(
    pki: PKI, window: int, offers: tuple[str, ...]
) -> None:
    judge: Judge = lambda said: "550 no" if said.startswith("RCPT TO:<to6@") else "250 ok"  # noqa: E731

    def make(number: int) -> Strict:
        return Strict(offers=offers, judge=judge, refuses_resets=number == 0)

    messages = [message(number) for number in range(6, 12)]
    async with farm(pki, make) as servers, smtps.connect(servers.endpoint()) as session:
        found = await send_all(session, messages, window)
        assert [found[n].outcome for n in range(6)] == ["refused"] + ["sent"] * 5
        assert len(servers.taken) == 5


async def test_one_message_behind_a_refused_rset_is_put_off() -> None:
    server = Strict(offers=("HELP",), judge=REFUSED["recipient"], refuses_resets=True)
    session = await open_at(server)
    assert (await session.send(*message(7))).outcome == "refused"
    result = await session.send(*message(8))
    assert result.outcome == "deferred"
    assert result.failure is not None
    assert (result.failure.code, result.failure.retryable) == ("smtp.reset_refused", True)


# What is owed behind a refused MAIL.

LOGIN_FIRST = """S 220 x
C EHLO portofcall
S 250-x
S 250 PIPELINING
C MAIL FROM:<a@x.test>
C RCPT TO:<b@x.test>
C DATA
S 530 5.7.0 Authentication required
silence"""


async def test_nobody_waits_for_what_stands_behind_a_refused_mail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "PATIENCE", 0.01)
    session = Session(Access(ScriptedWire(LOGIN_FIRST), smtps.Endpoint("x.test")))
    await session._access.greet()
    await session._access.hello()
    envelope = smtps.Envelope.of("a@x.test", "b@x.test")
    result = await session.send(b"Subject: x\r\n\r\n", envelope)
    assert result.outcome == "refused"
    assert result.failure is not None
    assert (result.failure.code, result.failure.phase) == ("send.login_required", "mail")
    assert not session._access.learned.pipelining, "the next one is asked step by step"


async def test_a_login_that_was_accepted_is_not_advised_again() -> None:
    script = """
S 220 x
C EHLO c.test
S 250-x
S 250 AUTH PLAIN
C AUTH PLAIN …
S 235 ok
C MAIL FROM:<a@x.test>
S 530 5.7.0 Authentication required
C RSET
S 250 ok"""
    to = smtps.Endpoint("x.test", username="u", password="p", ehlo_name="c.test")
    session = Session(Access(ScriptedWire(script), to))
    await session._access.greet()
    await session._access.hello()
    await session._access.login()
    result = await session.send(b"Subject: x\r\n\r\n", smtps.Envelope.of("a@x.test", "b@x.test"))
    assert result.failure is not None
    assert (result.outcome, result.failure.code) == ("refused", "send.login_ignored")
    assert "accepted the login" in result.failure.message


# Whoever sends to the server later.


async def test_a_pool_sends_ahead_no_more(pki: PKI) -> None:
    messages = [message(number) for number in range(30)]
    async with (
        farm(pki, lambda _: Strict(offers=BY_DATA, jealous=True)) as servers,
        smtps.Pool(servers.endpoint(), size=2, messages=5) as pool,
    ):
        results = [result async for _, result in pool.send_many(messages, window=4)]
        assert {result.outcome for result in results} == {"sent"}
        assert not pool.learned.overlapping
        before = len(servers.servers)
        results = [result async for _, result in pool.send_many(messages, window=4)]
        assert {result.outcome for result in results} == {"sent"}
        assert len(servers.servers) > before
        assert all(not server.refused_ahead for server in servers.servers[before:])
