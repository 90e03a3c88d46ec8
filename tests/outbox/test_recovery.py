"""What is left half done by one lane is taken over by the next, once, and nothing is sent twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.outbox.rig import ON_A_FILE, ON_POSTGRESQL, Rig, people

from smtps.client.result import Outcome, Recipient, Result, Status
from smtps.errors import Failure, Phase
from smtps.outbox.decision import RetryPolicy, decide
from smtps.outbox.lane import Lane
from smtps.outbox.lane_store import Forsaken, LaneLostError, Released, claim_due, forsake, release
from smtps.outbox.lease import LeaseRequest, acquire
from smtps.outbox.reading import Filter
from smtps.outbox.records import ClaimedMessage, ClaimRequest, LaneLease, RecipientStatus, State
from smtps.outbox.settlement import AttemptResult, record_results

MANY = 1 << 20


async def takes(rig: Rig, *, retry: bool = False) -> LaneLease:
    """A lane that begins."""
    now = rig.clock.now()
    lease: LaneLease = await rig.outbox.store.write(
        acquire, LeaseRequest("main", None, None, retry, False, now)
    )
    return lease


async def marks(
    rig: Rig, lease: LaneLease, most: int = 10, octets: int = MANY
) -> list[ClaimedMessage]:
    """What it is about to send."""
    request = ClaimRequest("main", lease.token, rig.clock.now(), most, octets)
    claims: list[ClaimedMessage] = await rig.outbox.store.write(claim_due, request)
    return claims


async def settles(rig: Rig, lease: LaneLease, claim: ClaimedMessage, outcome: Outcome) -> bool:
    """What came of it; whether that was written."""
    result = Result(outcome, ())
    decision = decide(result, claim, rig.clock.now(), RetryPolicy(), 0.5)
    if outcome is Outcome.SENT:
        people = tuple((RecipientStatus.ACCEPTED, None) for _ in claim.people)
        decision = replace(decision, state=State.SENT, due=None, people=people)
    attempt = {"ms": 1.0, "outcome": outcome.value, "address": None, "reply": None,
               "failure": None, "transcript": None}  # fmt: skip
    settlement = AttemptResult("main", lease.token, claim, decision, rig.clock.now(), attempt)
    written: set[str] = await rig.outbox.store.write(record_results, [settlement])
    return claim.id in written


@pytest.fixture
async def idle(rig: Rig) -> Rig:
    """An outbox that delivers nothing by itself, with three messages."""
    await rig.start(deliver=False)
    for n in range(3):
        await rig.accept(f"p{n}@y.test")
    return rig


async def test_oldest_first_and_each_once(idle: Rig) -> None:
    lease = await takes(idle)
    first = await marks(idle, lease, most=2)
    second = await marks(idle, lease)
    named = [str(claim.outgoing.envelope.recipients[0]) for claim in first + second]
    assert named == ["p0@y.test", "p1@y.test", "p2@y.test"]
    assert await marks(idle, lease) == []
    for claim in first + second:
        assert (await idle.outbox.show(claim.id))["status"] == "sending"


async def test_no_more_octets_than_fit_but_one_message_in_any_case(idle: Rig) -> None:
    lease = await takes(idle)
    size = (await idle.outbox.page(Filter()))[0]["size"]
    assert len(await marks(idle, lease, octets=size * 2)) == 2
    assert len(await marks(idle, lease, octets=1)) == 1


async def test_what_was_being_sent_when_the_lane_ended_is_uncertain(idle: Rig) -> None:
    (claim, *_) = await marks(idle, await takes(idle), most=1)
    lease = await takes(idle)
    assert lease.orphans == 1
    message = await idle.outbox.show(claim.id)
    assert message["status"] == "uncertain"
    assert message["failure"]["code"] == "outbox.interrupted"
    assert people(message) == {"p0@y.test": "uncertain"}
    assert [attempt["outcome"] for attempt in message["attempts"]] == ["interrupted"]
    assert len(await marks(idle, lease)) == 2  # the others are untouched


async def test_the_log_tells_of_it(idle: Rig, caplog: pytest.LogCaptureFixture) -> None:
    (claim, *_) = await marks(idle, await takes(idle), most=1)
    await idle.start()
    await idle.until(claim.id, "uncertain")
    assert (
        "main: messages that were being sent when a lane ended are uncertain: 1" in caplog.messages
    )


async def test_or_is_sent_again_where_the_account_says_so(idle: Rig) -> None:
    (claim, *_) = await marks(idle, await takes(idle), most=1)
    lease = await takes(idle, retry=True)
    idle.later(1)
    again = {c.id: c for c in await marks(idle, lease)}[claim.id]
    assert again.number == 2
    assert bytes(again.outgoing.content) == bytes(claim.outgoing.content)


async def test_a_lane_that_was_only_paused_sends_nothing_more(idle: Rig) -> None:
    paused = await takes(idle)
    await takes(idle)
    with pytest.raises(LaneLostError):
        await marks(idle, paused)


async def test_but_what_it_knows_counts_where_the_next_could_only_guess(idle: Rig) -> None:
    paused = await takes(idle)
    (claim, *_) = await marks(idle, paused, most=1)
    await takes(idle)
    assert (await idle.outbox.show(claim.id))["status"] == "uncertain"
    assert await settles(idle, paused, claim, Outcome.SENT)
    message = await idle.outbox.show(claim.id)
    assert message["status"] == "sent"
    assert people(message) == {"p0@y.test": "accepted"}
    assert [attempt["outcome"] for attempt in message["attempts"]] == ["sent"]


async def test_it_counts_as_well_where_the_next_would_send_it_again(idle: Rig) -> None:
    paused = await takes(idle)
    (claim, *_) = await marks(idle, paused, most=1)
    lease = await takes(idle, retry=True)
    assert (await idle.outbox.show(claim.id))["status"] == "retrying"
    assert await settles(idle, paused, claim, Outcome.SENT)
    assert (await idle.outbox.show(claim.id))["status"] == "sent"
    assert claim.id not in {again.id for again in await marks(idle, lease)}


async def test_and_no_more_once_somebody_has_begun_anew(idle: Rig) -> None:
    paused = await takes(idle)
    (claim, *_) = await marks(idle, paused, most=1)
    await takes(idle)
    await idle.outbox.retry(claim.id)
    lease = await takes(idle)
    await marks(idle, lease)
    assert not await settles(idle, paused, claim, Outcome.SENT)
    assert (await idle.outbox.show(claim.id))["status"] == "sending"


async def test_then_its_attempt_is_known_and_who_has_it_is_not_asked_again(idle: Rig) -> None:
    """The second attempt ends without an answer, and the first is known to have arrived."""
    paused = await takes(idle)
    (claim, *_) = await marks(idle, paused, most=1)
    await takes(idle)
    await idle.outbox.retry(claim.id)
    lease = await takes(idle)
    (again,) = [c for c in await marks(idle, lease) if c.id == claim.id]
    await settles(idle, paused, claim, Outcome.SENT)
    assert people(await idle.outbox.show(claim.id)) == {"p0@y.test": "accepted"}
    await settles(idle, lease, again, Outcome.UNCERTAIN)
    message = await idle.outbox.show(claim.id)
    assert (message["status"], message["failure"]) == ("sent", None)
    assert people(message) == {"p0@y.test": "accepted"}
    assert [attempt["outcome"] for attempt in message["attempts"]] == ["sent", "uncertain"]
    assert message["attempts"][0]["failure"]["code"] == "outbox.interrupted"


@pytest.mark.parametrize("decision", ["retry", "cancel"])
async def test_what_people_decided_in_doubt_ends_when_there_is_none(
    idle: Rig, decision: str
) -> None:
    paused = await takes(idle)
    (claim, *_) = await marks(idle, paused, most=1)
    await takes(idle)
    await idle.outbox.retry(claim.id)
    if decision == "cancel":
        await idle.outbox.cancel(claim.id)
    await settles(idle, paused, claim, Outcome.SENT)
    message = await idle.outbox.show(claim.id)
    assert (message["status"], people(message)) == ("sent", {"p0@y.test": "accepted"})
    assert claim.id not in {c.id for c in await marks(idle, await takes(idle))}


async def test_what_is_known_is_written_once(idle: Rig) -> None:
    lease = await takes(idle)
    first, second, _ = await marks(idle, lease)
    for claim, outcome in ((first, Outcome.SENT), (second, Outcome.DEFERRED)):
        assert await settles(idle, lease, claim, outcome)
    before = [await idle.outbox.show(claim.id) for claim in (first, second)]
    for claim, outcome in ((first, Outcome.REFUSED), (second, Outcome.SENT)):
        assert not await settles(idle, lease, claim, outcome)
    assert [await idle.outbox.show(claim.id) for claim in (first, second)] == before


@pytest.mark.parametrize("retry", [False, True])
async def test_what_was_not_begun_goes_back_though_another_lane_took_it_for_begun(
    idle: Rig, retry: bool
) -> None:
    lease = await takes(idle)
    claims = await marks(idle, lease)
    await takes(idle, retry=retry)
    await idle.outbox.store.write(release, Released(lease.token, claims))
    for claim in claims:
        message = await idle.outbox.show(claim.id)
        assert (message["status"], message["tries"]) == ("queued", 0)
        assert (message["attempts"], message["failure"]) == ([], None)
        assert set(people(message).values()) == {"pending"}
    assert {c.id for c in await marks(idle, await takes(idle))} == {c.id for c in claims}


async def test_what_a_lost_wish_took_on_goes_back(idle: Rig) -> None:
    lease = await takes(idle)
    kept = await marks(idle, lease, most=1)
    idle.ahead += 5
    lost = await marks(idle, lease, most=1)
    assert kept[0].begun != lost[0].begun
    forsaken = Forsaken("main", lease.token, lost[0].begun)
    await idle.outbox.store.write(forsake, forsaken)
    states = {m["id"]: m["status"] for m in await idle.outbox.page(Filter())}
    assert (states[kept[0].id], states[lost[0].id]) == ("sending", "queued")


@ON_POSTGRESQL
async def test_on_another_machine_somebody_may_still_know(idle: Rig) -> None:
    """So what a lane left half sent is sent again only after a while."""
    (claim, *_) = await marks(idle, await takes(idle), most=1)
    lease = await takes(idle, retry=True)
    assert claim.id not in {c.id for c in await marks(idle, lease)}


@ON_A_FILE
async def test_on_a_file_nobody_can(idle: Rig) -> None:
    (claim, *_) = await marks(idle, await takes(idle), most=1)
    lease = await takes(idle, retry=True)
    assert claim.id in {c.id for c in await marks(idle, lease)}


async def test_what_was_not_begun_goes_back_as_it_was(idle: Rig) -> None:
    lease = await takes(idle)
    claims = await marks(idle, lease)
    await idle.outbox.store.write(release, Released(lease.token, claims))
    for claim in claims:
        message = await idle.outbox.show(claim.id)
        assert (message["status"], message["tries"]) == ("queued", 0)
    assert [c.id for c in await marks(idle, lease)] == [c.id for c in claims]


async def test_what_is_being_sent_cannot_be_canceled_and_what_is_canceled_is_not_sent(
    idle: Rig,
) -> None:
    ids = [message["id"] for message in await idle.outbox.page(Filter())]
    await idle.outbox.cancel(ids[0])
    lease = await takes(idle)
    claims = await marks(idle, lease)
    assert ids[0] not in {claim.id for claim in claims}
    with pytest.raises(Exception, match="it is sending"):
        await idle.outbox.cancel(claims[0].id)


async def test_many_lanes_at_once_take_each_message_once(idle: Rig) -> None:
    lease = await takes(idle)
    lots = await asyncio.gather(*(marks(idle, lease, most=1) for _ in range(6)))
    ids = [claim.id for lot in lots for claim in lot]
    assert len(ids) == len(set(ids)) == 3


@ON_POSTGRESQL
async def test_workers_on_one_database_share_the_accounts(rig: Rig) -> None:
    accounts = [rig.account(f"a{n}", concurrency=1) for n in range(6)]
    for _ in range(3):
        await rig.start(*accounts)
    ids = [await rig.accept(account=f"a{n % 6}") for n in range(60)]
    for id_ in ids:
        await rig.until(id_, "sent")
    assert len(rig.servers.taken) == 60


async def test_the_next_process_recovers_what_the_last_left(rig: Rig) -> None:
    await rig.start(deliver=False)
    id_ = await rig.accept()
    await marks(rig, await takes(rig))
    await rig.close()
    await rig.start()
    await rig.until(id_, "uncertain")
    assert rig.servers.taken == []


@pytest.mark.parametrize(
    "failure",
    [
        Failure(code="smtp.shutting_down", message="x", smtp_code=421, retryable=True),
        Failure(code="auth.rejected", message="x", phase=Phase.AUTH),
    ],
)
async def test_what_was_on_its_way_and_arrived_does_not_end_the_wait(
    idle: Rig, failure: Failure
) -> None:
    lease = await takes(idle)
    first, second, _ = await marks(idle, lease)
    box = idle.outbox
    lane = Lane(
        box.account("main"), box.store, box._outcomes, box.clock, box._pool,
        stopping=asyncio.Event(),
    )  # fmt: skip
    lane._take(first, Result(Outcome.DEFERRED, (), failure=failure))
    waits = lane._lease.circuit
    assert waits.not_before > box.clock.now()
    people = tuple(
        Recipient(str(who), Status.ACCEPTED) for who in second.outgoing.envelope.recipients
    )
    lane._take(second, Result(Outcome.SENT, people))
    assert lane._lease.circuit == waits
