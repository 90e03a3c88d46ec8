"""Runs the checks of ``smtps check``, one or a hundred thousand, until done or interrupted.

With ``--against`` it shows what has changed since earlier reports.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from smtps.checks.batch import CheckOne, check_many
from smtps.checks.report import Report
from smtps.cli import exits, output, progress
from smtps.cli.progress import Show, Tally
from smtps.cli.results import Results
from smtps.cli.running import stop_signals
from smtps.endpoint import Security
from smtps.errors import InputError
from smtps.report.difference import Baseline
from smtps.report.formats import Simple, Writer

FORMS = ("text", "json", "ndjson")


class Changes(Simple):
    """Writes the changes at each target as text, or as a JSON object to a line.

    Args:
        baseline: the earlier reports.
        form: one of FORMS.

    Raises:
        InputError: the form has no place for changes.
    """

    def __init__(self, baseline: Baseline, form: str) -> None:
        super().__init__()
        if form not in FORMS:
            raise InputError("against", f"requires --output {', '.join(FORMS)} only")
        self._baseline = baseline
        self._form = form

    def one(self, report: Report) -> str:
        """What changed at a target."""
        found = self._baseline.compare(report.as_json())
        if self._form == "text":
            return "\n".join(found.lines()) + "\n"
        return json.dumps(found.as_json(), ensure_ascii=False) + "\n"


def read_baseline(file: str) -> Baseline:
    """The earlier reports in a file.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    try:
        return Baseline.read(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("against", f"{file} cannot be read: {error.strerror}") from error
    except UnicodeError as error:
        raise InputError("against", f"{file} is not text in UTF-8") from error


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
        how_to_go_on: what to tell whoever interrupts a run of several targets; empty for one.
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
    with (
        progress.progress_bar(batch.tally, show=batch.show_progress) as show,
        stop_signals() as stop,
    ):
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
    elif batch.how_to_go_on:
        output.complain(f"{_all(batch.tally)} ({batch.tally})")
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


def _all(tally: Tally) -> str:
    return f"{tally.done:,} target{' is' if tally.done == 1 else 's are'} done"


def _how_far(tally: Tally) -> str:
    of = "" if tally.total is None else f" of {tally.total:,}"
    return f"{tally.done:,}{of} targets are done ({tally})"
