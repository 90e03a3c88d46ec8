"""Programs for the shell: curl and smtp-source with many messages in one process, swaks with one.

python -m benchmarks.clients.programs curl raw --port 4465 --ca ca.pem --n 500
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


def measure(commands: list[list[str]], n: int) -> None:
    """Run them one after the other and print what each message took."""
    start = time.perf_counter()
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{command[0]}: {done.returncode} {done.stderr[-300:]}{done.stdout[-300:]}")
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (used.ru_utime + used.ru_stime) / n
    print(json.dumps({"n": n, "s": wall, "per_s": n / wall, "cpu_us": cpu * 1e6,
                      "rss_kb": used.ru_maxrss}))  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if NAME == "smtp-source":
            with stunnel(folder) as port:
                command = ["smtp-source", "-d", "-s", "1", "-m", str(OPTIONS.n), "-l",
                           str(OPTIONS.size), "-f", SENDER, "-t", RECIPIENT,
                           f"127.0.0.1:{port}"]  # fmt: skip
                measure([command], OPTIONS.n)
        else:
            measure({"curl": curl, "swaks": swaks}[NAME](folder), OPTIONS.n)


main()
