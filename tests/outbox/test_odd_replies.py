"""Replies that answer nothing: what becomes of a message of the outbox."""

from __future__ import annotations

import pytest
from tests.outbox.rig import ON_A_FILE, Rig

OK = "250 2.0.0 ok"
NO_ANSWERS = (
    *("150 wait", "200 x", "211 x", "220 x", "221 x", "235 x", "299 x", "334 x", "354 x", "600 x"),
    *("250-x\r\n550 y", "550-x\r\n250 y", "Segmentation fault"),
)


@ON_A_FILE
@pytest.mark.parametrize("reply", [*NO_ANSWERS, "250-x\r\n421 y"])
async def test_behind_the_message_they_leave_it_in_doubt(rig: Rig, reply: str) -> None:
    rig.mood(lambda said: reply if said.startswith("message") else OK)
    await rig.start()
    message = await rig.until(await rig.accept(), "uncertain")
    assert message["failure"]["code"] == "send.uncertain"
    assert message["tries"] == 1


@ON_A_FILE
@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
@pytest.mark.parametrize("reply", NO_ANSWERS)
async def test_before_the_message_it_waits_for_another_attempt(
    rig: Rig, at: str, reply: str
) -> None:
    rig.mood(lambda said: reply if said.startswith(at) else OK)
    await rig.start()
    id_ = await rig.accept()
    message = await rig.until(id_, "retrying")
    assert message["failure"]["code"] in ("smtp.wrong_code", "smtp.mixed_codes", "smtp.not_a_reply")
    assert not rig.servers.taken
    rig.mood(lambda _: OK)
    rig.later(60)
    await rig.until(id_, "sent")
    assert len(rig.servers.taken) == 1
