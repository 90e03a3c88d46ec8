"""Statements on rows where there are two of a kind: two lanes, accounts, callers, notices, tries.

On SQLite in memory and without an outbox, so that each takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, select
from tests.outbox.test_decisions import NOW

from smtps.client.commands import SendOptions
from smtps.client.outgoing import Envelope, prepare
from smtps.client.result import Outcome, Result
from smtps.errors import Failure
from smtps.outbox import intake, notices, tables
from smtps.outbox.decision import RetryPolicy, decide
from smtps.outbox.lane_store import LaneLostError, Released, claim_due, release, tell
from smtps.outbox.lease import LeaseRequest, acquire, save_limits
from smtps.outbox.notices import EACH, NextTry, Notice, NoticeLease, WebhookQuery
from smtps.outbox.records import (
    ClaimedMessage,
    ClaimRequest,
    Key,
    LaneLease,
    RecipientStatus,
    State,
    Submission,
)
from smtps.outbox.settlement import AttemptResult, record_results

LIFETIME = 600_000


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        tables.metadata.create_all(connection)
        yield connection
    engine.dispose()


def submission(
    id_: str, *, account: str = "main", key: Key | None = None, created: int = NOW
) -> Submission:
    message = prepare(b"Subject: x\r\n\r\nx\r\n", Envelope.of("a@x.test", ["b@y.test"]))
    return Submission(
        id=id_, account=account, outgoing=message, created=created, expires=created + LIFETIME,
        terms=SendOptions(partial="send"), subject="x", key=key,
    )  # fmt: skip


def begin(connection: Connection, account: str = "main") -> LaneLease:
    (lease,) = acquire(connection, [LeaseRequest(account, None, None, True, False, NOW)])
    return lease


def claims(
    connection: Connection, lease: LaneLease, now: int = NOW, most: int = 10, octets: int = 1 << 20
) -> list[ClaimedMessage]:
    (found,) = claim_due(connection, [ClaimRequest(lease.account, lease.token, now, most, octets)])
    assert not isinstance(found, LaneLostError)
    return found


def record(
    connection: Connection, lease: LaneLease, claim: ClaimedMessage, outcome: Outcome
) -> bool:
    """What came of it; whether that ended the attempt."""
    failure = Failure(code="net.refused", message="x", retryable=True, phase=None)
    decision = decide(Result(outcome, (), failure=failure), claim, NOW, RetryPolicy(), 0.5)
    if outcome is Outcome.SENT:
        people = tuple((RecipientStatus.ACCEPTED, None) for _ in claim.people)
        decision = replace(decision, state=State.SENT, due=None, people=people)
    attempt = {"ms": 1.0, "outcome": outcome.value, "address": None, "reply": None,
               "failure": None, "transcript": None}  # fmt: skip
    result = AttemptResult(lease.account, lease.token, claim, decision, NOW, attempt)
    (written,) = record_results(connection, [[result]])
    return claim.id in written


def state(connection: Connection, id_: str) -> str:
    found = connection.execute(select(tables.messages.c.state).where(tables.messages.c.id == id_))
    return str(found.scalar_one())


# Two tries.


def test_a_late_result_of_the_first_try_does_not_end_the_second(connection: Connection) -> None:
    intake.accept(connection, [submission("m")])
    lease = begin(connection)
    (first,) = claims(connection, lease)
    assert record(connection, lease, first, Outcome.DEFERRED)
    (second,) = claims(connection, lease, NOW + LIFETIME - 1)
    assert (first.number, second.number) == (1, 2)
    assert not record(connection, lease, first, Outcome.SENT)
    assert state(connection, "m") == "sending"
    assert record(connection, lease, second, Outcome.SENT)
    assert state(connection, "m") == "sent"


# Two lanes.


def test_what_a_lane_gives_back_is_its_own_and_not_the_next_one_s(connection: Connection) -> None:
    intake.accept(connection, [submission("m")])
    before = begin(connection)
    (claim,) = claims(connection, before)
    release(connection, [Released(before.token, [claim])])
    assert state(connection, "m") == "queued"
    after = begin(connection)
    claims(connection, after)
    release(connection, [Released(before.token, [claim])])
    assert state(connection, "m") == "sending"


def test_a_lane_that_was_superseded_claims_nothing_and_saves_no_limits(
    connection: Connection,
) -> None:
    intake.accept(connection, [submission("m")])
    before, after = begin(connection), begin(connection)
    (found,) = claim_due(connection, [ClaimRequest("main", before.token, NOW, 10, 1 << 20)])
    assert isinstance(found, LaneLostError)
    save_limits(connection, [replace(after, allowance=after.allowance.spend(1, NOW))])
    save_limits(connection, [replace(before, allowance=before.allowance.spend(9, NOW))])
    spent = connection.execute(select(tables.lanes.c.spent)).scalar_one()
    assert spent == 1


# Two accounts.


def test_a_lane_claims_and_takes_over_what_is_its_account_s(connection: Connection) -> None:
    intake.accept(connection, [submission("1", account="main"), submission("2", account="other")])
    main, other = begin(connection), begin(connection, "other")
    assert [claim.id for claim in claims(connection, main)] == ["1"]
    assert begin(connection, "other").orphans == 0
    assert state(connection, "1") == "sending"
    assert begin(connection).orphans == 1
    assert other.token == main.token == 1


# What is due.


@pytest.mark.parametrize(
    ("now", "due"), [(NOW - 1, 0), (NOW, 1), (NOW + LIFETIME - 1, 1), (NOW + LIFETIME, 0)]
)
def test_a_message_is_due_from_its_time_on_and_until_it_expires(
    connection: Connection, now: int, due: int
) -> None:
    intake.accept(connection, [submission("m")])
    assert len(claims(connection, begin(connection), now)) == due


@pytest.mark.parametrize(
    ("most", "octets", "claimed"), [(3, 3, 3), (2, 3, 2), (3, 2, 2), (3, 1, 1), (3, 0, 1)]
)
def test_a_lane_claims_as_many_messages_and_bytes_as_it_asks_for(
    connection: Connection, most: int, octets: int, claimed: int
) -> None:
    three = [submission(str(number)) for number in range(3)]
    intake.accept(connection, three)
    size = three[0].outgoing.content.size
    assert len(claims(connection, begin(connection), most=most, octets=size * octets)) == claimed


# Two callers with one key.


def key(scope: str = "ann", name: str = "k", digest: str = "d") -> Key:
    return Key(scope, name, digest)


@pytest.mark.parametrize(
    ("second", "kept"),
    [(key(), 1), (key(scope="bob"), 2), (key(name="l"), 2), (key(scope="bob", digest="e"), 2)],
    ids=["same", "another caller", "another key", "another caller and request"],
)
@pytest.mark.parametrize("together", [True, False])
def test_a_key_is_its_caller_s_own(
    connection: Connection, second: Key, kept: int, together: bool
) -> None:
    both = [submission("1", key=key()), submission("2", key=second)]
    answers: list[Any] = []
    for some in [both] if together else [[each] for each in both]:
        answers += intake.accept(connection, some)
    assert [answer.answer["id"] for answer in answers] == ["1", "2" if kept == 2 else "1"]
    assert [answer.replayed for answer in answers] == [False, kept == 1]
    assert len(connection.execute(select(tables.messages.c.id)).all()) == kept


def test_a_key_is_known_for_its_caller_alone(connection: Connection) -> None:
    intake.accept(connection, [submission("1", key=key())])
    found = intake.known(connection, key())
    assert found is not None
    assert found.answer["id"] == "1"
    assert intake.known(connection, key(scope="bob")) is None
    assert intake.known(connection, key(name="l")) is None


def test_a_key_for_another_request_of_the_same_caller_is_refused(connection: Connection) -> None:
    intake.accept(connection, [submission("1", key=key())])
    (answer,) = intake.accept(connection, [submission("2", key=key(digest="e"))])
    assert isinstance(answer, intake.KeyReusedError)


# Two notices.


def waiting(connection: Connection) -> list[Notice]:
    query = WebhookQuery(NOW, {}, {"main": "one", "other": "two"})
    return notices.to_tell(connection, query)


@pytest.mark.parametrize("heard", [True, False])
def test_the_end_of_a_notice_leaves_the_newer_one_of_its_message(
    connection: Connection, heard: bool
) -> None:
    tell(connection, [("m", "main", "delayed", NOW)])
    (older,) = waiting(connection)
    tell(connection, [("m", "main", "sent", NOW)])
    failure = None if heard else Failure(code="web.status", message="x")
    due = None if heard else NOW + 1
    notices.conclude(connection, [NextTry(older, NOW, failure, due)])
    (newer,) = waiting(connection)
    assert (newer.event, newer.tries) == ("sent", 0)


def test_of_two_processes_one_gets_a_notice(connection: Connection) -> None:
    tell(connection, [("m", "main", "sent", NOW)])
    (found,) = waiting(connection)
    first, second = notices.lease_notices(
        connection, [NoticeLease(NOW, [found]), NoticeLease(NOW, [found])]
    )
    assert (len(first), len(second)) == (1, 0)
    assert waiting(connection) == []


@pytest.mark.parametrize(
    ("busy", "room"), [(0, EACH), (1, EACH - 1), (EACH - 1, 1), (EACH, 0), (EACH + 1, 0)]
)
def test_one_receiver_has_its_number_of_notices_under_way_and_another_its_own(
    connection: Connection, busy: int, room: int
) -> None:
    news = [(f"m{number}", "main", "sent", NOW) for number in range(EACH + 1)]
    tell(connection, [*news, ("other", "other", "sent", NOW)])
    telling = {f"busy{number}": "one" for number in range(busy)}
    query = WebhookQuery(NOW, telling, {"main": "one", "other": "two"})
    found = [notice.account for notice in notices.to_tell(connection, query)]
    assert found.count("main") == room
    assert found.count("other") == 1


@pytest.mark.parametrize(("wait", "due"), [(0, 1), (1, 0)])
def test_a_notice_is_told_from_its_time_on(connection: Connection, wait: int, due: int) -> None:
    tell(connection, [("m", "main", "sent", NOW)], wait=wait)
    assert len(waiting(connection)) == due
