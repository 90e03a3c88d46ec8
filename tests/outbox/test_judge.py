"""The judge of the crash test sees each wrong that there can be; else its silence means nothing."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from tests.outbox.crash.feeder import Told
from tests.outbox.crash.judge import engine, judge
from tests.outbox.crash.receiver import Receiver

from smtps.outbox import tables

NAME = "1@crash.test"
RIGHT: dict[str, Any] = {
    "state": "sent", "due": None, "finished": 9, "tries": 1, "outcomes": ["sent"],
    "bodies": ["d"], "ids": {"a"}, "account": "hold-0", "told": {"message.sent"}, "webhook": [],
}  # fmt: skip


def wrongs(folder: Path, **changes: Any) -> list[str]:
    case = RIGHT | changes
    database = engine(str(folder / "outbox.db"))
    tables.metadata.create_all(database)
    with database.begin() as connection:
        for name in case.get("rows", ["a"]):
            connection.execute(insert(tables.messages), {
                "id": name, "account": case["account"], "state": case["state"],
                "due": case["due"], "created": 1, "expires": 99, "finished": case["finished"],
                "tries": case["tries"], "step": 0, "told": False, "kept": True, "sender": "",
                "message_id": f"<{case.get('name', NAME)}>", "subject": "", "size": 1,
                "terms": "{}", "tags": "[]", "metadata": "{}",
            })  # fmt: skip
        for n, outcome in enumerate(case["outcomes"]):
            connection.execute(
                insert(tables.attempts), {"message": "a", "n": n, "begun": 1, "outcome": outcome}
            )
    told = Told({NAME: "d"}, {NAME: case["ids"]} if case["ids"] else {})
    taken = {NAME: case["bodies"]} if case["bodies"] else {}
    receiver = Receiver(
        random.Random(1), 0, events=defaultdict(set, a=case["told"]), wrongs=case["webhook"]
    )
    found = judge(database, told, taken, {"retry-0"}, receiver)
    database.dispose()
    return [kind for one in found.values() for kind, _ in one.wrongs]


def test_all_is_well(tmp_path: Path) -> None:
    assert not wrongs(tmp_path)


def test_twice_is_well_where_the_account_asks_for_it(tmp_path: Path) -> None:
    assert not wrongs(
        tmp_path, account="retry-0", bodies=["d", "d"], outcomes=["interrupted", "sent"], tries=2
    )


@pytest.mark.parametrize(
    ("wrong", "changes"),
    [
        ("never accepted", {"ids": set()}),
        ("one key, two names", {"ids": {"a", "b"}}),
        ("accepted and lost", {"rows": []}),
        ("kept twice", {"rows": ["a", "b"]}),
        ("kept under another name", {"ids": {"b"}}),
        ("kept, but handed over by nobody", {"name": "2@crash.test"}),
        ("not ended", {"state": "sending"}),
        ("not ended", {"due": 5}),
        ("sent, and not at the server", {"bodies": []}),
        ("at the server, and failed", {"state": "failed"}),
        ("taken with another body", {"bodies": ["e"]}),
        ("attempts that are not written down", {"tries": 2}),
        ("taken twice, and the policy is hold", {"bodies": ["d", "d"]}),
        (
            "taken more often than its attempts say",
            {
                "account": "retry-0", "bodies": ["d", "d"], "outcomes": ["deferred", "sent"],
                "tries": 2,
            },
        ),
        (
            "taken more often than its attempts say",
            {"state": "uncertain", "bodies": ["d"], "outcomes": ["deferred"]},
        ),
        ("its end was not told", {"told": {"message.delayed"}}),
        ("an attempt was used up", {"webhook": [("an attempt was used up", "a")]}),
    ],
)  # fmt: skip
def test_a_wrong_is_seen(tmp_path: Path, wrong: str, changes: dict[str, Any]) -> None:
    assert wrong in wrongs(tmp_path, **changes)
