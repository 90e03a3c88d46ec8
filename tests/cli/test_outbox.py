"""The outbox from the shell: the same file that a service owns."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.conftest import StartSandbox

from smtps.cli import outbox
from smtps.cli.mail_table import place, short, table
from smtps.main import main
from smtps.sandbox.server import Sandbox


@pytest.fixture
def config(tmp_path: Path, start_sandbox: StartSandbox) -> Path:
    """Of a service with an account at a healthy server, and one at a greylisting one."""
    text = f'outbox = "{tmp_path / "mail.db"}"\nport = 0\n'
    for name, persona in (("main", "healthy"), ("grey", "greylisting")):
        box: Sandbox = start_sandbox(persona)
        (tmp_path / name).write_text(box.password)
        text += (
            f'[accounts.{name}]\nhost = "{box.host}"\nport = {box.port}\n'
            f'username = "{box.username}"\npassword_file = "{tmp_path / name}"\n'
            f'ca_file = "{box.ca_file}"\n'
        )
    file = tmp_path / "smtps.toml"
    file.write_text(text)
    return file


@contextmanager
def service(config: Path) -> Iterator[str]:
    """The URL of one that runs."""
    command = [sys.executable, "-m", "smtps", "serve", "--config", str(config), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def queue(capsys: pytest.CaptureFixture[str], config: Path, account: str = "main") -> str:
    out = run(
        capsys, "send", "--queue", account, "--config", str(config), "--from",
        "sandbox@example.test", "--to", "bob@example.org", "--subject", "Hello", "--body", "Hi",
        "--json",
    )  # fmt: skip
    return str(json.loads(out)["id"])


def shown(capsys: pytest.CaptureFixture[str], config: Path, id_: str) -> dict[str, Any]:
    out = run(capsys, "outbox", "show", id_, "--config", str(config), "--json")
    found: dict[str, Any] = json.loads(out)
    return found


def test_queued_looked_at_canceled_and_sent_by_the_service(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ("--config", str(config))
    first, second = queue(capsys, config), queue(capsys, config)
    assert shown(capsys, config, first)["status"] == "queued"
    assert "canceled" in run(capsys, "outbox", "cancel", second, *place)
    listed = run(capsys, "outbox", "list", *place)
    digits = short((first, second))
    assert first[:digits] in listed
    assert second[:digits] in listed
    assert second[:digits] not in run(capsys, "outbox", "list", "--status", "queued", *place)
    with service(config) as url:
        _until(url, first, "sent")
        assert "sent" in run(capsys, "outbox", "list", *place)  # beside the service
        assert "queued" in run(capsys, "outbox", "retry", second, *place)
        _until(url, second, "sent")
        third = queue(capsys, config)
        _until(url, third, "sent")
    text = run(capsys, "outbox", "show", first, "--transcript", *place)
    assert "to bob@example.org: accepted" in text
    assert "RCPT TO:<bob@example.org>" in text
    lines = run(capsys, "outbox", "export", *place).splitlines()
    assert {json.loads(line)["id"] for line in lines} == {first, second, third}


def _until(url: str, id_: str, status: str) -> None:
    with httpx.Client(base_url=url, timeout=20) as client:
        text = client.get(f"/api/smtps/messages/{id_}/events").text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert events[-1]["status"] == status


def test_what_waits_is_told_with_its_reason(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    id_ = queue(capsys, config, "grey")
    with service(config) as url, httpx.Client(base_url=url) as client:
        # A stop in the middle of the first attempt would give it back.
        while client.get(f"/api/smtps/messages/{id_}").json()["status"] != "retrying":
            time.sleep(0.05)
    text = run(capsys, "outbox", "show", id_, "--config", str(config))
    assert "Hello: retrying" in text
    assert "attempt 1" in text


@pytest.mark.parametrize(
    ("status", "when", "words"),
    [
        ("stopped", "2026-12-24T18:00:00Z", "fix the cause, then run: smtps outbox resume main"),
        (
            "waiting",
            "2026-12-24T18:00:00Z",
            "again at 2026-12-24T18:00:00Z; to try now, run: smtps outbox",
        ),
        ("waiting", None, "it tries again; to try now, run: smtps outbox resume main"),
    ],
)
def test_only_an_account_that_is_stopped_has_to_be_mended(
    status: str, when: str | None, words: str
) -> None:
    state = {"account": "main", "status": status, "reason": "No.", "next_attempt_at": when}
    assert words in outbox._waits(state)


def test_a_second_service_refuses_to_start_and_says_why(config: Path) -> None:
    with service(config):
        done = subprocess.run(
            [sys.executable, "-m", "smtps", "serve", "--config", str(config)],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 64
    assert "another service (process" in done.stderr


def test_a_worker_wants_postgresql(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worker", "--config", str(config)]) == 64
    assert "is an SQLite file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "--status", "lost"], "must be one of"),
        (["show", "0" * 32], "There is no message"),
        (["resume", "nobody"], "there is no account"),
    ],
)
def test_what_cannot_be_done_is_said(
    config: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["outbox", *arguments, "--config", str(config)]) == 64
    assert words in capsys.readouterr().err


def a_message(id_: str = "01a21453ca42f6dfd3c1d63c276fd4b4", **more: Any) -> dict[str, Any]:
    """One of a page."""
    return {
        "id": id_, "created_at": "2026-11-30T10:00:00Z", "status": "queued", "account": "main",
        "subject": "Hello", "first_recipient": "bob@example.org", "standings": {"pending": 1},
        "failure": None, "next_attempt_at": None, "finished_at": None, **more,
    }  # fmt: skip


def test_a_list_is_a_table_with_recipient_due_time_and_reason() -> None:
    retrying = a_message(
        "01a21453ca42" + "f" * 20, status="retrying", next_attempt_at="2036-01-01T12:00:00Z",
        failure={"message": "The server asks to wait."}, standings={"pending": 2, "accepted": 1},
    )  # fmt: skip
    head, first, second, why = table([a_message(), retrying], {})
    assert head.split() == ["id", "accepted", "status", "account", "to", "subject"]
    assert first.index("bob@") == second.index("bob@") == head.index("to")
    assert "bob@example.org +2" in second
    assert why.strip() == "The server asks to wait; next attempt 2036-01-01 12:00"
    assert first.split()[0] != second.split()[0]  # as many digits as it takes


@pytest.mark.parametrize(
    ("status", "due", "words"),
    [
        ("stopped", "2020-01-01T00:00:00Z", "waits until main is resumed"),
        ("waiting", "2036-01-02T00:00:00Z", "next attempt 2036-01-02 00:00"),
        ("ok", None, ""),
    ],
)
def test_a_due_time_that_is_past_is_not_shown(status: str, due: str | None, words: str) -> None:
    account = {"account": "main", "status": status, "next_attempt_at": due}
    lines = table([a_message(next_attempt_at="2020-01-01T00:00:00Z")], {"main": account})
    assert "".join(lines[2:]).strip() == words


def test_an_id_may_be_cut_short_as_long_as_it_is_the_only_one(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = queue(capsys, config), queue(capsys, config)
    place_ = ("--config", str(config))
    digits = short((first, second))
    assert shown(capsys, config, first[:digits])["id"] == first
    assert f"{second}: canceled" in run(capsys, "outbox", "cancel", second[:digits], *place_)
    for id_, words in ((first[:4], "begins several"), ("01", "at least 4 digits"),
                       ("ffff", "There is no message ffff"), ("0%_'", "is not an id")):  # fmt: skip
        assert main(["outbox", "show", id_, *place_]) == 64
        assert words in capsys.readouterr().err


def test_reading_the_outbox_needs_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("smtps.toml").write_text(HOOKED + 'url = "https://x.test/"\n')
    for command in ("list", "notices", "export"):
        assert run(capsys, "outbox", command, "--config", "smtps.toml") in (
            "No messages.\n", "No notices.\n", "",
        )  # fmt: skip
    assert main(["serve", "--config", "smtps.toml", "--port", "0"]) == 64
    assert "HOOK" in capsys.readouterr().err


def test_an_outbox_is_named_without_a_password() -> None:
    assert place("mail.db") == "the file mail.db"
    words = place("postgresql://ann:hunter2@db.example.com/smtps")
    assert words == "the database smtps at db.example.com"


HOOKED = """outbox = "m.db"
[accounts.a]
host = "h"
[accounts.a.webhook]
secret_env = "HOOK"
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('outbox = "postgresql://u:canary-7Zq@h:port/d"', "write it as postgresql://user@host"),
        ('outbox = "postgresql://u:canary-7Zq@127.0.0.1:1/d"', "Start its database, or correct"),
        ('outbox = "m.db"\n[accounts.a]\nhost = "h"\npasword_file = "x"', "mean password_file?"),
        ('outbox = "m.db"\n[accounts.a]\nhost = "h"\nwebhook = {url = "http://x"}',
         "accounts.a.webhook: needs secret_env or secret_file"),
        ('outbox = "m.db"\n[accounts.a]\nhost = "h"\nwebhook = {url="http://x", secret_file="n"}',
         "accounts.a.webhook.secret_file"),
        (HOOKED + 'url = "http://a b/"', "accounts.a.webhook.url: 'a b' is not a host name"),
        (HOOKED + 'url = "https://ann:canary-7Zq/x@h/"',
         "accounts.a.webhook.url: is not a valid URL"),
        (HOOKED + 'url = "https://x:99999/"', "accounts.a.webhook.url: is not a valid URL"),
        (HOOKED + 'url = "https://x/"\nca_file = "none.pem"',
         "accounts.a.webhook.ca_file: cannot be read"),
        (HOOKED + 'url = "https://x/"\nproxy = "socks5://ann:canary-7Zq@p:1"',
         "accounts.a.webhook.proxy: names a proxy of type socks5://"),
        (HOOKED + 'url = "https://x/"\nproxy = "environment"',
         "ALL_PROXY in the environment names a proxy of type socks5h://"),
        (HOOKED + 'url = "https://x/"\nproxy = "http://p:1"\nprivate = false',
         "accounts.a.webhook.private: cannot be false with a proxy"),
        ("port = 1", "write outbox ="),
    ],
)  # fmt: skip
def test_settings_that_do_not_work_say_what_to_do(
    text: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", "socks5h://ann:canary-7Zq@127.0.0.1:9")
    monkeypatch.setenv("HOOK", "whsec_" + "A" * 32)
    Path("smtps.toml").write_text(text)
    delivering = ["serve"] if "webhook" in text else ["outbox", "list"]
    assert main([*delivering, "--config", "smtps.toml"]) != 0
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert "canary" not in said


def test_a_message_tells_that_its_account_waits(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    id_ = queue(capsys, config)
    (config.parent / "main").unlink()  # its password
    with service(config) as url, httpx.Client(base_url=url) as client:
        for _ in range(200):
            states = client.get("/api/smtps/accounts").json()["accounts"]
            if any(state["status"] == "stopped" for state in states):
                break
    text = run(capsys, "outbox", "show", id_, "--config", str(config))
    assert "! main is stopped: password_file: cannot be read" in text
    assert "smtps outbox resume main" in text


def test_without_an_outbox(capsys: pytest.CaptureFixture[str]) -> None:
    assert "SMTPS_OUTBOX" not in os.environ
    assert main(["outbox", "list"]) == 64
    assert "outbox: is not set" in capsys.readouterr().err


def test_the_message_itself(config: Path, capfdbinary: Any) -> None:
    arguments = ["send", "--queue", "main", "--config", str(config), "--json", "--body", "Hi",
                 "--from", "sandbox@example.test", "--to", "bob@example.org"]  # fmt: skip
    assert main(arguments) == 0
    id_ = json.loads(capfdbinary.readouterr().out)["id"]
    assert main(["outbox", "show", id_, "--raw", "--config", str(config)]) == 0
    assert b"\r\n\r\nHi" in capfdbinary.readouterr().out


def test_a_sender_who_may_not(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = config.read_text().replace("[accounts.main]", '[accounts.main]\nsenders = ["x@y.test"]')
    config.write_text(text)
    arguments = ["send", "--queue", "main", "--config", str(config), "--from", "eve@y.test",
                 "--to", "b@y.test", "--body", "x"]  # fmt: skip
    assert main(arguments) == 64
    assert "may not send through" in capsys.readouterr().err


def test_what_no_webhook_has_heard(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "whsec_" + "A" * 32)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with config.open("a") as file:
        file.write(
            f'[accounts.grey.webhook]\nurl = "http://ann:canary-7Zq@127.0.0.1:{port}/x"\n'
            'secret_env = "HOOK"\n'
        )
    place = ("--config", str(config))
    assert run(capsys, "outbox", "notices", *place) == "No notices.\n"
    id_ = queue(capsys, config, "grey")
    run(capsys, "outbox", "cancel", id_, *place)
    assert "message.canceled pending, 0 attempts" in run(capsys, "outbox", "show", id_, *place)
    with service(config) as url, httpx.Client(base_url=url) as client:
        for _ in range(200):
            notice = client.get(f"/api/smtps/messages/{id_}").json()["webhook"]
            if notice["attempts"]:
                break
            time.sleep(0.05)
    said = run(capsys, "outbox", "show", id_, *place)
    assert "webhook: message.canceled pending, 1 attempt, the last at" in said
    assert "The connection was refused" in said
    assert "Check the URL's port" in said
    listed = run(capsys, "outbox", "list", *place)
    assert (
        "! webhook of grey: 1 notice pending after a failure: smtps outbox notices --pending"
        in listed
    )
    pending = run(capsys, "outbox", "notices", "--pending", "--account", "grey", *place)
    assert pending.startswith(f"{id_}  grey  message.canceled pending, 1 attempt")
    (found,) = json.loads(run(capsys, "outbox", "notices", "--pending", "--json", *place))[
        "notices"
    ]
    assert found["failure"]["code"] == "net.refused"
    assert run(capsys, "outbox", "notify", id_, *place) == f"{id_}: canceled\n"
    assert shown(capsys, config, id_)["webhook"]["attempts"] == 0
    assert "canary" not in said + listed + pending + json.dumps(found)
