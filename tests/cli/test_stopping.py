"""Signals, as a supervisor or somebody at a terminal sends them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
from tests.outbox.crash.programs import free_port
from tests.outbox.stops.server import thinker

from smtps.cli.running import TWICE


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``smtps``, once it tells how to reach it."""
    with subprocess.Popen(
        [sys.executable, "-m", "smtps", *arguments, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str], words: str) -> str:
    """The next line of the log that says so."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"it never said {words!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_wait(tmp_path: Path, number: signal.Signals) -> None:
    with thinker(tmp_path / "server", 3600, 3600) as server:
        config = tmp_path / "smtps.toml"
        config.write_text(
            f'port = {free_port()}\noutbox = "{tmp_path}/mail.db"\n[accounts.main]\n'
            f'host = "127.0.0.1"\nport = {server.port}\nca_file = "{server.ca_file}"\n'
        )
        url = f"http://127.0.0.1:{config.read_text().split()[2]}/api/smtps/messages"
        body = {
            "account": "main",
            "from": "a@x.test",
            "to": "b@y.test",
            "subject": "x",
            "body": "x",
        }
        with program("serve", "--config", str(config)) as process:
            assert httpx.post(url, json=body, trust_env=False).status_code == 202
            while not server.arrived():
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(number)
            process.send_signal(number)  # from the terminal and from what started it
            assert "1 in flight, waiting for replies until" in line_of(process, "stopping")
            time.sleep(2 * TWICE)
            assert process.poll() is None
            process.send_signal(number)
            assert process.wait(60) == 0
            assert process.stderr is not None
            rest = process.stderr.read()
    assert "stopping now (second signal): 1 in flight without a reply" in rest
    assert "1 in doubt" in rest
    assert "Traceback" not in rest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_stops_beside_whoever_hangs_on_to_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    with program("sandbox", "--persona", "silent") as process:
        process.send_signal(number)
        assert process.wait(20) == 0
