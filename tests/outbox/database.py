"""A real PostgreSQL server for the length of a test run, on a socket of its own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self
from urllib.parse import quote

ROOT = Path("/usr/lib/postgresql")
"""Where Debian has its servers, one folder for each version."""


class Server:
    """Starts and stops it, and makes databases.

    Args:
        settings: for postgresql.conf, beyond those that a test needs.
    """

    def __init__(self, **settings: str) -> None:
        programs = sorted(ROOT.glob("*/bin/postgres"))
        assert programs, "there is no PostgreSQL server: apt-get install postgresql"
        self._programs = programs[-1].parent
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="smtps-pg-"))

    def __enter__(self) -> Self:
        if os.geteuid() == 0:  # which the server refuses to be
            owner = pwd.getpwnam("postgres")
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        self._folder.chmod(0o700 if os.geteuid() else 0o755)
        self._call("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(
                f"unix_socket_directories = '{self._folder}'\nlisten_addresses = ''\n"
                "max_connections = 200\n"
            )
            for name, value in self._settings.items():
                file.write(f"{name} = '{value}'\n")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
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
        self._call("createdb", "-h", self._folder, "-U", "postgres", name)
        return f"postgresql://postgres@/{name}?host={quote(str(self._folder))}"

    def _call(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]
        # The server keeps what pg_ctl gave it open, so nobody may wait for the end of that.
        output = subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            text=True, check=False, cwd="/",
        )  # fmt: skip
        assert done.returncode == 0, f"{program}: {done.stdout}"
