"""A stop: what is on the wire may have its answer, what is not begun is given back, and no more."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import pytest
from tests.outbox.rig import Moody, Rig, people

LONG = 3600.0
"""Seconds that no test waits."""

Wait = Callable[[], bool]


async def come_to(found: Wait) -> None:
    async with asyncio.timeout(15):
        while not found():
            await asyncio.sleep(0.01)


def silent_at(rig: Rig, verb: str) -> None:
    """From this command on the server says nothing more, on any connection."""

    def judge(said: str) -> str:
        if said.startswith(verb):
            rig.servers.delay = LONG
        return "250 2.0.0 ok"

    rig.mood(judge)


def heard(rig: Rig) -> Wait:
    """Whether the server has come to the place where it falls silent."""
    return lambda: rig.servers.delay == LONG


def offer(rig: Rig, *offers: str) -> None:
    """What the servers of all connections to come say to EHLO."""
    rig.servers._make = lambda _: Moody(
        judge=lambda said: rig._moods[0](said),  # noqa: PLW0108  # it changes
        offers=offers,
    )


async def stopped(rig: Rig) -> None:
    """Stop, and open it again without sending."""
    await rig.close()
    await rig.start(deliver=False)


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "smtps.stop")


async def test_an_answer_that_comes_in_time_counts(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    silent_at(rig, "message")
    await rig.start(grace=LONG)
    id_ = await rig.accept()
    await come_to(heard(rig))
    stopping = asyncio.create_task(rig.close())
    await come_to(lambda: bool(caplog.messages))
    assert caplog.messages[0].startswith("stopping: 1 in flight, waiting for replies until ")
    rig.servers.delay = 0
    for server, writer in zip(rig.servers.servers, rig.servers.writers, strict=True):
        writer.write(bytes(server.out))
    await stopping
    await rig.start(deliver=False)
    message = await rig.outbox.show(id_)
    assert message["status"] == "sent"
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("offers", [("8BITMIME",), ("PIPELINING",), ("PIPELINING", "CHUNKING")])
async def test_only_what_is_on_the_wire_is_in_doubt(
    rig: Rig, offers: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    offer(rig, *offers)
    silent_at(rig, "message")
    await rig.start(rig.account(concurrency=1, window=2), grace=0.1)
    ids = [await rig.accept(f"p{n}@y.test") for n in range(9)]
    await come_to(heard(rig))
    await stopped(rig)
    found = [await rig.outbox.show(id_) for id_ in ids]
    doubtful = [message for message in found if message["status"] == "uncertain"]
    assert len(doubtful) == 1  # the first goes out alone
    assert doubtful[0]["failure"]["code"] == "send.uncertain"
    assert people(doubtful[0]) == {"p0@y.test": "uncertain"}
    others = [(m["status"], m["tries"], m["attempts"]) for m in found if m not in doubtful]
    assert others == [("queued", 0, [])] * 8
    assert any("1 in flight without a reply" in line for line in caplog.messages)
    assert "1 in doubt" in caplog.messages[-1]
    assert (await rig.outbox.account_states())[0]["status"] == "ok"


async def test_so_are_all_of_a_window(rig: Rig) -> None:
    said: list[str] = []

    def judge(words: str) -> str:
        said.extend([words] * words.startswith("message"))
        if len(said) == 2:
            rig.servers.delay = LONG
        return "250 2.0.0 ok"

    rig.mood(judge)
    await rig.start(rig.account(concurrency=1, window=4), deliver=False)
    ids = [await rig.accept(f"p{n}@y.test") for n in range(9)]
    await rig.close()
    await rig.start(rig.account(concurrency=1, window=4), grace=0.1)
    await come_to(heard(rig))
    await stopped(rig)
    states = [(await rig.outbox.show(id_))["status"] for id_ in ids]
    on_the_wire = len(said) - 1
    assert states == ["sent"] + ["uncertain"] * on_the_wire + ["queued"] * (8 - on_the_wire)


@pytest.mark.parametrize("offers", [("8BITMIME",), ("PIPELINING",), ("PIPELINING", "CHUNKING")])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
async def test_between_commands_it_is_given_back_at_once(
    rig: Rig, verb: str, offers: tuple[str, ...]
) -> None:
    if offers and "CHUNKING" in offers:
        offers = ("CHUNKING",)
    offer(rig, *offers)
    silent_at(rig, verb)
    await rig.start(grace=LONG)
    id_ = await rig.accept()
    await come_to(heard(rig))
    await stopped(rig)
    message = await rig.outbox.show(id_)
    assert (message["status"], message["tries"], message["attempts"]) == ("queued", 0, [])
    assert rig.servers.taken == []


async def test_the_server_is_told_quit(rig: Rig) -> None:
    offer(rig, "8BITMIME")
    silent_at(rig, "RCPT")
    await rig.start(grace=LONG)
    await rig.accept()
    await come_to(heard(rig))
    await stopped(rig)
    (server,) = rig.servers.servers
    assert not server.closed
    rest = await rig.servers.readers[0].read()
    assert rest == b"QUIT\r\n"


async def test_a_connection_that_does_not_come_about_is_not_waited_for(rig: Rig) -> None:
    rig.servers.delay = LONG
    await rig.start(grace=LONG)
    id_ = await rig.accept()
    await come_to(lambda: bool(rig.servers.servers))
    await stopped(rig)
    message = await rig.outbox.show(id_)
    assert (message["status"], message["tries"]) == ("queued", 0)


async def test_who_asks_twice_waits_no_longer(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    silent_at(rig, "message")
    hurry = asyncio.Event()
    await rig.start(grace=LONG, hurry=hurry)
    id_ = await rig.accept()
    await come_to(heard(rig))
    stopping = asyncio.create_task(rig.close())
    await come_to(lambda: bool(caplog.messages))
    hurry.set()
    await stopping
    await rig.start(deliver=False)
    assert (await rig.outbox.show(id_))["status"] == "uncertain"
    assert "stopping now (second signal): 1 in flight without a reply" in caplog.messages


async def test_nothing_is_taken_on_while_an_answer_is_awaited(rig: Rig) -> None:
    silent_at(rig, "message")
    hurry = asyncio.Event()
    outbox = await rig.start(grace=LONG, hurry=hurry)
    await rig.accept()
    await come_to(heard(rig))
    outbox.stop()
    late = await rig.accept("late@y.test")
    for _ in range(20):
        assert (await outbox.show(late))["status"] == "queued"
        await asyncio.sleep(0.01)
    hurry.set()


async def test_a_retry_that_is_given_back_stays_a_retry(rig: Rig) -> None:
    offer(rig, "8BITMIME")
    rig.mood(lambda said: "451 4.3.0 later" if said.startswith("MAIL") else "250 ok")
    await rig.start(grace=LONG)
    id_ = await rig.accept()
    before = await rig.until(id_, "retrying")
    silent_at(rig, "RCPT")
    rig.later(5)
    await come_to(heard(rig))
    await stopped(rig)
    message = await rig.outbox.show(id_)
    assert (message["status"], message["tries"]) == ("retrying", 1)
    assert len(message["attempts"]) == len(before["attempts"]) == 1


async def test_a_stop_without_mail_takes_no_time(rig: Rig) -> None:
    await rig.start(grace=LONG)
    id_ = await rig.accept()
    await rig.until(id_, "sent")
    start = time.monotonic()
    await rig.close()
    assert time.monotonic() - start < 10
