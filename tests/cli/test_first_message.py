"""The first message: a test message, one that is asked for, and a server that is found."""

from __future__ import annotations

import io
import sys
from argparse import Namespace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from smtps.checks.route import Discovery, Source, Step
from smtps.cli import asking
from smtps.cli.sender_server import may_get_password
from smtps.main import main
from smtps.providers import Place
from smtps.sandbox.server import Sandbox


@pytest.fixture
def place(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("PW", sandbox.password)
    return [
        "--ca-file", str(sandbox.ca_file), "--username", sandbox.username, "--password-env", "PW",
    ]  # fmt: skip


def where(box: Sandbox) -> str:
    return f"{box.host}:{box.port}"


def the_message(box: Sandbox) -> Any:
    (stored,) = box.inbox.all()
    return message_from_bytes(stored.data, policy=default)


def test_a_test_message_says_so_and_goes_to_the_sender(sandbox: Sandbox, place: list[str]) -> None:
    assert main(["send", "--host", where(sandbox), *place, "--from", "ann@x.test", "--test"]) == 0
    message = the_message(sandbox)
    assert message["Subject"].startswith("smtps test message, 20")
    assert message["To"] == "ann@x.test"
    assert where(sandbox) in message.get_content()


def test_a_test_message_keeps_what_is_given() -> None:
    options = Namespace(
        subject="Mine", body=None, body_file="f", html_file=None, host="h", account=None,
        queue=None, to=["b@x.test"], cc=[], bcc=[], from_="a@x.test",
    )  # fmt: skip
    asking.make_test(options, datetime(2026, 11, 30, tzinfo=UTC))
    assert (options.subject, options.body, options.to) == ("Mine", None, ["b@x.test"])


def test_a_raw_message_is_no_test_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.eml").write_text("From: a@x.test\n\nx\n")
    command = ["send", "--host", "x.test", "--from", "a@x.test", "--to", "b@x.test"]
    assert main([*command, "--test", "--raw", str(tmp_path / "m.eml")]) == 64
    assert "--test: cannot be combined with --raw" in capsys.readouterr().err


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("end", ["", ".\nnot this\n"])
def test_subject_and_text_are_asked_for_at_a_terminal(
    end: str, sandbox: Sandbox, place: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"Grüße\none\ntwo\n{end}"))
    prompts = Terminal()
    monkeypatch.setattr(sys, "stderr", prompts)
    people = ["--from", "ann@x.test", "--to", "bob@x.test"]
    assert main(["send", "--host", where(sandbox), *place, *people]) == 0
    message = the_message(sandbox)
    assert (message["Subject"], message.get_content().split()) == ("Grüße", ["one", "two"])
    assert "Subject: " in prompts.getvalue()


def test_without_a_terminal_an_empty_message_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    command = ["send", "--host", "x.test", "--from", "a@x.test", "--to", "b@x.test"]
    assert main(command) == 64
    assert "--test sends a test message" in capsys.readouterr().err


def found(source: Source, *hosts: str) -> Discovery:
    servers = tuple(Place(host, 465, "implicit") for host in hosts)
    return Discovery("ann@x.test", "x.test", (Step(source, "x.test", servers),))


def finding(monkeypatch: pytest.MonkeyPatch, discovery: Discovery) -> None:
    async def discover(*_: object) -> Discovery:
        return discovery

    monkeypatch.setattr("smtps.checks.discovery.discover", discover)


def test_the_server_of_the_sender_is_found(
    sandbox: Sandbox,
    place: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = Place(sandbox.host, sandbox.port, "implicit")
    step = Step("autoconfig", "x.test", (server,))
    finding(monkeypatch, Discovery("ann@x.test", "x.test", (step,)))
    assert main(["send", *place, "--from", "Ann <ann@x.test>", "--test"]) == 0
    assert f"sending through {where(sandbox)} (autoconfig)" in capsys.readouterr().err
    assert the_message(sandbox)["From"] == "Ann <ann@x.test>"


@pytest.mark.parametrize(
    ("discovery", "words"),
    [
        (found("guess"), "no submission server of x.test was found"),
        (found("srv", "smtp.evil.test"), "DNS names smtp.evil.test, which does not belong"),
    ],
)
def test_a_server_that_may_be_forged_is_not_used(
    discovery: Discovery,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    finding(monkeypatch, discovery)
    assert main(["send", "--from", "ann@x.test", "--test"]) == 64
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "host", "expected"),
    [
        ("srv", "x.test", True), ("srv", "smtp.x.test", True), ("srv", "smtpx.test", False),
        ("srv", "x.test.evil.test", False), ("providers", "smtp.gmail.com", True),
        ("autoconfig", "smtp.y.test", True),
    ],
)  # fmt: skip
def test_who_may_get_a_password(source: Source, host: str, expected: bool) -> None:
    discovery = found(source, host)
    assert may_get_password(discovery, discovery.servers[0]) is expected
