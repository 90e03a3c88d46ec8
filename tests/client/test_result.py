"""The result of a message as a value."""

from __future__ import annotations

import pytest

from smtps.client.result import Outcome, Recipient, Result, Status
from smtps.client.transcript import Transcript

ACCEPTED = (Recipient("a@x.test", Status.ACCEPTED),)


def test_two_results_are_equal_in_whatever_transcript() -> None:
    one = Result(Outcome.SENT, ACCEPTED, transcript=Transcript())
    other = Result(Outcome.SENT, ACCEPTED, transcript=Transcript())
    assert one == other
    assert one != Result(Outcome.DEFERRED, ACCEPTED)


def test_a_result_shows_all_but_the_transcript() -> None:
    shown = repr(Result(Outcome.SENT, (), "<1@x.test>", transcript=Transcript()))
    assert shown.startswith("Result(outcome=<Outcome.SENT: 'sent'>, recipients=(), message_id=")
    assert "transcript" not in shown


def test_a_result_stays_as_it_is() -> None:
    with pytest.raises(AttributeError):
        Result(Outcome.SENT, ()).outcome = Outcome.REFUSED  # type: ignore[misc]
