"""Runs the checks of ``smtps check``, one or a hundred thousand, until done or interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from smtps.cli import exits, output, progress
from smtps.cli.progress import Show, Tally
from smtps.cli.results import Results
from smtps.cli.waiting import stop_signals
from smtps.diagnosis.batch import CheckOne, check_many
from smtps.diagnosis.formats import Writer
from smtps.options import Security


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What to do.

    Attributes:
        targets: to check.
        check_one: how.
        writer, results: in which form to write, and where to.
        jobs, spacing, security: see ``check_many``.
        tally: counts.
        show_progress: whether to draw a bar.
        how_to_go_on: what to tell whoever interrupts; empty for nothing.
    """

    targets: AsyncIterable[str] | Iterable[str]
    check_one: CheckOne
    writer: Writer
    results: Results
    jobs: int
    spacing: float
    security: Security | None
    tally: Tally
    show_progress: bool = False
    how_to_go_on: str = ""


async def run(batch: Batch) -> int:
    """Check all targets and write the results; on SIGINT or SIGTERM end with what there is.

    Returns:
        The exit code: that of the worst verdict, or 130.
    """
    with progress.bar(batch.tally, show=batch.show_progress) as show, stop_signals() as stop:
        if batch.results.fresh:
            batch.results.write(batch.writer.begin())
        checking = asyncio.create_task(_check(batch, show))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((checking, stopping), return_when=asyncio.FIRST_COMPLETED)
            interrupted = not checking.done()
            if not interrupted:
                checking.result()
        finally:
            for task in (checking, stopping):
                task.cancel()
            await asyncio.gather(checking, stopping, return_exceptions=True)
        batch.results.write(batch.writer.end())
        batch.results.complete()
    if interrupted and batch.how_to_go_on:
        output.complain(f"interrupted: {_how_far(batch.tally)}. {batch.how_to_go_on}")
    return exits.INTERRUPTED if interrupted else batch.tally.worst


async def _check(batch: Batch, show: Show) -> None:
    async with aclosing(
        check_many(
            batch.targets,
            batch.check_one,
            jobs=batch.jobs,
            spacing=batch.spacing,
            security=batch.security,
        )
    ) as reports:
        async for report in reports:
            batch.results.write(batch.writer.one(report))
            batch.tally.add(report.verdict.value)
            show(batch.tally)


def _how_far(tally: Tally) -> str:
    of = "" if tally.total is None else f" of {tally.total:,}"
    return f"{tally.done:,}{of} targets are done ({tally})"
