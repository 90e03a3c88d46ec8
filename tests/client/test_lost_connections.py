"""How often a message is begun again, and which of several bears the loss of a connection."""

from __future__ import annotations

import pytest

from smtps.client.result import Outcome, Result
from smtps.client.source import ATTEMPTS, Losses, may_go_again
from smtps.errors import Failure


def put_off(code: str = "net.closed_by_server", *, smtp_code: int | None = None) -> Result:
    failure = Failure(code=code, message="gone", smtp_code=smtp_code, retryable=True)
    return Result(Outcome.DEFERRED, (), failure=failure)


LOST = put_off()


def test_a_message_that_ends_each_connection_is_begun_three_times() -> None:
    losses, item = Losses(), object()
    assert [losses.connection().go_again(item, LOST) for _ in range(ATTEMPTS)] == [
        True, True, False,
    ]  # fmt: skip


def test_of_two_messages_each_has_its_own_attempts() -> None:
    losses, one, other = Losses(), object(), object()
    for _ in range(ATTEMPTS - 1):
        assert losses.connection().go_again(one, LOST)
    assert losses.connection().go_again(other, LOST)
    assert not losses.connection().go_again(one, LOST)


def test_where_one_was_decided_only_the_first_that_was_put_off_bears_the_loss() -> None:
    losses, done, first, second = Losses(), object(), object(), object()
    for attempt in range(ATTEMPTS):
        connection = losses.connection()
        connection.decided(done)
        assert connection.go_again(first, LOST) is (attempt < ATTEMPTS - 1)
        assert connection.go_again(second, LOST)


def test_where_none_was_decided_all_that_were_put_off_bear_the_loss() -> None:
    losses, first, second = Losses(), object(), object()
    for attempt in range(ATTEMPTS):
        connection = losses.connection()
        again = attempt < ATTEMPTS - 1
        assert connection.go_again(first, LOST) is again
        assert connection.go_again(second, LOST) is again


def test_a_message_that_was_decided_begins_at_zero() -> None:
    losses, item = Losses(), object()
    for _ in range(ATTEMPTS - 1):
        assert losses.connection().go_again(item, LOST)
    losses.connection().decided(item)
    assert losses.connection().go_again(item, LOST)


@pytest.mark.parametrize(
    ("result", "fresh", "reused"),
    [
        (LOST, False, True),
        (put_off("tls.broken"), False, True),
        (put_off("send.busy", smtp_code=421), False, True),
        (put_off("send.busy", smtp_code=420), False, False),
        (put_off("smtp.chunking_refused"), True, True),
        (put_off("session.broken"), True, True),
        (put_off("send.greylisted", smtp_code=451), False, False),
        (Result(Outcome.UNCERTAIN, (), failure=LOST.failure), False, False),
        (Result(Outcome.DEFERRED, ()), False, False),
    ],
    ids=str,
)
def test_a_lost_connection_counts_for_nothing_only_if_it_was_not_made_for_the_message(
    result: Result, fresh: bool, reused: bool
) -> None:
    assert may_go_again(result, reused=False) is fresh
    assert may_go_again(result, reused=True) is reused
