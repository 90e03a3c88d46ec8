"""Dockerfile and systemd unit, held against what the project has: neither can be run here."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from smtps.config.settings import Settings
from smtps.endpoint import Timeouts
from smtps.main import build_parser
from smtps.outbox.shutdown import SETTLE

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
UNIT = ROOT / "deploy" / "smtps.service"


def steps(name: str) -> list[str]:
    return [line.partition(" ")[2] for line in DOCKERFILE if line.startswith(f"{name} ")]


def test_what_the_image_copies_is_there_and_is_what_the_package_is_built_from() -> None:
    copied = {word for line in steps("COPY") if "--from" not in line for word in line.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"src", "uv.lock", "pyproject.toml", project["readme"]} <= copied


def test_the_image_installs_as_the_scripts_do() -> None:
    (command,) = [line for line in steps("RUN") if line.startswith("uv sync")]
    assert "--frozen" in command
    assert "sync --quiet --frozen" in (ROOT / "scripts" / "setup").read_text()


def test_the_image_runs_as_nobody_in_particular() -> None:
    assert [user for user in steps("USER") if user.split(":")[0] in ("0", "root")] == []
    lines = [line.split(" ")[0] for line in DOCKERFILE]
    assert lines.index("USER") < lines.index("ENTRYPOINT")


def test_the_image_s_command_is_one_that_the_shell_knows() -> None:
    (entry,) = steps("ENTRYPOINT")
    program, *arguments = json.loads(entry)
    assert program == "smtps"
    options = build_parser().parse_args(arguments)
    assert options.host == "0.0.0.0"
    assert steps("EXPOSE") == [str(Settings().port)]


def test_the_health_check_asks_the_service_and_tells_the_truth() -> None:
    command = json.loads(steps("HEALTHCHECK")[0].partition("CMD ")[2])
    program = command[2]
    url = re.search(r"http://[^']+", program)
    assert url is not None
    assert urlsplit(url[0]).port == Settings().port
    serve = [sys.executable, "-m", "smtps", "serve", "--port", "0", "--json"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        running = urlsplit(json.loads(service.stdout.readline())["url"])
        here = program.replace(f":{Settings().port}", f":{running.port}")
        assert subprocess.run([sys.executable, "-c", here], check=False).returncode == 0
        service.terminate()
    failed = subprocess.run([sys.executable, "-c", here], check=False, capture_output=True)
    assert failed.returncode != 0


def longest_stop() -> float:
    """Seconds, with the settings as they are."""
    return max(Settings().grace, Settings().lane_grace) + SETTLE + Timeouts().quit + 1


def test_docker_sends_the_signal_that_stops_in_order() -> None:
    assert steps("STOPSIGNAL") == ["SIGTERM"]


@pytest.mark.parametrize("word", ["--stop-timeout 90", "stop_grace_period: 90s",
                                  "terminationGracePeriodSeconds: 90",
                                  "TimeoutStopSec"])  # fmt: skip
def test_the_documents_give_an_orderly_stop_its_time(word: str) -> None:
    assert word in (ROOT / "docs" / "operating.md").read_text()
    assert longest_stop() < 90


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser


def test_the_unit_s_command_is_one_that_the_shell_knows() -> None:
    service = unit()["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert Path(program).name == "smtps"
    assert build_parser().parse_args(arguments).config == "/etc/smtps.toml"
    assert float(service["TimeoutStopSec"]) > longest_stop()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("CapabilityBoundingSet", ""),
        ("UMask", "0077"),
    ],
)
def test_the_unit_takes_away_what_the_service_does_not_need(name: str, value: str) -> None:
    assert unit()["Service"][name] == value


def test_a_commit_is_checked_by_the_steps_of_the_linters() -> None:
    script = (ROOT / "scripts" / "lint").read_text()
    usual = re.search(r"set -- (.*)$", script, re.MULTILINE)
    assert usual is not None
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = [hook["entry"] for hook in local["hooks"]]
    assert entries == [f"scripts/lint {step}" for step in usual[1].split()]
    assert "\nscripts/lint\n" in (ROOT / "scripts" / "test").read_text()


def test_every_script_of_the_shell_is_linted() -> None:
    script = (ROOT / "scripts" / "lint").read_text()
    for path in (ROOT / "scripts").iterdir():
        if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash"):
            assert f"scripts/{path.name}" in script, path.name
