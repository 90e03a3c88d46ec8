"""What every real server of the tests has in common: a folder, processes, an end."""

import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import smtps

from .pki import make_pki

DOMAIN = "example.test"
FETCHED = Path(__file__).parents[2] / ".peers"  # by scripts/peers
START_TIMEOUT = 15.0
STOP_TIMEOUT = 2.0


@dataclass(frozen=True)
class Taken:
    """A message that a server took, as its own files have it.

    Attributes:
        recipients: for whom, in no particular order.
        data: the message, with the fields that the server added.
    """

    recipients: tuple[str, ...]
    data: bytes


class Server(ABC):
    """A server, running while the context is entered.

    Its log and certificates are in `directory`. The rest is in a directory under /tmp that goes
    with it: socket paths are limited to 108 bytes, and the servers' users must be able to enter
    every directory above.
    """

    name: str
    host = "127.0.0.1"
    username = f"tester@{DOMAIN}"
    password = "corr3ct horse battery"
    start_timeout = START_TIMEOUT

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        pki = make_pki(directory)
        self.ca_file, self.cert_file, self.key_file = pki.ca_file, pki.cert_file, pki.key_file
        self.tls_port = self.starttls_port = 0
        self._run: Path | None = None
        self._servers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # What differs.

    @abstractmethod
    def begin(self, run: Path) -> None:
        """Configure in `run`, spawn, and wait until all ports greet."""

    @abstractmethod
    def taken(self) -> list[Taken]:
        """What the server has accepted, read from its own files."""

    @abstractmethod
    def clear(self) -> None:
        """Delete what was accepted."""

    @abstractmethod
    def refused(self, number: int) -> str:
        """An address that this server refuses, by a rule of its own; a different one for each."""

    @abstractmethod
    def version(self) -> str:
        """Its name and version."""

    def require(self) -> None:
        """Raise RuntimeError if something of this server is missing on this machine."""
        if os.geteuid() != 0:
            raise RuntimeError(f"{self.name} must be started by root")

    # What does not.

    def endpoint(self, security: str = "implicit", **options: Any) -> smtps.Endpoint:
        """How to reach it, with the account that it knows."""
        port = self.tls_port if security == "implicit" else self.starttls_port
        options = {"username": self.username, "password": self.password, **options}
        return smtps.Endpoint(self.host, port, security=security, ca_file=self.ca_file, **options)  # type: ignore[arg-type]

    def start(self) -> None:
        self.require()
        for attempts_left in (2, 1, 0):
            try:
                self._run = Path(tempfile.mkdtemp(prefix="mail-", dir="/tmp"))
                self._run.chmod(0o755)
                self.begin(self._run)
            except BaseException as error:
                self.stop()
                # Another process may take a port between our choice and the server's bind.
                taken = isinstance(error, RuntimeError) and "in use" in str(error)
                if not (taken and attempts_left):
                    raise
            else:
                return

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for server in self._servers:
                with suppress(ProcessLookupError):
                    os.killpg(server.pid, number)
            deadline = time.monotonic() + STOP_TIMEOUT
            while any(lives(server.pid) for server in self._servers):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.01)
        for server in self._servers:
            server.wait()  # only now can its number be another's
        self._servers.clear()
        if self._run is not None:
            shutil.rmtree(self._run)
            self._run = None

    @property
    def run(self) -> Path:
        """Its folder."""
        if self._run is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._run

    def log(self, limit: int | None = None) -> str:
        """Its logs, each under its name: all of them, or the last characters."""
        text = ""
        for path in sorted(self.directory.glob("*.log")):
            log = path.read_text(errors="replace")
            text += f"--- {path.name}\n{log[-limit:] if limit else log}"
        return text

    def spawn(self, name: str, *command: str | Path, **environment: str) -> None:
        """Start a process of the server; what it prints goes to the log of that name."""
        with (self.directory / f"{name}.log").open("ab") as log:
            self._servers.append(
                subprocess.Popen(
                    command,
                    env=os.environ | environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.run,
                    start_new_session=True,  # so that stop() reaches every descendant
                )
            )

    def wait_until_it_greets(self) -> None:
        """With TLS and without; RuntimeError with the log if it does not."""
        deadline = time.monotonic() + self.start_timeout
        for port, implicit in ((self.tls_port, True), (self.starttls_port, False)):
            while not self.greets(port, implicit=implicit):
                self.check_start(deadline)

    def greets(self, port: int, *, implicit: bool) -> bool:
        try:
            if implicit:
                context = ssl.create_default_context(cafile=str(self.ca_file))
                smtplib.SMTP_SSL(self.host, port, timeout=3, context=context).quit()
            else:
                smtplib.SMTP(self.host, port, timeout=3).quit()
        except (OSError, smtplib.SMTPException):
            return False
        return True

    def check_start(self, deadline: float) -> None:
        """Wait a moment; RuntimeError if a process ended or the time is over."""
        ended = [server.args for server in self._servers if server.poll() is not None]
        if ended or time.monotonic() > deadline:
            reason = f"{ended} ended" if ended else f"no answer after {self.start_timeout:g} s"
            raise RuntimeError(f"{self.name} did not start: {reason}\n{self.log(4000)}")
        time.sleep(0.02)


def fetched(path: str) -> Path:
    """A file of those that scripts/peers fetches."""
    found = FETCHED / path
    if not found.exists():
        raise RuntimeError(f"{found} is missing: run scripts/peers")
    return found


def debian_version(unpacked: str, package: str) -> str:
    """Of a package that scripts/peers has unpacked."""
    lines = fetched(f"debian/{unpacked}/versions").read_text().splitlines()
    return dict(line.split("\t") for line in lines)[package]


def libraries(root: Path) -> str:
    """Where unpacked programs find what was unpacked with them."""
    return ":".join(str(path) for path in sorted(root.glob("usr/lib/*-linux-gnu")))


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def lives(group: int) -> bool:
    """Whether a process of the group still runs; one that init has yet to reap does not."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            state, _parent, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False
