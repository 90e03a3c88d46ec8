"""Lists of targets: every one of them has one result, whatever happens on the way."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import pty
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.cli.manyhosts import Hosts, expected, many_hosts

from smtps.cli import check
from smtps.cli import targets as lines
from smtps.cli.progress import Tally, progress_bar
from smtps.cli.results import results
from smtps.cli.targets import Done, Shard
from smtps.errors import InputError
from smtps.main import main
from smtps.report.formats import FORMATS
from smtps.sandbox.server import Sandbox

SMTPS = [sys.executable, "-m", "smtps"]
COUNT = 300


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with many_hosts() as running:
        yield running


@pytest.fixture
def listed(hosts: Hosts, tmp_path: Path) -> list[str]:
    """The command for the whole list."""
    (tmp_path / "list").write_text("\n".join(hosts.targets(COUNT)) + "\n")
    return [*SMTPS, "check", "--from", str(tmp_path / "list"), "--ca-file", hosts.ca_file]


def codes(report: dict[str, Any]) -> list[str]:
    return [f["code"] for f in report["findings"] if f["severity"] == "error"]


def from_ndjson(text: str) -> dict[str, list[str]]:
    reports = [json.loads(line) for line in text.splitlines()]
    return dict(once((report["target"], codes(report)) for report in reports))


def from_csv(text: str) -> dict[str, list[str]]:
    rows = list(csv.DictReader(text.splitlines()))
    found = once((row["target"], row["codes"].split()) for row in rows)
    return {target: [c for c in codes if c == expected(target)] for target, codes in found}


def once(results: Any) -> list[tuple[str, list[str]]]:
    found = list(results)
    assert max(Counter(target for target, _ in found).values(), default=0) <= 1, "a result twice"
    return found


def wanted(hosts: Hosts) -> dict[str, list[str]]:
    return {t: [code] if (code := expected(t)) else [] for t in hosts.targets(COUNT)}


def test_every_target_has_its_own_result(hosts: Hosts, listed: list[str]) -> None:
    done = subprocess.run(
        [*listed, "--output", "ndjson"], check=False, capture_output=True, text=True
    )
    assert done.stderr.startswith(f"smtps: {COUNT:,} targets are done (")
    assert done.stderr.count("\n") == 1
    assert done.returncode == 2
    assert from_ndjson(done.stdout) == wanted(hosts)


@pytest.mark.parametrize(
    ("form", "number"),
    [
        ("ndjson", signal.SIGINT),
        ("csv", signal.SIGTERM),
        ("ndjson", signal.SIGKILL),
        ("csv", signal.SIGKILL),
    ],
)
def test_an_interrupted_run_goes_on_where_it_was(
    hosts: Hosts,
    listed: list[str],
    tmp_path: Path,
    form: str,
    number: signal.Signals,
) -> None:
    file = tmp_path / "out"
    read = {"ndjson": from_ndjson, "csv": from_csv}[form]
    command = [*listed, "--output", form, "--output-file", str(file), "--jobs", "10"]
    enough = random.randrange(10, COUNT - 100)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: file.exists() and file.read_bytes().count(b"\n") > enough)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    if number == signal.SIGKILL:
        torn = file.read_bytes().splitlines(keepends=True)[-1][:40]
        with file.open("ab") as out:
            out.write(torn)  # the worst moment to die in
    else:
        assert process.returncode == 130
        assert "with --resume to continue" in said
        assert f"of {COUNT} targets are done" in said
        assert len(read(file.read_text())) >= enough
    done = subprocess.run([*command, "--resume"], check=False, timeout=60)
    assert done.returncode == 2
    assert read(file.read_text()) == wanted(hosts)
    before = file.read_bytes()
    done = subprocess.run([*command, "--resume"], check=False, timeout=60)
    assert (done.returncode, file.read_bytes()) == (2, before)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_shards_together_are_everything(hosts: Hosts, listed: list[str]) -> None:
    parts = [
        subprocess.run(
            [*listed, "--output", "ndjson", "--shard", f"{number}/3"],
            check=False, capture_output=True, text=True,
        ).stdout
        for number in (1, 2, 3)
    ]  # fmt: skip
    assert all(len(part.splitlines()) > COUNT // 6 for part in parts)
    assert from_ndjson("".join(parts)) == wanted(hosts)


def is_json(text: str) -> list[str]:
    return [report["target"] for report in json.loads(text)]


def is_junit(text: str) -> list[str]:
    return [str(case.get("name")) for case in ET.fromstring(text).iter("testcase")]


def is_prometheus(text: str) -> list[str]:
    families = text_string_to_metric_families(text)
    samples = [s for family in families for s in family.samples]
    return [s.labels["target"] for s in samples if s.name == "smtps_check_success"]


def is_html(text: str) -> list[str]:
    assert text.rstrip().endswith("</html>")
    return [t for t in ("127.0.0.1:1", "127.0.0.1:2") if t in text]


def is_text(text: str) -> list[str]:
    return [t for t in ("127.0.0.1:1", "127.0.0.1:2") if t in text]


READERS: dict[str, Callable[[str], list[str]]] = {
    "text": is_text,
    "json": is_json,
    "ndjson": lambda text: [json.loads(line)["target"] for line in text.splitlines()],
    "csv": lambda text: [row["target"] for row in csv.DictReader(text.splitlines())],
    "junit": is_junit,
    "nagios": is_text,
    "prometheus": is_prometheus,
    "html": is_html,
    "markdown": is_text,
}


def test_the_shell_knows_all_forms() -> None:
    assert check.FORMS == tuple(FORMATS) == tuple(READERS)


@pytest.mark.parametrize("form", check.FORMS)
@pytest.mark.parametrize("to_file", [True, False])
def test_interrupted_each_form_is_valid(form: str, to_file: bool, tmp_path: Path) -> None:
    file = tmp_path / "out"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        targets = ["127.0.0.1:1", "127.0.0.1:2", f"127.0.0.1:{silent.getsockname()[1]}"]
        command = [*SMTPS, "check", "-", "--output", form, "--jobs", "1", "--spacing", "0"]
        command += ["--output-file", str(file)] if to_file else []
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        ) as process:  # fmt: skip
            assert process.stdin is not None
            process.stdin.write("\n".join(targets) + "\n")
            process.stdin.flush()
            with silent.accept()[0]:  # with one job the two before are done
                process.send_signal(signal.SIGINT)
                out, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted: 2 targets are done (2 do not work)" in said
    assert [entry.name for entry in tmp_path.iterdir()] == (["out"] if to_file else [])
    assert READERS[form](file.read_text() if to_file else out) == targets[:2]


def test_an_interrupted_check_of_one_target_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        command = [*SMTPS, "check", f"127.0.0.1:{silent.getsockname()[1]}"]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process, silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=30)[1] == b""
    assert process.returncode == 130


def test_targets_come_from_command_line_and_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list").write_text("# ours\r\n127.0.0.1:2  # two\r\n\r\na b\r\n[::1]:3")
    command = ["check", "127.0.0.1:1", "--from", str(tmp_path / "list"), "--spacing", "0"]
    assert main([*command, "--json", "--jobs", "1"]) == 2
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [report["target"] for report in found] == [
        "127.0.0.1:1",
        "127.0.0.1:2",
        "a b",
        "[::1]:3",
    ]
    assert [report["verdict"] for report in found] == ["fails", "fails", "unknown", "fails"]
    assert (found[2]["port"], found[2]["security"]) == (465, "implicit")


def test_an_empty_list_is_all_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list").write_text("# nothing\n")
    assert main(["check", "--from", str(tmp_path / "list"), "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_slow_pipe_is_read_as_it_comes() -> None:
    command = [*SMTPS, "check", "-", "--output", "ndjson", "--spacing", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for target in ("127.0.0.1:1", "127.0.0.1:2"):
            process.stdin.write(f"{target}\n".encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["target"] == target
        process.stdin.close()
        assert process.wait(timeout=30) == 2


def read_all(source: str) -> list[str]:
    async def collect() -> list[str]:
        return [target async for target in lines.read_lines(source)]

    return asyncio.run(collect())


@pytest.mark.parametrize(
    ("content", "targets"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\nb", ["a", "b"]),
        (b"\xef\xbb\xbfa\n  b\t\n", ["a", "b"]),
        (b"# a\n\n b # c\n#", ["b"]),
        ("bücher.example\n".encode(), ["bücher.example"]),
        (b"\xff\n", ["\ufffd"]),
        (b"x" * 3000 + b"\nb\n", ["x" * 1024, "b"]),
        (b"x" * 200_000 + b"\nb\n", ["x" * 1024, "b"]),
        (b"y" * 65535 + b"\nb\n" + b"c\n" * 40_000, ["y" * 1024, "b", *["c"] * 40_000]),
    ],
)
def test_lines(content: bytes, targets: list[str], tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_bytes(content)
    assert read_all(str(file)) == targets
    again = lines.reread_lines(str(file))
    assert again is not None
    assert list(again) == targets


def test_a_named_pipe_is_a_list_too(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread = threading.Thread(target=pipe.write_text, args=("a\nb\n",))
    thread.start()
    assert read_all(str(pipe)) == ["a", "b"]
    thread.join()
    assert lines.reread_lines(str(pipe)) is None
    assert lines.reread_lines("-") is None


@pytest.mark.parametrize(
    "text", ["", "1", "0/3", "4/3", "a/3", "1/3/5", "-1/3", "1/٣", "1/9999999"]
)
def test_impossible_shards(text: str) -> None:
    with pytest.raises(InputError, match="shard"):
        Shard.parse(text)


def test_every_target_is_in_one_shard_wherever_it_is_asked() -> None:
    shards = [Shard.parse(f"{number}/7") for number in range(1, 8)]
    targets = [f"host{number}.example" for number in range(700)]
    assert all(sum(target in shard for shard in shards) == 1 for target in targets)
    assert all(sum(target in shard for target in targets) > 50 for shard in shards)
    assert "host1.example" in Shard.parse("3/7")  # pinned: machines have to agree


@pytest.mark.parametrize(
    ("form", "content", "targets"),
    [
        ("ndjson", "", []),
        ("ndjson", '{"target": "a", "verdict": "works"}\n', ["a"]),
        ("ndjson", 'garbage\n[]\n{"target": "a", "verdict": "works"}\n{}\n', ["a"]),
        ("csv", "", []),
        ("csv", "target,host,verdict\r\na,b,works\r\n'=c,d,fails\r\n", ["a", "=c"]),
        ("csv", "target,host,verdict\r\n\r\na\r\nb,b,works\r\n", ["b"]),
    ],
)
def test_what_is_done(form: str, content: str, targets: list[str], tmp_path: Path) -> None:
    (tmp_path / "out").write_text(content, newline="")
    done = Done.of(tmp_path / "out", form)
    assert len(done) == len(targets)
    assert all(done.take(target) for target in targets)
    assert not any(done.take(target) for target in [*targets, "z"])
    done.put_back()
    assert all(done.take(target) for target in targets)


def test_a_target_that_stands_twice_needs_two_results(tmp_path: Path) -> None:
    (tmp_path / "out").write_text('{"target": "a", "verdict": "works"}\n' * 2)
    done = Done.of(tmp_path / "out", "ndjson")
    assert [done.take("a") for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"new\n"),
        (b'{"a": 1}\n', b'{"a": 1}\nnew\n'),
        (b'{"a": 1}\n{"a": 2', b'{"a": 1}\nnew\n'),
        (b'{"a": 1}\n{"a": 2}', b'{"a": 1}\n{"a": 2}\nnew\n'),
        (b'{"a"', b"new\n"),
        (b'{"a": 1}\n{"b": "' + b"x" * 200_000, b'{"a": 1}\nnew\n'),
    ],
)
def test_a_torn_line_is_cut_off(before: bytes, after: bytes, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(before)
    with results(str(tmp_path / "out"), "ndjson") as place:
        place.write("new\n")
        place.complete()
    assert (tmp_path / "out").read_bytes() == after


def test_csv_has_one_header_however_often_it_is_added_to(tmp_path: Path) -> None:
    command = ["check", "127.0.0.1:1", "--output", "csv", "--output-file", str(tmp_path / "out")]
    assert [main(command), main(command)] == [2, 2]
    rows = list(csv.DictReader((tmp_path / "out").read_text().splitlines()))
    assert [row["target"] for row in rows] == ["127.0.0.1:1"] * 2


def test_a_whole_file_takes_the_place_of_the_old_one_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("old")

    def fail() -> None:
        with results(str(file), "html") as place:
            place.write("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert file.read_text() == "old"
    with results(str(file), "html") as place:
        place.write("new")
        assert file.read_text() == "old"
        place.complete()
    assert file.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
    mask = os.umask(0)
    os.umask(mask)
    assert file.stat().st_mode & 0o777 == 0o666 & ~mask


def test_two_runs_do_not_write_to_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["check", "127.0.0.1:1", "--output", "csv", "--output-file", str(tmp_path / "out")]
    with results(str(tmp_path / "out"), "csv"):
        assert main(command) == 64
    assert "another run" in capsys.readouterr().err
    assert main(command) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "/nonexistent"], "--from: /nonexistent cannot be read"),
        (["--from", "a\0b"], "--from: "),
        (["x", "--output-file", "/nonexistent/out", "--output", "csv"], "--output-file: "),
        (["x", "--output-file", "/nonexistent/out", "--output", "html"], "--output-file: "),
        (["x", "--output-file", "/dev/null"], "--output-file: /dev/null is not a regular file"),
        (["x", "--resume"], "--resume: needs --output ndjson or csv and --output-file"),
        (["x", "--resume", "--output", "html", "--output-file", "/tmp/x"], "--resume: needs"),
        (["x", "--shard", "3/2"], "--shard: "),
        (["x", "--jobs", "0"], "--jobs: "),
        (["x", "--spacing", "-1"], "--spacing: "),
        (["a b"], "host: "),
        (["-", "--username", "u", "--password-file", "-"], "--password-file: "),
        (["x", "--against", "/nonexistent"], "--against: /nonexistent cannot be read"),
        (["x", "--against", __file__], "--against: "),
    ],
)
def test_what_cannot_be_used_is_told(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["check", *arguments]) == 64
    assert capsys.readouterr().err.startswith(f"smtps: {said}")
    assert list(tmp_path.iterdir()) == []


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"]


def test_what_changed_since_an_earlier_report(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, old = f"{sandbox.host}:{sandbox.port}", tmp_path / "old.json"
    assert main(["check", target, "--json"]) == 2
    old.write_text(capsys.readouterr().out)
    command = ["check", target, "--ca-file", str(sandbox.ca_file), "--against", str(old)]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{target}: better since ")
    assert "The verdict was fails and is works." in text
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["direction"] == "better"
    assert main([*command, "--output", "html"]) == 64
    assert main(["check", "other.example", "--against", str(old)]) == 64


def test_results_of_earlier_runs_count_for_the_exit_code(sandbox: Sandbox, tmp_path: Path) -> None:
    file, well = tmp_path / "out", f"{sandbox.host}:{sandbox.port}"
    command = ["check", "127.0.0.1:1", well, "--ca-file", str(sandbox.ca_file)]
    command += ["--output", "ndjson", "--output-file", str(file)]
    assert main([*command, "--shard", "1/2"]) in (0, 2)
    assert main([*command, "--resume"]) == 2
    assert main([*command, "--resume"]) == 2
    assert len(file.read_text().splitlines()) == 2


def test_the_bar_is_for_terminals(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("127.0.0.1:1\n127.0.0.1:2\n")
    command = [*SMTPS, "check", "--from", str(tmp_path / "list"), "--output", "csv"]
    shown = {}
    for choice in ([], ["--no-progress"]):
        screen, terminal = pty.openpty()
        with subprocess.Popen(
            [*command, "--spacing", "0", *choice], stdout=subprocess.PIPE, stderr=terminal,
            env={**os.environ, "COLUMNS": "120", "TERM": "xterm"},
        ) as process:  # fmt: skip
            os.close(terminal)
            shown[len(choice)] = read_screen(screen)
            assert process.stdout is not None
            assert len(process.stdout.read().splitlines()) == 3
    assert "2/2" in shown[0]
    assert "2 do not work" in shown[0]
    assert shown[1] == "smtps: 2 targets are done (2 do not work)\r\n"


def read_screen(screen: int) -> str:
    text = b""
    with open(screen, "rb", buffering=0) as file:
        while select.select([file], [], [], 30)[0]:
            try:
                text += file.read(10_000)
            except OSError:  # Linux: the other end is closed
                break
    return text.decode()


def test_a_bar_of_a_list_whose_length_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    with progress_bar(tally, show=True) as show:
        for verdict in ("works", "works", "warnings", "later", "unknown"):
            tally.add(verdict)
            show(tally)
    assert tally.worst == 3
    said = capsys.readouterr().err
    assert "5/?" in said
    assert str(tally) == "2 work, 1 with warnings, 1 to retry later, 1 undetermined"
