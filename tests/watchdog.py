"""Ends what the tests have started, should they themselves be killed.

Each program that a test starts inherits a mark in its environment. A process beside the tests holds
one end of a pipe, and learns from its end that they are gone, however they went; then it kills
whatever carries the mark. It reads /proc, so it does this on Linux only.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from pathlib import Path

MARK = "SMTPS_TESTS"
GRACE = 2.0
"""Seconds in which programs may end by themselves, as those that pytest has ended in order do."""


def start() -> None:
    """Start it, once for all processes of a run."""
    if MARK in os.environ or not Path("/proc/self/environ").exists():
        return
    mark = uuid.uuid4().hex
    ours, theirs = os.pipe()
    # Not by subprocess, which would complain at the end that it is still running.
    os.posix_spawn(
        sys.executable, [sys.executable, __file__, mark], os.environ, setpgroup=0,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, ours, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
    )  # fmt: skip
    os.close(ours)
    os.environ[MARK] = mark
    globals()["_held"] = theirs  # until this process ends


def marked(mark: str) -> list[int]:
    """The processes that carry a mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            entries = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"{MARK}={mark}".encode() in entries:
            found.append(int(folder.name))
    return found


def main() -> None:
    """Wait for the end of the tests, then kill what is left of them."""
    sys.stdin.read()
    time.sleep(GRACE)
    for process in marked(sys.argv[1]):
        try:
            os.kill(process, signal.SIGKILL)
        except OSError:
            continue


if __name__ == "__main__":
    main()
