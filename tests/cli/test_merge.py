"""Mail merge from the shell: all rows are checked first, each is sent once, a log goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartSandbox

from smtps.cli.merging import read_rows
from smtps.errors import InputError
from smtps.main import main
from smtps.sandbox.server import Sandbox

LETTER = (
    "From: ann@example.com\nTo: {{ name }} <{{ email }}>\nSubject: Nr. {{ nr }}\n\nHi {{ name }}\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letter.j2").write_text(LETTER)
    return tmp_path


def table(folder: Path, people: int, name: str = "readers.csv") -> list[str]:
    rows = [f'"Doe, {n}",r{n}@example.org,{n}' for n in range(1, people + 1)]
    (folder / name).write_text("\n".join(["name,email,nr", *rows, ""]))
    return ["--merge", name, "--template", "letter.j2"]


def to(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("PW", box.password)
    return ["send", "--host", f"{box.host}:{box.port}", "--ca-file", str(box.ca_file),
            "--username", box.username, "--password-env", "PW"]  # fmt: skip


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log").read_text().splitlines()]


def rows_of(folder: Path, outcome: str) -> set[int]:
    """Rows with a line of this outcome, in a log that may still be growing."""
    if not (folder / "log").exists():
        return set()
    lines = (folder / "log").read_text().split("\n")
    return {json.loads(line)["row"] for line in lines[:-1] if f'"{outcome}"' in line}


def recipients(box: Sandbox) -> list[str]:
    return sorted(mail.recipients[0] for mail in box.inbox.all())


def test_each_row_gets_its_own(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert main([*to(sandbox, monkeypatch), *table(folder, 30), "--json"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(one["row"] for one in shown) == list(range(1, 31))
    assert recipients(sandbox) == sorted(f"r{n}@example.org" for n in range(1, 31))
    for mail in sandbox.inbox.all():
        number = mail.recipients[0].partition("@")[0][1:]
        assert f"Subject: Nr. {number}\r\n".encode() in mail.data
        assert f"Hi Doe, {number}\r\n".encode() in mail.data


def test_nothing_is_sent_if_one_row_cannot_be(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    arguments = table(folder, 3)
    with (folder / "readers.csv").open("a") as file:
        file.write("Eve,not an address,4\nMallory,m@example.org,5\nX,,6\n")
    assert main([*to(sandbox, monkeypatch), *arguments]) == 65
    said = capsys.readouterr().err
    assert "2 of 6 rows" in said
    assert "row 4: to:" in said
    assert "row 6: to:" in said
    assert not sandbox.inbox.all()


def test_a_second_run_does_what_is_left(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    arguments = [*to(sandbox, monkeypatch), *table(folder, 5), "--log", "log"]
    assert main(arguments) == 0
    lines = log_of(folder)
    assert [line["outcome"] for line in lines].count("begun") == 5
    # As if it had been killed: row 4 begun and not answered, row 5 not begun, half a line at last.
    kept = [line for line in lines if line["row"] < 4]
    kept += [line for line in lines if line["row"] == 4 and line["outcome"] == "begun"]
    (folder / "log").write_text(
        "".join(json.dumps(line) + "\n" for line in kept) + '{"row": 5, "di'
    )
    before = len(sandbox.inbox.all())
    assert main(arguments) == 74
    assert "4 sent, 1 uncertain; 4 of them in an earlier run" in capsys.readouterr().err
    assert [mail.recipients[0] for mail in sandbox.inbox.all()[before:]] == ["r5@example.org"]
    assert main([*arguments, "--retry-uncertain"]) == 0
    assert [mail.recipients[0] for mail in sandbox.inbox.all()[before + 1 :]] == ["r4@example.org"]
    assert main([*arguments, "--retry-uncertain"]) == 0
    assert len(sandbox.inbox.all()) == before + 2


def test_a_log_of_other_rows_is_told(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    arguments = [*to(sandbox, monkeypatch), *table(folder, 2), "--log", "log"]
    assert main(arguments) == 0
    (folder / "readers.csv").write_text(
        "name,email,nr\nEve,eve@example.org,1\nBob,b@example.org,2\n"
    )
    assert main(arguments) == 64
    assert "row 1 has changed" in capsys.readouterr().err
    assert len(sandbox.inbox.all()) == 2


def test_without_a_way_in_nothing_counts_as_refused(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    arguments = [*to(sandbox, monkeypatch), *table(folder, 20), "--log", "log"]
    monkeypatch.setenv("PW", "wrong")
    assert main(arguments) == 77
    shown = capsys.readouterr()
    assert "auth." in shown.out
    assert "0 of 20" in shown.err
    monkeypatch.setenv("PW", sandbox.password)
    assert main(arguments) == 0
    assert len(sandbox.inbox.all()) == 20


@pytest.mark.parametrize(
    ("persona", "code", "outcome"),
    [("unknown-recipient", 69, "refused"), ("greylisting", 75, "deferred")],
)
def test_what_the_server_says_is_told_for_each_row(
    folder: Path,
    start_sandbox: StartSandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    persona: str,
    code: int,
    outcome: str,
) -> None:
    box = start_sandbox(persona)
    assert main([*to(box, monkeypatch), *table(folder, 3), "--log", "log"]) == code
    shown = capsys.readouterr()
    assert shown.out.count(f": {outcome}:") == 3
    assert f"3 {outcome}" in shown.err


def test_a_dry_run_shows_the_first(folder: Path, capfdbinary: Any) -> None:
    assert main(["send", *table(folder, 4), "--dry-run"]) == 0
    shown = capfdbinary.readouterr()
    assert b"4 messages" in shown.err
    assert b'To: "Doe, 1" <r1@example.org>' in shown.out


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--merge", "t", "--template", "l", "--subject", "x"], "subject: belongs in the template"),
        (["--merge", "t", "--template", "l", "--raw", "x"], "raw: belongs in the template"),
        (["--merge", "t"], "template: is required"),
        (["--from", "a@x.test", "--body", "Hi", "--log", "x"], "log: requires --merge"),
        (["--to", "a@x.test"], "from: is required"),
        (["--merge", "nowhere.csv", "--template", "letter.j2"], "cannot read nowhere.csv"),
    ],
)
def test_options_that_do_not_go_together(
    folder: Path, capsys: Any, more: list[str], why: str
) -> None:
    assert main(["send", "--host", "127.0.0.1", *more]) in (64, 65)
    assert why in capsys.readouterr().err


def test_a_killed_run_leaves_no_row_twice(
    folder: Path, start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed anywhere and run again until done: each row once, or told to be uncertain."""
    box = start_sandbox()
    monkeypatch.setenv("PYTHONPATH", "")
    command = [sys.executable, "-m", "smtps", *to(box, monkeypatch), *table(folder, 400), "--log",
               "log", "--no-progress"]  # fmt: skip
    for enough in (40, 120, 250):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while process.poll() is None and len(rows_of(folder, "sent")) < enough:
            time.sleep(0.005)
        process.kill()
        assert process.wait() == -signal.SIGKILL  # it was not done yet
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 74), done.stderr
    people = recipients(box)
    assert len(people) == len(set(people))
    uncertain = rows_of(folder, "begun") - rows_of(folder, "sent")
    in_flight = 3 * 2 * 4  # runs, connections, window
    lost = {n for n in uncertain if f"r{n}@example.org" not in people}
    assert len(lost) <= in_flight
    assert len(uncertain) <= 2 * in_flight  # as many results again may not be in the log yet
    assert len(set(people) | {f"r{n}@example.org" for n in uncertain}) == 400


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n\n3,4\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        ("\ufeffa;b\r\n1;2,5\r\n", [{"a": "1", "b": "2,5"}]),
        ('a\tb\n"x\ny"\t2\n', [{"a": "x\ny", "b": "2"}]),
    ],
)
def test_tables(tmp_path: Path, text: str, rows: list[dict[str, str]]) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert [row.values for row in read_rows(str(path))] == rows


def test_objects(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1, "b": ["x"]}\n\n{"a": 2}\n')
    assert [row.values for row in read_rows(str(path))] == [{"a": 1, "b": ["x"]}, {"a": 2}]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("t.csv", b"a,b\n1\n", "row 1 has 1 cells"),
        ("t.csv", b"a,a\n1,2\n", "exactly once"),
        ("t.csv", b"a,\n1,2\n", "name each column"),
        ("t.csv", b"", "name each column"),
        ("t.csv", b'a,b\n1,"x"y\n', "line 2"),
        ("t.csv", b"a\n\xff\n", "UTF-8"),
        ("t.jsonl", b"[1]\n", "not a JSON object"),
        ("t.jsonl", b"{\n", "not JSON"),
    ],
)
def test_bad_tables(tmp_path: Path, name: str, text: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(text)
    with pytest.raises(InputError, match=why):
        list(read_rows(str(tmp_path / name)))
