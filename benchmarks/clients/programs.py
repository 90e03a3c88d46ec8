"""Programs for the shell: curl and smtp-source with many messages in one process, swaks with one.

python -m benchmarks.clients.programs curl raw --port 4465 --ca ca.pem --n 500
python -m benchmarks.clients.programs 'smtps check' check --port 4465 --ca ca.pem --n 15
"""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.clients.common import RECIPIENT, SENDER, arguments, raw

NAME = sys.argv.pop(1)
OPTIONS = arguments()


def curl(folder: Path) -> list[list[str]]:
    """One process, one connection: the list of transfers is a configuration file."""
    (folder / "mail").write_bytes(raw(OPTIONS.size))
    one = [
        f'url = "smtps://localhost:{OPTIONS.port}"', f'mail-from = "{SENDER}"',
        f'mail-rcpt = "{RECIPIENT}"', f'upload-file = "{folder / "mail"}"',
        f'cacert = "{OPTIONS.ca}"',
    ]  # fmt: skip
    (folder / "config").write_text("\nnext\n".join(["\n".join(one)] * OPTIONS.n))
    return [["curl", "--silent", "--show-error", "--config", str(folder / "config")]]


def swaks(folder: Path) -> list[list[str]]:
    """A process for each message."""
    (folder / "mail").write_bytes(raw(OPTIONS.size))
    command = ["swaks", "--server", "localhost", "--port", str(OPTIONS.port), "--tls-on-connect",
               "--tls-verify", "--tls-ca-path", OPTIONS.ca, "--from", SENDER, "--to", RECIPIENT,
               "--data", f"@{folder / 'mail'}", "--silent", "2"]  # fmt: skip
    return [command] * OPTIONS.n


@contextmanager
def stunnel(folder: Path) -> Iterator[int]:
    """TLS for smtp-source, which has none of its own from the first byte; the port to use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "stunnel.conf").write_text(
        f"foreground = yes\npid =\nsyslog = no\ndebug = 3\n[smtps]\nclient = yes\n"
        f"accept = 127.0.0.1:{port}\nconnect = localhost:{OPTIONS.port}\n"
        f"CAfile = {OPTIONS.ca}\nverifyChain = yes\ncheckHost = localhost\nTIMEOUTclose = 0\n"
    )
    command = ["stunnel4", str(folder / "stunnel.conf")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            time.sleep(0.5)
            yield port
        finally:
            process.terminate()


SMTPLIB = """
import smtplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
with smtplib.SMTP_SSL("localhost", int(sys.argv[1]), context=context) as server:
    server.ehlo()
"""
AIOSMTPLIB = """
import aiosmtplib, asyncio, sys
async def main():
    place = {"hostname": "localhost", "port": int(sys.argv[1])}
    async with aiosmtplib.SMTP(use_tls=True, cert_bundle=sys.argv[2], **place) as server:
        await server.ehlo()
asyncio.run(main())
"""


def checks(name: str) -> list[list[str]]:
    """Connect, TLS, EHLO, QUIT: a process for each. How much of what is seen they judge differs."""
    port, place = str(OPTIONS.port), f"localhost:{OPTIONS.port}"
    peers = str(Path(__file__).parents[2] / ".bench" / "peers" / "bin" / "python")
    command = {
        "smtps check": [sys.executable, "-m", "smtps", "check", place, "--ca-file", OPTIONS.ca],
        "smtplib": [sys.executable, "-c", SMTPLIB, port, OPTIONS.ca],
        "aiosmtplib": [peers, "-c", AIOSMTPLIB, port, OPTIONS.ca],
        "openssl s_client": ["openssl", "s_client", "-connect", place, "-CAfile", OPTIONS.ca,
                             "-verify_return_error", "-quiet"],
        "curl": ["curl", "--silent", "--show-error", "--request", "NOOP", "--cacert", OPTIONS.ca,
                 f"smtps://{place}"],
        "swaks": ["swaks", "--server", "localhost", "--port", port, "--tls-on-connect",
                  "--tls-verify", "--tls-ca-path", OPTIONS.ca, "--quit-after", "HELO",
                  "--silent", "2"],
    }[name]  # fmt: skip
    return [command] * OPTIONS.n


def measure(commands: list[list[str]], n: int) -> None:
    """Run them one after the other and print what each message took."""
    start = time.perf_counter()
    for command in commands:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, input="EHLO bench.test\nQUIT\n"
        )
        if done.returncode:
            sys.exit(f"{command[0]}: {done.returncode} {done.stderr[-300:]}{done.stdout[-300:]}")
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (used.ru_utime + used.ru_stime) / n
    print(json.dumps({"n": n, "s": wall, "per_s": n / wall, "ms": wall / n * 1e3,
                      "cpu_us": cpu * 1e6, "rss_kb": used.ru_maxrss}))  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if OPTIONS.work == "check":
            measure(checks(NAME), OPTIONS.n)
        elif NAME == "smtp-source":
            with stunnel(folder) as port:
                command = ["smtp-source", "-d", "-s", "1", "-m", str(OPTIONS.n), "-l",
                           str(OPTIONS.size), "-f", SENDER, "-t", RECIPIENT,
                           f"127.0.0.1:{port}"]  # fmt: skip
                measure([command], OPTIONS.n)
        else:
            measure({"curl": curl, "swaks": swaks}[NAME](folder), OPTIONS.n)


main()
