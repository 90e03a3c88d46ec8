"""A console that is not UTF-8: no traceback, the exit code is right, and documents stay valid."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import smtps
from smtps.advice import ADVICE
from smtps.cli import output
from smtps.main import main
from smtps.sandbox.server import Sandbox

CONSOLES = ("cp1252", "cp437", "cp949", "iso-8859-1", "ascii", "utf-8")
NAME = "bücher-日本.invalid"


@dataclass
class Done:
    """What a command left."""

    code: int
    stdout: bytes
    stderr: bytes


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a console of its own."""

    def on_console(*arguments: str, console: str) -> Done:
        out, err = io.BytesIO(), io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", io.TextIOWrapper(out, console, write_through=True))
            patch.setattr(sys, "stderr", io.TextIOWrapper(err, console, write_through=True))
            try:
                code = main(arguments)
            except SystemExit as error:
                code = error.code if isinstance(error.code, int) else 0
            return Done(code, out.getvalue(), err.getvalue())

    return on_console


@pytest.mark.parametrize("console", CONSOLES)
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["check", "127.0.0.1:1"], 2),
        (["check", "127.0.0.1:1", "--json"], 2),
        (["check", NAME, "--output", "nagios"], None),  # 3 where there is no resolver, else 2
        (["send", "--host", "127.0.0.1:1", "--from", "a@b.example", "--to", "c@d.example",
          "--subject", "é"], 75),
        (["send", "--host", "127.0.0.1:1", "--from", "a@b.example", "--to", NAME,
          "--subject", "é"], 65),
        (["send", "--from", "a@b.example", "--to", "é", "--dry-run", "--subject", "→"], 65),
        (["providers"], 0),
        (["sandbox", "--list"], 0),
        (["ports", "127.0.0.1", "--json"], None),
        (["send", "--help"], 0),
        (["no-such-thing-é"], 64),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else None,
)  # fmt: skip
def test_no_command_fails_for_a_sign(
    run: Run, console: str, command: list[str], code: int | None
) -> None:
    done = run(*command, console=console)
    assert code is None or done.code == code
    assert done.stdout or done.stderr
    done.stdout.decode(console)
    done.stderr.decode(console)


def test_the_process_itself_sets_its_console_up() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "smtps", "check", "127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, b"")
    assert done.stdout.startswith(b"x ")


@pytest.mark.parametrize(
    ("redirection", "codes"),
    [(">&-", {2}), ("2>&-", {2}), (">&- 2>&-", {2}), ("<&-", {2}), (">/dev/full", {64}),
     ("2>/dev/full", {2})],
)  # fmt: skip
@pytest.mark.parametrize("form", ["text", "json"])
def test_without_a_console_the_exit_code_is_right(
    redirection: str, codes: set[int], form: str
) -> None:
    """Never 1, which Python ends with and which says: it works, with warnings."""
    command = f'"$0" -m smtps check 127.0.0.1:1 --output {form} {redirection}'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable], capture_output=True, timeout=60, check=False
    )
    assert done.returncode in codes
    assert b"Traceback" not in done.stderr
    assert (b"stdout: cannot be written" in done.stderr) is (redirection == ">/dev/full")


def test_signs_have_a_plain_form(run: Run) -> None:
    plain = run("check", "127.0.0.1:1", console="ascii")
    full = run("check", "127.0.0.1:1", console="utf-8")
    assert "✗" in full.stdout.decode()
    assert plain.stdout.decode().startswith("x ")
    assert b"?" not in plain.stdout.splitlines()[0]


@pytest.mark.parametrize("form", ["json", "ndjson", "html", "junit", "csv", "prometheus"])
@pytest.mark.parametrize("console", CONSOLES)
def test_a_document_is_valid_on_any_console(run: Run, form: str, console: str) -> None:
    done = run("check", NAME, "--output", form, console=console)
    text = done.stdout.decode(console)
    if form == "json":
        assert json.loads(text)["target"] == NAME
    elif form == "ndjson":
        assert json.loads(text.splitlines()[0])["target"] == NAME
    elif form == "junit":
        assert NAME in ET.tostring(ET.fromstring(text), encoding="unicode")
    elif form == "html":
        assert console.startswith("utf") or text.isascii()


def test_what_was_sent_is_shown_on_any_console(run: Run, tmp_path: Path) -> None:
    with smtps.sync.sandbox() as box:
        password = tmp_path / "password"
        password.write_text(box.password)
        for console in CONSOLES:
            done = run(
                "send", "--host", f"{box.host}:{box.port}", "--ca-file", str(box.ca_file),
                "--username", box.username, "--password-file", str(password),
                "--from", "Jörg <a@x.test>", "--to", "日本 <b@x.test>", "--subject", "Grüße 💩",
                "--transcript", console=console,
            )  # fmt: skip
            assert (done.code, done.stderr) == (0, b"")
        subjects = {stored.parsed["Subject"] for stored in mail(box)}
    assert subjects == {"Grüße 💩"}


def mail(box: Sandbox) -> list[Any]:
    return list(box.inbox.all())


def test_each_sign_of_the_advice_has_a_plain_form() -> None:
    said = "".join(text for row in ADVICE.values() for text in (row.meaning, row.fix))
    assert "?" not in {output._PLAIN.get(sign, "?") for sign in said if not sign.isascii()}


@pytest.mark.parametrize(
    ("command", "place", "code"),
    [
        (("check", "mail.example.com"), "smtps.cli.server_options.endpoint", 3),
        (
            ("send", "--host", "x.test", "--from", "a@x.test", "--to", "b@x.test", "--body", "x"),
            "smtps.client.session.send",
            70,
        ),
        (("providers",), "smtps.providers.search", 70),
    ],
)
@pytest.mark.parametrize("console", ["ascii", "utf-8"])
def test_a_mistake_of_ours_has_an_exit_code_of_its_own_and_hides_its_text(
    command: tuple[str, ...],
    place: str,
    code: int,
    console: str,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(place, fail)
    done = run(*command, console=console)
    assert done.code == code
    assert b"this is a bug in smtps: ZeroDivisionError at test_console.py:" in done.stderr
    assert b"hunter2" not in done.stdout + done.stderr
