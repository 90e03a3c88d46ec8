"""When a message counts as handed over, and how much goes out ahead of an answer."""

from __future__ import annotations

from typing import Any

import pytest
from tests.dialogues.strict import Strict, StrictWire

from smtps.client.attempts import Learned
from smtps.client.commands import EnvelopeCommands, UsableExtensions
from smtps.client.dialogue import Dialogue
from smtps.client.pipeline import AHEAD, Pipeline
from smtps.client.transaction import Transaction
from smtps.core.address import Mailbox
from smtps.core.command import ehlo, mail, rcpt
from smtps.endpoint import Timeouts
from smtps.errors import NetworkError
from smtps.message.content import Content

ANN, BOB = Mailbox.parse("ann@x.test"), Mailbox.parse("bob@y.test")


class FailingWire(StrictWire):
    """Takes nothing more once it is told to fail."""

    failing = False

    def write(self, data: bytes | memoryview) -> None:
        if self.failing:
            raise NetworkError("net.closed_by_server", "gone")
        super().write(data)


class Vanishing(Strict):
    """Takes a message and hangs up without a reply to it."""

    def _finish(self, message: bytes, *, forget: bool) -> None:
        self.closed = True


def transaction(way: UsableExtensions) -> Transaction:
    return Transaction(EnvelopeCommands(mail(ANN), {BOB: rcpt(BOB)}, way), Content(b"x\r\n"))


async def pipeline(wire: StrictWire, **options: Any) -> Pipeline:
    dialogue = Dialogue(wire, Timeouts())
    await dialogue.greeting()
    await dialogue.command(ehlo("portofcall"))
    learned = Learned()
    learned.proven = True  # so that a message goes out with its envelope
    return Pipeline(dialogue, learned, **options)


async def test_a_message_whose_write_fails_was_not_handed_over() -> None:
    wire = FailingWire(Strict())
    pipe = await pipeline(wire)
    sent = transaction(UsableExtensions(pipelining=True, chunking=True))
    pipe.add(sent)
    wire.failing = True
    assert await pipe.advance() == [sent]
    assert sent.blind
    assert sent.error is not None
    assert not sent.complete
    assert not sent.in_doubt


async def test_a_message_that_was_written_and_not_answered_is_in_doubt() -> None:
    pipe = await pipeline(StrictWire(Vanishing()))
    sent = transaction(UsableExtensions(pipelining=True, chunking=True))
    pipe.add(sent)
    assert await pipe.advance() == [sent]
    assert sent.complete
    assert sent.in_doubt


@pytest.mark.parametrize(("octets", "ahead"), [(AHEAD, True), (AHEAD + 1, False)])
async def test_commands_up_to_the_limit_go_out_behind_a_message_by_data(
    octets: int, ahead: bool
) -> None:
    pipe = await pipeline(StrictWire(Strict(offers=("PIPELINING",))), window=2)
    first, second = (transaction(UsableExtensions(pipelining=True)) for _ in range(2))
    second.commands.octets = octets
    pipe.add(first)
    pipe.add(second)
    assert await pipe.advance() == [first]
    assert second.begun is ahead


@pytest.mark.parametrize(
    ("window", "under_way", "room"),
    [(1, 0, 1), (8, 0, 8), (8, 5, 0), (8, 4, 4), (64, 57, 0), (64, 56, 8), (3, 2, 1), (2, 2, 0)],
)
async def test_more_are_wanted_when_half_the_window_or_a_good_number_is_free(
    window: int, under_way: int, room: int
) -> None:
    pipe = await pipeline(StrictWire(Strict()), window=window)
    for _ in range(under_way):
        pipe.add(transaction(UsableExtensions(pipelining=True, chunking=True)))
    assert pipe.room == room
