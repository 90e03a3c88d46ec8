"""SIGTERM under load leaves nothing in doubt that the mail server would have answered in time.

The same at full size: ``scripts/bench stops``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.outbox.database import Server
from tests.outbox.stops.run import IN_ORDER, Plan, standstill, stops

ENGINES = ["sqlite", "postgresql"]


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Of an outbox, and how many workers it has beside the service."""
    if request.param == "sqlite":
        yield str(tmp_path / "outbox.db"), 0
        return
    with Server(fsync="off") as server:
        yield server.database(), 2


async def test_with_a_server_that_answers_within_a_second(
    place: tuple[str, int], tmp_path: Path
) -> None:
    plan = Plan(
        folder=tmp_path, place=place[0], workers=place[1], messages=48, stops=1,
        least=0.9, most=1.0, quick=10, kinds=1, accounts=1, every=0.2, under_way=12,
    )  # fmt: skip
    report = await stops(plan)
    assert dict(report.finding.states) == {"sent": 48}
    assert report.finding.attempts["interrupted"] == 0
    assert not report.finding.wrongs
    assert not report.complaints
    assert set(report.codes) <= set(IN_ORDER)


async def test_with_one_that_does_not_only_what_is_on_the_wire_is_in_doubt(
    place: tuple[str, int], tmp_path: Path
) -> None:
    plan = Plan(
        folder=tmp_path, place=place[0], workers=place[1], messages=60, stops=1,
        least=90, most=90, quick=10, every=0.3, settings="lane_grace = 0.5",
    )  # fmt: skip
    report, wrong = await standstill(plan)
    states = dict(report.finding.states)
    assert not wrong
    assert set(states) == {"sent", "uncertain", "queued"}
    assert sum(states.values()) == 60
    assert {kind for kind, _ in report.finding.wrongs} == {"not ended"}  # what was given back
    assert report.finding.attempts["interrupted"] == 0
    assert not report.complaints
    assert set(report.codes) == {0}
