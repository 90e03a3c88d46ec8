"""What the mail server has answered is kept until it is in the database."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DataError, DBAPIError
from tests.outbox.rig import ON_A_FILE, Rig

from smtps.config.open_outbox import state_folder
from smtps.config.settings import Settings
from smtps.outbox import outcomes, tables
from smtps.outbox import spool as traces
from smtps.outbox.decision import Decision
from smtps.outbox.lane_store import Forsaken, Released, forsake, release
from smtps.outbox.records import RecipientStatus, State, Tried
from smtps.outbox.settlement import AttemptResult, record_results
from smtps.outbox.spool import Spool, taken
from smtps.outbox.store import Store
from smtps.outbox.writer import Operation, StoreError, unavailable

TRIED = Tried("0" * 32, 2, 17, True, (0, 2), frozenset({2}))
SETTLEMENT = AttemptResult(
    "main", 3, TRIED,
    Decision(State.PARTIAL, None, 1,
           ((RecipientStatus.ACCEPTED, '{"code": 250}'), (RecipientStatus.REFUSED, None)),
           "partial", '{"code": "x"}'),
    99, {"ms": 1.5, "outcome": "partial", "address": None, "reply": None, "failure": None,
         "transcript": "é\udc80"}, True,
)  # fmt: skip

Fault = Callable[[list[Any]], None]


def failing(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    """Have outcomes meet a fault, which may pass."""

    real = Store.see_through

    async def see_through(store: Store, operation: Operation[Any], what: Any) -> Any:
        if operation is record_results:
            fault([what])
        return await real(store, operation, what)

    monkeypatch.setattr(Store, "see_through", see_through)


@pytest.mark.parametrize(("operation", "what"), [
    (record_results, [SETTLEMENT]), (release, Released(3, [TRIED, TRIED])),
    (forsake, Forsaken("main", 3, 17)),
])  # fmt: skip
def test_a_record_is_read_as_it_was_written(operation: Operation[Any], what: Any) -> None:
    text = json.dumps(traces.as_record(operation, what))
    assert traces.of_record(json.loads(text)) == (operation, what)


async def test_nothing_is_claimed_while_one_waits(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = True

    def fault(_: Any) -> None:
        if away:
            raise unavailable()

    failing(monkeypatch, fault)
    await rig.start(rig.account(), rig.account("other"), state=tmp_path / "state")
    first = await rig.accept()
    while not rig.outbox._outcomes.held:
        await asyncio.sleep(0.01)
    others = [await rig.accept(account=name) for name in ("main", "other")]
    await asyncio.sleep(3 * outcomes.PAUSE)
    assert len(rig.servers.taken) == 1
    assert (await rig.outbox.show(first))["status"] == "sending"
    assert {(await rig.outbox.show(id_))["status"] for id_ in others} == {"queued"}
    away = False
    for id_ in (first, *others):
        assert (await rig.until(id_, "sent"))["tries"] == 1
    assert list((tmp_path / "state").iterdir()) == []
    lines = [r.message for r in caplog.records if "outcomes" in r.message]
    assert len(lines) == 2  # one when it begins, one when it is over


async def test_one_that_the_database_never_takes_keeps_no_other_waiting(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of a row on a broken page, say."""
    monkeypatch.setattr(outcomes, "PAUSE", 0.01)
    poisoned: set[str] = set()

    def fault(lots: list[list[AttemptResult]]) -> None:
        if poisoned & {s.claim.id for lot in lots for s in lot}:
            raise unavailable()

    failing(monkeypatch, fault)
    await rig.start(state=tmp_path / "state", deliver=False)
    ids = [await rig.accept() for _ in range(20)]
    poisoned.add(ids[3])
    await rig.start(state=tmp_path / "state")
    await rig.until(ids[0], "sent")
    while not rig.outbox._outcomes.held:
        await asyncio.sleep(0.01)
    for id_ in ids[:3]:
        await rig.until(id_, "sent")
    poisoned.clear()
    for id_ in ids:
        await rig.until(id_, "sent")


