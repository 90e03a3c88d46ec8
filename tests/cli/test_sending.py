"""``smtps send`` at a server that is difficult."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from tests.client.farm import Farm, farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI

from smtps.cli.main import main


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
