"""``--check-config`` says whether a configuration would start, and starts nothing."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.outbox.database import Server

from smtps.cli import exits
from smtps.config.callers import hash_token
from smtps.main import main
from smtps.outbox import control
from smtps.outbox.outbox import Outbox
from smtps.outbox.store import backend, prepare

SECRET = "canary-s3cr3t-%2F@"
HOOK = "whsec_" + "QUFB" * 10


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(fsync="off") as running:
        yield running


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    """Examines a file, and gives the exit code and what was said."""

    def examine(file: Path | None, *more: str, command: str = "serve") -> tuple[int, Any]:
        named = [] if file is None else ["--config", str(file)]
        code = main([command, *named, "--check-config", "--json", *more])
        told = capsys.readouterr().out
        assert SECRET not in told
        return code, json.loads(told)

    return examine


def where(told: Any) -> list[str]:
    return [one["where"] for one in told["problems"]]


def written(folder: Path, text: str) -> Path:
    file = folder / "smtps.toml"
    file.write_text(text)
    return file


def whole(folder: Path) -> str:
    """Settings with something of everything, and nothing wrong."""
    (folder / "password").write_text(SECRET)
    (folder / "hook").write_text(HOOK)
    return f"""
port = 0
outbox = "{folder}/new/mail.db"
[tokens]
ci = "{hash_token("x")}"
[grants]
ci = ["main"]
[accounts.main]
host = "smtp.example.com"
username = "ann"
password_file = "{folder}/password"
[accounts.main.webhook]
url = "https://shop.example.com/events"
secret_file = "{folder}/hook"
[probe.mine]
username = "ann"
password_file = "{folder}/password"
targets = ["smtp.example.com"]
"""


def test_what_is_good_would_start_and_nothing_is_made(shown: Any, tmp_path: Path) -> None:
    file = written(tmp_path, whole(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    code, told = shown(file)
    assert (code, told["starts"], told["problems"]) == (exits.OK, True, [])
    assert sorted(tmp_path.rglob("*")) == before
    assert f"{tmp_path}/new/mail.db would be created" in told["tried"]
    assert any("not contacted" in line for line in told["not_tried"])


def test_all_problems_are_told_at_once(shown: Any, tmp_path: Path) -> None:
    file = written(tmp_path, f"""
        port = 99999
        hosst = "x"
        concurrency = 0
        upload_dir = "{tmp_path}/none"
        outbox = "{tmp_path}"
        [tokens]
        ci = "{SECRET}"
        [grants]
        ci = ["main", "nope"]
        [accounts.main]
        host = "smtp.example.com"
        username = "ann"
        password_file = "{tmp_path}/none"
        ca_file = "{tmp_path}/none"
        [accounts.two]
        host = "smtp.example.com"
        uncertian = "hold"
        [accounts.three]
        host = "smtp.example.com"
        username = "ann"
        password_command = "{tmp_path}/none --{SECRET}"
        [accounts.three.webhook]
        url = "https://:x/"
        secret_env = "NONE_OF_THESE"
        ca_file = "{tmp_path}/none"
        proxy = "socks5://ann:{SECRET}@x:1"
        [probe.mine]
        ca_file = "{tmp_path}/none"
    """)  # fmt: skip
    code, told = shown(file)
    assert code == exits.CONFIG == 78
    assert not told["starts"]
    assert sorted(where(told)) == sorted(
        f"{name} in {file}"
        for name in (
            "port", "hosst", "concurrency", "upload_dir", "outbox", "tokens", "grants.ci",
            "accounts.main.password_file", "accounts.main.ca_file", "accounts.two.uncertian",
            "accounts.three.password_command", "accounts.three.webhook.url",
            "accounts.three.webhook.secret_env", "accounts.three.webhook.ca_file",
            "accounts.three.webhook.proxy", "probe.mine.ca_file",
        )
    )  # fmt: skip


def test_each_is_named_as_its_place_names_it(
    shown: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTPS_CONCURRENCY", "none")
    monkeypatch.setenv("SMTPS_TOKENS", "no JSON")
    monkeypatch.setenv("SMTPS_GARCE", "3")
    code, told = shown(written(tmp_path, "grace = -1"), "--port", "80000")
    assert code == exits.CONFIG
    assert sorted(where(told)) == [
        "--port", "SMTPS_CONCURRENCY", "SMTPS_TOKENS", f"grace in {tmp_path}/smtps.toml"
    ]  # fmt: skip
    assert any("SMTPS_GARCE is not a setting" in note for note in told["notes"])


def test_a_file_that_cannot_be_read_is_one(shown: Any, tmp_path: Path) -> None:
    for file in (tmp_path / "none.toml", written(tmp_path, "port 1")):
        code, told = shown(file)
        assert (code, where(told)) == (exits.CONFIG, ["config"])
        assert str(file) in told["problems"][0]["problem"]


def test_beyond_loopback_it_wants_a_token(shown: Any) -> None:
    code, told = shown(None, "--host", "0.0.0.0", "--port", "0")
    assert (code, where(told)) == (exits.CONFIG, ["--host"])


def test_an_address_of_another_machine_cannot_be_listened_on(shown: Any) -> None:
    code, told = shown(None, "--host", "192.0.2.1", "--allow-anonymous")
    assert (code, where(told)) == (exits.CONFIG, ["--host"])


async def test_a_running_service_is_no_obstacle(shown: Any, tmp_path: Path) -> None:
    place = tmp_path / "mail.db"
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with Outbox(str(place), {}), listener:
        held = place.read_bytes()
        code, told = shown(written(tmp_path, f'outbox = "{place}"\nport = {port}'))
        assert place.read_bytes() == held
    assert (code, told["problems"]) == (exits.OK, [])
    assert any(f"port {port} is in use" in note for note in told["notes"])
    assert any("is sending from" in note for note in told["notes"])


async def test_an_outbox_of_another_version_or_that_moved_is_told(
    shown: Any, tmp_path: Path
) -> None:
    place = tmp_path / "mail.db"
    async with Outbox(str(place), {}):
        pass
    file = written(tmp_path, f'outbox = "{place}"\nport = 0')
    assert shown(file)[0] == exits.OK
    for name, value, words in (
        ("moved_to", "/new", "has moved"),
        ("schema", "0", "does not recognize"),
    ):
        with closing(sqlite3.connect(place)) as connection, connection:
            connection.execute("DELETE FROM meta WHERE name = ?", [name])
            connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", [name, value])
        code, told = shown(file)
        assert (code, where(told)) == (exits.CONFIG, [f"outbox in {file}"])
        assert words in told["problems"][0]["problem"]
    place.write_text("something else, of some length")
    code, told = shown(file)
    assert (code, where(told)) == (exits.CONFIG, [f"outbox in {file}"])


async def test_a_database_is_reached_and_not_changed(
    shown: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = server.database()
    monkeypatch.setenv("SMTPS_OUTBOX", place)
    code, told = shown(None, command="worker")
    assert code == exits.OK
    assert any("has no tables yet" in line for line in told["tried"])
    async with Outbox(place, {}):
        pass
    code, told = shown(None, command="worker")
    assert code == exits.OK
    assert any("is reachable, and matches this version" in line for line in told["tried"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda place: place.replace("/test_", f":{SECRET.replace('@', '%40')}@/test_"), "outbox"),
        (lambda place: place.replace("/test_", "/none_"), "does not exist"),
        (
            lambda place: place + "&options=-c%20default_transaction_read_only%3Don",
            "does not accept writes",
        ),
        (lambda _: f"postgresql://ann:{SECRET}127.0.0.1:port/mail", "outbox"),
        (lambda _: f"postgresql://ann:{SECRET[:-1]}@127.0.0.1:1/mail", "refused"),
    ],
)
def test_one_that_cannot_be_used_is_told_without_its_password(
    shown: Any, server: Server, monkeypatch: pytest.MonkeyPatch, change: Any, words: str
) -> None:
    monkeypatch.setenv("SMTPS_OUTBOX", change(server.database()))
    code, told = shown(None, command="worker")
    assert "s3cr3t" not in json.dumps(told)
    if words == "outbox":
        assert code in (exits.OK, exits.CONFIG)
        return
    assert (code, where(told)) == (exits.CONFIG, ["SMTPS_OUTBOX"])
    assert words in told["problems"][0]["problem"]


def test_a_worker_wants_a_database(shown: Any, tmp_path: Path) -> None:
    for text in ("", f'outbox = "{tmp_path}/mail.db"'):
        code, told = shown(written(tmp_path, text), command="worker")
        assert code == exits.CONFIG
        assert [one["setting"] for one in told["problems"]] == ["outbox"]


@pytest.mark.parametrize("text", ["", "port = -1", "hosst = 1", "[grants]\nci = []",
                                  'outbox = "/dev/null/mail.db"'])  # fmt: skip
def test_the_service_agrees(tmp_path: Path, text: str, shown: Any) -> None:
    file = written(tmp_path, f"{'' if 'port' in text else 'port = 0'}\n{text}")
    code, _ = shown(file)
    command = [sys.executable, "-m", "smtps", "serve", "--config", str(file), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as service:
        assert service.stdout is not None
        started = service.stdout.readline().startswith(b'{"url"')
        service.terminate()
    assert started is (code == exits.OK)


def test_people_are_told_in_words(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = written(tmp_path, "port = 99999")
    assert main(["serve", "--config", str(file), "--check-config"]) == exits.CONFIG
    told = capsys.readouterr().out
    assert told.startswith("smtps serve would not start, or not work, as configured: 1 problem.\n")
    assert f"port in {file}: " in told


@pytest.mark.parametrize(
    "words",
    [
        ["serve", "--port", "0"],
        ["serve", "--port", "0", "--check-config"],
        ["worker"],
        ["worker", "--check-config"],
        ["outbox", "list"],
        ["outbox", "notices"],
    ],
    ids=" ".join,
)
def test_an_outbox_of_a_newer_version_is_refused_in_the_same_words(
    words: list[str], server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = server.database()
    with closing(backend(place, own=False)) as behind:
        prepare(behind.writing)
        with behind.writing.begin() as connection:
            control.write_meta(connection, [("schema", "7")])
    config = written(tmp_path, f"outbox = {json.dumps(place)}")
    code = exits.CONFIG if "--check-config" in words else exits.USAGE
    assert main([*words, "--config", str(config)]) == code
    told = " ".join("".join(capsys.readouterr()).split())
    assert "outbox" in told
    assert "was made by a newer smtps (schema 7; this one knows 1); upgrade smtps" in told
