"""A clock that jumps: nothing is lost, and nothing goes out early by more than is documented."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, update
from tests.outbox.rig import Rig

from smtps.outbox import outbox as outboxes
from smtps.outbox import tables
from smtps.outbox.clock import DOUBT, JUMP, PATIENCE, Clock
from smtps.outbox.control import AWAY, Seen, Sight, look
from smtps.outbox.retry import DAY, MINUTE, RateLimit

HOUR = 60 * MINUTE
NOW = 1_800_000_000_000


class Hands:
    """A wall clock and a steady one; both go on together unless somebody sets the one."""

    def __init__(self) -> None:
        self.wall, self.steady = NOW / 1000, 50.0
        self.clock = Clock(lambda: self.wall, lambda: self.steady)

    def set(self, hours: float) -> None:
        self.wall += hours * 3600

    def pass_by(self, minutes: float) -> int:
        """Somebody looks twice a minute, as the outbox does more often."""
        for _ in range(round(minutes * 2)):
            self.wall, self.steady = self.wall + 30, self.steady + 30
            self.clock.now()
        return self.clock.now()


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.mark.parametrize("hours", [5, -5, 24 * 365, -24 * 365])
def test_a_jump_counts_when_it_has_lasted(hands: Hands, hours: float) -> None:
    hands.set(hours)
    assert hands.pass_by(5) == NOW + 5 * MINUTE
    assert hands.pass_by(1) == NOW + 6 * MINUTE + hours * HOUR


def test_a_jump_on_top_of_a_jump_has_to_last_by_itself(hands: Hands) -> None:
    hands.set(5)
    hands.pass_by(4.5)
    hands.set(500)
    assert hands.pass_by(4.5) == NOW + 9 * MINUTE
    hands.set(-505)
    assert hands.pass_by(10) == NOW + 19 * MINUTE
    assert hands.clock.went_back == 0


def test_what_cannot_be_undone_waits_for_a_time_that_is_certain(hands: Hands) -> None:
    hands.pass_by(5)
    assert hands.clock.surely() == hands.clock.now() == NOW + 5 * MINUTE
    hands.set(100)
    hands.pass_by(6)
    assert hands.clock.now() == NOW + 11 * MINUTE + 100 * HOUR
    assert hands.clock.surely() == NOW + 11 * MINUTE
    hands.set(-100)
    hands.pass_by(6)
    assert hands.clock.surely() == hands.clock.now() == NOW + 17 * MINUTE
    hands.set(100)
    hands.pass_by(6)
    hands.pass_by(DOUBT / MINUTE)
    assert hands.clock.surely() == hands.clock.now()


def test_a_clock_that_is_not_trusted_is_certain_of_nothing_for_a_while(hands: Hands) -> None:
    hands.clock.distrust()
    hands.pass_by(4)
    assert hands.clock.surely() is None
    hands.pass_by(1)
    assert hands.clock.surely() == hands.clock.now()


def test_a_jump_back_makes_nothing_certain_that_is_not(hands: Hands) -> None:
    hands.pass_by(5)
    hands.set(-3)
    hands.pass_by(6)
    assert hands.clock.surely() == hands.clock.now()
    assert hands.clock.went_back == 1


@pytest.mark.parametrize("back", [HOUR, 30 * DAY, 3650 * DAY])
def test_a_limited_account_goes_on_when_the_clock_goes_back(back: int) -> None:
    full = RateLimit(per_minute=60, per_day=100).spend(10, NOW)
    full = full.spend(full.room(NOW) or 0, NOW)
    now = NOW - back
    found = full.set_to(now)
    assert found.wait(now) <= 1000 or found.room(now) == 0
    assert found.room(now + MINUTE) == 10
    assert found.room(now + 2 * DAY) == 10


def test_and_sends_no_more_in_a_day_than_it_may() -> None:
    spent = RateLimit(per_day=100).spend(100, NOW)
    for now in (NOW - HOUR, NOW - 30 * DAY):
        assert spent.room(now) == 0
        assert spent.set_to(now).room(now) == 0
        assert spent.set_to(now).room(now - now % DAY + DAY) == 100


async def times(rig: Rig, id_: str) -> tuple[int | None, int]:
    """When a message and its account are due."""

    def ask(connection: object) -> tuple[int | None, int]:
        from sqlalchemy import Connection  # noqa: PLC0415

        assert isinstance(connection, Connection)
        due = connection.execute(
            select(tables.messages.c.due).where(tables.messages.c.id == id_)
        ).scalar()
        waits = connection.execute(select(tables.lanes.c.not_before)).scalar()
        return due, int(waits or 0)

    return await rig.outbox.store.read(ask)


@pytest.fixture
async def idle(rig: Rig) -> Rig:
    """An outbox that sends nothing; the clock was seen."""
    await rig.start(deliver=False)
    assert await sees(rig, rig.clock.now()) == 0
    return rig


async def sees(rig: Rig, now: int, *, back: bool = True) -> int:
    seen: Seen = await rig.outbox.store.write(look, Sight(now, back))
    return seen.moved


async def waits_until(rig: Rig, id_: str, state: str, due: int) -> None:
    def write(connection: object, _: object) -> list[None]:
        from sqlalchemy import Connection  # noqa: PLC0415

        assert isinstance(connection, Connection)
        rows, lanes = tables.messages, tables.lanes
        connection.execute(update(rows).where(rows.c.id == id_).values(state=state, due=due))
        connection.execute(lanes.delete())
        connection.execute(
            insert(lanes).values(account="main", token=0, level=0.0, level_at=0, day=0, spent=0,
                                 failures=1, not_before=due, stopped=False)
        )  # fmt: skip
        return [None]

    await rig.outbox.store.write(write, None)


@pytest.mark.parametrize("state", ["queued", "retrying"])
async def test_what_waits_a_while_waits_no_longer_than_it_would_have(idle: Rig, state: str) -> None:
    id_ = await idle.accept()
    now = idle.clock.now()
    await waits_until(idle, id_, state, now + 7 * MINUTE)
    assert await sees(idle, now) == 0
    assert await sees(idle, now - 5 * HOUR, back=False) == 0  # another machine's clock is behind
    assert await times(idle, id_) == (now + 7 * MINUTE, now + 7 * MINUTE)
    assert await sees(idle, now - 5 * HOUR) == 5 * HOUR
    there = now - 5 * HOUR + 7 * MINUTE
    assert await times(idle, id_) == (there, there)
    assert await sees(idle, now - 5 * HOUR) == 0  # another process tells the same


async def test_what_is_set_for_a_time_of_day_stays_there(idle: Rig) -> None:
    send_at = idle.clock.now() + HOUR
    id_ = await idle.accept(send_at=send_at)
    await sees(idle, idle.clock.now() - 5 * HOUR)
    assert (await times(idle, id_))[0] == send_at


async def test_a_process_that_starts_with_a_clock_behind_goes_on(rig: Rig) -> None:
    await rig.start(deliver=False)
    id_ = await rig.accept()
    now = rig.clock.now()
    await waits_until(rig, id_, "queued", now + MINUTE)
    await sees(rig, now)
    rig.clock = Clock(lambda: (now - 5 * HOUR + rig.ahead) / 1000, rig._steady)
    await rig.start()
    rig.later(1.1)
    await rig.until(id_, "sent")


@pytest.mark.parametrize("away", [10 * MINUTE, AWAY + MINUTE])
async def test_mail_of_long_ago_does_not_expire_at_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, away: int
) -> None:
    """The outbox was closed for long, or this clock was set wrong meanwhile."""
    monkeypatch.setattr(outboxes, "TIDY", 0.02)
    await rig.start(deliver=False)
    id_ = await rig.accept(lifetime=MINUTE)
    await sees(rig, rig.clock.now())
    rig.ahead += away
    rig.clock = Clock(rig.clock._wall, rig._steady)
    await rig.start(rig.account(port=1))
    if away > AWAY:
        for _ in range(5):
            await rig.outbox._tidy()
        assert (await rig.outbox.show(id_))["status"] == "queued"
        rig.later(PATIENCE / MINUTE)
    await rig.until(id_, "expired")


def test_the_clock_s_parameters_are_those_of_the_documents() -> None:
    assert (PATIENCE, DOUBT, JUMP, AWAY) == (5 * MINUTE, DAY, MINUTE, HOUR)
