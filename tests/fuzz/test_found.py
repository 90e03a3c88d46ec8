"""Faults that were found and do not show as an error or in a count of calls."""

from __future__ import annotations

import pytest

from smtps.client.login import MOST_ITERATIONS, Scram
from smtps.errors import LoginError, Phase
from smtps.replies import LONGEST, Said, meaning


@pytest.mark.parametrize("part", ["1.2.", "a.", "a", "message rejected by policy user "])
def test_of_a_long_reply_its_beginning_is_judged(part: str) -> None:
    """A reply of 64 KiB took 20 seconds."""
    text = part * (65_536 // len(part))
    said = Said.of(Phase.RCPT, 550, (text,))
    assert len(said.text) <= LONGEST
    assert len(said.words) <= LONGEST


def test_what_a_long_reply_begins_with_counts() -> None:
    found = meaning(Phase.RCPT, 550, ("5.1.1 User unknown", *["x" * 500] * 100))
    assert found.code == "send.recipient_unknown"


def test_who_asks_for_hours_of_hashing_is_refused() -> None:
    """PBKDF2 with 4,294,967,295 iterations takes half an hour, on the event loop."""
    client = Scram("SCRAM-SHA-256", "ann", "secret")
    first = client.initial().decode().partition("r=")[2]
    for number in (str(MOST_ITERATIONS + 1), "4294967295", "9" * 1000):
        with pytest.raises(LoginError) as caught:
            client.respond(f"r={first}x,s=eA==,i={number}".encode())
        assert caught.value.code == "auth.scram_failed"
        client.heard = 0


def test_many_iterations_are_made_apart_from_the_loop() -> None:
    client = Scram("SCRAM-SHA-256", "ann", "secret")
    assert not client.takes_long(b"r=x,s=eA==,i=4096")
    assert client.takes_long(b"r=x,s=eA==,i=600000")
    assert not client.takes_long(b"r=x,s=eA==,i=4294967295")
