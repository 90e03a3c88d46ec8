"""A real PostgreSQL server for the length of a test run, on a socket of its own or on loopback."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote

ROOT = Path("/usr/lib/postgresql")
"""Where Debian has its servers, one folder for each version."""


def free_port() -> int:
    """One on loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """Starts and stops it, and makes databases.

    Args:
        port: on loopback; None for a socket in its folder and nothing else.
        settings: for postgresql.conf, beyond those that a test needs.

    Attributes:
        variables: of the environment of what is started from now on.
    """

    def __init__(self, port: int | None = None, **settings: str) -> None:
        programs = sorted(ROOT.glob("*/bin/postgres"))
        assert programs, "there is no PostgreSQL server: apt-get install postgresql"
        self._programs = programs[-1].parent
        self._settings = settings
        self.variables: dict[str, str] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="smtps-pg-"))
        self.port = port

    def __enter__(self) -> Self:
        self._own_folder()
        self._call("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8")
        self._configure(self._settings)
        self.start()
        return self

    def _own_folder(self) -> None:
        if os.geteuid() == 0:  # which the server refuses to be
            owner = pwd.getpwnam("postgres")
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        self._folder.chmod(0o700 if os.geteuid() else 0o755)

    def _configure(self, settings: dict[str, str]) -> None:
        own = {
            "unix_socket_directories": str(self._folder),
            "listen_addresses": "127.0.0.1" if self.port else "",
            "max_connections": "200",
            **({"port": str(self.port)} if self.port else {}),
        }
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in (own | settings).items())

    def __exit__(self, *_: object) -> None:
        self.signal(signal.SIGCONT)
        if self.pids():
            self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        """Where it keeps everything."""
        return self._folder / "data"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._call("pg_ctl", "-D", self.data, "-w", "-l", self._folder / "log", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``immediate`` is as if the power had gone."""
        self._call("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{secrets.token_hex(6)}"
        self._call("createdb", *self._where(), "-U", "postgres", name)
        if self.port:
            return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"
        return f"postgresql://postgres@/{name}?host={quote(str(self._folder))}"

    def sql(self, statement: str) -> None:
        """Have it do something, as its owner."""
        self._call("psql", *self._where(), "-U", "postgres", "-d", "postgres", "-qc", statement)

    def dump(self, url: str) -> str:
        """A database as plain SQL."""
        name = url.partition("?")[0].rpartition("/")[2]
        return self._call(
            "pg_dump", *self._where(), "-U", "postgres", "--inserts", "--no-owner",
            "--no-privileges", name,
        )  # fmt: skip

    def restore(self, url: str, dump: str) -> None:
        """Fill an empty database."""
        name = url.partition("?")[0].rpartition("/")[2]
        self._call(
            "psql", *self._where(), "-U", "postgres", "-d", name, "-q", "-v", "ON_ERROR_STOP=1",
            "-o", "/dev/null", text=dump,
        )  # fmt: skip

    def read_only(self, *, on: bool = True) -> None:
        """Take nothing more, as a primary does that has been replaced; sessions stay open."""
        self.sql(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}")
        self.sql("SELECT pg_reload_conf()")

    def standby(self, port: int) -> Server:
        """A running copy that follows it."""
        copy = Server(port, **self._settings)
        copy._own_folder()
        self._call(
            "pg_basebackup", *self._where(), "-U", "postgres", "-D", copy.data, "-R",
            "-X", "stream", "-c", "fast",
        )  # fmt: skip
        copy._configure(self._settings)
        copy.start()
        return copy

    def synchronous(self) -> None:
        """Have every commit confirmed by a standby, too."""
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.sql("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Of a standby: be the primary."""
        self._call("pg_ctl", "-D", self.data, "-w", "promote")

    def pids(self) -> list[int]:
        """Its processes, the one that makes the others first; none when it does not run."""
        try:
            first = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, IndexError, ValueError):
            return []
        found = [first] if Path(f"/proc/{first}").exists() else []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == first:
                found.append(int(folder.name))
        return found

    def signal(self, number: signal.Signals) -> None:
        """Send it to all of its processes: ``SIGSTOP`` is a machine that hangs."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """``kill -9`` of all of it."""
        pids = self.pids()
        self.signal(signal.SIGKILL)
        while any(Path(f"/proc/{pid}").exists() for pid in pids):
            time.sleep(0.01)

    def _where(self) -> tuple[object, ...]:
        return ("-h", self._folder, *(("-p", self.port) if self.port else ()))

    def _call(self, program: str, *arguments: object, text: str = "") -> str:
        command = [str(self._programs / program), *map(str, arguments)]
        if self.variables:
            command = [
                "env",
                *(f"{name}={value}" for name, value in self.variables.items()),
                *command,
            ]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]
        # The server keeps what pg_ctl gave it open, so nobody may wait for the end of that.
        output = subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE
        done = subprocess.run(
            command, input=text, stdout=output, stderr=subprocess.STDOUT, text=True, check=False,
            cwd="/",
        )  # fmt: skip
        assert done.returncode == 0, f"{program}: {done.stdout}"
        return done.stdout or ""
