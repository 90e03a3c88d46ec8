"""A service with a sandbox, to which the requests of the documents are sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx

DOCUMENTED = "http://127.0.0.1:8465"
HOST = "smtp.example.com"
PROXIED = "mailcheck.example.com"


@dataclass(frozen=True, slots=True)
class Service:
    """Where it is, and the account of its healthy mail server."""

    url: str
    host: str
    port: int
    username: str
    password: str
    ca_file: str

    def here(self, word: str) -> str:
        """A word of a request, with this service and its mail server instead of the documented."""
        at = f"{self.host}:{self.port}"
        for old, new in {
            DOCUMENTED: self.url,
            f"?host={HOST}": f"?host={self.host}&port={self.port}",
            f"target={HOST}": f"target={at}",
            f"/smtps/{HOST}": f"/smtps/{at}",
            f'"host": "{HOST}"': f'"host": "{self.host}", "port": {self.port}',
            f"host={HOST}": f"host={self.host}",
            '"username": "ann@example.com", "password": "…"': (
                f'"username": "{self.username}", "password": "{self.password}"'
            ),
            "username=ann@example.com": f"username={self.username}",
            "password=…": f"password={self.password}",
        }.items():
            word = word.replace(old, new)
        return word


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """``smtps serve --sandbox``, for the length of a block."""
    command = [sys.executable, "-m", "smtps", "serve", "--sandbox", "--port", "0", "--json"]
    environment = {**os.environ, "SMTPS_HOSTS": PROXIED}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment
    ) as service:
        try:
            assert service.stdout is not None
            ready: dict[str, Any] = json.loads(service.stdout.readline())
            box = ready["sandbox"]
            names = ("host", "port", "username", "password", "ca_file")
            yield Service(ready["url"], *(box[name] for name in names))
        finally:
            service.terminate()


def _curl() -> ArgumentParser:
    """The options of curl that the documents use; any other fails."""
    parser = ArgumentParser("curl", exit_on_error=False, allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-i", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("-F", dest="fields", action="append", default=[])
    return parser


def _fields(options: Namespace, folder: Path) -> list[tuple[str, Any]]:
    fields: list[tuple[str, Any]] = []
    for field in options.fields:
        name, _, value = field.partition("=")
        if value.startswith("@"):
            file = folder / value[1:]
            fields.append((name, (file.name, file.read_bytes())))
        else:
            fields.append((name, (None, value)))
    return fields


def curl(words: list[str], service: Service, folder: Path) -> httpx.Response:
    """Do what curl does with these arguments."""
    options = _curl().parse_args([service.here(word) for word in words])
    fields = _fields(options, folder)
    if fields:  # a documented form names no port: the mail server here has another one
        fields.append(("port", (None, str(service.port))))
    method = options.method or ("POST" if options.data or fields else "GET")
    headers = dict(line.split(": ", 1) for line in options.headers)
    with httpx.Client(timeout=60) as client:
        return client.request(
            method, options.url, headers=headers, content=options.data, files=fields or None
        )
