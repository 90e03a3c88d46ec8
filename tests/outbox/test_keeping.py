"""How long mail is kept, and how it moves from one database to the other."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.outbox.database import Server
from tests.outbox.rig import ON_A_FILE, ON_POSTGRESQL, Rig

from smtps.errors import InputError
from smtps.outbox import tables
from smtps.outbox.control import ControlError
from smtps.outbox.migrate import move
from smtps.outbox.outbox import DAY, Bounds, Outbox
from smtps.outbox.reading import Filter
from smtps.outbox.records import Key

DAYS = 24 * 60


def rows(rig: Rig) -> dict[str, int]:
    with rig.outbox.store.behind.reading.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar() or 0
            for table in tables.metadata.sorted_tables
            if table is not tables.meta
        }


async def test_bodies_go_first_and_records_later(rig: Rig) -> None:
    bounds = Bounds(bodies=2 * DAY, records=10 * DAY, keys=DAY)
    await rig.start(bounds=bounds)
    id_ = await rig.accept(key=Key("a", "k", "d" * 64), tags=("t",))
    await rig.until(id_, "sent")
    rig.later(1.5 * DAYS)
    await rig.outbox._tidy()
    assert await rig.outbox.body(id_) is not None
    assert rows(rig)["keys"] == 0
    rig.later(1 * DAYS)
    await rig.outbox._tidy()
    assert await rig.outbox.body(id_) is None
    assert (await rig.outbox.show(id_))["status"] == "sent"
    rig.later(10 * DAYS)
    await rig.outbox._tidy()
    assert {name for name, number in rows(rig).items() if number} == {"lanes"}


async def test_what_is_not_ended_is_kept(rig: Rig) -> None:
    await rig.start(bounds=Bounds(bodies=0, records=0), deliver=False)
    id_ = await rig.accept(lifetime=400 * DAY)
    rig.ahead += 300 * DAY
    await rig.outbox._tidy()
    assert await rig.outbox.body(id_) is not None


async def test_a_message_without_its_body_cannot_be_sent_again(rig: Rig) -> None:
    rig.mood(lambda said: "550 no" if said.startswith("message") else "250 ok")
    await rig.start(bounds=Bounds(bodies=0))
    id_ = await rig.accept()
    await rig.until(id_, "failed")
    rig.later(1)
    await rig.outbox._tidy()
    with pytest.raises(ControlError) as caught:
        await rig.outbox.retry(id_)
    assert caught.value.code == "outbox.body_gone"


@ON_A_FILE
async def test_the_file_gives_back_what_is_not_kept(rig: Rig) -> None:
    await rig.start(bounds=Bounds(bodies=DAY))
    ids = [await rig.accept(*(f"p{n}@y.test" for n in range(50))) for _ in range(60)]
    for id_ in ids:
        await rig.until(id_, "sent")
    before = rig.outbox.store.behind.octets
    with rig.outbox.store.behind.reading.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        used = before(connection)
    rig.later(100 * DAYS)
    await rig.outbox._tidy()
    with rig.outbox.store.behind.reading.connect() as connection:
        assert before(connection) < used / 3
        assert (connection.exec_driver_sql("PRAGMA page_count").scalar() or 0) < (pages or 0) / 2


async def test_all_mail_moves_and_the_old_place_is_closed(
    rig: Rig, postgres: Server, tmp_path: Path
) -> None:
    await rig.start()
    sent = await rig.accept("bob@y.test", "carol@y.test", tags=("a",), metadata={"k": "v"})
    await rig.until(sent, "sent")
    waiting = await rig.accept(send_at=rig.clock.now() + 3_600_000, key=Key("s", "k", "d" * 64))
    before = [await rig.outbox.show(id_) for id_ in (sent, waiting)]
    counted, old = rows(rig), rig.place
    await rig.close()
    to_file = old.startswith("postgresql")
    new = str(tmp_path / "new.db") if to_file else postgres.database()

    seen: list[int] = []
    assert move(old, new, seen.append) == counted
    assert seen[-1] == sum(counted.values())
    with pytest.raises(InputError, match="has moved to") as caught:
        Outbox(old, {})
    assert caught.value.code == "outbox.moved"

    rig.place = new
    await rig.start()
    assert [await rig.outbox.show(id_) for id_ in (sent, waiting)] == before
    rig.later(61)
    await rig.until(waiting, "sent")
    assert (await rig.outbox.accept(rig.submission(key=Key("s", "k", "d" * 64)))).replayed


@ON_A_FILE
async def test_nothing_moves_into_a_place_that_is_in_use(rig: Rig, tmp_path: Path) -> None:
    await rig.start(deliver=False)
    await rig.accept()
    full = rig.place
    await rig.close()
    rig.place = str(tmp_path / "other.db")
    await rig.start(deliver=False)
    await rig.accept()
    await rig.close()
    with pytest.raises(InputError, match="already contains messages"):
        move(full, rig.place, lambda _: None)
    rig.place = full
    await rig.start(deliver=False)  # as it was
    assert len(await rig.outbox.page(Filter())) == 1


@ON_A_FILE
async def test_nor_while_a_service_uses_the_old_place(rig: Rig, tmp_path: Path) -> None:
    await rig.start()
    with pytest.raises(InputError, match="another service"):
        move(rig.place, str(tmp_path / "new.db"), lambda _: None)


async def test_who_still_has_the_old_place_open_can_write_nothing_more(
    rig: Rig, postgres: Server, tmp_path: Path
) -> None:
    await rig.start(deliver=False)
    await rig.accept()
    new = str(tmp_path / "new.db") if rig.place.startswith("postgresql") else postgres.database()
    await asyncio.to_thread(move, rig.place, new, lambda _: None)
    with pytest.raises(InputError, match="has moved to") as caught:
        await rig.accept()
    assert caught.value.code == "outbox.moved"


@ON_POSTGRESQL
async def test_what_comes_in_while_it_moves_is_either_moved_or_refused(
    rig: Rig, tmp_path: Path
) -> None:
    await rig.start(deliver=False)
    taken: list[str] = []

    async def keep_coming() -> None:
        with suppress(InputError):
            while True:
                taken.append(await rig.accept())

    callers = [asyncio.create_task(keep_coming()) for _ in range(5)]
    while len(taken) < 30:
        await asyncio.sleep(0.01)
    new = str(tmp_path / "new.db")
    await asyncio.to_thread(move, rig.place, new, lambda _: None)
    await asyncio.gather(*callers)
    await rig.close()
    rig.place = new
    await rig.start(deliver=False)
    found = await rig.outbox.page(Filter(limit=100_000))
    assert {message["id"] for message in found} == set(taken)
