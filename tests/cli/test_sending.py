"""``smtps send`` at a server that is difficult."""

from __future__ import annotations

import asyncio
import json
import os
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from tests.client.farm import Farm, farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI

import smtps
from smtps.main import main


async def send(servers: Farm, pki: PKI, *more: str) -> int:
    arguments = [
        "send", "--host", f"127.0.0.1:{servers.port}", "--ca-file", str(pki.ca), "--from",
        "a@x.test", "--to", "bob@y.test", "--body", "Hi", "--json", *more,
    ]  # fmt: skip
    return await asyncio.to_thread(main, arguments)


async def test_a_server_that_offers_chunking_and_does_not_know_it_gets_data(
    pki: PKI, capsys: pytest.CaptureFixture[str]
) -> None:
    def judge(said: str) -> str:
        return "500 5.5.1 what?" if said.startswith("BDAT") else "250 ok"

    async with farm(pki, lambda _: Strict(judge=judge)) as servers:
        assert await send(servers, pki) == 0
        assert len(servers.taken) == 1
    assert json.loads(capsys.readouterr().out)["outcome"] == "sent"


async def test_who_got_it_is_not_to_get_it_again(
    pki: PKI, capsys: pytest.CaptureFixture[str]
) -> None:
    def judge(said: str) -> str:
        return "450 4.2.0 later" if "carol" in said else "250 ok"

    async with farm(pki, lambda _: Strict(judge=judge)) as servers:
        code = await send(servers, pki, "--to", "carol@y.test", "--partial", "send")
    assert json.loads(capsys.readouterr().out)["outcome"] == "partial"
    assert code == 69


def test_a_password_that_is_no_text_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environb, b"SECRET", b"caf\xe9")
    monkeypatch.setenv("SECRET", os.fsdecode(b"caf\xe9"))
    arguments = ["--username", "u", "--password-env", "SECRET", "--from", "a@x.test", "--to",
                 "b@x.test", "--body", "Hi"]  # fmt: skip
    assert main(["send", "--host", "127.0.0.1:1", *arguments]) == 64
    assert "password: is not Unicode text" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["outbox", "list"], ["worker"]])
def test_a_database_that_is_away_may_be_there_later(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        'outbox = "postgresql://u:secret@127.0.0.1:1/mail"\n[accounts.main]\nhost = "mail.test"\n'
    )
    assert main([*command, "--config", str(config)]) == 75
    told = capsys.readouterr().err
    assert "cannot be opened" in told
    assert "secret" not in told


PEOPLE = ("--from", "ann@x.test", "--to", "bob@x.test")


def dry_run(capfdbinary: pytest.CaptureFixture[bytes], *more: str) -> Any:
    assert main(["send", *PEOPLE, "--dry-run", *more]) == 0
    return message_from_bytes(capfdbinary.readouterr().out, policy=default)


def test_who_sends_it_and_an_invitation(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = tmp_path / "a.ics"
    file.write_bytes(b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n")
    message = dry_run(
        capfdbinary, "--sender", "Office <office@x.test>", "--body", "x", "--alternative", str(file)
    )
    assert message["Sender"] == "Office <office@x.test>"
    assert message.get_content_type() == "multipart/alternative"
    *_, part = message.iter_parts()
    assert part["Content-Type"].params["method"] == "REQUEST"


def test_nothing_to_send_is_no_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send", "--host", "127.0.0.1:1", *PEOPLE]) == 64
    assert "body: is missing, and so is a subject" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more", [["--body", ""], ["--subject", "x"], ["--attach", __file__], ["--html-file", __file__]]
)
def test_a_little_is_enough(capfdbinary: pytest.CaptureFixture[bytes], more: list[str]) -> None:
    assert dry_run(capfdbinary, *more)["To"] == "bob@x.test"


def test_raw_with_blind_recipients_wants_a_word(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(b"From: ann@x.test\nBcc: secret@x.test\nSubject: x\n\nhi\n")
    assert main(["send", *PEOPLE, "--dry-run", "--raw", str(file)]) == 65
    out = capfdbinary.readouterr().out.decode()
    assert "every recipient would see" in " ".join(out.split())
    assert "--keep-bcc" in out
    message = dry_run(capfdbinary, "--raw", str(file), "--keep-bcc")
    assert message["Bcc"] == "secret@x.test"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--body", "x", "--keep-bcc"], "keep_bcc: requires --raw"),
        (["--raw", __file__, "--subject", "x"], "subject: cannot be combined with --raw"),
        (["--raw", __file__, "--attach", __file__], "attach: cannot be combined with --raw"),
    ],
)
def test_options_that_go_not_together(
    capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    assert main(["send", *PEOPLE, "--dry-run", *more]) in (64, 65)
    told = capsys.readouterr()
    assert words.replace("keep_bcc", "--keep-bcc") in (told.out + told.err).replace(
        "keep_bcc", "--keep-bcc"
    )


def test_a_refused_row_of_a_merge_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text("email\nbob@y.test\n")
    (tmp_path / "t.txt").write_text("From: a@x.test\nSender: o@x.test\nTo: {{ email }}\n\nHi\n")
    with smtps.sync.sandbox("unknown-recipient") as box:
        (tmp_path / "password").write_text(box.password)
        arguments = [
            "send", "--host", f"{box.host}:{box.port}", "--ca-file", str(box.ca_file),
            "--username", box.username, "--password-file", str(tmp_path / "password"),
            "--merge", str(tmp_path / "t.csv"), "--template", str(tmp_path / "t.txt"),
        ]  # fmt: skip
        assert main(arguments) == 69
    out = capsys.readouterr().out
    assert "✗ row 1, bob@y.test: refused: " in out
    assert "550 5.1.1" in out
    assert "Failure(" not in out
