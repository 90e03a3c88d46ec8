"""What a situation is set up with: the test network, authorities, names and real software."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from .authority import Files, Identity, Trust, Wish, certify, write
from .nameserver import Zone
from .network import MAIL, NAME_SERVER, Network

ROOT = Path(__file__).parents[2]
HOST = "mail.example.com"
START_TIMEOUT = 20.0
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Lab:
    """One situation's servers, as long as the context is entered.

    Attributes:
        directory: under /tmp, open to the servers' own users, as socket paths must be short.
        zone: what DNS says; may be changed until ``open_for_clients``.
        trust: the authorities; the root is the one that the client's machine trusts.
        trusted: certificates in the client's trust store.
    """

    def __init__(self, **network: Any) -> None:
        self.network = Network(**network)
        self.zone: Zone = {HOST: {"A": [MAIL]}}
        self.resolves = True
        self.trust = Trust()
        self.trusted: list[Identity] = [self.trust.root]
        self.directory = Path()
        self._logs = 0
        self._programs: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="field-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.network.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_all()
        for program in self._programs:
            if program.stdin:
                program.stdin.close()
            program.wait()
        self.network.__exit__()
        shutil.rmtree(self.directory, ignore_errors=True)

    def certificate(
        self,
        *names: str,
        issuer: Identity | None = None,
        behind: tuple[Identity, ...] | None = None,
        file: str = "server",
        **wishes: Any,
    ) -> Files:
        """Files of a certificate that is as it should be but for the wishes."""
        wanted = names or (HOST,)
        leaf = certify(
            Wish(**{"subject": wanted[0], "names": wanted, **wishes}), issuer or self.trust.issuer
        )
        chain = (self.trust.issuer,) if behind is None else behind
        return write(self.directory, leaf, *chain, name=file)

    def file(self, name: str, text: str | bytes) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def spawn(self, *command: str | Path, **environment: str) -> None:
        """Run a program where the servers are, until the end."""
        self._logs += 1
        log = self.directory / f"{Path(command[0]).name}-{self._logs}.log"
        with log.open("ab") as out:
            program = subprocess.Popen(
                ["ip", "netns", "exec", self.network.there, *map(str, command)],
                stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True,
                cwd=self.directory,
                env={"PATH": PATH, "HOME": str(self.directory), **environment},
            )  # fmt: skip
        self._programs.append(program)

    def program(self, *command: str | Path) -> None:
        """Run a program where the servers are and wait for its end."""
        full = ["ip", "netns", "exec", self.network.there, *map(str, command)]
        done = subprocess.run(full, check=False, capture_output=True, text=True, cwd=self.directory)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")

    def device(self, kind: str, port: int, *options: str, address: str = MAIL) -> None:
        """Put a device of ours at an address and port."""
        self.spawn(sys.executable, "-m", "tests.field.devices", kind, f"{address}:{port}",
                   *options, PYTHONPATH=str(ROOT))  # fmt: skip
        self.listening(port)

    def listening(self, *ports: int) -> None:
        """Wait until something listens on each."""
        deadline = time.monotonic() + START_TIMEOUT
        for port in ports:
            while not self._listens(port):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"nothing listens on port {port}\n{self.logs()}")
                time.sleep(0.03)

    def _listens(self, port: int, protocol: str = "t") -> bool:
        command = ["ip", "netns", "exec", self.network.there, "ss", f"-Hln{protocol}",
                   f"sport = :{port}"]  # fmt: skip
        return bool(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def open_for_clients(self) -> None:
        """Start DNS and write the client's trust store: everything else is set up."""
        self.answer()
        self.file("roots.pem", b"".join(each.pem for each in self.trusted))

    def answer(self) -> None:
        """Start DNS; servers that ask while they start want it before the client comes."""
        if self.resolves:
            self.resolves = False
            zone = self.file("zone.json", json.dumps(self.zone))
            self.spawn(sys.executable, "-m", "tests.field.nameserver", zone, NAME_SERVER,
                       PYTHONPATH=str(ROOT))  # fmt: skip
            self.listening(53)

    @property
    def environment(self) -> dict[str, str]:
        """For a client's process: the trust store, and nothing of the machine's own settings."""
        return {
            "PATH": PATH,
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "SSL_CERT_FILE": str(self.directory / "roots.pem"),
            "SSL_CERT_DIR": str(self.directory / "no-such-folder"),
        }

    def client(
        self, command: list[str], timeout: float, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a client's program here.

        Raises:
            TimeoutExpired: it took longer.
        """
        full = ["ip", "netns", "exec", self.network.here, *command]
        with subprocess.Popen(
            full, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", env=self.environment | environment, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                out, err = process.communicate("EHLO client.example.net\nQUIT\n", timeout)
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def logs(self) -> str:
        """What the programs said."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}"
            for path in sorted(self.directory.glob("*.log"))
        )

    def _end_all(self) -> None:
        """End every process of both namespaces, and no other; they have two seconds for it."""
        for number, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 1.0)):
            for pid in self._pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + patience
            while self._pids() and time.monotonic() < deadline:
                time.sleep(0.05)

    def _pids(self) -> list[int]:
        return [pid for side in (self.network.here, self.network.there) for pid in _pids(side)]


def _pids(namespace: str) -> list[int]:
    done = subprocess.run(
        ["ip", "netns", "pids", namespace], check=False, capture_output=True, text=True
    )
    return [int(word) for word in done.stdout.split()]
