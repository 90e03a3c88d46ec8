"""What mistyped commands and options are answered with."""

from __future__ import annotations

import subprocess
import sys

import pytest

from smtps.cli.usage import ELSEWHERE
from smtps.main import build_parser, main

OURS = {
    "chek": "'chek' is not a known command; did you mean check?",
    "smtp.gmail.com": "to check this server: smtps check smtp.gmail.com",
    "ann@example.com": "to check this server: smtps check ann@example.com",
    "help": "help is an option: --help",
    "xyzzy": "'xyzzy' is not a known command; choose from check, ",
    "check --starttl x": "unknown option --starttl; did you mean --starttls?",
    "check x --pasword-env X": "unknown option --pasword-env; did you mean --password-env?",
    "check x --output jso": "--output: 'jso' is not known; did you mean json?",
    "check x --output pdf": "--output: 'pdf' is not known; choose from text, json,",
    "check x --port y": "--port: must be a whole number, not 'y'",
    "check x --timeout y": "--timeout: must be a number, not 'y'",
    "send --text hi": "unknown option --text; did you mean --body?",
    "send --zzz": "unknown option --zzz\n",
    "--json check x": "--json belongs behind the command: smtps check … --json",
    "discover a@x.test b": "unexpected argument 'b'",
    "outbox lst": "'lst' is not a known action; did you mean list?",
}


@pytest.mark.parametrize("line", OURS)
def test_a_mistyped_word_is_answered_with_the_nearest(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    assert caught.value.code == 64
    assert OURS[line] in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check x", "send", "outbox list"])
def test_an_unknown_option_shows_the_usage_of_its_command_in_one_line(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "--nope"])
    usage, _, rest = capsys.readouterr().err.partition("\n")
    name = command.removesuffix(" x")
    assert usage.startswith(f"usage: smtps {name} ")
    assert usage.endswith("[options]")
    assert f"Try 'smtps {name} --help'." in rest


@pytest.mark.parametrize("given", [["--password", "hunter2"], ["--password=hunter2"]])
def test_a_password_on_the_command_line_is_refused_and_not_repeated(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["check", "x.test"], ["send", "--host", "x.test"]):
        with pytest.raises(SystemExit):
            main([*command, *given])
        error = capsys.readouterr().err
        assert "--password-env, --password-file or --password-command" in error
        assert "hunter2" not in error


def test_options_of_other_programs_name_options_that_exist() -> None:
    names = {name for line in ("check x", "send") for name in _known(line)}
    assert set(ELSEWHERE.values()) <= names
    assert not set(ELSEWHERE) & names


def _known(line: str) -> set[str]:
    return set(build_parser().read(line.split()).command.known)


def test_without_arguments_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == build_parser().format_help()
    done = subprocess.run([sys.executable, "-m", "smtps"], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"smtps check smtp.example.com" in done.stdout


def test_an_option_that_is_missing_is_named_as_it_is_typed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["send"]) == 64
    assert "--host: is required" in capsys.readouterr().err
