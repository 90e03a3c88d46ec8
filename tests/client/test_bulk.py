"""Which message a result is for, and when a server is given up; without a server."""

from __future__ import annotations

from typing import Any, cast

from smtps.client.bulk import BulkSend, SessionBatch
from smtps.client.lending import SessionStore
from smtps.client.source import ATTEMPTS, source_of
from smtps.errors import NetworkError


class Unreachable:
    """A store of sessions that never has one."""

    def __init__(self) -> None:
        self.asked = 0

    async def acquire(self, _allow: object, _deadline: object) -> Any:
        self.asked += 1
        raise NetworkError("net.refused", "no", retryable=True)


def bulk(store: object, *messages: Any) -> BulkSend:
    return BulkSend(cast(SessionStore, store), source_of(messages), 8, {}, 1)


async def test_a_server_that_cannot_be_reached_is_tried_three_times_for_all_messages() -> None:
    store = Unreachable()
    results = [result async for _, result in bulk(store, b"1", b"2", b"3", b"4", b"5").run()]
    assert [result.outcome for result in results] == ["deferred"] * 5
    assert store.asked == ATTEMPTS


async def test_each_result_is_for_its_own_of_two_equal_messages() -> None:
    one, two = [b"same"], [b"same"]
    sending = bulk(Unreachable(), one, two)
    first = await sending.next(wait=True)
    assert first is not None
    batch = SessionBatch(sending, first, lambda _: False)
    assert batch.take() is one
    assert batch.take() is two
    assert batch.done(two).item is two
    assert batch.done(one).item is one


async def test_the_same_message_twice_has_its_results_in_order() -> None:
    message = [b"same"]
    sending = bulk(Unreachable(), message, message)
    first = await sending.next(wait=True)
    assert first is not None
    batch = SessionBatch(sending, first, lambda _: False)
    batch.take()
    batch.take()
    assert batch.done(message) is first
    assert batch.done(message) is not first


async def test_a_session_hands_out_no_more_than_its_share() -> None:
    sending = bulk(Unreachable(), *range(9))
    first = await sending.next(wait=True)
    assert first is not None
    batch = SessionBatch(sending, first, lambda handed_out: handed_out >= 3)
    assert [batch.take() for _ in range(3)] == [0, 1, 2]
    assert not isinstance(batch.take(), int)
    assert batch.over
