"""What is decided without a database, a network or a clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtps.client.commands import SendOptions
from smtps.client.outgoing import Envelope, prepare
from smtps.client.result import Outcome, Recipient, Result, Status
from smtps.core.reply import Reply
from smtps.endpoint import Endpoint
from smtps.errors import Failure, InputError, Phase
from smtps.outbox.account import Account
from smtps.outbox.clock import Clock
from smtps.outbox.decision import RetryPolicy, decide, failure_text
from smtps.outbox.records import (
    FINAL,
    OPEN,
    WAITING,
    ClaimedMessage,
    RecipientStatus,
    State,
    new_id,
    when,
)
from smtps.outbox.retry import (
    DAY,
    LONGEST,
    LONGEST_TRIAL,
    MINUTE,
    STEPS,
    CircuitBreaker,
    RateLimit,
    account_failure,
    pause,
    wait_of,
)
from smtps.outbox.webhooks import signature_headers, signing_key
from smtps.replies import meaning

NOW = 1_800_000_000_000


def test_every_state_waits_or_is_under_way_or_is_final() -> None:
    assert WAITING | FINAL | {State.SENDING} == set(State)
    assert not WAITING & FINAL


@pytest.mark.parametrize(("step", "minutes"), [*enumerate(STEPS), (8, 960), (50, 960)])
def test_the_schedule(step: int, minutes: float) -> None:
    assert pause(step, 0.5) == minutes * MINUTE
    assert pause(step, 0.0) == pytest.approx(minutes * MINUTE * 0.9)
    assert pause(step, 1.0) == pytest.approx(minutes * MINUTE * 1.1)


def claim(
    *, people: int = 1, step: int = 0, partial: str = "send", **more: object
) -> ClaimedMessage:
    envelope = Envelope.of("a@x.test", [f"p{n}@y.test" for n in range(people)])
    values: dict[str, object] = {
        "id": new_id(NOW), "number": 1, "step": step, "created": NOW, "expires": NOW + DAY,
        "begun": NOW, "told": False, "outgoing": prepare(b"Subject: x\r\n\r\nx\r\n", envelope),
        "people": tuple(range(people)), "doubtful": frozenset(), "others": frozenset(),
        "failure": None, "terms": SendOptions(partial=partial),  # type: ignore[arg-type]
    }  # fmt: skip
    return ClaimedMessage(**values | more)  # type: ignore[arg-type]


def result(*statuses: Status, failure: Failure | None = None) -> Result:
    people = tuple(Recipient(f"p{n}@y.test", status) for n, status in enumerate(statuses))
    found = set(statuses)
    outcome = Outcome.SENT if found == {Status.ACCEPTED} else Outcome.PARTIAL
    if Status.UNCERTAIN in found:
        outcome = Outcome.UNCERTAIN
    return Result(outcome, people, failure=failure)


TEMPORARY = Failure(code="send.greylisted", message="x", phase=Phase.RCPT, retryable=True)


@given(st.lists(st.sampled_from(list(Status)), min_size=1, max_size=6), st.booleans())
def test_a_message_waits_exactly_while_somebody_has_to_be_tried_again(
    statuses: list[Status], retry_uncertain: bool
) -> None:
    decision = decide(
        result(*statuses), claim(people=len(statuses)), NOW, RetryPolicy(retry_uncertain), 0.5
    )
    assert len(decision.people) == len(statuses)
    waits = any(standing in OPEN for standing, _ in decision.people)
    assert waits == (decision.state is State.RETRYING) == (decision.due is not None)
    assert decision.state in FINAL | {State.RETRYING}
    if Status.UNCERTAIN in statuses and not retry_uncertain:
        standings = {standing for standing, _ in decision.people}
        assert RecipientStatus.UNCERTAIN in standings
        assert decision.state in (State.UNCERTAIN, State.RETRYING)
    if decision.state is State.SENT:
        assert set(statuses) == {Status.ACCEPTED}


def test_earlier_recipients_count_at_the_end() -> None:
    decision = decide(
        result(Status.ACCEPTED),
        claim(others=frozenset({RecipientStatus.REFUSED})),
        NOW,
        RetryPolicy(),
        0.5,
    )
    assert decision.state is State.PARTIAL
    doubtful = claim(others=frozenset({RecipientStatus.UNCERTAIN}))
    assert (
        decide(result(Status.ACCEPTED), doubtful, NOW, RetryPolicy(), 0.5).state is State.UNCERTAIN
    )


def test_somebody_is_told_of_a_delay_once_and_not_too_soon() -> None:
    late = result(Status.DEFERRED, failure=TEMPORARY)
    assert decide(late, claim(), NOW, RetryPolicy(), 0.5).event is None  # again in a minute
    assert decide(late, claim(step=2), NOW, RetryPolicy(), 0.5).event == "delayed"
    assert decide(late, claim(step=3, told=True), NOW, RetryPolicy(), 0.5).event is None


@pytest.mark.parametrize("phase", ["dns", "tcp", "tls", "greeting", "ehlo", "token", "auth"])
def test_what_no_message_can_help_costs_no_message_its_place(phase: str) -> None:
    failure = Failure(code="net.refused", message="x", phase=Phase(phase), retryable=True)
    decision = decide(
        Result(Outcome.DEFERRED, (), failure=failure), claim(step=2), NOW, RetryPolicy(), 0.5
    )
    assert (decision.state, decision.due, decision.step) == (State.RETRYING, NOW, 2)
    assert decision.event is None


def test_the_account_waits_longer_each_time_and_longest_after_a_refused_login() -> None:
    away = Failure(code="net.refused", message="x", phase=Phase.TCP, retryable=True)
    refused = Failure(code="auth.rejected", message="x", phase=Phase.AUTH)
    circuit, waits = CircuitBreaker(), []
    for _ in range(12):
        circuit = circuit.after(away, NOW, 0.5)
        waits.append(circuit.not_before - NOW)
    assert waits[:3] == [10_000, 20_000, 40_000]
    assert waits[-1] == LONGEST
    assert not circuit.stopped
    circuit = circuit.after(refused, NOW, 0.5)
    assert circuit.stopped
    assert circuit.not_before - NOW == 15 * MINUTE
    for _ in range(12):
        circuit = circuit.after(refused, NOW, 0.5)
    assert circuit.not_before - NOW == LONGEST_TRIAL


def test_a_421_is_the_account_s_matter_and_a_550_is_not() -> None:
    def of(code: int, phase: Phase) -> Failure | None:
        failure = Failure(code="x", message="x", phase=phase, smtp_code=code)
        return account_failure(Result(Outcome.DEFERRED, (), failure=failure))

    assert of(421, Phase.FINAL) is not None
    assert of(451, Phase.FINAL) is None
    assert of(550, Phase.RCPT) is None


def test_who_may_have_got_it_is_remembered_and_nobody_else_is_mixed_up_with_it() -> None:
    """One in doubt from before; another comes into doubt now, and a third is put off."""
    before = claim(people=3, doubtful=frozenset({0}))
    now = result(Status.DEFERRED, Status.UNCERTAIN, Status.DEFERRED)
    decision = decide(now, before, NOW, RetryPolicy(retry_uncertain=True), 0.5)
    standings = [standing for standing, _ in decision.people]
    assert standings == [RecipientStatus.AGAIN, RecipientStatus.AGAIN, RecipientStatus.DEFERRED]


def test_a_421_to_the_same_message_again_counts_for_it() -> None:
    failure = Failure(
        code="smtp.shutting_down", message="x", phase=Phase.MAIL, smtp_code=421, retryable=True
    )
    told = Recipient("bob@y.test", Status.DEFERRED, Reply(421, ("closing",)))
    behind = Recipient("bob@y.test", Status.DEFERRED)
    before = failure_text(failure)
    for who, earlier, counts in (
        (told, before, True),
        (told, None, False),
        (told, failure_text(replace(failure, smtp_code=451)), False),
        (behind, before, False),
    ):
        result = Result(Outcome.DEFERRED, (who,), failure=failure)
        decision = decide(result, claim(step=1, failure=earlier), NOW, RetryPolicy(), 0.5)
        assert (decision.step, decision.due == NOW) == ((2, False) if counts else (1, True))


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=40))
def test_never_more_than_the_rate_and_one_burst(gaps: list[int]) -> None:
    allowance, now, spent = RateLimit(per_minute=60), NOW, 0
    for gap in gaps:
        now += gap
        room = allowance.room(now) or 0
        allowance = allowance.spend(room, now)
        spent += room
    assert spent <= 10 + (now - NOW) / 1000 + 1
    assert allowance.wait(now) > 0 or allowance.room(now)


def test_a_day_s_allowance_comes_back_at_midnight() -> None:
    now = NOW - NOW % DAY + DAY - 60_000
    allowance = RateLimit(per_day=3).spend(3, now)
    assert allowance.room(now) == 0
    assert allowance.wait(now) == 60_000
    assert allowance.room(now + 60_000) == 3


class Hands:
    """Two clocks that a test sets."""

    wall = 1_800_000_000.0
    steady = 5.0


def test_the_clock_goes_on_when_the_system_s_jumps_and_follows_when_it_stays() -> None:
    hands = Hands()
    clock = Clock(lambda: hands.wall, lambda: hands.steady)
    for jump in (10 * 86400, -10 * 86400):
        before = clock.now()
        hands.wall += jump
        hands.steady += 10
        hands.wall += 10
        assert clock.now() == before + 10_000
        hands.wall -= jump  # a moment's mistake
        assert clock.now() == before + 10_000
    hands.wall += 3600
    before = clock.now()
    hands.steady += 301
    hands.wall += 301
    assert clock.now() == before + (3600 + 301) * 1000


def test_a_small_correction_counts_at_once() -> None:
    hands = Hands()
    clock = Clock(lambda: hands.wall, lambda: hands.steady)
    hands.wall += 0.25
    assert clock.now() == 1_800_000_000_250


def test_names_grow_with_the_time() -> None:
    names = [new_id(NOW + n) for n in range(5)]
    assert names == sorted(names)
    assert {len(name) for name in names} == {32}


def test_times_are_written_as_rfc_3339_has_them() -> None:
    assert when(1_800_000_000_250) == "2027-01-15T08:00:00.250Z"
    assert when(None) is None


def account(*senders: str) -> Account:
    return Account(name="main", endpoint=lambda: Endpoint("x.test"), senders=senders)


def outgoing(header: str, sender: str | None = "ann@x.test") -> object:
    data = header.replace("\n", "\r\n").encode() + b"\r\n\r\nx\r\n"
    return prepare(data, Envelope.of(sender, "b@y.test"))


@pytest.mark.parametrize(
    ("header", "envelope"),
    [
        ("From: ann@x.test", "ann@x.test"),
        ("From: Ann <ANN@X.test>", "ann@x.test"),
        ("From: anybody@team.test", "bounces@team.test"),
        ("From: ann@x.test\nSender: ann@x.test", None),
    ],
)
def test_who_may_send(header: str, envelope: str | None) -> None:
    account("ann@x.test", "*@team.test").admit(outgoing(header, envelope))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "envelope", "field"),
    [
        ("From: ann@x.test", "eve@x.test", "envelope.from"),
        ("From: eve@x.test", "ann@x.test", "from"),
        ("From: ann@x.test\nSender: eve@x.test", "ann@x.test", "sender"),
        ("From: ann@x.test, eve@x.test\nSender: ann@x.test", "ann@x.test", "from"),
        ("From: ann@x.test\nResent-From: eve@z.test", "ann@x.test", "resent-from"),
        ("From: ann@x.test\nFrom: eve@z.test", "ann@x.test", "from"),
        ("From: ann@x.test.evil.test", "ann@x.test", "from"),
        ("From: eve@notteam.test", None, "from"),
        ('From: "ann@x.test" <eve@z.test>', "ann@x.test", "from"),
        ("From: ann@x.test <eve@z.test>", "ann@x.test", "from"),
        ("From: ann@x.test\nFrom : eve@z.test", "ann@x.test", "from"),
        ("From\t: eve@z.test", "ann@x.test", "from"),
        ("From: ann@x.test\nSender : eve@z.test", "ann@x.test", "sender"),
        ("From: ann@x.test\nnot a field\nFrom: eve@z.test", "ann@x.test", "raw"),
        ("From eve@z.test\nFrom: ann@x.test", "ann@x.test", "raw"),
        (" From: eve@z.test\nFrom: ann@x.test", "ann@x.test", "raw"),
        ("Subject: x\n \nFrom: eve@z.test", "ann@x.test", "from"),
        ("\nFrom: eve@z.test", "ann@x.test", "from"),
        ("Subject: x", "ann@x.test", "from"),
        ("Subject: x", None, "from"),
        ("From: ann@=?utf-8?q?x.test?=", "ann@x.test", "from"),
        ("From: ann@x.test(x)evil.test", "ann@x.test", "from"),
        ("From: team: eve@z.test;", "ann@x.test", "from"),
        ("From: =@[\t", "ann@x.test", "from"),
        ("From: " + "(" * 900 + "\n " + "(" * 900, "ann@x.test", "from"),
        ("From: " + ",\n ".join(["ann@x.test"] * 5000), "ann@x.test", "from"),
    ],
)
def test_and_who_may_not(header: str, envelope: str | None, field: str) -> None:
    with pytest.raises(InputError) as caught:
        account("ann@x.test", "*@team.test").admit(outgoing(header, envelope))  # type: ignore[arg-type]
    assert caught.value.field == field


@given(
    st.lists(
        st.sampled_from(list('()<>@,;:.\\"[]=? \t'))
        | st.sampled_from(["ann@x.test", "eve", "=?utf-8?q?a?=", "\u00e9"])
    )
)
def test_whatever_stands_in_from_only_who_may_send_is_let_through(parts: list[str]) -> None:
    try:
        account("ann@x.test").admit(outgoing("From: " + "".join(parts)))  # type: ignore[arg-type]
    except InputError:
        return
    assert "ann@x.test" in parts


def test_a_webhook_s_key() -> None:
    assert signing_key("whsec_" + "QUFB" * 8) == b"AAA" * 8
    for wrong in ("QUFB" * 8, "whsec_", "whsec_QUFB", "whsec_%%%%"):
        with pytest.raises(InputError):
            signing_key(wrong)


def test_a_signature_that_others_made() -> None:
    # The example of the Standard Webhooks libraries' own tests.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    sign = signature_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert sign["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def refused(code: str, *, retryable: bool, asked: int | None = None, status: int = 550) -> Result:
    """A refusal at MAIL, as the table of replies tells it."""
    failure = Failure(
        code=code, message="x", phase=Phase.MAIL, smtp_code=status, retryable=retryable,
        retry_after=asked,
    )  # fmt: skip
    who = Recipient(
        "p0@y.test", Status.DEFERRED if retryable else Status.REFUSED, Reply(status, ("x",))
    )
    outcome = Outcome.DEFERRED if retryable else Outcome.REFUSED
    return Result(outcome, (who,), failure=failure)


QUOTA = refused("send.quota_exceeded", retryable=True)
BLOCKED = refused("send.account_blocked", retryable=False)


def test_a_limit_keeps_the_whole_account_waiting_and_costs_no_message_its_place() -> None:
    decision = decide(QUOTA, claim(), NOW, RetryPolicy(), 0.5)
    assert (decision.state, decision.due, decision.step) == (State.QUEUED, NOW, 0)
    failure = account_failure(QUOTA)
    assert failure is not None
    circuit = CircuitBreaker().after(failure, NOW, 0.5)
    assert not circuit.stopped
    assert circuit.not_before == NOW + 60 * MINUTE  # an hour is what such limits are counted by


def test_the_server_s_own_wish_goes_before_what_its_cause_needs() -> None:
    failure = account_failure(refused("send.quota_exceeded", retryable=True, asked=300))
    assert failure is not None
    assert CircuitBreaker().after(failure, NOW, 0.5).not_before == NOW + 5 * MINUTE
    assert wait_of(TEMPORARY, MINUTE) == 5 * MINUTE
    assert wait_of(TEMPORARY, 60 * MINUTE) == 60 * MINUTE
    assert wait_of(replace(TEMPORARY, retry_after=7), 60 * MINUTE) == 7000
    assert wait_of(None, MINUTE) == MINUTE


def test_a_blocked_account_is_stopped_and_its_mail_is_kept() -> None:
    decision = decide(BLOCKED, claim(), NOW, RetryPolicy(), 0.5)
    assert decision.state is State.QUEUED
    failure = account_failure(BLOCKED)
    assert failure is not None
    circuit = CircuitBreaker().after(failure, NOW, 0.5)
    assert (circuit.stopped, circuit.code) == (True, "send.account_blocked")


def test_a_missing_right_to_the_mailbox_stops_the_account_although_the_server_says_later() -> None:
    lines = ("4.2.0 STOREDRV; mailbox logon failure",)
    found = meaning(Phase.FINAL, 430, lines)
    assert (found.code, found.retryable) == ("send.mailbox_permission_missing", False)
    result = refused(found.code, retryable=found.retryable)
    assert decide(result, claim(), NOW, RetryPolicy(), 0.5).state is State.QUEUED
    failure = account_failure(result)
    assert failure is not None
    assert CircuitBreaker().after(failure, NOW, 0.5).stopped


def test_who_was_told_so_the_last_time_lets_others_try_first() -> None:
    """It may be the message, after all; and whatever it is, the message is not lost by it."""
    before = claim(failure=failure_text(BLOCKED.failure))
    decision = decide(BLOCKED, before, NOW, RetryPolicy(), 0.5)
    assert decision.state is State.RETRYING
    assert decision.due is not None
    assert decision.due > NOW
    assert {standing for standing, _ in decision.people} == {RecipientStatus.PENDING}


def test_what_is_wrong_with_a_message_stops_no_account() -> None:
    for code in ("send.spam", "send.recipient_unknown", "send.sender_refused", "send.too_large"):
        assert account_failure(refused(code, retryable=False)) is None
        assert decide(refused(code, retryable=False), claim(), NOW, RetryPolicy(), 0.5).state is (
            State.FAILED
        )