async def test_what_cannot_be_kept_in_full_is_kept_in_short(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that a server says can make the program forget that it took the message."""

    def fault(lots: list[list[AttemptResult]]) -> None:
        if any(s.attempt["reply"] is not None for lot in lots for s in lot):
            raise ValueError("it cannot be encoded")

    failing(monkeypatch, fault)
    await rig.start()
    message = await rig.until(await rig.accept(), "sent")
    assert [a["reply"] for a in message["attempts"]] == [None]


@ON_A_FILE
async def test_it_is_beside_the_file_of_the_outbox(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = True

    def fault(_: Any) -> None:
        if away:
            raise unavailable()

    failing(monkeypatch, fault)
    await rig.start()
    id_ = await rig.accept()
    while not (found := list(Path(rig.place).parent.glob("outcomes-*.ndjson"))):
        await asyncio.sleep(0.01)
    await rig.close()
    assert id_ in found[0].read_text()
    away = False
    await rig.start()
    await rig.until(id_, "sent")
    assert not found[0].exists()
    assert len(rig.servers.taken) == 1


@ON_A_FILE
async def test_without_a_folder_it_is_in_memory_and_the_log_says_so(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = True

    def fault(_: Any) -> None:
        if away:
            raise unavailable()

    failing(monkeypatch, fault)
    (tmp_path / "a-file").write_text("")
    await rig.start(state=tmp_path / "a-file" / "state")
    id_ = await rig.accept()
    while "only in memory" not in caplog.text:
        await asyncio.sleep(0.01)
    away = False
    await rig.until(id_, "sent")


def kept(folder: Path, name: str = "name") -> Spool:
    spool = Spool(folder, name)
    spool.keep([{"kind": "forsaken", "account": "a", "token": 1, "begun": 2}])
    return spool


def test_a_file_is_its_processs_until_that_has_ended(tmp_path: Path) -> None:
    spool, other = kept(tmp_path), Spool(tmp_path, "name")
    (path,) = other.left()
    with taken(path) as records:
        assert records is None
    spool.close()
    with taken(path) as records:
        assert records is not None
        assert len(records) == 1
    assert not path.exists()
    with taken(path) as records:
        assert records is None


def test_a_record_that_was_written_in_part_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, write, room = kept(tmp_path), os.write, 20

    def short(file: int, octets: bytes) -> int:
        """As on a disk that is full after so many octets."""
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = write(file, octets[:room])
        room -= done
        return done

    with monkeypatch.context() as patch:
        patch.setattr("smtps.outbox.spool.os.write", short)
        with pytest.raises(OSError, match="space"):
            spool.keep([{"kind": "forsaken", "account": "b", "token": 3, "begun": 4}])
    spool.keep([{"kind": "forsaken", "account": "c", "token": 5, "begun": 6}])
    spool.close()
    (path,) = Spool(tmp_path, "name").left()
    with taken(path) as records:
        assert records is not None
        assert [what.account for _, what in records] == ["a", "c"]
    assert not path.exists()


def test_outboxes_that_share_a_folder_do_not_mix(tmp_path: Path) -> None:
    kept(tmp_path, "one").close()
    assert list(Spool(tmp_path, "other").left()) == []
    assert len(list(Spool(tmp_path, "one").left())) == 1


def test_it_stays_when_it_could_not_be_used(tmp_path: Path) -> None:
    kept(tmp_path).close()
    (path,) = Spool(tmp_path, "name").left()
    with pytest.raises(StoreError), taken(path):
        raise unavailable()
    assert path.exists()


def test_a_line_that_was_being_written_when_the_machine_stopped_counts_for_nothing(
    tmp_path: Path,
) -> None:
    kept(tmp_path).close()
    (path,) = Spool(tmp_path, "name").left()
    with path.open("a") as file:
        file.write('{"kind": "forsak')
    with taken(path) as records:
        assert records is not None
        assert len(records) == 1
    assert not path.exists()


async def test_what_cannot_be_read_is_left_and_the_rest_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    kept(tmp_path).close()
    (path,) = Spool(tmp_path, "name").left()
    path.write_text(path.read_text() + "rubbish\n[]\n" + path.read_text())
    with taken(path) as records:
        assert records is not None
        assert len(records) == 2
    (other,) = tmp_path.iterdir()
    assert other.suffix == ".unreadable"
    assert str(other) in caplog.text


@pytest.mark.parametrize(("place", "given", "environment", "folder"), [
    ("mail.db", None, {"STATE_DIRECTORY": "/s"}, None),
    ("mail.db", "/here", {}, "/here"),
    ("postgresql://x/y", "/here", {"STATE_DIRECTORY": "/s"}, "/here"),
    ("postgresql://x/y", None, {"STATE_DIRECTORY": "/s:/t", "XDG_STATE_HOME": "/x"}, "/s"),
    ("postgresql://x/y", None, {"XDG_STATE_HOME": "/x"}, "/x/smtps"),
    ("postgresql://x/y", None, {}, str(Path("~/.local/state/smtps").expanduser())),
])  # fmt: skip
def test_the_folder(
    place: str, given: str | None, environment: dict[str, str], folder: str | None
) -> None:
    found = state_folder(Settings(outbox=place, state_dir=given), environment)
    assert found == (None if folder is None else Path(folder))


class Steady:
    """A store that takes each thing in a moment."""

    name = "steady"

    async def see_through(self, _operation: Any, _what: Any) -> None:
        await asyncio.sleep(0.002)


async def test_a_lane_waits_for_what_is_its_own_and_for_no_other_account() -> None:
    known: Any = Steady()
    keeper = outcomes.Outcomes(known, None)
    await keeper.start()

    async def busy() -> None:
        while True:
            keeper.settle(replace(SETTLEMENT, account="busy"))
            await asyncio.sleep(0.001)

    other = asyncio.create_task(busy())
    for _ in range(3):
        keeper.settle(SETTLEMENT)
        await asyncio.wait_for(keeper.written("main"), 30)
    other.cancel()
    await keeper.aclose(5)


WORDS = "what the server said"


async def test_what_this_version_cannot_read_is_kept_aside_and_not_repeated_in_the_log(
    rig: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a newer version, say, that ran before this one."""
    await rig.start(deliver=False, state=tmp_path)
    id_ = await rig.accept()
    spool = Spool(tmp_path, rig.outbox.store.name)
    newer = {"kind": "newer", "claim": {"id": id_}, "reply": WORDS}
    settled = traces.as_record(record_results, [SETTLEMENT])
    odd = {**settled, "ruling": {**settled["ruling"], "state": WORDS}}
    path = spool.keep([newer, traces.as_record(release, Released(3, [])), odd])
    spool.close()
    content = path.read_text()
    await rig.start(state=tmp_path)
    aside = path.with_suffix(".unreadable")
    assert aside.read_text() == content
    assert not path.exists()
    sizes = [len(line) for line in content.splitlines()]
    assert f"message {id_}, {sizes[0]} bytes" in caplog.text
    assert f"message {TRIED.id}, {sizes[2]} bytes" in caplog.text
    assert "1 outcomes of an earlier process" in caplog.text
    assert WORDS not in caplog.text
    await rig.until(id_, "sent")


@pytest.mark.parametrize("record", [
    "text", 7, None, {}, {"claim": 7}, {"claim": {}}, {"claim": {"id": 7}}, {"claims": 7},
    {"claims": [7, {"id": "x" * 32}, {"id": "what was said"}]},
])  # fmt: skip
def test_a_record_that_names_no_message(record: Any) -> None:
    assert traces.named(record) == ""


def test_the_messages_of_a_record_are_named() -> None:
    assert traces.named(traces.as_record(release, Released(3, [TRIED, TRIED]))) == (
        f"{TRIED.id}, {TRIED.id}"
    )


async def test_what_the_database_will_never_take_is_kept_aside(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refuses = True

    def fault(_: Any) -> None:
        if refuses:
            raise DataError("INSERT", {"reply": WORDS}, Exception(f"no\nDETAIL: {WORDS}"))

    failing(monkeypatch, fault)
    monkeypatch.setattr("smtps.outbox.outcomes.GATHER", 0)
    rig.mood(lambda _: f"250 2.0.0 {WORDS}")
    await rig.start(state=tmp_path)
    id_ = await rig.accept()
    while "cannot be written" not in caplog.text:
        await asyncio.sleep(0.01)
    (aside,) = tmp_path.glob("*.unreadable")
    assert aside.stat().st_mode & 0o777 == 0o600
    (record,) = map(json.loads, aside.read_text().splitlines())
    assert traces.of_record(record)[0] is record_results
    assert (record["claim"]["id"], record["ruling"]["state"]) == (id_, "sent")
    assert WORDS in record["attempt"]["reply"]
    assert f"an outcome cannot be written (no); it is kept in {aside}" in caplog.text
    assert id_ in caplog.text
    assert WORDS not in caplog.text
    await rig.close()
    refuses = False
    aside.rename(aside.with_suffix(".ndjson"))
    await rig.start(state=tmp_path)
    await rig.until(id_, "sent")
    assert len(rig.servers.taken) == 1
    assert list(tmp_path.glob("outcomes-*")) == []


async def test_an_error_of_the_database_does_not_repeat_what_was_to_be_written(rig: Rig) -> None:
    await rig.start(deliver=False)
    with (
        pytest.raises(DBAPIError) as raised,
        rig.outbox.store.behind.writing.begin() as connection,
    ):
        connection.execute(tables.meta.insert(), {"name": "schema", "value": WORDS})
    assert WORDS not in str(raised.value)
