"""Each limit of the outbox at its border; no database, no network."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from tests.outbox.test_decisions import NOW, TEMPORARY, claim, result

from smtps.client.result import Status
from smtps.errors import Failure, InputError, NetworkError, Phase
from smtps.net.fetch import Document
from smtps.outbox.account import MAX_HEADER_LINE, senders
from smtps.outbox.decision import DELAYED_AFTER, RetryPolicy, decide
from smtps.outbox.notices import OLDEST, PAUSES, Notice, next_attempt
from smtps.outbox.retry import DAY, MINUTE, CircuitBreaker, RateLimit
from smtps.outbox.webhooks import check_answer, signing_key


def notice(*, tries: int = 0, age: int = 0, asked: int | None = None) -> Notice:
    at = NOW - age
    return Notice("m", "n", "main", "sent", at, at, tries, None if asked is None else NOW - asked)


@pytest.mark.parametrize("tries", range(len(PAUSES)))
def test_each_failed_attempt_to_notify_is_followed_by_its_own_pause(tries: int) -> None:
    assert next_attempt(notice(tries=tries), NOW) == NOW + PAUSES[tries]


@pytest.mark.parametrize(
    ("seen", "again"),
    [
        (notice(tries=len(PAUSES) - 1), True),
        (notice(tries=len(PAUSES)), False),
        (notice(age=OLDEST - 1), True),
        (notice(age=OLDEST), False),
        (notice(age=2 * OLDEST, asked=OLDEST - 1), True),
        (notice(age=2 * OLDEST, asked=OLDEST), False),
    ],
)
def test_a_notice_is_given_up_after_its_last_pause_or_at_its_greatest_age(
    seen: Notice, again: bool
) -> None:
    assert (next_attempt(seen, NOW) is not None) is again


@pytest.mark.parametrize(("octets", "fits"), [(23, False), (24, True), (64, True), (65, False)])
def test_a_webhook_s_key_has_24_to_64_bytes(octets: int, fits: bool) -> None:
    secret = "whsec_" + base64.b64encode(b"k" * octets).decode()
    if fits:
        assert signing_key(secret) == b"k" * octets
        return
    with pytest.raises(InputError):
        signing_key(secret)


@pytest.mark.parametrize(
    ("status", "taken"), [(199, False), (200, True), (299, True), (300, False), (400, False)]
)
def test_only_2xx_takes_a_notice(status: int, taken: bool) -> None:
    answer = Document("https://x.test/", status, b"")
    if taken:
        check_answer(answer)
        return
    with pytest.raises(NetworkError) as caught:
        check_answer(answer)
    assert caught.value.code == "web.status"


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_a_field_that_names_a_sender_may_have_its_length(more: int, fits: bool) -> None:
    name = "x" * (MAX_HEADER_LINE - len(" <a@x.test>") + more - 1)
    header = f"From: {name} <a@x.test>\r\n".encode()
    assert len(header) - len(b"From:\r\n") == MAX_HEADER_LINE + more
    if fits:
        assert [str(who) for _, who in senders(header)] == ["a@x.test"]
        return
    with pytest.raises(InputError, match="too long"):
        list(senders(header))


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f", "\x85", "\u2028"])
@pytest.mark.parametrize("form", ['"a{}b" <a@x.test>', "(a{}b) a@x.test", "a@x.test (a{}b)"])
def test_a_control_character_anywhere_in_from_is_refused(form: str, character: str) -> None:
    header = f"From: {form.format(character)}\r\n".encode()
    with pytest.raises(InputError, match="control character"):
        list(senders(header))


def test_each_of_two_fields_that_name_a_sender_counts() -> None:
    header = b"From: a@x.test, b@x.test\r\nResent-From: c@x.test\r\nSender: d@x.test\r\n"
    assert [(field, who.local) for field, who in senders(header)] == [
        ("from", "a"), ("from", "b"), ("resent-from", "c"), ("sender", "d"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("age", "told", "event"),
    [
        (DELAYED_AFTER - MINUTE, False, "delayed"),
        (DELAYED_AFTER - MINUTE - 1, False, None),
        (DELAYED_AFTER - MINUTE, True, None),
    ],
)
def test_a_delay_is_reported_once_if_the_next_attempt_is_15_minutes_after_the_message(
    age: int, told: bool, event: str | None
) -> None:
    failure = replace(TEMPORARY, retry_after=60)
    late = claim(created=NOW - age, told=told)
    decision = decide(result(Status.DEFERRED, failure=failure), late, NOW, RetryPolicy(), 0.5)
    assert decision.due == NOW + MINUTE
    assert decision.event == event


MIDNIGHT = NOW - NOW % DAY


@pytest.mark.parametrize(
    ("spent", "now", "room", "wait"),
    [
        (9, MIDNIGHT, 1, 0),
        (10, MIDNIGHT, 0, DAY),
        (11, MIDNIGHT, 0, DAY),
        (10, MIDNIGHT + DAY - 1, 0, 1),
        (10, MIDNIGHT + DAY, 10, 0),
        (10, MIDNIGHT - 1, 0, 1),
    ],
)
def test_a_day_s_limit_is_reached_and_not_passed_and_ends_at_midnight(
    spent: int, now: int, room: int, wait: int
) -> None:
    limit = RateLimit(per_day=10, day=MIDNIGHT // DAY, spent=spent, at=MIDNIGHT)
    assert limit.room(now) == room
    assert limit.wait(now) == wait


@pytest.mark.parametrize(
    ("level", "room", "wait"), [(2.0, 2, 0), (1.0, 1, 0), (0.5, 0, 500), (0.0, 0, 1000)]
)
def test_a_rate_lets_through_whole_messages_only(level: float, room: int, wait: int) -> None:
    limit = RateLimit(per_minute=60, level=level, at=NOW)
    assert limit.room(NOW) == room
    assert limit.wait(NOW) == wait


def test_of_two_limits_the_smaller_counts() -> None:
    limit = RateLimit(60, 100, level=3.0, at=NOW, day=NOW // DAY, spent=98)
    assert limit.room(NOW) == 2
    assert limit.spend(2, NOW).room(NOW) == 0
    assert limit.spend(2, NOW).wait(NOW) == DAY - NOW % DAY


AWAY = Failure(code="net.refused", message="x", phase=Phase.TCP, retryable=True)
REFUSED = Failure(code="auth.rejected", message="x", phase=Phase.AUTH)


def test_the_pause_doubles_with_each_failure_of_one_kind_and_another_kind_begins_anew() -> None:
    breaker, waits = CircuitBreaker(), []
    for failure in (AWAY, AWAY, AWAY, REFUSED, REFUSED, AWAY):
        breaker = breaker.after(failure, NOW, 0.5)
        waits.append((breaker.not_before - NOW) // 1000)
    assert waits == [10, 20, 40, 900, 1800, 10]
