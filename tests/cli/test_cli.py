"""The shell: arguments, password sources, output, exit codes. Processes where it matters."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from smtps.cli import exits, server_options
from smtps.errors import Failure, InputError, Phase
from smtps.extras import ExtraError
from smtps.main import main
from smtps.sandbox.personas import PERSONAS
from smtps.sandbox.server import Sandbox

SMTPS = [sys.executable, "-m", "smtps"]


@pytest.fixture
def login(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("PW", sandbox.password)
    return [
        "--ca-file", str(sandbox.ca_file), "--username", sandbox.username, "--password-env", "PW",
    ]  # fmt: skip


def where(box: Sandbox) -> str:
    return f"{box.host}:{box.port}"


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from smtps.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'asyncio', 'ssl', 'fastapi', 'cryptography', 'email', 'pydantic'}\n"
        "sys.exit(','.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "examples:" in done.stdout


@pytest.mark.parametrize("command", ["check", "send", "sandbox", "serve"])
def test_each_command_has_help_with_examples(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"smtps {command}" in capsys.readouterr().out.partition("examples:")[2]


def test_usage_errors_are_64_and_say_where_help_is(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["chekc"], ["check"], ["send", "--nope"], ["check", "x", "--nope"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 64
        assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize(
    "target", ["x:0", "x:70000", "x:abc", "x:", "ann@", "@", "ann@[::1]", "x:٤٦٥"]
)
def test_bad_targets_are_usage_errors(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", target]) == 64
    assert capsys.readouterr().err.startswith("smtps: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["https://smtp.example.com/"], "for its host, give smtp.example.com"),
        (["imap://imap.example.com"], "target: is a URL, but not one of smtps://"),
        (["465"], "target: 465 is a number"),
        (["smtp.example.com:smtps"], "not 'smtps'"),
    ],
)
def test_targets_of_other_programs_are_told_apart(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *arguments]) == 64
    assert words in capsys.readouterr().err


def test_check_shows_the_dialogue_without_the_password(
    sandbox: Sandbox, login: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", where(sandbox), *login, "--transcript"]) == 0
    text = capsys.readouterr().out
    assert "works" in text
    assert "> AUTH SCRAM-SHA-256 <hidden>" in text
    assert sandbox.password not in text
    assert "\x1b[" not in text  # no terminal, no colour


def test_check_of_several_targets_gives_a_line_each_and_the_worst_code(
    sandbox: Sandbox, login: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", where(sandbox), "127.0.0.1:1", *login, "--json"]) == 2
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["verdict"] for line in lines] == ["works", "fails"]
    assert [f["code"] for f in lines[1]["findings"]] == ["net.refused"]


def test_an_unknown_name_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["check", "nosuch.invalid", "--json"])
    report = json.loads(capsys.readouterr().out)
    (finding,) = report["findings"]
    # Without a resolver nobody can say that the name does not exist.
    assert (code, finding["code"]) in {(2, "dns.name_not_found"), (3, "dns.lookup_failed")}


def test_plain_text_on_the_tls_port_is_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 plain.example ESMTP\r\n")
                connection.recv(1000)

        thread = threading.Thread(target=greet)
        thread.start()
        code = main(["check", f"127.0.0.1:{listener.getsockname()[1]}"])
        thread.join()
    assert code == 2
    text = " ".join(capsys.readouterr().out.split())
    assert "220 plain.example ESMTP" in text
    assert "add --security starttls" in text


def test_send_with_everything(
    sandbox: Sandbox, login: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("attached")
    (tmp_path / "b.html").write_text("<p>Grüße</p>")
    arguments = [
        "send", "--host", where(sandbox), *login, "--from", "Ann Ü <a@x.test>", "--to", "b@x.test",
        "--to", "c@x.test", "--cc", "d@x.test", "--bcc", "e@x.test", "--reply-to", "f@x.test",
        "--subject", "Grüße", "--body", "Text", "--html-file", str(tmp_path / "b.html"),
        "--attach", str(tmp_path / "a.txt"), "--header", "X-Ticket: 42", "--json",
    ]  # fmt: skip
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["outcome"] == "sent"
    assert [person["status"] for person in result["recipients"]] == ["accepted"] * 4
    assert set(result["timings"]) >= {"dns", "tcp", "tls", "greeting", "ehlo", "auth", "send"}
    (stored,) = sandbox.inbox.all()
    message = stored.parsed
    assert (message["X-Ticket"], message["Bcc"], message["Subject"]) == ("42", None, "Grüße")
    assert stored.details()["html"] == "<p>Grüße</p>"
    assert main([*arguments[:-1], "--transcript"]) == 0
    assert "✓ sent: accepted for 4 recipient(s)" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--body-file", "--raw"])
def test_send_from_standard_input(
    sandbox: Sandbox, login: list[str], monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    data = b"Subject: piped\n\nline\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    people = ["--from", "a@x.test", "--to", "b@x.test"]
    assert main(["send", "--host", where(sandbox), *login, *people, option, "-"]) == 0
    assert sandbox.inbox.all()[0].data.endswith(b"Subject: piped\r\n\r\nline\r\n")


def test_a_dry_run_prints_the_message(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    people = ["--from", "a@x.test", "--to", "b@x.test"]
    assert main(["send", "--host", "x", *people, "--body", "Hi", "--dry-run"]) == 0
    out, error = capfdbinary.readouterr()
    assert out.startswith(b"From: a@x.test\r\nTo: b@x.test\r\n")
    assert b"not sent: from a@x.test to b@x.test" in error


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--to", "nobody"], 65, "name@domain"),
        (["--to", "b@x.test", "--header", "X"], 65, "Name: value"),
        (["--to", "b@x.test", "--attach", "/nonexistent"], 65, "cannot read '/nonexistent'"),
        (["--to", "b@x.test", "--body-file", "/nonexistent"], 65, "cannot read"),
        ([], 65, "at least one recipient"),
        (["--to", "b@x.test", "--dsn-notify", "SOMETIMES"], 65, "SUCCESS, FAILURE, DELAY"),
        (["--to", "b@x.test"], 75, "refused"),
    ],
)
def test_send_says_why_not(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = ["--from", "a@x.test", "--subject", "Hi"]
    assert main(["send", "--host", "127.0.0.1:1", *letter, *arguments]) == code
    assert words in " ".join(capsys.readouterr().out.split())


def test_the_failure_is_in_the_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    letter = ["--from", "a@x.test", "--to", "b@x.test", "--body", "Hi"]
    assert main(["send", "--host", "127.0.0.1:1", *letter, "--json"]) == 75
    result = json.loads(capsys.readouterr().out)
    assert result["outcome"] == "deferred"
    assert result["failure"]["code"] == "net.refused"
    assert result["recipients"] == []


@pytest.mark.parametrize(
    ("failure", "outcome", "code"),
    [
        (None, "sent", 0),
        (None, "partial", 69),
        (Failure(code="send.uncertain", message="."), "uncertain", 74),
        (Failure(code="smtp.shutting_down", message=".", retryable=True), "deferred", 75),
        (Failure(code="send.message_refused", message="."), "refused", 69),
        (Failure(code="dns.name_not_found", message=".", retryable=True), "", 68),
        (Failure(code="auth.rejected", message="."), "", 77),
        (Failure(code="auth.try_later", message=".", retryable=True), "", 75),
        (Failure(code="input.invalid", message=".", phase=Phase.INPUT), "", 65),
        (Failure(code="send.too_large", message=".", phase=Phase.MAIL), "", 65),
        (Failure(code="tls.certificate_expired", message="."), "", 69),
    ],
)
def test_exit_codes_of_send(failure: Failure | None, outcome: str, code: int) -> None:
    assert exits.of_send(failure, outcome) == code


def sources(**given: str) -> Namespace:
    none = dict.fromkeys(
        ("username", "password_env", "password_file", "password_command", "password_keyring",
         "token_env", "mechanism")
    )  # fmt: skip
    return Namespace(**{**none, **given})


def test_passwords_come_from_many_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pw").write_text("from file\nsecond line\n")
    monkeypatch.setenv("PW", "from env")
    monkeypatch.setattr(sys, "stdin", io.StringIO("from stdin\n"))
    keyring: Any = SimpleNamespace(get_password=lambda service, user: f"{user} at {service}")
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    for options, expected in (
        (sources(password_env="PW"), ("from env", None)),
        (sources(password_file=str(tmp_path / "pw")), ("from file", None)),
        (sources(password_file="-"), ("from stdin", None)),
        (sources(password_command="echo 'from command'"), ("from command", None)),
        (sources(password_keyring="mail", username="u"), ("u at mail", None)),
        (sources(token_env="PW"), (None, "from env")),
        (sources(username="u", mechanism="external"), (None, None)),
        (sources(), (None, None)),
    ):
        assert server_options.read_password(options) == expected


@pytest.mark.parametrize(
    "options",
    [
        sources(password_env="NOT_SET_ANYWHERE"),
        sources(password_file="/nonexistent"),
        sources(password_file="/dev/null"),
        sources(password_command="false"),
        sources(password_command="/nonexistent"),
        sources(password_command="'"),
        sources(username="u"),
    ],
)
def test_a_source_that_has_nothing_is_named(
    options: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(InputError) as caught:
        server_options.read_password(options)
    assert caught.value.field.startswith("password")


def test_an_option_that_nobody_typed_is_not_blamed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["check", "127.0.0.1", "--port", "99999"]) == 64
    assert capsys.readouterr().err.startswith("smtps: --port: ")
    assert main(["check", "127.0.0.1:99999"]) == 64
    assert capsys.readouterr().err.startswith("smtps: port: ")
    monkeypatch.setenv("SMTPS_PORT", "99999")
    assert main(["serve"]) == 64
    assert "--port" not in capsys.readouterr().err


def test_the_keyring_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ExtraError, match=r"\.\[keyring\]"):
        server_options.read_password(sources(password_keyring="mail"))


def test_the_password_is_asked_for_at_a_terminal(sandbox: Sandbox) -> None:
    """A real terminal: the prompt is shown, what is typed is not, and colour is used."""
    parent, child = pty.openpty()
    arguments = ["check", where(sandbox), "--ca-file", str(sandbox.ca_file), "-u", sandbox.username]
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [*SMTPS, *arguments], stdin=child, stdout=child, stderr=child, start_new_session=True,
        env=environment, preexec_fn=_take_terminal(child),  # noqa: PLW1509  # only an ioctl runs there
    )  # fmt: skip
    os.close(child)
    seen = _read_until(parent, b"Password for")
    os.write(parent, sandbox.password.encode() + b"\n")
    seen += _read_until(parent, b"LIMITS")
    assert process.wait(10) == 0
    os.close(parent)
    assert sandbox.password.encode() not in seen
    assert b"\x1b[" in seen
    assert "✓".encode() in seen


def test_a_terminal_shows_who_is_waited_for_and_a_pipe_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = [*SMTPS, "check", f"127.0.0.1:{silent.getsockname()[1]}", "--timeout", "4"]
        environment = {**os.environ, "TERM": "xterm"}
        parent, child = pty.openpty()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=child, env=environment)
        os.close(child)
        seen = _read_until(parent, b" s\r\x1b[K")
        report, _ = process.communicate(timeout=20)
        os.close(parent)
        assert b"waiting for 127.0.0.1" in seen
        assert b": the TLS handshake, 2 of at most 4 s" in seen
        assert b"waiting" not in report
        piped = subprocess.run(command, capture_output=True, check=False, timeout=20)
        assert (piped.returncode, piped.stderr) == (process.returncode, b"")


def _take_terminal(descriptor: int) -> Any:
    import fcntl  # noqa: PLC0415
    import termios  # noqa: PLC0415

    return lambda: fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


def _read_until(descriptor: int, wanted: bytes, seconds: float = 15.0) -> bytes:
    seen, end = b"", time.monotonic() + seconds
    while wanted not in seen:
        ready, _, _ = select.select([descriptor], [], [], max(0, end - time.monotonic()))
        assert ready, seen
        seen += os.read(descriptor, 65536)
    return seen


def start(*arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    process = subprocess.Popen([*SMTPS, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_runs_until_a_signal_and_ends_with_0(number: signal.Signals) -> None:
    process, box = start("sandbox", "--persona", "expired", "--json")
    assert set(box) == {"host", "port", "ca_file", "username", "password", "persona"}
    assert box["persona"] == "expired"
    assert Path(box["ca_file"]).exists()
    process.send_signal(number)
    assert process.communicate(timeout=10)[0] == ""
    assert process.returncode == 0
    assert not Path(box["ca_file"]).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_service_answers_once_it_says_so_and_ends_with_0(number: signal.Signals) -> None:
    process, found = start("serve", "--port", "0", "--sandbox", "--json")
    box = found["sandbox"]
    query = f"host={box['host']}&port={box['port']}"
    with urllib.request.urlopen(f"{found['url']}/api/smtps/connect?{query}", timeout=10) as answer:
        assert json.load(answer)["success"] is True
    process.send_signal(number)
    process.communicate(timeout=10)
    assert process.returncode == 0


def test_what_the_service_says_of_its_sandbox_is_enough_to_check_it() -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*SMTPS, "serve", "--port", "0", "--sandbox"],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    place, authority = re.fullmatch(
        r"Sandbox at (\S+), .*, authority (\S+)\n", process.stdout.readline()
    ).groups()  # type: ignore[union-attr]
    assert main(["check", place, "--ca-file", authority]) == 0
    process.terminate()
    process.communicate(timeout=10)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["serve", "--persona", "expired"], 64, "persona: requires --sandbox"),
        (["providers", "nosuch"], 1, "no provider has 'nosuch'"),
        (["check", "x", "--timeout", "0"], 64, "smtps: --timeout: must be more than 0"),
    ],
)
def test_nothing_is_passed_over_in_silence(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    assert words in capsys.readouterr().err


def test_without_a_sandbox_the_service_says_null() -> None:
    process, found = start("serve", "--port", "0", "--json")
    assert found["sandbox"] is None
    process.terminate()
    process.communicate(timeout=10)


def test_the_sandbox_tells_of_mail_as_it_arrives() -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*SMTPS, "sandbox"], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    lines: list[str] = []
    while not (lines and lines[-1].startswith("Incoming mail")):
        lines.append(process.stdout.readline())
    port = lines[0].split()[2].rpartition(":")[2]
    trust = next(line.split()[1] for line in lines if line.split()[:1] == ["trust"])
    password = next(line.split()[1] for line in lines if line.split()[:1] == ["password"])
    arguments = [
        "send", "--host", f"127.0.0.1:{port}", "--ca-file", trust, "--username",
        "tester@example.test", "--password-env", "PW", "--from", "a@x.test", "--to", "b@x.test",
        "--subject", "Hello there",
    ]  # fmt: skip
    done = subprocess.run(
        [*SMTPS, *arguments], env=environment | {"PW": password}, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stdout
    assert "a@x.test → b@x.test  'Hello there'" in process.stdout.readline()
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0


def test_the_personas_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "--list"]) == 0
    assert "drop-after-data" in capsys.readouterr().out
    assert main(["sandbox", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [persona["name"] for persona in listed] == list(PERSONAS)
    assert set(listed[0]) == {
        "name", "group", "summary", "finding", "findings", "shown_by", "security",
    }  # fmt: skip


def test_a_taken_port_is_a_usage_error(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sandbox", "--port", str(sandbox.port)]) == 64
    assert main(["serve", "--port", str(sandbox.port)]) == 64
    assert f"port {sandbox.port}" in capsys.readouterr().err
    assert main(["serve", "--host", "0.0.0.0"]) == 64
