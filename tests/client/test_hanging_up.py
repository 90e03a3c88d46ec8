"""A server that hangs up is noticed, whoever waits for it."""

from __future__ import annotations

import asyncio

import pytest
from tests.dialogues.strict import Strict, StrictWire

from smtps.client.dialogue import Dialogue
from smtps.endpoint import Timeouts
from smtps.errors import NetworkError


async def test_who_waits_for_one_that_owes_nothing_is_told_as_well() -> None:
    server = Strict()
    dialogue = Dialogue(StrictWire(server), Timeouts())
    await dialogue.greeting()
    server.closed = True
    async with asyncio.timeout(5):
        with pytest.raises(NetworkError) as caught:
            await dialogue.hear()
    assert caught.value.code == "net.closed_by_server"
