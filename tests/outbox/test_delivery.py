"""What becomes of a message that was handed over, on either kind of database."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.outbox.rig import LOST, ON_A_FILE, Rig, people

from smtps.client.result import Result
from smtps.outbox import lane, lane_store
from smtps.outbox.control import ControlError
from smtps.outbox.outbox import Outbox
from smtps.outbox.records import ClaimedMessage
from smtps.outbox.writer import StoreError

OK = "250 2.0.0 ok"
MINUTE = 60_000


async def test_a_message_is_sent_and_all_of_it_is_known(rig: Rig) -> None:
    await rig.start()
    id_ = await rig.accept("bob@y.test", "carol@z.test")
    message = await rig.until(id_, "sent")
    assert people(message) == {"bob@y.test": "accepted", "carol@z.test": "accepted"}
    assert message["failure"] is None
    assert message["next_attempt_at"] is None
    (attempt,) = message["attempts"]
    assert (attempt["n"], attempt["outcome"]) == (1, "sent")
    assert attempt["reply"]["code"] == 250
    (taken,) = rig.servers.taken
    assert taken.to == ("bob@y.test", "carol@z.test")
    assert f"Message-ID: {message['message_id']}".encode() in taken.data
    ((transcript),) = await rig.outbox.transcript(id_)
    assert "> RCPT TO:<carol@z.test>" in transcript["lines"]
    assert await rig.outbox.body(id_) == taken.data


async def test_many_messages_share_a_few_sessions(rig: Rig) -> None:
    await rig.start(rig.account(concurrency=2))
    ids = [await rig.accept(f"p{n}@y.test") for n in range(60)]
    for id_ in ids:
        await rig.until(id_, "sent")
    assert sorted(taken.to[0] for taken in rig.servers.taken) == sorted(
        f"p{n}@y.test" for n in range(60)
    )
    assert rig.servers.most <= 2
    assert len(rig.servers.servers) <= 4


async def test_accounts_do_not_wait_for_each_other(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        dead = rig.account("dead", port=deaf.getsockname()[1])
        await rig.start(rig.account(), dead)
        stuck = await rig.accept(account="dead")
        assert (await rig.until(await rig.accept(), "sent"))["account"] == "main"
        assert (await rig.outbox.show(stuck))["status"] in ("queued", "sending")
        await rig.close()
    await rig.start(rig.account(), rig.account("dead"))  # nothing of it was sent
    assert (await rig.until(stuck, "sent"))["tries"] == 1


async def test_it_is_not_sent_before_its_time(rig: Rig) -> None:
    await rig.start()
    id_ = await rig.accept(send_at=rig.clock.now() + 60 * MINUTE)
    first = await rig.until(await rig.accept(), "sent")
    assert first["id"] != id_
    assert (await rig.outbox.show(id_))["status"] == "scheduled"
    rig.later(61)
    assert (await rig.until(id_, "sent"))["tries"] == 1


async def test_refused_for_now_it_is_tried_again_as_the_schedule_says(rig: Rig) -> None:
    rig.mood(lambda said: "451 4.3.0 not now" if said.startswith("message") else OK)
    await rig.start()
    id_ = await rig.accept()
    for tries, minutes in ((1, 1), (2, 5), (3, 15)):
        message = await rig.until(id_, "retrying", tries=tries)
        assert len(message["attempts"]) == tries
        assert message["failure"]["smtp_code"] == 451
        rig.later(minutes * 0.85)  # at most a tenth earlier or later
        assert (await rig.outbox.show(id_))["tries"] == tries
        rig.later(minutes * 0.3)
    rig.mood(lambda _: OK)
    message = await rig.until(id_, "retrying", "sent", tries=4)
    rig.later(70)
    message = await rig.until(id_, "sent")
    (taken,) = rig.servers.taken
    assert f"Message-ID: {message['message_id']}".encode() in taken.data


async def test_a_server_s_own_wish_goes_before_the_schedule(rig: Rig) -> None:
    rig.mood(lambda said: "450 4.7.1 try again in 7 minutes" if said.startswith("RCPT") else OK)
    await rig.start()
    id_ = await rig.accept()
    await rig.until(id_, "retrying")
    rig.mood(lambda _: OK)
    rig.later(6.5)
    await rig.until(await rig.accept("eve@y.test"), "sent")
    assert (await rig.outbox.show(id_))["tries"] == 1
    rig.later(0.6)
    assert (await rig.until(id_, "sent"))["tries"] == 2


async def test_only_those_who_were_put_off_are_tried_again(rig: Rig) -> None:
    def picky(said: str) -> str:
        if "carol" in said:
            return "450 4.2.0 later"
        return "550 5.1.1 no such user" if "dave" in said else OK

    rig.mood(picky)
    await rig.start()
    id_ = await rig.accept("bob@y.test", "carol@y.test", "dave@y.test")
    message = await rig.until(id_, "retrying")
    assert people(message) == {
        "bob@y.test": "accepted", "carol@y.test": "deferred", "dave@y.test": "refused",
    }  # fmt: skip
    rig.mood(lambda _: OK)
    rig.later(2)
    message = await rig.until(id_, "partial")
    assert people(message)["carol@y.test"] == "accepted"
    assert [taken.to for taken in rig.servers.taken] == [("bob@y.test",), ("carol@y.test",)]


async def test_all_or_nobody_when_that_was_asked_for(rig: Rig) -> None:
    rig.mood(lambda said: "550 5.1.1 no such user" if "carol" in said else OK)
    await rig.start()
    id_ = await rig.accept("bob@y.test", "carol@y.test", partial="abort")
    message = await rig.until(id_, "failed")
    assert people(message) == {"bob@y.test": "unsent", "carol@y.test": "refused"}
    assert rig.servers.taken == []


async def test_refused_for_good_it_fails_at_once_and_may_be_sent_again(rig: Rig) -> None:
    rig.mood(lambda said: "554 5.7.1 spam" if said.startswith("message") else OK)
    await rig.start()
    id_ = await rig.accept()
    message = await rig.until(id_, "failed")
    assert message["tries"] == 1
    rig.mood(lambda _: OK)
    await rig.outbox.retry(id_)
    assert people(await rig.until(id_, "sent")) == {"bob@y.test": "accepted"}


async def test_more_recipients_than_the_server_takes_at_once_need_no_second_attempt(
    rig: Rig,
) -> None:
    asked = count()

    def full_after_two(said: str) -> str:
        if said.startswith("RCPT"):
            return OK if next(asked) % 4 < 2 else "452 4.5.3 too many recipients"
        return OK

    rig.mood(full_after_two)
    await rig.start()
    id_ = await rig.accept(*(f"p{n}@y.test" for n in range(4)))
    message = await rig.until(id_, "sent")
    assert message["tries"] == 1
    assert sorted(who for taken in rig.servers.taken for who in taken.to) == [
        f"p{n}@y.test" for n in range(4)
    ]


async def test_what_may_have_arrived_is_held_until_somebody_decides(rig: Rig) -> None:
    rig.mood(lambda said: LOST if said.startswith("message") else OK)
    await rig.start()
    id_ = await rig.accept()
    message = await rig.until(id_, "uncertain")
    assert message["failure"]["code"] == "send.uncertain"
    assert people(message) == {"bob@y.test": "uncertain"}
    rig.mood(lambda _: OK)
    rig.later(24 * 60)
    await rig.until(await rig.accept("eve@y.test"), "sent")
    assert (await rig.outbox.show(id_))["tries"] == 1
    await rig.outbox.retry(id_)
    assert (await rig.until(id_, "sent"))["tries"] == 2
    assert [taken.to for taken in rig.servers.taken].count(("bob@y.test",)) == 2


async def test_or_is_sent_again_where_the_account_says_so(rig: Rig) -> None:
    rig.mood(lambda said: LOST if said.startswith("message") else OK)
    await rig.start(rig.account(uncertain="retry"))
    id_ = await rig.accept()
    await rig.until(id_, "retrying")
    rig.mood(lambda _: OK)
    rig.later(2)
    message = await rig.until(id_, "sent")
    assert [attempt["outcome"] for attempt in message["attempts"]] == ["uncertain", "sent"]


async def test_what_was_learned_of_a_server_holds_for_the_next_lane(rig: Rig) -> None:
    rig.mood(lambda said: "502 5.5.1 what is BDAT?" if said.startswith("BDAT") else OK)
    await rig.start(rig.account(concurrency=1))
    await rig.until(await rig.accept(), "sent")
    opened = len(rig.servers.servers)
    await asyncio.sleep(0.1)  # the lane has ended
    await rig.until(await rig.accept(), "sent")
    assert len(rig.servers.servers) == opened


async def test_an_outcome_that_cannot_be_written_takes_no_other_with_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = lane._attempt

    def attempt(result: Result, claim: ClaimedMessage, now: int) -> dict[str, Any]:
        bad = "bad" in str(claim.outgoing.envelope.recipients)
        return {**real(result, claim, now), **({"outcome": None} if bad else {})}

    monkeypatch.setattr(lane, "_attempt", attempt)
    await rig.start(deliver=False)
    ids = [await rig.accept(f"{who}@y.test") for who in ("p0", "bad", "p2", "p3")]
    await rig.close()
    await rig.start()
    for id_ in (ids[0], *ids[2:]):
        await rig.until(id_, "sent")
    assert (await rig.outbox.show(ids[1]))["status"] in ("sending", "uncertain")


async def test_a_refused_login_stops_the_account_and_burns_nothing(rig: Rig) -> None:
    # The server offers no login, and the account wants one.
    login = {"username": "ann", "password": "canary-7Zq"}
    await rig.start(rig.account(login=login))
    ids = [await rig.accept() for _ in range(5)]
    found = await rig.standing("main", "stopped")
    assert found["code"].startswith("auth.")
    messages = [await rig.until(id_, "queued") for id_ in ids]
    assert sum(message["tries"] for message in messages) == 1
    rig.later(14)
    assert sum([(await rig.outbox.show(id_))["tries"] for id_ in ids]) <= 2


async def test_an_account_that_was_mended_goes_on_when_told_to(rig: Rig) -> None:
    working = {"ok": False}
    account = rig.account()

    def endpoint() -> object:
        found = account.endpoint()
        return found if working["ok"] else rig.account(login=_LOGIN).endpoint()

    await rig.start(type(account)(name="main", endpoint=endpoint))  # type: ignore[arg-type]
    id_ = await rig.accept()
    await rig.standing("main", "stopped")
    working["ok"] = True
    await rig.outbox.resume("main")
    await rig.until(id_, "sent")
    assert (await rig.standing("main", "ok"))["code"] is None


_LOGIN = {"username": "ann", "password": "wrong"}


async def test_a_server_that_is_away_costs_the_messages_nothing(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    account = rig.account(port=port)
    await rig.start(account)
    ids = [await rig.accept() for _ in range(8)]
    assert (await rig.standing("main", "waiting"))["code"] == "net.refused"
    assert sum([(await rig.outbox.show(id_))["tries"] for id_ in ids]) == 1
    rig.outbox.accounts = {"main": rig.account()}
    rig.later(1)
    for id_ in ids:
        await rig.until(id_, "sent")
    assert (await rig.standing("main", "ok"))["failures"] == 0


async def test_a_421_closes_and_waits(rig: Rig) -> None:
    rig.mood(lambda said: "421 4.3.2 closing" if said.startswith("MAIL") else OK)
    await rig.start()
    id_ = await rig.accept()
    await rig.standing("main", "waiting")
    rig.mood(lambda _: OK)
    rig.later(1)
    assert (await rig.until(id_, "sent"))["tries"] == 2


async def test_a_message_that_gets_a_421_each_time_waits_alone(rig: Rig) -> None:
    rig.mood(lambda said: "421 4.7.0 not this one" if "carol" in said else OK)
    await rig.start()
    bad = await rig.accept("carol@y.test")
    await rig.standing("main", "waiting")  # it may be the server
    rig.later(0.5)
    message = await rig.until(bad, "retrying", tries=2)
    good = await rig.accept()
    rig.later(0.5)  # the account waits for seconds, the message for its minute
    await rig.until(good, "sent")
    assert (await rig.outbox.show(bad))["tries"] == 2
    assert message["failure"]["smtp_code"] == 421


async def test_a_database_that_stumbles_doubles_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be taken on says nothing about what is under way."""
    calls = 0

    def mark(connection: Any, requests: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % 5 == 4:
            raise StoreError("outbox.unavailable", "away")
        return lane_store.claim_due(connection, requests)

    monkeypatch.setattr(lane, "claim_due", mark)
    await rig.start(rig.account(concurrency=3, window=4))
    ids = [await rig.accept() for _ in range(120)]
    for id_ in ids:
        assert (await rig.until(id_, "sent"))["tries"] == 1
    assert len(rig.servers.taken) == 120
    assert calls > 8


async def test_what_is_too_late_expires(rig: Rig) -> None:
    def picky(said: str) -> str:
        return "450 4.2.0 later" if "carol" in said else OK

    rig.mood(picky)
    await rig.start()
    both = await rig.accept("bob@y.test", "carol@y.test", lifetime=30 * MINUTE)
    none = await rig.accept("carol@y.test", lifetime=30 * MINUTE)
    await rig.until(both, "retrying")
    await rig.until(none, "retrying")
    rig.later(31)
    await rig.outbox._tidy()
    assert people(await rig.until(none, "expired")) == {"carol@y.test": "unsent"}
    assert people(await rig.until(both, "partial"))["carol@y.test"] == "unsent"


async def test_what_may_have_arrived_does_not_expire(rig: Rig) -> None:
    """Nobody could know it for one recipient, and the other was put off until it was too late."""

    def picky(said: str) -> str:
        if said.startswith("message"):
            return LOST
        return "450 4.2.0 later" if "carol" in said else OK

    rig.mood(picky)
    await rig.start()
    both = await rig.accept("bob@y.test", "carol@y.test", lifetime=30 * MINUTE)
    await rig.until(both, "retrying")
    rig.later(31)
    await rig.outbox._tidy()
    found = await rig.until(both, "uncertain")
    assert people(found) == {"bob@y.test": "uncertain", "carol@y.test": "unsent"}


@pytest.mark.parametrize("policy", ["hold", "retry"])
@pytest.mark.parametrize("end", ["canceled", "expired"])
async def test_what_may_have_arrived_once_is_not_called_unsent(
    rig: Rig, policy: Any, end: str
) -> None:
    """Though it was to be sent again, and that was put off until somebody or the time ended it."""
    rig.mood(lambda said: LOST if said.startswith("message") else OK)
    await rig.start(rig.account(uncertain=policy))
    id_ = await rig.accept(lifetime=60 * MINUTE)
    await rig.until(id_, "uncertain" if policy == "hold" else "retrying")
    rig.mood(lambda said: "451 4.3.0 later" if said.startswith("RCPT") else OK)
    await rig.outbox.retry(id_)
    found = await rig.until(id_, "retrying", tries=2)
    assert people(found) == {"bob@y.test": "pending"}
    if end == "canceled":
        await rig.outbox.cancel(id_)
    else:
        rig.later(10 * 24 * 60)
        await rig.outbox._tidy()
    found = await rig.until(id_, "canceled" if end == "canceled" else "uncertain")
    assert people(found) == {"bob@y.test": "uncertain"}


async def test_what_is_canceled_is_not_sent(rig: Rig) -> None:
    await rig.start()
    id_ = await rig.accept(send_at=rig.clock.now() + 60 * MINUTE)
    await rig.outbox.cancel(id_)
    message = await rig.until(id_, "canceled")
    assert people(message) == {"bob@y.test": "unsent"}
    await rig.outbox.cancel(id_)  # twice is once
    rig.later(61)
    sent = await rig.accept()
    await rig.until(sent, "sent")
    assert len(rig.servers.taken) == 1
    with pytest.raises(ControlError, match="it is sent") as caught:
        await rig.outbox.cancel(sent)
    assert caught.value.code == "outbox.too_late"
    with pytest.raises(ControlError) as caught:
        await rig.outbox.cancel("0" * 32)
    assert caught.value.code == "outbox.not_found"


async def test_no_more_in_a_day_than_the_account_allows(rig: Rig) -> None:
    await rig.start(rig.account(per_day=2))
    ids = [await rig.accept(f"p{n}@y.test") for n in range(3)]
    await rig.until(ids[0], "sent")
    await rig.until(ids[1], "sent")
    message = await rig.outbox.show(ids[2])
    assert message["status"] == "queued"
    assert message["tries"] == 0
    rig.later(24 * 60)
    await rig.until(ids[2], "sent")


async def test_the_limits_outlive_the_process(rig: Rig) -> None:
    await rig.start(rig.account(per_day=1))
    await rig.until(await rig.accept(), "sent")
    await rig.close()
    await rig.start(rig.account(per_day=1))
    second = await rig.accept()
    await rig.outbox._sweep()
    assert (await rig.outbox.show(second))["tries"] == 0
    assert len(rig.servers.taken) == 1


async def test_a_burst_is_followed_by_an_even_pace(rig: Rig) -> None:
    await rig.start(rig.account(per_minute=60))
    ids = [await rig.accept(f"p{n}@y.test") for n in range(12)]
    attempts = [(await rig.until(id_, "sent"))["attempts"][0] for id_ in ids]
    begun = sorted(datetime.fromisoformat(attempt["started_at"]) for attempt in attempts)
    others = [(moment - begun[0]).total_seconds() for moment in begun]
    assert others[-2] > 0.8  # ten at once, then one a second
    assert others[-1] > 1.8


async def test_a_queue_that_the_service_left_is_sent_by_the_next(rig: Rig) -> None:
    await rig.start(deliver=False)
    ids = [await rig.accept(f"p{n}@y.test") for n in range(5)]
    await rig.close()
    await rig.start()
    for id_ in ids:
        await rig.until(id_, "sent")


@ON_A_FILE
async def test_no_secret_is_in_the_database(rig: Rig, tmp_path: Path) -> None:
    await rig.start(rig.account(login={"username": "ann", "password": "canary-7Zq"}))
    await rig.accept()
    await rig.standing("main", "stopped")
    await rig.close()
    files = list(tmp_path.glob("mail.db*"))
    assert files
    assert all(b"canary-7Zq" not in file.read_bytes() for file in files)


@ON_A_FILE
async def test_one_service_owns_a_file(rig: Rig) -> None:
    await rig.start()
    with pytest.raises(ValueError, match=r"another service \(process \d+\)"):
        Outbox(rig.place, {})
    beside = Outbox(rig.place, rig.outbox.accounts, deliver=False)  # as the shell does
    async with beside:
        assert await beside.account_states()


async def test_what_was_learned_of_a_server_outlasts_the_lane(rig: Rig) -> None:
    rig.mood(lambda said: "502 what?" if said.startswith("BDAT") else "250 ok")
    await rig.start()
    for _ in range(3):
        await rig.until(await rig.accept(), "sent")
    refused = [server for server in rig.servers.servers if not server.taken]
    assert len(refused) == 1  # the first; from then on it is asked by DATA


async def test_what_was_learned_of_a_server_outlasts_a_secret(rig: Rig) -> None:
    await rig.start()
    account = rig.outbox.account("main")
    endpoint = account.endpoint()
    before = rig.outbox._pool(account, endpoint)
    before.learned.overlapping = False
    pool = rig.outbox._pool(account, replace(endpoint, username="u", password="new"))
    assert pool is not before
    assert not pool.learned.overlapping


async def test_a_server_that_never_says_that_it_took_a_message_gets_one_at_a_time(
    rig: Rig,
) -> None:
    rig.mood(lambda said: LOST if said.startswith("message") else OK)
    await rig.start(rig.account(concurrency=1, window=4))
    ids = [await rig.accept() for _ in range(10)]
    assert (await rig.standing("main", "waiting"))["code"] == "send.uncertain"
    states = [(await rig.outbox.show(id_))["status"] for id_ in ids]
    assert states.count("uncertain") == 1
    assert states.count("queued") == 9
    rig.later(1)
    await rig.until(ids[1], "uncertain")
    rig.mood(lambda _: OK)
    rig.later(1)
    for id_ in ids[2:]:
        await rig.until(id_, "sent")


async def test_who_asks_for_a_message_once_more_does_not_wait_for_the_account(rig: Rig) -> None:
    rig.mood(lambda said: LOST if said.startswith("message") else OK)
    await rig.start()
    id_ = await rig.accept()
    await rig.until(id_, "uncertain")
    await rig.standing("main", "waiting")
    rig.mood(lambda _: OK)
    await rig.outbox.retry(id_)
    await rig.until(id_, "sent")
