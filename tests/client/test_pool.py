"""A pool: warm sessions, no more than allowed, and no message lost or doubled by reusing one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.client.farm import farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI

import smtps
from smtps.client import lending as pools

Pair = tuple[bytes, smtps.Envelope]


def message(number: int) -> Pair:
    envelope = smtps.Envelope.of("a@x.test", f"to{number}@x.test")
    return f"Subject: {number}\r\n\r\nbody\r\n".encode(), envelope


async def nothing_left() -> None:
    """No task but this one."""
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()} | {
        task for task in asyncio.all_tasks() if "serve" in repr(task.get_coro())
    }


async def test_one_session_serves_one_after_the_other(pki: PKI) -> None:
    async with farm(pki) as servers:
        async with smtps.Pool(servers.endpoint()) as pool:
            for number in range(5):
                assert (await pool.send(*message(number))).outcome == "sent"
        assert len(servers.servers) == 1
        assert len(servers.taken) == 5
        assert servers.servers[0].closed, "left without QUIT"
        await nothing_left()


async def test_never_more_sessions_than_its_size(pki: PKI) -> None:
    async with farm(pki) as servers, smtps.Pool(servers.endpoint(), size=3) as pool:
        servers.delay = 0.002
        results = await asyncio.gather(*(pool.send(*message(n)) for n in range(30)))
        assert {result.outcome for result in results} == {"sent"}
        assert servers.most == len(servers.servers) == 3


async def test_a_session_is_replaced_after_so_many_messages(pki: PKI) -> None:
    async with farm(pki) as servers, smtps.Pool(servers.endpoint(), size=1, messages=4) as pool:
        for number in range(10):
            await pool.send(*message(number))
        assert [len(server.taken) for server in servers.servers] == [4, 4, 2]


async def test_a_session_is_replaced_when_it_is_old(pki: PKI) -> None:
    async with farm(pki) as servers, smtps.Pool(servers.endpoint(), age=0.05) as pool:
        await pool.send(*message(1))
        await asyncio.sleep(0.06)
        await pool.send(*message(2))
        assert len(servers.servers) == 2


async def test_an_unused_session_is_closed(pki: PKI) -> None:
    async with farm(pki) as servers, smtps.Pool(servers.endpoint(), idle=0.05) as pool:
        await pool.send(*message(1))
        await asyncio.sleep(0.15)
        assert servers.open == 0
        await pool.send(*message(2))
        assert len(servers.servers) == 2


async def test_what_was_unused_for_long_is_asked_first(
    pki: PKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "ASK_AFTER", 0.01)
    said: list[str] = []

    class Listening(Strict):
        def _command(self, line: str) -> None:
            said.append(line.partition(" ")[0])
            if line == "NOOP":
                self._say("250 here")
            else:
                super()._command(line)

    async with farm(pki, lambda _: Listening()) as servers:
        async with smtps.Pool(servers.endpoint()) as pool:
            await pool.send(*message(1))
            await asyncio.sleep(0.03)
            await pool.send(*message(2))
        assert len(servers.servers) == 1
    assert said == ["EHLO", "MAIL", "RCPT", "BDAT", "NOOP", "MAIL", "RCPT", "BDAT", "QUIT"]


@pytest.mark.parametrize("words", [b"", b"421 idle for too long\r\n", b"250 surplus\r\n"])
async def test_a_session_that_went_bad_is_replaced_without_a_word(pki: PKI, words: bytes) -> None:
    async with farm(pki) as servers, smtps.Pool(servers.endpoint()) as pool:
        await pool.send(*message(1))
        servers.writers[0].write(words)
        if not words.startswith(b"250"):
            servers.writers[0].close()
        await asyncio.sleep(0.05)
        assert (await pool.send(*message(2))).outcome == "sent"
        assert len(servers.servers) == 2
        assert len(servers.taken) == 2


async def test_a_session_that_dies_under_the_envelope_is_replaced(pki: PKI) -> None:
    def make(number: int) -> Strict:
        if number:
            return Strict()
        return Strict(judge=lambda said: "421 bye" if "<to2@" in said else "250 ok")

    async with farm(pki, make) as servers, smtps.Pool(servers.endpoint()) as pool:
        await pool.send(*message(1))
        result = await pool.send(*message(2))
        assert result.outcome == "sent"
        assert [taken.to for taken in servers.taken] == [("to1@x.test",), ("to2@x.test",)]


async def test_a_message_that_nobody_answered_is_never_sent_again(pki: PKI) -> None:
    def make(number: int) -> Strict:
        return Strict(last_read=len("EHLO portofcall\r\n") + 190)

    async with farm(pki, make) as servers, smtps.Pool(servers.endpoint()) as pool:
        await pool.send(*message(1))
        result = await pool.send(*message(2))
        assert result.outcome in ("uncertain", "sent")
        assert len(servers.servers) == 1


async def test_bdat_is_given_up_with_a_server_that_does_not_know_it(pki: PKI) -> None:
    def make(_: int) -> Strict:
        return Strict(judge=lambda said: "502 what" if said.startswith("BDAT") else "250 ok")

    async with farm(pki, make) as servers:
        async with smtps.Pool(servers.endpoint()) as pool:
            results = [await pool.send(*message(number)) for number in range(3)]
            assert [result.outcome for result in results] == ["sent"] * 3
        assert len(servers.servers) == 2
        assert len(servers.taken) == 3
        result = await smtps.send(*message(4)[:1], servers.endpoint(), envelope=message(4)[1])
        assert result.outcome == "sent"


async def test_bdat_is_given_up_with_a_server_that_falls_silent(pki: PKI) -> None:
    class Silent(Strict):
        def _finish(self, message: bytes, *, forget: bool) -> None:
            if forget:
                super()._finish(message, forget=forget)

    async with farm(pki, lambda _: Silent()) as servers:
        timeouts = smtps.Timeouts(final=0.1)
        async with smtps.Pool(servers.endpoint(timeouts=timeouts)) as pool:
            assert (await pool.send(*message(1))).outcome == "uncertain"
            assert (await pool.send(*message(2))).outcome == "sent"
        assert [taken.to for taken in servers.taken] == [("to2@x.test",)]


async def test_after_421_the_next_connection_waits(pki: PKI) -> None:
    def make(number: int) -> Strict:
        server = Strict()
        if number < 2:
            server.out[:] = b"421 too many\r\n"
            server.closed = True
        return server

    async with farm(pki, make) as servers, smtps.Pool(servers.endpoint()) as pool:
        loop = asyncio.get_running_loop()
        pools_pause = pools.LONGEST_PAUSE
        start = loop.time()
        with pytest.raises(smtps.RefusedError):
            await pool.send(*message(1))
        assert loop.time() - start < 0.5
        with pytest.raises(smtps.RefusedError):
            await pool.send(*message(1))
        assert 0.7 < loop.time() - start < pools_pause
        assert (await pool.send(*message(1))).outcome == "sent"
        assert loop.time() - start > 2.2


async def test_callers_get_their_turn_in_order(pki: PKI) -> None:
    order: list[int] = []

    async with farm(pki) as servers, smtps.Pool(servers.endpoint(), size=1) as pool:

        async def one(number: int) -> None:
            await pool.send(*message(number))
            order.append(number)

        await asyncio.gather(*(one(number) for number in range(10)))
    assert order == list(range(10))


async def test_one_message_does_not_wait_for_many(pki: PKI) -> None:
    async with farm(pki) as servers, smtps.Pool(servers.endpoint(), size=1) as pool:
        servers.delay = 0.001
        done: list[str] = []

        async def many() -> None:
            messages = [message(n) for n in range(300)]
            done.extend([r.outcome async for _, r in pool.send_many(messages, window=2)])

        task = asyncio.create_task(many())
        await asyncio.sleep(0.05)
        await pool.send(*message(1000))
        assert len(servers.taken) < 250
        await task
        assert done == ["sent"] * 300
        assert len(servers.taken) == 301


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("window", [1, 4])
async def test_send_many_gives_each_message_one_result(pki: PKI, size: int, window: int) -> None:
    """Though each connection breaks, every third of them soon."""

    def make(number: int) -> Strict:
        if number % 3 == 2:
            return Strict(last_read=20 + number * 37)
        return Strict(last_read=2500 + number * 41)

    messages = [message(number) for number in range(200)]
    async with farm(pki, make) as servers:
        async with smtps.Pool(servers.endpoint(), size=size) as pool:
            found: Counter[str] = Counter()
            outcomes: dict[int, str] = {}
            async for item, result in pool.send_many(messages, window=window):
                number = messages.index(item)
                assert number not in outcomes, "two results"
                outcomes[number] = result.outcome
                found[result.outcome] += 1
        assert len(outcomes) == 200
        copies = Counter(taken.to[0] for taken in servers.taken)
        for number, outcome in outcomes.items():
            count = copies[f"to{number}@x.test"]
            assert count <= 1, "delivered twice"
            assert {"sent": count == 1, "uncertain": True}.get(outcome, count == 0)
        assert found["sent"] > 100
        await nothing_left()


async def test_a_login_that_is_refused_is_tried_once(pki: PKI) -> None:
    class Guarded(Strict):
        def _command(self, line: str) -> None:
            if line.startswith("AUTH"):
                self._say("535 5.7.8 no")
            else:
                super()._command(line)

    async with farm(pki, lambda _: Guarded(offers=("AUTH PLAIN",))) as servers:
        endpoint = servers.endpoint(username="u", password="wrong")
        async with smtps.Pool(endpoint, size=1) as pool:
            results = [r async for _, r in pool.send_many([message(n) for n in range(50)])]
        assert {result.outcome for result in results} == {"refused"}
        assert {result.failure.code for result in results if result.failure} == {"auth.rejected"}
        assert len(servers.servers) == 1


async def test_messages_that_are_long_in_the_making_hold_no_session(pki: PKI) -> None:
    made = asyncio.Event()

    async def make() -> AsyncIterator[Pair]:
        for number in range(3):
            await made.wait()
            yield message(number)

    async with farm(pki) as servers, smtps.Pool(servers.endpoint(), size=1) as pool:
        many = asyncio.create_task(_all(pool, make()))
        await asyncio.sleep(0.02)
        async with asyncio.timeout(10):
            await pool.send(*message(9))
        made.set()
        assert len(await many) == 3
        assert len(servers.servers) == 1


async def _all(pool: smtps.Pool, messages: Any) -> list[Any]:
    return [pair async for pair in pool.send_many(messages)]


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("x"), smtps.InputError("row", "x"), smtps.NetworkError("net.x", "x")],
)
async def test_an_error_in_the_making_reaches_the_caller_behind_all_results(
    pki: PKI, size: int, error: Exception
) -> None:
    """One of ours, too: it says nothing about the connection."""

    async def make() -> AsyncIterator[Pair]:
        for number in range(9):
            yield message(number)
        raise error

    def make_at_once() -> Iterator[Pair]:
        for number in range(9):
            yield message(number)
        raise error

    for given in (make(), make_at_once()):
        found: list[tuple[str, str]] = []
        async with farm(pki) as servers:
            async with smtps.Pool(servers.endpoint(), size=size) as pool:
                with pytest.raises(type(error)) as caught:
                    await _each(pool, given, found)
            assert caught.value is error
            await nothing_left()
        assert sorted(found) == [(f"to{number}", "sent") for number in range(9)]
        assert len(servers.taken) == 9


async def _each(pool: smtps.Pool, messages: Any, found: list[tuple[str, str]]) -> None:
    async for item, result in pool.send_many(messages):
        found.append((item[1].recipients[0].local, result.outcome))


async def test_what_a_broken_connection_left_is_sent_though_no_more_can_be_made(pki: PKI) -> None:
    def make_at_once() -> Iterator[Pair]:
        yield message(1)
        yield message(2)
        raise ZeroDivisionError

    def make(number: int) -> Strict:
        return Strict(judge=lambda said: "421 bye" if number == 0 and "MAIL" in said else "250 ok")

    found: list[tuple[str, str]] = []
    async with farm(pki, make) as servers, smtps.Pool(servers.endpoint(), size=1) as pool:
        with pytest.raises(ZeroDivisionError):
            await _each(pool, make_at_once(), found)
    assert sorted(found) == [("to1", "sent"), ("to2", "sent")]


@pytest.mark.parametrize("terms", [{"window": 0}, {"partial": "some"}])
async def test_terms_that_cannot_be_reach_the_caller(pki: PKI, terms: Any) -> None:
    async with farm(pki) as servers, smtps.Pool(servers.endpoint()) as pool:
        with pytest.raises(smtps.InputError):
            await anext(pool.send_many([message(1)], **terms))
        assert servers.taken == []


async def test_a_deadline_holds_for_a_warm_session_too(
    pki: PKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "ASK_AFTER", 0.01)

    class Silent(Strict):
        def _command(self, line: str) -> None:
            if line != "NOOP":
                super()._command(line)

    async with farm(pki, lambda _: Silent()) as servers:
        timeouts = smtps.Timeouts(command=20)
        async with smtps.Pool(servers.endpoint(timeouts=timeouts)) as pool:
            await pool.send(*message(1))
            await asyncio.sleep(0.03)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(10):
                with pytest.raises(smtps.PhaseTimeoutError):
                    await pool.send(*message(2), deadline=loop.time() + 0.2)


async def test_a_message_that_cannot_be_sent_leaves_no_deadline_behind(pki: PKI) -> None:
    async with farm(pki) as servers, smtps.connect(servers.endpoint()) as session:
        with pytest.raises(smtps.InputError):
            await session.send(b"no envelope", deadline=asyncio.get_running_loop().time() + 0.05)
        await asyncio.sleep(0.1)
        assert (await session.send(*message(1))).outcome == "sent"
        assert session._access.dialogue.deadline is None


async def test_who_stops_listening_leaves_nothing_running(pki: PKI) -> None:
    async with farm(pki) as servers:
        async with smtps.Pool(servers.endpoint()) as pool:
            results = pool.send_many(message(number) for number in range(10_000))
            await anext(results)
            await results.aclose()
        await asyncio.sleep(0.05)
        assert servers.open == 0
        await nothing_left()


@pytest.mark.parametrize("option", ["size", "messages", "age", "idle"])
@pytest.mark.parametrize("value", [0, -1, True, "3"])
def test_options_that_cannot_be(option: str, value: Any) -> None:
    with pytest.raises(smtps.InputError, match=option):
        smtps.Pool("x.test", **{option: value})


async def test_one_421_counts_once_however_many_messages_were_under_way(pki: PKI) -> None:
    def make(number: int) -> Strict:
        if number:
            return Strict()
        return Strict(judge=lambda said: "421 bye" if "<to2@" in said else "250 ok")

    async with farm(pki, make) as servers, smtps.Pool(servers.endpoint(), size=1) as pool:
        messages = [message(number) for number in range(9)]
        async with asyncio.timeout(10):
            results = [result async for _, result in pool.send_many(messages, window=8)]
        assert {result.outcome for result in results} == {"sent"}


async def test_an_answer_does_not_wait_for_the_next_message(pki: PKI) -> None:
    """Sessions that have nothing to send wait for messages, and hold up nobody's result."""
    results = asyncio.Queue[int]()

    async def one_after_the_other() -> AsyncIterator[smtps.Message]:
        for number in range(4):
            yield smtps.Message(from_="a@x.test", to="b@x.test", subject=str(number), text="x")
            async with asyncio.timeout(5):
                assert await results.get() == number

    async with farm(pki) as servers, smtps.Pool(servers.endpoint(), size=3) as pool:
        number = 0
        async for _, result in pool.send_many(one_after_the_other(), window=8):
            assert result.outcome == "sent"
            results.put_nowait(number)
            number += 1
    assert number == 4
