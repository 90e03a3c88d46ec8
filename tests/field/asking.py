"""Asking a program about a situation: ours, of any checkout, and others."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .lab import Lab
from .situation import Situation

LIMIT = 150.0
"""Seconds for one answer."""


@dataclass(frozen=True)
class Answer:
    """What ``smtps check --json`` said.

    Attributes:
        report: the object, or None where there was none.
        seconds: how long it took.
        trouble: what was said in place of a report.
    """

    report: dict[str, Any] | None
    seconds: float
    trouble: str = ""


def ask(situation: Situation, lab: Lab, checkout: Path) -> Answer:
    """What the checkout's program says of the situation, which is set up."""
    command = [
        *situation.runs, str(checkout / ".venv/bin/python"), "-m", "smtps", "check",
        situation.target, "--json", *(each.format(lab=lab.directory) for each in situation.options),
    ]  # fmt: skip
    start = time.monotonic()
    try:
        done = lab.client(command, LIMIT, **situation.environment)
    except subprocess.TimeoutExpired:
        return Answer(None, time.monotonic() - start, f"no answer within {LIMIT:g} s")
    seconds = time.monotonic() - start
    try:
        return Answer(json.loads(done.stdout), seconds)
    except ValueError:
        return Answer(None, seconds, (done.stdout + done.stderr)[-600:])


def try_out(situation: Situation, *checkouts: Path) -> list[Answer]:
    """Set the situation up and ask each checkout in turn.

    Raises:
        RuntimeError: it could not be set up.
    """
    with Lab(**situation.network) as lab:
        situation.build(lab)
        lab.open_for_clients()
        return [ask(situation, lab, checkout) for checkout in checkouts]
