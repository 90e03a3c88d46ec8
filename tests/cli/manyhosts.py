"""Thousands of mail servers on loopback, each at its own address, a tenth of them in each way.

    python -m tests.cli.manyhosts    prints one line of JSON, and serves until its input ends

One listener serves the whole of 127.0.0.0/8: it takes connections from the loopback interface only,
and looks at the address that was asked for.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from smtps.sandbox.pki import Authority, Identity, Kind, self_signed

FIRST = int(IPv4Address("127.1.0.0"))

NOTHING_LISTENS = 1

_NEIGHBOURS = 16

CODES = (
    None, None, None, None,
    "tls.certificate_expired", "tls.certificate_self_signed", "tls.certificate_wrong_host",
    "tls.plaintext_on_tls_port", "smtp.shutting_down", "net.refused",
)  # fmt: skip
"""Number of a host modulo ten → the code of the finding."""


def target(number: int, port: int) -> str:
    """The host of this number."""
    refused = CODES[number % 10] == "net.refused"
    return f"{IPv4Address(FIRST + number)}:{NOTHING_LISTENS if refused else port}"


def expected(target: str) -> str | None:
    """The code that the report on a target has to give."""
    return CODES[(int(IPv4Address(target.partition(":")[0])) - FIRST) % 10]


@dataclass(frozen=True)
class Hosts:
    """Running servers."""

    port: int
    ca_file: str

    def targets(self, count: int) -> list[str]:
        """The first so many."""
        return [target(number, self.port) for number in range(count)]


@contextmanager
def many_hosts() -> Iterator[Hosts]:
    """Servers in a process of their own, for the length of the block."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.cli.manyhosts"]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Hosts(**json.loads(process.stdout.readline()))
        finally:
            process.terminate()


class _Servers:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._authority = Authority()
        self.ca_file = self._authority.write(directory / "ca.pem")
        self._contexts: dict[tuple[int, str | None], ssl.SSLContext] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        ip = writer.get_extra_info("sockname")[0]
        code = CODES[(int(IPv4Address(ip)) - FIRST) % 10]
        with suppress(OSError, asyncio.IncompleteReadError):
            if code != "tls.plaintext_on_tls_port":
                await writer.start_tls(self._context(ip, code))
            if code == "smtp.shutting_down":
                writer.write(b"421 4.3.2 host.example closing\r\n")
            else:
                await _talk(reader, writer)
            await writer.drain()
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()

    def _context(self, ip: str, code: str | None) -> ssl.SSLContext:
        """Neighbours share a certificate: a new key for each would take longer than the check."""
        group = int(IPv4Address(ip)) // _NEIGHBOURS
        if (group, code) not in self._contexts:
            ips = [str(IPv4Address(group * _NEIGHBOURS + n)) for n in range(_NEIGHBOURS)]
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._identity(ips, code).write(self._directory, "server"))
            self._contexts[group, code] = context
        return self._contexts[group, code]

    def _identity(self, ips: list[str], code: str | None) -> Identity:
        if code == "tls.certificate_self_signed":
            return self_signed(ips)
        if code == "tls.certificate_expired":
            now = datetime.now(UTC)
            ended = Kind(not_before=now - timedelta(days=90), not_after=now - timedelta(days=1))
            return self._authority.issue(ips, ended)
        wrong = code == "tls.certificate_wrong_host"
        return self._authority.issue(["127.0.0.1"] if wrong else ips)


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 host.example ESMTP\r\n")
    while line := await reader.readline():
        if line.startswith(b"EHLO"):
            writer.write(b"250-host.example\r\n250-SIZE 1000\r\n250 AUTH PLAIN LOGIN\r\n")
        elif line.startswith(b"QUIT"):
            writer.write(b"221 2.0.0 bye\r\n")
            return
        else:
            writer.write(b"500 5.5.2 what?\r\n")


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="smtps-hosts-") as directory:
        servers = _Servers(Path(directory))
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        listener.bind(("0.0.0.0", 0))
        async with await asyncio.start_server(servers.serve, sock=listener, backlog=1000):
            print(
                json.dumps({"port": listener.getsockname()[1], "ca_file": str(servers.ca_file)}),
                flush=True,
            )
            ended = asyncio.Event()
            asyncio.get_running_loop().add_reader(0, ended.set)
            await ended.wait()


if __name__ == "__main__":
    asyncio.run(_main())
