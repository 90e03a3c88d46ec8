"""A message that somebody has received is not sent again, whatever was said to the others."""

from __future__ import annotations

import pytest
from tests.client.farm import farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI

import smtps

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"
ENVELOPE = smtps.Envelope.of("ann@x.test", ["good@y.test", "better@y.test", "bad@y.test"])


class Choosy(Strict):
    """Refuses one recipient."""

    def __init__(self, reply: str, offers: tuple[str, ...]) -> None:
        super().__init__(offers=offers)
        self.reply = reply

    def _command(self, line: str) -> None:
        if line.startswith("RCPT") and "bad@" in line:
            self._say(self.reply)
        else:
            super()._command(line)


@pytest.mark.parametrize(
    "offers", [("HELP",), ("PIPELINING",), ("PIPELINING", "CHUNKING")], ids=str
)
@pytest.mark.parametrize(
    "reply",
    [
        "503 5.5.1 Bad sequence of commands",
        "550 5.1.1 Too many invalid recipients",
        "550 5.1.1 No such user",
        "554 5.7.1 Relaying denied. Please check your mail first.",
        "451 4.3.0 Try later",
    ],
)
async def test_what_some_have_received_is_sent_once(
    pki: PKI, reply: str, offers: tuple[str, ...]
) -> None:
    async with farm(pki, lambda _: Choosy(reply, offers)) as servers:
        result = await smtps.send(MESSAGE, servers.endpoint(), envelope=ENVELOPE, partial="send")
        assert result.outcome == "partial"
        delivered = [taken for server in servers.servers for taken in server.taken]
        assert len(delivered) == 1
