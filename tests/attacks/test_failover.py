"""A PostgreSQL that fails over under load: nothing is lost, and what was confirmed is written.

The same again and again, and with other ends: ``scripts/bench failover``.
"""

from __future__ import annotations

from pathlib import Path

from tests.outbox.failover.run import Plan, failovers

MESSAGES = 300


async def test_three_workers_and_a_primary_that_is_replaced(tmp_path: Path) -> None:
    plan = Plan(folder=tmp_path, messages=MESSAGES, rounds=1, phase=1.5, accounts=6, slack=60)
    report = await failovers(plan)
    assert not report.wrongs
    assert not report.unwritten
    assert not report.twice
    assert not report.refused
    assert not report.complaints
    assert {one for found in report.findings.values() for one in found.states} == {"sent"}
    assert report.total(lambda found: found.accepted) == MESSAGES
    assert {name for name, seen in report.phases.items() if seen[True]} == {
        "one primary", "read-only", "gone", "another primary"
    }  # fmt: skip
