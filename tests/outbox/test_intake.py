"""A message is taken once, whatever its caller repeats, and then it is on the disk."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from tests.outbox.database import Server
from tests.outbox.rig import ON_A_FILE, ON_POSTGRESQL, Rig

from smtps.outbox import reading, store
from smtps.outbox.intake import Accepted, KeyReusedError
from smtps.outbox.outbox import Bounds
from smtps.outbox.postgres import HEARTBEAT
from smtps.outbox.reading import Filter
from smtps.outbox.records import Key
from smtps.outbox.store import Store
from smtps.outbox.writer import StoreError, unavailable

KEY = Key("shop", "order-17", "a" * 64)


async def test_the_same_request_is_answered_alike_and_kept_once(rig: Rig) -> None:
    await rig.start(deliver=False)
    first = await rig.outbox.accept(rig.submission(key=KEY))
    again = await rig.outbox.accept(rig.submission(key=KEY))
    assert again == Accepted(first.answer, replayed=True)
    assert len(await rig.outbox.page(Filter())) == 1


async def test_the_first_answer_stands_even_when_much_has_happened_since(rig: Rig) -> None:
    await rig.start()
    first = await rig.outbox.accept(rig.submission(key=KEY))
    await rig.until(first.answer["id"], "sent")
    again = await rig.outbox.accept(rig.submission(key=KEY))
    assert again.answer == first.answer
    assert again.answer["status"] == "queued"


async def test_another_request_with_the_key_is_refused(rig: Rig) -> None:
    await rig.start(deliver=False)
    await rig.outbox.accept(rig.submission(key=KEY))
    with pytest.raises(KeyReusedError):
        await rig.outbox.accept(rig.submission(key=replace(KEY, digest="b" * 64)))
    await rig.outbox.accept(rig.submission(key=replace(KEY, scope="another caller")))
    assert len(await rig.outbox.page(Filter())) == 2


async def test_while_it_is_being_written_the_key_is_in_use(rig: Rig) -> None:
    await rig.start(deliver=False)
    results = await asyncio.gather(
        *(rig.outbox.accept(rig.submission(key=KEY)) for _ in range(5)), return_exceptions=True
    )
    taken = [result for result in results if isinstance(result, Accepted)]
    assert len(taken) == 1
    codes = {getattr(r, "code", None) for r in results if not isinstance(r, Accepted)}
    assert codes == {"outbox.key_in_use"}


async def test_two_processes_with_one_key_keep_one_message(rig: Rig) -> None:
    first = await rig.start(deliver=False)
    second = await rig.start(deliver=False)
    results = await asyncio.gather(
        *(box.accept(rig.submission(key=KEY)) for box in (first, second) * 3),
        return_exceptions=True,
    )
    ids = {result.answer["id"] for result in results if isinstance(result, Accepted)}
    assert len(ids) == 1
    assert len(await first.page(Filter())) == 1


async def test_many_at_once_share_commits_and_each_gets_its_own_answer(rig: Rig) -> None:
    await rig.start(deliver=False)
    ids = await asyncio.gather(*(rig.accept(f"p{n}@y.test") for n in range(200)))
    assert len(set(ids)) == 200
    for n in (0, 99, 199):
        message = await rig.outbox.show(ids[n])
        assert message["recipients"][0]["email"] == f"p{n}@y.test"


async def test_what_cannot_be_kept_spoils_nothing_beside_it(rig: Rig) -> None:
    await rig.start(deliver=False)
    twice = rig.submission()
    await rig.outbox.accept(twice)
    results = await asyncio.gather(
        *(rig.outbox.accept(s) for s in (rig.submission(), twice, rig.submission())),
        return_exceptions=True,
    )
    assert [isinstance(result, Accepted) for result in results] == [True, False, True]
    assert len(await rig.outbox.page(Filter())) == 3


async def test_a_full_outbox_takes_nothing_more_and_says_so(rig: Rig) -> None:
    await rig.start(deliver=False, bounds=Bounds(octets=1 << 14))
    with pytest.raises(StoreError) as caught:
        await _until_it_is_full(rig)
    assert caught.value.code == "outbox.full"
    assert await rig.outbox.trouble() == "the outbox is full"


async def test_what_is_handed_over_again_takes_no_room(rig: Rig) -> None:
    await rig.start(deliver=False)
    await rig.outbox.accept(rig.submission(key=KEY))
    before = rig.outbox._octets
    await rig.outbox.accept(rig.submission(key=KEY))
    assert rig.outbox._octets == before > 0


async def test_a_full_outbox_still_knows_what_it_has_kept(rig: Rig) -> None:
    await rig.start(deliver=False)
    first = await rig.outbox.accept(rig.submission(key=KEY))
    rig.outbox.bounds = Bounds(octets=1)
    again = await rig.outbox.accept(rig.submission(key=KEY))
    assert again == Accepted(first.answer, replayed=True)
    with pytest.raises(KeyReusedError):
        await rig.outbox.accept(rig.submission(key=replace(KEY, digest="b" * 64)))
    with pytest.raises(StoreError):
        await rig.outbox.accept(rig.submission(key=replace(KEY, key="order-18")))


async def test_a_process_that_only_takes_mail_in_sees_when_there_is_room_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtps.outbox.outbox.TIDY", 0.02)
    await rig.start(deliver=False)
    rig.outbox._octets = rig.outbox.bounds.octets + 1  # what has been sent and removed since
    assert await rig.outbox.trouble() == "the outbox is full"
    for _ in range(200):
        if await rig.outbox.trouble() is None:
            break
        await asyncio.sleep(0.02)
    await rig.accept()


@ON_A_FILE
async def test_nobody_else_can_read_the_file(rig: Rig) -> None:
    before = os.umask(0)
    try:
        await rig.start(deliver=False)
        await rig.accept()
        files = list(Path(rig.place).parent.glob("mail.db*"))
    finally:
        os.umask(before)
    assert len(files) == 3
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


@ON_A_FILE
async def test_a_full_disk_takes_nothing_and_loses_nothing(rig: Rig) -> None:
    await rig.start(deliver=False)
    kept = await rig.accept()
    await _fill(rig)
    with pytest.raises(StoreError) as caught:
        await _until_it_is_full(rig)
    assert caught.value.code == "outbox.full"
    assert (await rig.outbox.show(kept))["status"] == "queued"


async def _until_it_is_full(rig: Rig) -> None:
    for _ in range(100):
        await rig.accept(*(f"p{n}@y.test" for n in range(100)))


async def _fill(rig: Rig) -> None:
    """As if the file could not grow any more."""
    with rig.outbox.store.behind.writing.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


async def test_a_nearly_full_disk_is_told_before_it_is_full(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.start(deliver=False)
    assert await rig.outbox.trouble() is None
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    expected = None if rig.place.startswith("postgresql") else "the disk is full"
    assert await rig.outbox.trouble() == expected


async def test_a_probe_that_nobody_waits_for_any_more_leaves_nothing_in_the_log(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hanging = asyncio.Event()

    async def try_out(*_: object) -> None:
        await hanging.wait()
        raise unavailable()

    monkeypatch.setattr(store, "READY_WITHIN", 0.2)
    monkeypatch.setattr(Store, "try_out", try_out)
    await rig.start(deliver=False)
    assert await rig.outbox.trouble() == "The outbox database does not answer."
    hanging.set()
    trying = rig.outbox._readiness._trying
    assert trying is not None
    await asyncio.wait([trying])
    rig.outbox._readiness._trying = trying = None
    gc.collect()
    assert "never retrieved" not in caplog.text


@ON_A_FILE
async def test_a_file_that_somebody_else_holds_is_away_and_comes_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtps.outbox.sqlite._BUSY", 0.1)
    await rig.start(deliver=False)
    other = sqlite3.connect(rig.place, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError) as caught:
        await rig.accept()
    assert caught.value.code == "outbox.unavailable"
    assert caught.value.failure.retryable
    other.execute("ROLLBACK")
    other.close()
    await rig.accept()


@ON_POSTGRESQL
async def test_a_database_that_goes_away_and_comes_back_loses_nothing(rig: Rig) -> None:
    with Server() as server:
        rig.place = server.database()
        await rig.start()
        await rig.until(await rig.accept(), "sent")
        kept = await rig.accept(send_at=rig.clock.now() + 60_000)
        server.stop("immediate")
        with pytest.raises(StoreError) as caught:
            await rig.accept()
        assert caught.value.code == "outbox.unavailable"
        assert await rig.outbox.trouble() is not None
        server.start()
        assert await rig.outbox.trouble() is None
        rig.later(2)
        # That its lane has ended could not be written, so it counts as alive for a while.
        await rig.until(kept, "sent", patience=4 * HEARTBEAT.total_seconds())
        await rig.until(await rig.accept(), "sent")
        await rig.close()


@ON_A_FILE
async def test_an_outcome_waits_for_the_database(rig: Rig) -> None:
    """A message that went out while the disk was full is not forgotten."""
    await rig.start(deliver=False)
    id_ = await rig.accept()
    await rig.close()
    await rig.start()
    await _fill(rig)
    message = await rig.until(id_, "sent", "sending")
    with rig.outbox.store.behind.writing.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    message = await rig.until(id_, "sent")
    assert message["tries"] == 1
    assert len(rig.servers.taken) == 1
    assert await rig.outbox.store.read(reading.due_accounts, rig.clock.now()) == []
