"""A report printed from Python is what the shell prints."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import smtps
from smtps.main import main
from smtps.report.text import render
from smtps.sandbox.server import Sandbox


def test_print_shows_the_shells_text_and_to_json_the_shells_json(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    report = smtps.sync.check(sandbox.host, port=sandbox.port, ca_file=sandbox.ca_file)
    print(report)
    assert capsys.readouterr().out == render(report)
    assert json.loads(report.to_json()) == report.as_json()
    assert "\n" not in report.to_json()
    assert report.to_json(indent=2).startswith('{\n  "target"')
    assert "transcript" in report.to_json(transcript=True)
    place = f"{sandbox.host}:{sandbox.port}"
    assert main(["check", place, "--ca-file", str(sandbox.ca_file), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == set(report.as_json())


@pytest.mark.parametrize(
    "program",
    [
        "import smtps, asyncio; print(asyncio.run(smtps.check('127.0.0.1', port=1)))",
        "from smtps import sync; print(sync.check('127.0.0.1', port=1))",
        "import smtps; print(smtps.sync.check('127.0.0.1', port=1))",
    ],
)
def test_wherever_a_report_comes_from(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    text = done.stdout.decode()
    assert text.startswith("✗ 127.0.0.1 does not work (port 1,")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
