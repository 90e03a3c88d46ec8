"""A stop at any moment of a dialogue: nothing more is begun, and no outcome says what is not so."""

from __future__ import annotations

import pytest
from tests.dialogues.strict import Strict, StrictWire
from tests.dialogues.test_window import OFFERS, check, message, send_all

import smtps
from smtps.client.deadlines import not_begun
from smtps.client.handshake import Access
from smtps.client.result import Outcome
from smtps.client.session import Session
from smtps.errors import Phase
from smtps.net.translate import closed
from smtps.net.wire import Interrupted

COUNT = 6


class Watched(StrictWire):
    """Comes to a stop at one of its waits.

    Attributes:
        session: what is stopped.
        at: the wait, from 0; None for none.
        now: without waiting for answers.
    """

    session: Session
    at: int | None = None
    now = False
    waits = 0

    async def receive(self, until: float | None = None) -> bytes:
        if self.waits == self.at:
            self.at = None
            self.session._access.dialogue.halt(now=self.now)
            raise Interrupted
        self.waits += 1
        return await super().receive(until)

    def part(self, last: bytes) -> None:
        self.server.feed(last)
        assert self.server.closed, "that was no QUIT to the server"


async def start(server: Strict) -> tuple[Watched, Session]:
    wire = Watched(server)
    session = wire.session = Session(Access(wire, smtps.Endpoint("x.test")))
    await session._access.greet()
    await session._access.hello()
    wire.waits = 0
    return wire, session


async def moments(offers: tuple[str, ...], window: int) -> int:
    """How often the client waits if nothing stops it."""
    wire, session = await start(Strict(offers=offers))
    await send_all(session, [message(number) for number in range(COUNT)], window)
    return wire.waits


@pytest.mark.parametrize("now", [False, True])
@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("offers", OFFERS)
async def test_at_every_wait(offers: tuple[str, ...], window: int, now: bool) -> None:
    messages = [message(number) for number in range(COUNT)]
    for at in range(await moments(offers, window)):
        server = Strict(offers=offers)
        wire, session = await start(server)
        wire.at, wire.now = at, now
        found = await send_all(session, messages, window)
        check(messages, found, server)
        outcomes = [result.outcome for result in found.values()]
        assert not_begun(found[COUNT - 1]) or outcomes[-1] is not Outcome.DEFERRED
        if not now:
            assert set(outcomes) <= {Outcome.SENT, Outcome.DEFERRED}
            assert len(server.taken) == outcomes.count(Outcome.SENT)


async def test_what_stands_before_a_large_message_is_out_with_it() -> None:
    """Their bytes may leave together, long before the large one is complete."""

    class Breaking(StrictWire):
        async def drain(self, until: float | None = None) -> bool:
            raise closed(Phase.DATA, self.address)

    server = Strict(offers=("PIPELINING", "CHUNKING"))
    session = Session(Access(Breaking(server), smtps.Endpoint("x.test")))
    await session._access.greet()
    await session._access.hello()
    session._access.reopens = False
    small, envelope = message(0)
    large = small + (b"y" * 98 + b"\r\n") * 2621
    messages = [(small, envelope), (large, envelope)]
    server.judge = lambda said: "" if said.startswith("message") else "250 ok"
    found = await send_all(session, messages, 8)
    assert found[0].outcome is Outcome.UNCERTAIN
    assert found[1].outcome is Outcome.DEFERRED
