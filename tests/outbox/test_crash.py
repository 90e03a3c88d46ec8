"""``kill -9`` at random moments loses nothing and doubles nothing that is not said to be in doubt.

The same at full size: ``python -m benchmarks.outbox_crash``.
"""

from __future__ import annotations

from pathlib import Path

from tests.outbox.crash.run import Plan, Report, crash
from tests.outbox.database import Server

MESSAGES, KILLS = 300, 6


def check(report: Report) -> None:
    assert not report.wrongs
    assert not report.refused
    assert not report.complaints
    assert not report.ended
    assert sum(one.accepted for one in report.findings.values()) == MESSAGES
    assert any(one.attempts["interrupted"] for one in report.findings.values()), "no kill hit"
    assert set(report.findings["hold"].states) <= {"sent", "uncertain"}
    assert set(report.findings["retry"].states) == {"sent"}


async def test_the_service_with_a_file_of_its_own(tmp_path: Path) -> None:
    place = str(tmp_path / "outbox.db")
    plan = Plan(
        folder=tmp_path, place=place, messages=MESSAGES, kills=KILLS, every=0.5, accounts=12
    )
    check(await crash(plan))


async def test_a_service_and_three_workers_on_postgresql(tmp_path: Path) -> None:
    with Server() as server:
        plan = Plan(
            folder=tmp_path, place=server.database(), messages=MESSAGES, kills=KILLS, workers=3,
            every=0.5, accounts=12,
        )  # fmt: skip
        check(await crash(plan))
