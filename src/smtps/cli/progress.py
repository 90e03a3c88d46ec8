"""A progress line at the terminal, for one slow server or for a batch."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from smtps.cli import exits

if TYPE_CHECKING:
    from smtps.checks.facts import AddressFacts

Found = TypeVar("Found")

AFTER = 2.0
"""Seconds of silence that are normal."""


class Stage:
    """What a check is waiting for, from the phases that end.

    Args:
        security: how TLS begins.
        most: seconds for everything.
    """

    def __init__(self, security: str, most: float) -> None:
        self._next = _NEXT[security]
        self._most = most
        self._what = "the connection"

    def note(self, seen: AddressFacts, phase: str) -> None:
        """A phase has ended."""
        failed = seen.failure is not None
        self._what = "further connections" if failed else self._next.get(phase, "the end")

    def words(self, server: str, seconds: float) -> str:
        """For a line of so many seconds."""
        return f"waiting for {server}: {self._what}, {seconds:.0f} of at most {self._most:.0f} s"


_NEXT = {
    "implicit": {"tcp": "the TLS handshake", "tls": "the greeting", "greeting": "EHLO"},
    "starttls": {"tcp": "the greeting", "greeting": "EHLO", "ehlo": "STARTTLS", "tls": "EHLO"},
}
"""The phase that ended → what comes next."""


async def waiting_for(
    server: str, work: Awaitable[Found], *, show: bool = True, stage: Stage | None = None
) -> Found:
    """Do the work, and show on standard error meanwhile who is waited for.

    Args:
        server: who.
        work: what.
        show: whether to show it; only a terminal is shown anything.
        stage: what for, where that is known.
    """
    if not show or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return await work
    line = asyncio.create_task(_line(server, stage))
    try:
        return await work
    finally:
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)


async def _line(server: str, stage: Stage | None) -> None:
    began = time.monotonic()
    await asyncio.sleep(AFTER)
    try:
        while True:
            spent = time.monotonic() - began
            words = f"waiting for {server}, {spent:.0f} s"
            if stage is not None:
                words = stage.words(server, spent)
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            sys.stderr.write(f"\r\x1b[K{words[: columns - 1]}")  # a second line would stay
            sys.stderr.flush()
            await asyncio.sleep(1.0)
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


@dataclass(slots=True)
class Tally:
    """The results so far.

    Attributes:
        verdicts: how many of each.
        total: how many there will be; None if unknown.
        worst: exit code.
    """

    total: int | None = None
    verdicts: Counter[str] = field(default_factory=Counter)
    worst: int = exits.OK

    def add(self, verdict: str) -> None:
        """Count one."""
        self.verdicts[verdict] += 1
        self.mind(verdict)

    def mind(self, verdict: str) -> None:
        """Let a result of an earlier run count for the exit code."""
        self.worst = max(self.worst, exits.CHECK.get(verdict, exits.OK), key=exits.SEVERITY.index)

    @property
    def done(self) -> int:
        """How many there are."""
        return self.verdicts.total()

    def __str__(self) -> str:
        """Such as ``120 work, 3 with warnings, 7 do not``."""
        return ", ".join(f"{self.verdicts[name]:,} {words}" for name, words in _WORDS.items()
                         if self.verdicts[name]) or "none yet"  # fmt: skip


_WORDS = {
    "works": "work",
    "warnings": "with warnings",
    "fails": "do not work",
    "later": "to retry later",
    "unknown": "undetermined",
}


class Count(Protocol):
    """What a bar shows: how many of how many, and some words."""

    total: int | None

    @property
    def done(self) -> int:
        """How many there are."""
        ...


Show = Callable[[Count], None]


def progress_wanted(choice: bool | None, *, several: bool) -> bool:
    """Whether to show a bar: as the user says, else at a terminal if there is much to wait for."""
    return several and sys.stderr.isatty() if choice is None else choice


@contextmanager
def progress_bar(tally: Count, *, show: bool) -> Iterator[Show]:
    """A bar on standard error with rate, remaining time and counts, for the length of the block."""
    if not show:
        yield lambda _tally: None
        return
    from rich.console import Console  # noqa: PLC0415  # late: 60 ms, and a pipe needs none of it
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, force_terminal=True)
    columns = (
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[tally]}"),
    )
    # What goes to the same terminal by standard output is printed above the bar.
    redirect = sys.stdout.isatty()
    with Progress(
        *columns, console=console, redirect_stdout=redirect, redirect_stderr=True,
        refresh_per_second=4,
    ) as progress:  # fmt: skip
        task = progress.add_task("", total=tally.total, rate="", tally="")

        def update(tally: Count) -> None:
            speed = progress.tasks[0].finished_speed or progress.tasks[0].speed
            rate = f"{speed:.0f}/s" if speed else ""
            progress.update(task, completed=tally.done, rate=rate, tally=str(tally))

        yield update
