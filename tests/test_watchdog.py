"""What the tests have started ends with them, also when they are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests import watchdog

PROGRAM = """
import subprocess, sys
from tests import watchdog
watchdog.start()
print(subprocess.Popen(["sleep", "600"], start_new_session=True).pid, flush=True)
sys.stdin.read()
"""


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_program_of_a_killed_run_is_killed() -> None:
    environment = {name: value for name, value in os.environ.items() if name != watchdog.MARK}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment, cwd=Path(__file__).parent.parent,
    ) as run:  # fmt: skip
        assert run.stdout is not None
        started = int(run.stdout.readline())
        assert alive(started)
        run.send_signal(signal.SIGKILL)
    while alive(started):
        time.sleep(0.05)
