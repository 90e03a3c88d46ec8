"""Makes the outboxes of an earlier version that tests/outbox/test_upgrade.py opens.

Run it with the program of that version::

    python -m tests.outbox.old.make NAME PYTHON PATH

``NAME`` is part of the names of the files, ``PYTHON`` an interpreter that has the program's
requirements, and ``PATH`` what PYTHONPATH has to be for it to find the program. The mail server,
the webhook's receiver and this script are of today; what is in the files comes from that program
alone, which ends with ``kill -9``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, ClassVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.client.farm import farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI
from tests.outbox.database import Server

HERE = Path(__file__).parent
HANG, LOST = "hang", "lost"
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()

ACCOUNTS = """
[accounts.main]
host = "127.0.0.1"
port = {port}
ca_file = "{ca}"
retry = [60]

[accounts.careful]
host = "127.0.0.1"
port = {port}
ca_file = "{ca}"

[accounts.daring]
host = "127.0.0.1"
port = {port}
ca_file = "{ca}"
uncertain = "retry"
retry = [60]

[accounts.stopped]
host = "127.0.0.1"
port = {port}
ca_file = "{ca}"
username = "ann"
password_env = "OLD_PASSWORD"

[accounts.telling]
host = "127.0.0.1"
port = {port}
ca_file = "{ca}"
retry = [60]
webhook = {{ url = "http://127.0.0.1:{hook}/hook", secret_env = "OLD_SECRET" }}

[accounts.killed]
host = "127.0.0.1"
port = {port}
ca_file = "{ca}"
concurrency = 1
"""


class Fate(Strict):
    """Does with a message what the name of its recipient says."""

    def _command(self, line: str) -> None:
        if line.startswith("AUTH"):
            self._say("535 5.7.8 wrong password")
        else:
            super()._command(line)

    def _say(self, reply: str) -> None:
        if reply == LOST:
            self.closed = True
        elif reply != HANG:
            super()._say(reply)


def _server(_: int) -> Fate:
    server = Fate(offers=("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "AUTH PLAIN"))

    def judge(said: str) -> str:
        if said.startswith("RCPT TO:<later"):
            return "451 4.3.0 later"
        if said.startswith("RCPT TO:<nobody"):
            return "550 5.1.1 no such user"
        if said.startswith("message") and server._to[-1].startswith(HANG):
            return HANG
        if said.startswith("message") and server._to[-1].startswith(LOST):
            return LOST
        return "250 2.0.0 ok"

    server.judge = judge
    return server


class Hook(BaseHTTPRequestHandler):
    """A webhook that is out of order."""

    calls: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.calls.append(self.headers["webhook-id"])
        self.send_error(503)

    def log_message(self, *_: object) -> None:
        """Nobody wants to know."""


Fates = list[tuple[str, dict[str, Any]]]

FINISHED: Fates = [
    ("sent", {"account": "main", "to": "bob@y.test", "subject": "sent", "tags": ["a", "b"],
              "metadata": {"order": "17"}}),
    ("sent", {"account": "main", "to": "jürgen@y.test", "subject": "Grüße", "body": "Grüße 🎉"}),
    ("partial", {"account": "main", "to": ["bob@y.test", "nobody@y.test"], "subject": "partial",
                 "tags": ["a"]}),
    ("failed", {"account": "main", "to": "nobody@y.test", "subject": "failed"}),
    ("uncertain", {"account": "careful", "to": "lost@y.test", "subject": "uncertain"}),
    ("sent", {"account": "telling", "to": "bob@y.test", "subject": "told: sent"}),
    ("failed", {"account": "telling", "to": "nobody@y.test", "subject": "told: failed"}),
]  # fmt: skip
"""Messages with the state that they end in."""

TOLD = 3
"""Messages whose webhook is told about them."""

WAITING: Fates = [
    ("retrying", {"account": "main", "to": "later@y.test", "subject": "retrying"}),
    ("retrying", {"account": "main", "to": ["bob@y.test", "later@y.test", "nobody@y.test"],
                  "subject": "retrying for one of three", "tags": ["b"]}),
    ("retrying", {"account": "daring", "to": "lost@y.test", "subject": "may have arrived"}),
    ("retrying", {"account": "telling", "to": "later@y.test", "subject": "told: delayed"}),
    ("queued", {"account": "stopped", "to": "bob@y.test", "subject": "stopped"}),
    ("queued", {"account": "stopped", "to": "eve@y.test", "subject": "stopped, too", "tags": ["a"],
                "dsn": {"ret": "HDRS", "envid": "x", "notify": ["FAILURE"]}}),
    ("sending", {"account": "killed", "to": "hang@y.test", "subject": "killed"}),
]  # fmt: skip


class Service:
    """The program of the earlier version."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"].rstrip("/")

    def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """An answer of its API."""
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/api/smtps{path}", data, headers, method=method)
        try:
            with urlopen(request) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def until(self, id_: str, state: str, ready: Callable[[Any], bool] = lambda _: True) -> None:
        """Wait for what becomes of a message."""
        found: Any = {}
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found = self.ask("GET", f"/messages/{id_}")
            if found["status"] == state and ready(found):
                return
            time.sleep(0.05)
        raise AssertionError(f"not {state}: {found}")

    def end(self, number: signal.Signals) -> None:
        """End it."""
        self.process.send_signal(number)
        self.process.wait()


