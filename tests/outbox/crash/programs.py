"""The service and its workers as they are run, each in a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path


def free_port() -> int:
    """One that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


NURSERY = multiprocessing.get_context("forkserver")
"""Has everything imported, so that a new process works at once: what is tested is not the time
that Python needs to start, and a process that still starts holds nothing that could be lost."""

NURSERY.set_forkserver_preload(["tests.outbox.crash.preload"])


@dataclass
class Program:
    """A process that is started again when it was killed.

    Attributes:
        arguments: of ``smtps``.
        log: what it says.
    """

    arguments: list[str]
    log: Path
    _process: BaseProcess | None = field(default=None, repr=False)
    _from: int = 0

    def start(self) -> None:
        """Start it; it is not waited for."""
        with self.log.open("ab") as log:
            self._from = log.tell()
        self._process = NURSERY.Process(target=_run, args=(self.arguments, self.log))
        self._process.start()

    @property
    def ended(self) -> int | None:
        """Its exit code, if it has ended by itself."""
        return None if self._process is None else self._process.exitcode

    @property
    def ready(self) -> bool:
        """Whether it says that it works, since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self._from)
            return any(line.startswith((b"Serving", b"Sending")) for line in log)

    def kill(self) -> None:
        """``kill -9``."""
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def stop(self) -> bool:
        """Have it end in good order; whether it did."""
        return self._process is None or self.end(30) == 0

    def end(self, patience: float) -> int:
        """Have it end in good order, or by force after so many seconds; its exit code."""
        assert self._process is not None
        self._process.terminate()
        self._process.join(patience)
        if self._process.exitcode is None:
            self.kill()
        return self._process.exitcode or 0


def _run(arguments: list[str], log: Path) -> None:
    """In the new process: what the shell's command does."""
    from smtps.main import main  # noqa: PLC0415

    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in (1, 2):
        os.dup2(file, number)
    sys.exit(main(arguments))


def complaints(logs: list[Path]) -> list[str]:
    """Lines that no crash should lead to: the last one of each traceback."""
    found = []
    for log in logs:
        inside = False
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("Traceback"):
                inside = True
            elif inside and line and not line[0].isspace():
                found.append(f"{log.name}: {line}")
                inside = False
    return found


EARLY = 0.1
"""So often one is killed while it still starts."""

SLOWEST = 60.0
"""Seconds until one that was started has to work."""


async def kill_at_random(
    programs: list[Program], kills: int, every: float, seed: int, killed: Callable[[], None]
) -> int:
    """Kill one after the other at random moments of its work, each at once started anew.

    Args:
        programs: which.
        kills: how many times.
        every: seconds between the work of one and its end, on average.
        seed: of chance.
        killed: told of each.

    Returns:
        How many had ended by themselves.
    """
    chance = random.Random(seed)
    ended = 0
    for _ in range(kills):
        victim = chance.choice(programs)
        if chance.random() > EARLY:
            await until_ready([victim])
        await asyncio.sleep(chance.uniform(0, 2 * every))
        ended += victim.ended is not None
        victim.kill()
        victim.start()
        killed()
    return ended


async def until_ready(programs: list[Program]) -> None:
    """Wait until all of them work.

    Raises:
        TimeoutError: one does not.
    """
    async with asyncio.timeout(SLOWEST):
        while not all(program.ready for program in programs):
            await asyncio.sleep(0.02)
