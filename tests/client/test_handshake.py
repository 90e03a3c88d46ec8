"""STARTTLS, and bytes that somebody slips in before TLS (RFC 3207 section 6)."""

from __future__ import annotations

import pytest
from tests.dialogues.scripted import ScriptedWire

from smtps.client.handshake import Access
from smtps.endpoint import Endpoint
from smtps.errors import ProtocolError

PROMPT = "220 hello\r\n250-x.test\r\n250 STARTTLS\r\n220 go ahead\r\n"
SCRIPT = """
    S 220 hello
    C EHLO portofcall
    S 250-x.test
    S 250 STARTTLS
    C STARTTLS
    S 220 go ahead
    {}
    silence
"""


async def prompted(wire: ScriptedWire) -> Access:
    access = Access(wire, Endpoint("x.test", 587, security="starttls"))
    await access.greet()
    await access.hello()
    await access.request_tls()
    return access


async def test_a_server_that_waits_for_the_handshake_gets_it() -> None:
    wire = ScriptedWire(SCRIPT.format(""))
    await prompted(wire)
    assert not wire.aborted


@pytest.mark.parametrize("cut", [None, len(PROMPT)], ids=["same packet", "second packet"])
async def test_bytes_before_the_handshake_end_the_session_whichever_packet_they_came_in(
    cut: int | None,
) -> None:
    wire = ScriptedWire(SCRIPT.format("R 250 injected\\r\\n"), cut=cut)
    with pytest.raises(ProtocolError) as caught:
        await prompted(wire)
    assert caught.value.code == "tls.starttls_injection"
    assert wire.aborted
