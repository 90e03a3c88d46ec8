"""``kill -9`` at random moments loses nothing and doubles nothing that is not said to be in doubt.

The same at full size: ``python -m benchmarks.outbox_crash``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.outbox.crash.run import Plan, crash
from tests.outbox.database import Server

MESSAGES, KILLS = 300, 6


async def ordeal(tmp_path: Path, place_in: Callable[[Path], str], workers: int = 0) -> None:
    """Kill until one at least has hit a message on its way; on a busy machine not each run does."""
    for seed in range(1, 9):
        folder = tmp_path / str(seed)
        folder.mkdir()
        plan = Plan(
            folder=folder, place=place_in(folder), messages=MESSAGES, kills=KILLS, workers=workers,
            every=0.5, accounts=12, seed=seed,
        )  # fmt: skip
        report = await crash(plan)
        assert not report.wrongs
        assert not report.refused
        assert not report.complaints
        assert not report.ended
        assert sum(one.accepted for one in report.findings.values()) == MESSAGES
        assert set(report.findings["hold"].states) <= {"sent", "uncertain"}
        assert set(report.findings["retry"].states) == {"sent"}
        if any(one.attempts["interrupted"] for one in report.findings.values()):
            return
    raise AssertionError("no kill hit")


async def test_the_service_with_a_file_of_its_own(tmp_path: Path) -> None:
    await ordeal(tmp_path, lambda folder: str(folder / "outbox.db"))


async def test_a_service_and_three_workers_on_postgresql(tmp_path: Path) -> None:
    with Server() as server:
        await ordeal(tmp_path, lambda _: server.database(), workers=3)
