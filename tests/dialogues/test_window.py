"""Many messages on one connection: each gets the one right outcome, whatever becomes of the others.

The invariant, for every message and wherever the connection breaks: ``sent`` was delivered, once;
``refused`` and ``deferred`` were not; ``uncertain`` may have been, once. None has two results.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.dialogues.strict import Judge, Strict, StrictWire, kind

import smtps
from smtps.client.handshake import Access
from smtps.client.result import Outcome, Result
from smtps.client.session import Session

WINDOWS = [1, 2, 3, 16, 64]
ALL = ("PIPELINING", "CHUNKING")
OFFERS = [ALL, ("PIPELINING",), ("CHUNKING",), ("HELP",)]
Pair = tuple[bytes, smtps.Envelope]


def message(number: int, *more: str) -> Pair:
    envelope = smtps.Envelope.of(f"from{number}@x.test", [f"to{number}@x.test", *more])
    return f"Subject: {number}\r\n\r\n.\r\nbody {number}\r\n".encode(), envelope


async def open_at(server: Strict, **options: int) -> Session:
    session = Session(Access(StrictWire(server, **options), smtps.Endpoint("x.test")))
    await session._access.greet()
    await session._access.hello()
    return session


async def send_all(
    session: Session, messages: list[Pair], window: int, **terms: str
) -> dict[int, Result]:
    found: dict[int, Result] = {}
    async for item, result in session.send_many(messages, window=window, **terms):  # type: ignore[arg-type]
        number = messages.index(item)
        assert number not in found, "two results"
        found[number] = result
    assert len(found) == len(messages), "a message without a result"
    return found


def check(messages: list[Pair], found: dict[int, Result], server: Strict) -> None:
    """The invariant."""
    for number, (data, envelope) in enumerate(messages):
        result = found[number]
        copies = [taken for taken in server.taken if taken.data == data]
        for taken in copies:
            assert taken.sender.startswith(f"MAIL FROM:<{envelope.sender}>")
            assert set(taken.to) <= {str(who) for who in envelope.recipients}, "another's recipient"
        assert len(copies) <= 1, "delivered twice"
        if result.outcome in (Outcome.SENT, Outcome.PARTIAL):
            assert copies, "called sent, and was not"
            accepted = {who.email for who in result.recipients if who.status == "accepted"}
            assert set(copies[0].to) == accepted
        elif result.outcome is not Outcome.UNCERTAIN:
            assert not copies, f"called {result.outcome}, and was delivered"


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("window", WINDOWS)
async def test_all_are_sent(window: int, offers: tuple[str, ...]) -> None:
    server = Strict(offers=offers)
    session = await open_at(server)
    messages = [message(number) for number in range(40)]
    found = await send_all(session, messages, window)
    check(messages, found, server)
    assert {result.outcome for result in found.values()} == {Outcome.SENT}
    assert session.usable
    assert [taken.data for taken in server.taken] == [data for data, _ in messages]


REFUSED: dict[str, Judge] = {
    "sender": lambda said: "550 no" if said.startswith("MAIL FROM:<from7@") else "250 ok",
    "sender, for now": lambda said: (
        "451 later" if said.startswith("MAIL FROM:<from7@") else "250 k"
    ),
    "recipient": lambda said: "550 no" if said.startswith("RCPT TO:<to7@") else "250 ok",
    "message": lambda said: "554 spam" if said == "message Subject: 7" else "250 ok",
    "message, for now": lambda said: "452 later" if said == "message Subject: 7" else "250 ok",
    "every other": lambda said: "554 no" if said[-1:] in "02468" and "mess" in said else "250 ok",
    "every other recipient": lambda said: (
        "550 no" if said.startswith("RCPT") and int(said[11:].partition("@")[0]) % 2 else "250 ok"
    ),
}


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("what", REFUSED)
async def test_a_refused_one_never_disturbs_its_neighbours(
    what: str, window: int, offers: tuple[str, ...]
) -> None:
    judge = REFUSED[what]
    server = Strict(offers=offers, judge=judge)
    session = await open_at(server)
    messages = [message(number) for number in range(20)]
    found = await send_all(session, messages, window)
    check(messages, found, server)
    for number, result in found.items():
        said = (f"MAIL FROM:<from{number}@", f"RCPT TO:<to{number}@", f"message Subject: {number}")
        refusals = [reply for words in said if not (reply := judge(words)).startswith("2")]
        expected = {"5": "refused", "4": "deferred"}[refusals[0][0]] if refusals else "sent"
        assert result.outcome == expected
    assert session.usable


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("partial", ["abort", "send"])
async def test_several_recipients_one_of_them_refused(
    partial: str, window: int, offers: tuple[str, ...]
) -> None:
    server = Strict(offers=offers, judge=lambda said: "550 no" if "<bad@" in said else "250 ok")
    session = await open_at(server)
    messages = [message(number, *["bad@x.test", "c@x.test"][: number % 3]) for number in range(12)]
    found = await send_all(session, messages, window, partial=partial)
    check(messages, found, server)
    mixed = "partial" if partial == "send" else "refused"
    for number, result in found.items():
        assert result.outcome == ("sent" if number % 3 == 0 else mixed)
    assert session.usable


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("at", ["MAIL FROM:<from5@", "RCPT TO:<to5@", "message Subject: 5"])
async def test_421_puts_off_that_one_and_all_behind_it(
    at: str, window: int, offers: tuple[str, ...]
) -> None:
    judge: Judge = lambda said: "421 closing" if said.startswith(at) else "250 ok"  # noqa: E731
    server = Strict(offers=offers, judge=judge)
    session = await open_at(server)
    messages = [message(number) for number in range(9)]
    found = await send_all(session, messages, window)
    check(messages, found, server)
    assert [found[number].outcome for number in range(9)] == ["sent"] * 5 + ["deferred"] * 4
    assert not session.usable


@pytest.mark.parametrize("piece", [1, 7, 8, 9, 40, 1000])
async def test_421_that_is_there_before_the_next_message_is_said(piece: int) -> None:
    # It answers the message before, and is read while room is looked for to say another.
    server = Strict(
        offers=ALL, judge=lambda said: "421 bye" if said == "message Subject: 1" else "250 ok"
    )
    session = await open_at(server, piece=piece)
    messages = [message(number) for number in range(9)]
    found = await asyncio.wait_for(send_all(session, messages, 2), 5)
    check(messages, found, server)
    assert [found[number].outcome for number in range(9)] == ["sent"] + ["deferred"] * 8


BROKEN = [(16, ALL, 16), *((window, offers, 5) for window in (1, 3) for offers in OFFERS)]
"""Window, what the server offers, how many messages."""


@pytest.mark.parametrize(("window", "offers", "count"), BROKEN)
async def test_broken_behind_every_octet_that_the_client_says(
    window: int, offers: tuple[str, ...], count: int
) -> None:
    messages = [message(number) for number in range(count)]
    whole = Strict(offers=offers)
    await send_all(await open_at(whole), messages, window)
    start = len("EHLO portofcall\r\n")
    for last in range(start, whole.read + 1):
        server = Strict(offers=offers, last_read=last)
        found = await send_all(await open_at(server), messages, window)
        check(messages, found, server)
        outcomes = [result.outcome for result in found.values()]
        assert outcomes.count(Outcome.UNCERTAIN) <= window
        assert Outcome.REFUSED not in outcomes


@pytest.mark.parametrize(("window", "offers", "count"), BROKEN)
async def test_broken_behind_every_octet_that_the_server_says(
    window: int, offers: tuple[str, ...], count: int
) -> None:
    messages = [message(number) for number in range(count)]
    judge = REFUSED["every other"]
    whole = Strict(offers=offers, judge=judge)
    wire = StrictWire(whole)
    session = Session(Access(wire, smtps.Endpoint("x.test")))
    await session._access.greet()
    await session._access.hello()
    start = wire._said
    await send_all(session, messages, window)
    for last in range(start, wire._said + 1):
        server = Strict(offers=offers, judge=judge)
        found = await send_all(await open_at(server, last_said=last), messages, window)
        check(messages, found, server)
        outcomes = [result.outcome for result in found.values()]
        assert outcomes.count(Outcome.UNCERTAIN) <= window


@pytest.mark.parametrize("piece", [1, 7])
@pytest.mark.parametrize("window", WINDOWS)
async def test_answers_in_pieces(window: int, piece: int) -> None:
    server = Strict(judge=REFUSED["every other recipient"])
    session = await open_at(server, piece=piece)
    messages = [message(number) for number in range(10)]
    check(messages, await send_all(session, messages, window), server)
    assert session.usable


@pytest.mark.parametrize("code", [500, 501, 502, 504])
async def test_a_server_that_knows_no_bdat_takes_the_message_for_commands(code: int) -> None:
    """So its connection is given up, and nothing was delivered by it."""
    server = Strict(judge=lambda said: f"{code} ?" if said.startswith("BDAT") else "250 ok")
    session = await open_at(server)
    result = await session.send(*message(1))
    assert (result.outcome, result.failure and result.failure.code) == (
        "deferred",
        "smtp.chunking_refused",
    )
    assert not server.taken
    assert not session.usable


async def test_one_write_for_a_whole_window_once_the_server_is_known_to_pipeline() -> None:
    session = await open_at(Strict())
    wire = session._access.dialogue.wire
    assert isinstance(wire, StrictWire)
    for expected in (2, 1):
        before = wire.writes
        await send_all(session, [message(number) for number in range(16)], 16)
        assert wire.writes - before == expected
        assert session._access.learned.proven


async def test_by_data_the_next_envelope_goes_out_with_the_message() -> None:
    server = Strict(offers=("PIPELINING",))
    session = await open_at(server)
    wire = session._access.dialogue.wire
    assert isinstance(wire, StrictWire)
    before = wire.writes
    await send_all(session, [message(number) for number in range(16)], 2)
    assert wire.writes - before == 17


async def test_what_cannot_be_sent_gets_its_result_and_the_others_go() -> None:
    server = Strict()
    session = await open_at(server)
    envelope = smtps.Envelope.of("a@x.test", "b@x.test")
    messages = [
        message(0),
        (b"Subject: x\r\n\r\nmixed\nends\r\n", envelope),
        (b"Subject: x\r\n\r\n" + b"x\r\n" * 50_000, envelope),
        message(3),
    ]
    found = await send_all(session, messages, 4)
    assert [found[n].outcome for n in range(4)] == ["sent", "refused", "refused", "sent"]
    codes = [found[n].failure.code for n in (1, 2)]  # type: ignore[union-attr]
    assert codes == ["message.mixed_line_ends", "send.too_large"]


async def test_messages_come_from_a_generator_as_they_are_made() -> None:
    server = Strict()
    session = await open_at(server)
    made = [message(number) for number in range(10)]

    async def make() -> AsyncIterator[Pair]:
        for pair in made:
            yield pair

    found = [item async for item, result in session.send_many(make(), window=3)]
    assert found == made

    def plain() -> Iterator[Pair]:
        yield from made

    found = [item async for item, result in session.send_many(plain(), window=3)]
    assert found == made


async def test_who_stops_listening_leaves_nothing_running() -> None:
    server = Strict()
    session = await open_at(server)
    closed = []

    async def make() -> AsyncIterator[Pair]:
        try:
            for number in range(1000):
                yield message(number)
        finally:
            closed.append(True)

    results = session.send_many(make(), window=3)
    await anext(results)
    await results.aclose()
    assert closed


@pytest.mark.parametrize("window", [0, -1, 1001, "4"])
async def test_a_window_that_is_none(window: int) -> None:
    session = await open_at(Strict())
    with pytest.raises(smtps.InputError, match="window"):
        await anext(session.send_many([message(1)], window=window))


@pytest.mark.parametrize("messages", [b"Subject: x", "text", 5])
async def test_not_several_messages(messages: object) -> None:
    session = await open_at(Strict())
    with pytest.raises(smtps.InputError, match="messages"):
        await anext(session.send_many(messages))  # type: ignore[arg-type]


def test_the_judge_is_kind() -> None:
    assert kind("anything").startswith("2")
