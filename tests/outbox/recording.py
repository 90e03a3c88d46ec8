"""Mail servers in processes of their own that write down each message they take."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
import subprocess
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.pki import make_pki

RECORD = "taken"
"""File of a line for each message that was taken: its Message-ID, and a digest of its body."""

Attend = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_ID = re.compile(rb"^Message-ID: <([^>]+)>\r$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Recorder:
    """A running one.

    Attributes:
        port: on 127.0.0.1.
        folder: holds the records and the authority.
    """

    port: int
    folder: Path

    @property
    def ca_file(self) -> Path:
        """Of the authority that has signed its certificate."""
        return self.folder / "ca.pem"

    def taken(self) -> dict[str, list[str]]:
        """Message-ID → for each time that it was taken the digest of its body."""
        found: dict[str, list[str]] = defaultdict(list)
        for line in self.lines(RECORD):
            name, what = line.split()
            found[name].append(what)
        return dict(found)

    def lines(self, name: str) -> list[str]:
        """Of one of its files, which there may not be yet."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


@contextmanager
def started(module: str, folder: Path, *words: float) -> Iterator[int]:
    """The port of a module's server, for the length of the block.

    Args:
        module: prints the port, and serves until its input ends.
        folder: its first argument.
        words: the others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-m", module, str(folder), *map(str, words)],
        cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


async def serve(folder: Path, attend: Attend) -> None:
    """In such a process: with implicit TLS, until the input ends."""
    pki = make_pki(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.cert_file, pki.key_file)
    listener = await asyncio.start_server(
        attend, "127.0.0.1", 0, ssl=context, limit=1 << 20, backlog=1000
    )
    print(listener.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def entry(message: bytes) -> str:
    """The line of a message."""
    head, _, body = message.partition(b"\r\n\r\n")
    found = _ID.search(head + b"\r\n")
    return f"{found[1].decode() if found else '?'} {digest(body)}"


def digest(body: bytes) -> str:
    """What tells one body from another."""
    return hashlib.sha256(body).hexdigest()[:16]
