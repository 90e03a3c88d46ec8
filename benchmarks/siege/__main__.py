"""The siege: ``smtps serve`` under every attack at once, honest callers beside; writes siege.md.

scripts/bench siege                    ten minutes on SQLite, then ten on PostgreSQL
scripts/bench siege --minutes 1 --engine sqlite
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from benchmarks.siege.judge import Run, document
from tests.outbox.database import Server

from smtps.config.callers import hash_token, new_token

HERE = Path(__file__).parents[1]
NOTES = HERE / "siege.json"
TABLE = HERE / "siege.md"

CALLERS = 10
WARMING = 20.0
ALONE = 60.0
"""Seconds of the honest callers before the attack, and after it."""

REST = 45.0
"""Seconds between the end of the attack and the last measure: what was begun has to end."""

TICK = os.sysconf("SC_CLK_TCK")


class Processes:
    """What runs, and what each has used of the processors."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.database: Path | None = None

    def start(self, name: str, *command: str, nice: int = 0, **environment: str) -> IO[str]:
        """Start one; its standard error goes to a file of its name."""
        log = self._stack.enter_context((self._folder / f"{name}.log").open("w"))
        process = subprocess.Popen(
            ["/usr/bin/nice", "-n", str(nice), sys.executable, "-W", "ignore", *command],
            stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **environment},
            cwd=HERE.parent,
        )  # fmt: skip
        self.running[name] = process
        self._stack.callback(process.kill)
        assert process.stdout is not None
        return process.stdout

    @property
    def names(self) -> list[str]:
        """Of those that run."""
        return [*self.running, *(["database"] if self.database is not None else [])]

    def used(self, name: str) -> float:
        """Seconds of the processors so far."""
        if name == "database" and self.database is not None:
            parent = int(self.database.read_text().splitlines()[0])
            # The sum of what runs, and of what it has waited for.
            return sum(_used(stat) for stat in Path("/proc").glob("[0-9]*/stat")
                       if _is_of(stat, parent))  # fmt: skip
        return _used(Path(f"/proc/{self.running[name].pid}/stat"))

    def memory(self, name: str) -> float:
        """Resident, MB."""
        status = Path(f"/proc/{self.running[name].pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _fields(stat: Path) -> list[str]:
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return ["Z", "0", *["0"] * 20]


def _used(stat: Path) -> float:
    fields = _fields(stat)
    return (int(fields[11]) + int(fields[12])) / TICK


def _is_of(stat: Path, parent: int) -> bool:
    return stat.parent.name == str(parent) or _fields(stat)[1] == str(parent)


def configured(folder: Path, database: str, box: dict[str, Any], bad: dict[str, int]) -> list[str]:
    """Write the service's settings; the tokens of the honest callers, and of the attackers."""
    (folder / "password").write_text(box["password"])
    tokens = [new_token() for _ in range(CALLERS + 1)]
    lines = [f'outbox = "{database}"', "[tokens]"]
    lines += [f'"caller-{n}" = "{hash_token(token)}"' for n, token in enumerate(tokens)]
    attacker = f"caller-{CALLERS}"
    lines += ["[grants]", f'"{attacker}" = {json.dumps([f"bad-{name}" for name in bad])}']
    for name, port in {"main": box["port"], **{f"bad-{n}": p for n, p in bad.items()}}.items():
        lines += [
            f"[accounts.{name}]", 'host = "127.0.0.1"', f"port = {port}",
            f'username = "{box["username"]}"', f'password_file = "{folder / "password"}"',
            f'ca_file = "{box["ca_file"]}"', "retry = [1, 5, 30]",
        ]  # fmt: skip
    (folder / "smtps.toml").write_text("\n".join(lines) + "\n")
    return tokens


class Memory(threading.Thread):
    """Looks at the service's memory each second."""

    def __init__(self, processes: Processes) -> None:
        super().__init__(daemon=True)
        self._processes = processes
        self.most = 0.0
        self.over = threading.Event()

    def run(self) -> None:
        """Until it is over."""
        while not self.over.wait(1.0):
            self.most = max(self.most, self._processes.memory("service"))


class Siege:
    """One run.

    Args:
        engine: ``sqlite`` or ``postgres``.
        minutes: of the attack.
        stack: ends what is started.
        only: the attacks that are wanted, if not all.
    """

    def __init__(
        self, engine: str, minutes: float, stack: ExitStack, only: Sequence[str] = ()
    ) -> None:
        self._only = list(only)
        self.run = Run(engine, minutes, os.cpu_count() or 1, f"{datetime.now(UTC):%Y-%m-%d}")
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smtps-siege-")))
        self._database = str(self._folder / "mail.db")
        self._processes = Processes(stack, self._folder)
        if engine == "postgres":
            server = stack.enter_context(Server())
            self._database = server.database()
            self._processes.database = server.data / "postmaster.pid"
        self._subjects: list[str] = []
        self._taken = self._folder / "taken"
        self._plan, self._attack = self._folder / "plan.json", self._folder / "attack.json"

    def prepare(self) -> None:
        """Start all but the callers and the attackers."""
        start = self._processes.start
        self._taken.touch()
        box = json.loads(
            start("sandbox", "-m", "benchmarks.siege.box", str(self._taken)).readline()
        )
        identity = str(self._folder / "bad.pem")
        _make_certificate(Path(identity))
        bad = json.loads(
            start("bad", "-m", "benchmarks.siege.servers", identity, nice=5).readline()
        )
        tokens = configured(self._folder, self._database, box, bad)
        ready = start(
            "service", "-m", "smtps", "serve", "--port", "0", "--json", "--config",
            str(self._folder / "smtps.toml"), SSL_CERT_FILE=box["ca_file"],
        )  # fmt: skip
        port = int(json.loads(ready.readline())["url"].rpartition(":")[2])
        plan = {"port": port, "tokens": tokens[:CALLERS], "box": box}
        self._plan.write_text(json.dumps(plan))
        attack = {"port": port, "token": tokens[CALLERS], "servers": bad, "only": self._only}
        self._attack.write_text(json.dumps(attack))

    def honest(self, phase: str, seconds: float) -> None:
        """Let the callers call."""
        processes, run = self._processes, self.run
        before = {name: processes.used(name) for name in processes.names}
        begun = time.monotonic()
        program = ("-m", "benchmarks.siege.callers", str(self._plan), str(seconds))
        out = processes.start("callers", *program)
        found = json.loads(out.readline())
        self._subjects += found.pop("subjects")
        spent = time.monotonic() - begun
        share = {
            name: (processes.used(name) - before.get(name, 0.0)) / spent for name in processes.names
        }
        run.phases[phase] = found | {"share": share, "memory": processes.memory("service")}
        processes.running.pop("callers").wait()
        print(f"{run.engine} {phase}: {run.told(phase)}", flush=True)

    def besiege(self) -> None:
        """Alone, under attack, after."""
        processes, run = self._processes, self.run
        self.honest("warming up", WARMING)
        self.honest("alone", ALONE)
        run.before = processes.memory("service")
        memory = Memory(processes)
        memory.start()
        program = ("-m", "benchmarks.siege.attackers", str(self._attack))
        out = processes.start("attackers", *program, nice=5)
        time.sleep(5)
        self.honest("under attack", run.minutes * 60 - 5)
        processes.running["attackers"].send_signal(signal.SIGTERM)
        run.attacks = json.loads(out.readline())
        processes.running.pop("attackers").wait()
        time.sleep(REST)
        self.honest("after", ALONE)
        memory.over.set()
        run.most, run.after = memory.most, processes.memory("service")
        processes.running["service"].send_signal(signal.SIGTERM)
        run.exit = processes.running["service"].wait(120)

    def judge(self) -> None:
        """Compare, and keep the logs."""
        self.run.judge_mail(self._subjects, self._taken.read_text().splitlines())
        self.run.judge_log((self._folder / "service.log").read_text("utf-8", "replace"))
        for name in ("service", "attackers", "callers"):
            kept = HERE.parent / ".bench" / f"siege-{self.run.engine}-{name}.log"
            kept.write_bytes((self._folder / f"{name}.log").read_bytes())


def _make_certificate(into: Path) -> None:
    """One that nobody trusts."""
    subprocess.run(
        ["/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", str(into), "-out", f"{into}.crt", "-subj", "/CN=x", "-days", "30"],
        check=True, capture_output=True,
    )  # fmt: skip
    into.write_text(into.read_text() + Path(f"{into}.crt").read_text())


def main() -> int:
    """Run, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--engine", choices=["sqlite", "postgres"])
    parser.add_argument("--dry", action="store_true", help="write no file")
    parser.add_argument("--attacks", default="", help="such as bomber,idler; writes no file")
    options = parser.parse_args()
    only = [name for name in options.attacks.split(",") if name]
    (HERE.parent / ".bench").mkdir(exist_ok=True)
    notes: dict[str, Any] = json.loads(NOTES.read_text()) if NOTES.exists() else {}
    missed = 0
    for engine in [options.engine] if options.engine else ["sqlite", "postgres"]:
        with ExitStack() as stack:
            siege = Siege(engine, options.minutes, stack, only)
            siege.prepare()
            siege.besiege()
            siege.judge()
        run = siege.run
        print("\n".join(run.rows()), flush=True)
        missed += len(run.missed())
        notes[engine] = run.as_json()
    if not options.dry and not only:
        NOTES.write_text(json.dumps(notes, indent=1) + "\n")
        TABLE.write_text(document(notes), "utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
