"""Each limit of a session and of a pool at its border, without a server."""

from __future__ import annotations

from typing import Any, cast

import pytest

from smtps.client.attempts import Learned
from smtps.client.handshake import Access
from smtps.client.lending import PooledSession, SessionStore
from smtps.client.outgoing import Envelope, check_capabilities, prepare
from smtps.client.result import Outcome, Result
from smtps.client.session import Session
from smtps.client.transcript import MAX_ENTRIES, Transcript
from smtps.core.capabilities import Capabilities
from smtps.core.reply import Reply
from smtps.endpoint import Endpoint
from smtps.errors import CapabilityError, Failure


@pytest.mark.parametrize(("lines", "left_out"), [(0, 0), (MAX_ENTRIES, 0), (MAX_ENTRIES + 2, 2)])
def test_a_transcript_keeps_its_first_lines_and_counts_the_others(
    lines: int, left_out: int
) -> None:
    transcript = Transcript(clock=lambda: 0.0)
    for number in range(lines):
        transcript.add(">", str(number))
    assert len(transcript.entries) == lines - left_out
    assert transcript.left_out == left_out
    assert [entry.text for entry in transcript.entries[-1:]] == (
        [str(lines - left_out - 1)] if lines else []
    )


@pytest.mark.parametrize(("more", "fits"), [(-1, False), (0, True), (1, True)])
def test_a_message_may_be_as_large_as_the_server_says(more: int, fits: bool) -> None:
    outgoing = prepare(b"Subject: x\r\n\r\nx\r\n", Envelope.of("a@x.test", ["b@y.test"]))
    limit = outgoing.content.size + more
    offered = Capabilities.of(Reply(250, ("x.test", f"SIZE {limit}")))
    if fits:
        check_capabilities(outgoing, offered, dsn=None, require_tls=False)
        return
    with pytest.raises(CapabilityError):
        check_capabilities(outgoing, offered, dsn=None, require_tls=False)


class Idle:
    """As much of a session as a pool asks about."""

    usable, worn, broken, alive = True, False, None, True

    @property
    def dialogue(self) -> Idle:
        return self

    async def quit(self) -> None:
        """Nothing is left to do."""


def store(messages: int = 3, age: float = 10.0) -> SessionStore:
    return SessionStore(
        Endpoint("x.test"), Learned(), size=2, messages=messages, age=age, idle=30, allow=None
    )


def pooled(*, sent: int = 0, opened: float = 0.0) -> PooledSession:
    access = cast(Access, Idle())
    return PooledSession(cast(Session, None), access, opened, sent)


@pytest.mark.parametrize(
    ("sent", "handed_out", "enough"), [(0, 2, False), (0, 3, True), (1, 1, False), (1, 2, True)]
)
def test_a_session_is_handed_as_many_messages_as_it_may_send(
    sent: int, handed_out: int, enough: bool
) -> None:
    assert store(messages=3).enough(pooled(sent=sent), handed_out) is enough


@pytest.mark.parametrize(
    ("sent", "opened", "good"),
    [(2, 0.0, True), (3, 0.0, False), (0, 0.5, True), (0, -0.5, False), (0, 0.0, True)],
)
def test_a_session_is_kept_up_to_its_number_of_messages_and_its_age(
    sent: int, opened: float, good: bool
) -> None:
    assert store(messages=3, age=10)._good(pooled(sent=sent, opened=opened), now=9.9) is good


@pytest.mark.parametrize(("now", "good"), [(9.99, True), (10.0, False)])
def test_a_session_of_its_age_is_replaced(now: float, good: bool) -> None:
    assert store(age=10)._good(pooled(), now) is good


def busy(smtp_code: int = 421) -> Result:
    failure = Failure(code="send.busy", message="later", smtp_code=smtp_code, retryable=True)
    return Result(Outcome.DEFERRED, (), failure=failure)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The loop's time, as a test says, and pauses without chance in them."""
    now = [0.0]

    class Loop:
        def time(self) -> float:
            return now[0]

    monkeypatch.setattr("smtps.client.lending.asyncio.get_running_loop", Loop)
    monkeypatch.setattr("smtps.client.lending.between", lambda _least, _most: 1.0)
    return now


def test_the_pause_after_a_421_doubles_and_two_in_one_pause_count_once(
    steady: list[float],
) -> None:
    sessions, access, pauses = store(), cast(Any, Idle()), []
    for _ in range(8):
        sessions.learn(busy(), access)
        sessions.learn(busy(), access)
        pauses.append(sessions._not_before - steady[0])
        steady[0] = sessions._not_before
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_another_reply_makes_no_pause(steady: list[float]) -> None:
    sessions = store()
    sessions.learn(busy(451), cast(Any, Idle()))
    assert sessions._not_before == 0
