"""``smtps explain``: input, output, exit codes, and what it does not load."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from smtps.explanations.explaining import explain
from smtps.main import main

HEAVY = "asyncio ssl socket dataclasses inspect pathlib logging smtps.errors smtps.cli.check email"


def modules(*arguments: str) -> set[str]:
    """What a run of the command loads."""
    program = (
        "import sys; from smtps.main import main\n"
        f"main({list(arguments)!r})\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "text", ["wrong version number", "535 5.7.8 authentication failed", "nothing that is known"]
)
def test_it_loads_little(text: str) -> None:
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = modules("explain", text) - set(bare.stdout.split())
    assert loaded & set(HEAVY.split()) == set()
    assert len(loaded) <= 68, sorted(loaded)


def test_words_are_put_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "wrong", "version", "number"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("The server speaks SMTP on this port")
    assert "code:           tls.plaintext_on_tls_port" in shown
    assert "matched:        wrong version number" in shown


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--json", "Connection refused"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["text", "matches", "next"]
    assert list(found["matches"][0]) == ["code", "meaning", "fix", "for", "see", "score", "why"]
    assert found["matches"][0]["code"] == "net.refused"
    assert found == explain("Connection refused").as_json()


def test_what_is_not_known_exits_1_and_names_the_next_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", "lorem ipsum"]) == 1
    assert "smtps check HOST" in capsys.readouterr().out


def test_words_that_leave_it_open_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "SMTP connect() failed"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("These words alone do not say what is wrong.")
    assert "net.refused: The machine answers" in shown
    assert "smtps check HOST" in shown


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_standard_input_is_read(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = "Grüße\nssl: CERT_HAS_EXPIRED\n".encode() + b"\xff"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert main(["explain", *arguments]) == 0
    assert "tls.certificate_expired" in capsys.readouterr().out


@pytest.mark.parametrize("data", [b"", b" \n", b"x" * 65537])
def test_no_text_or_too_much_is_64(
    data: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert main(["explain", "-"]) == 64
    assert capsys.readouterr().err.startswith("smtps: text: is ")


def test_a_password_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", "--json", "smtps://ann:hunter2@x.test: 535 5.7.8 no"])
    assert "hunter2" not in capsys.readouterr().out
