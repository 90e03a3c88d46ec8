"""Completion in shells, and the man page: both name every command and option."""

from __future__ import annotations

import re
import subprocess

import pytest

from smtps.cli.completion import options_of, walk
from smtps.main import build_parser, main


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def completed(script: str, *words: str) -> list[str]:
    """What bash offers at the last word."""
    line = " ".join(f"'{word}'" for word in words)
    program = (
        f"{script}\nCOMP_WORDS=(smtps {line}); COMP_CWORD={len(words)}\n_smtps\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc"], input=program, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_values(
    capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    script = printed(capsys, "completion", "bash")
    assert {"check", "send", "outbox"} <= set(completed(script, ""))
    assert completed(script, "che") == ["check"]
    assert completed(script, "check", "--outpu") == ["--output", "--output-file"]
    assert completed(script, "check", "x.test", "--output", "j") == ["json", "junit"]
    assert completed(script, "check", "--security", "s") == ["starttls"]
    assert completed(script, "outbox", "re") == ["retry", "resume"]
    assert completed(script, "outbox", "list", "--stat") == ["--status"]
    assert completed(script, "completion", "") != []


def test_bash_completes_files_where_an_option_takes_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = printed(capsys, "completion", "bash")
    assert completed(script, "check", "--ca-file", "/etc/host") != []
    assert all(each.startswith("/etc/host") for each in
               completed(script, "check", "--ca-file", "/etc/host"))  # fmt: skip


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_knows_every_command_and_option(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = printed(capsys, "completion", shell)
    for path, command in walk(build_parser()):
        assert all(word in script for word in path)
        for action in options_of(command):
            name = action.option_strings[-1]
            wanted = f"-l {name[2:]} " if shell == "fish" and name[:2] == "--" else name
            assert wanted.strip("-") in script, (path, name)


def test_no_sign_of_a_help_text_ends_a_quotation(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("zsh", "fish"):
        script = printed(capsys, "completion", shell)
        assert script.replace("'\\''", "").count("'") % 2 == 0


def test_the_man_page_has_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(capsys, "manual")
    assert page.isascii()
    assert page.startswith(".TH SMTPS 1")
    for path, command in walk(build_parser()):
        if path:
            assert f".SS smtps {' '.join(path)}".replace("-", "\\-") in page
        for action in options_of(command) if path else ():
            for name in action.option_strings:
                assert f"\\fB{name}\\fR".replace("-", "\\-") in page
    # A line that begins with a dot is a request to troff.
    requests = set(re.findall(r"^\.(\w+)", page, re.MULTILINE))
    assert requests <= {"TH", "SH", "SS", "TP", "PP", "B", "I", "BR", "nf", "fi"}


def test_a_shell_that_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["completion", "tcsh"])
    assert caught.value.code == 64
    assert "choose from" in capsys.readouterr().err