def _message(**fields: Any) -> dict[str, Any]:
    return {"from": "Ann <ann@x.test>", "body": f"This is {fields['subject']}.", **fields}


def _life(start: Callable[[], Service]) -> dict[str, Any]:
    """Use it until it is killed; what it says about its messages then."""
    service = start()
    soon = datetime.now(UTC) + timedelta(seconds=2)
    old = _message(account="main", to="later@y.test", subject="expired",
                   expires_at=soon.isoformat())  # fmt: skip
    expired = service.ask("POST", "/messages", old)["id"]
    service.until(expired, "retrying")
    service.end(signal.SIGTERM)
    time.sleep(max(0, soon.timestamp() - time.time()))
    service = start()  # looks for what is old when it starts
    service.until(expired, "expired")
    keys: dict[str, Any] = {}
    for number, (state, fields) in enumerate([*FINISHED, *WAITING]):
        message, key = _message(**fields), f"key {number}"
        answer = service.ask("POST", "/messages", message, key)
        keys[key] = {"request": message, "answer": answer}
        if fields["subject"] != "stopped, too":
            service.until(answer["id"], state, lambda m: m["status"] != "queued" or m["attempts"])
    later = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0).isoformat()
    for subject in ("scheduled", "canceled"):
        message = _message(account="main", to="bob@y.test", subject=subject, send_at=later)
        answer = service.ask("POST", "/messages", message)
        if subject == "canceled":
            service.ask("DELETE", f"/messages/{answer['id']}")
    while len(set(Hook.calls)) < TOLD:
        time.sleep(0.05)
    time.sleep(0.5)  # what came of it is in the database, too
    found = {
        "at": round(time.time() * 1000),
        "keys": keys,
        "accounts": service.ask("GET", "/accounts")["accounts"],
        "messages": [
            service.ask("GET", f"/messages/{one['id']}")
            | {"transcript": service.ask("GET", f"/messages/{one['id']}/transcript")["attempts"]}
            for one in service.ask("GET", "/messages?limit=500")["messages"]
        ],
    }
    service.end(signal.SIGKILL)
    return found


async def filled(place: str, python: str, path: str, folder: Path) -> dict[str, Any]:
    """Fill an outbox; what the program says about it."""
    Hook.calls.clear()
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=receiver.serve_forever, daemon=True).start()
    pki = PKI(folder)
    async with farm(pki, _server) as servers:
        config = folder / "smtps.toml"
        config.write_text(
            f"outbox = {json.dumps(place)}\nport = 0\n"
            + ACCOUNTS.format(port=servers.port, ca=pki.ca, hook=receiver.server_port)
        )
        environment = {
            **os.environ, "PYTHONPATH": path, "OLD_PASSWORD": "wrong", "OLD_SECRET": SECRET,
        }  # fmt: skip
        command = [python, "-m", "smtps", "serve", "--config", str(config), "--json"]
        found = await asyncio.to_thread(_life, lambda: Service(command, environment))
    receiver.shutdown()
    receiver.server_close()
    return found


def _sections(dump: str) -> Iterator[str]:
    """A dump without what psql alone understands, and what newer servers alone do."""
    for line in dump.splitlines():
        if not line.startswith(("--", "\\", "SET transaction_timeout")) and line:
            yield line


def main(name: str, python: str, path: str) -> None:
    """Make all files."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "mail.db"
        found = asyncio.run(filled(str(target), python, path, Path(folder)))
        with closing(sqlite3.connect(target)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (HERE / f"outbox-{name}.db").write_bytes(target.read_bytes())
        _keep(f"outbox-{name}.db.json", found)
    with TemporaryDirectory() as folder, Server(fsync="off") as server:
        url = server.database()
        found = asyncio.run(filled(url, python, path, Path(folder)))
        dump = server.dump(url)
        (HERE / f"outbox-{name}.sql").write_text("\n".join(_sections(dump)) + "\n")
        _keep(f"outbox-{name}.sql.json", found)


def _keep(name: str, found: dict[str, Any]) -> None:
    (HERE / name).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
