"""What is shown of a configuration, and what is written to a log."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import pytest

import smtps
from smtps.config import logs
from smtps.config.settings import Settings
from smtps.credentials import without_password
from smtps.http.app import create_app
from smtps.main import main

SECRET = "S3cr"

PLACES = [
    f"postgresql://u:{SECRET}/x@db.test/mail",
    f"postgresql://u:{SECRET}?x@db.test/mail",
    f"postgresql://u:x?y={SECRET}@db.test/mail",
    f"postgresql://u:x?host={SECRET}@db.test/mail",
    f"postgresql://u:x?user=a&b={SECRET}@db.test/mail",
    f"postgresql://u:{SECRET}#x@db.test/mail",
    f"postgresql://u:x#{SECRET}@db.test/mail",
    f"postgresql://u:{SECRET}@x@db.test/mail",
    f"postgresql://u:{SECRET}@db.test/ma@il",
    f"postgresql://u:{SECRET}",
    f"postgresql://u:{SECRET}/mail",
    f"postgres://u:{SECRET}:x/[y]@db.test/mail",
    f"postgresql+asyncpg://u:{SECRET}/@db.test/mail",
    f"postgresql://db.test/mail?sslpassword={SECRET}&sslkey=k",
    f"postgresql://db.test/mail?PASSWORD={SECRET}",
    f"postgresql://db.test/mail?pass%77ord={SECRET}",
    f"postgresql://db.test/mail?password={SECRET}&password={SECRET}",
    f"postgresql://db.test/mail?user=u;password={SECRET}",
    f"host=db.test password={SECRET} dbname=mail",
    f"host=db.test password = '{SECRET} \\' x' dbname=mail",
    f"password={SECRET}",
    f"sslpassword={SECRET} host=x",
    f"password='x host={SECRET}",
    f"password=x\\ host={SECRET}",
    f"password=x'y host={SECRET} z'",
    f"PassWord={SECRET} host=x",
    f"passwd={SECRET} host=x",
    f"host=x\tpassword={SECRET}\ndbname=mail",
    f"host=x options='-c a={SECRET}'",
    f"service={SECRET}",
    f"dbname=postgresql://u:{SECRET}@db.test/mail host=x",
    f"dbname='password={SECRET}' host=x",
    f"postgresql://db.test/mail?dbname=postgresql://u:{SECRET}%40x",
    f"postgresql://db.test/mail;password={SECRET}",
    f"postgresql://u:{SECRET}@a.test:1,b.test:2/mail?service={SECRET}",
    f"PostgreSQL://u:{SECRET}/@db.test/mail",
    f"://{SECRET}",
]


@pytest.mark.parametrize("place", PLACES)
def test_no_form_of_a_database_s_address_shows_its_password(place: str) -> None:
    shown = without_password(place)
    assert SECRET not in shown
    settings = Settings(outbox=place)
    for text in (repr(settings), str(settings), json.dumps(settings.shown())):
        assert SECRET not in text


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        (f"u:{SECRET}@proxy.test:8080", "http://u@proxy.test:8080"),
        (f"http://u:{SECRET}@proxy.test", "http://u@proxy.test"),
        ("environment", "environment"),
    ],
)
def test_a_proxy_is_shown_without_its_password(proxy: str, shown: str) -> None:
    hook = {"url": f"https://u:{SECRET}@hooks.test/", "secret_env": "HOOK", "proxy": proxy}
    settings = Settings.model_validate({"accounts": {"a": {"host": "x.test", "webhook": hook}}})
    assert settings.shown()["accounts"]["a"]["webhook"]["proxy"] == shown
    account = settings.accounts["a"]
    for text in (repr(settings), repr(account), repr(account.webhook)):
        assert SECRET not in text


def test_a_webhook_s_address_is_shown_without_what_opens_it(monkeypatch: Any) -> None:
    url = f"https://u:{SECRET}@hooks.test/x?token={SECRET}"
    hook = {"url": url, "secret_env": "HOOK"}
    settings = Settings.model_validate({"accounts": {"a": {"host": "x.test", "webhook": hook}}})
    for text in (repr(settings), json.dumps(settings.shown())):
        assert SECRET not in text
        assert "https://u@hooks.test/x" in text
    assert settings.accounts["a"].webhook.url == url  # type: ignore[union-attr]


def test_what_is_no_secret_is_shown() -> None:
    for place in (
        "postgresql://u@db.test:5432,[::1]:5433/mail?sslmode=require&connect_timeout=5",
        "host=db.test port=5432 dbname=mail user=u",
        "/srv/a=b/mail.db",
        "sqlite:///srv/mail.db",
    ):
        assert without_password(place) == place


def test_show_config_prints_no_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMTPS_OUTBOX", f"postgresql://u:{SECRET}/x@db.test/mail")
    assert main(["serve", "--show-config"]) == 0
    out = capsys.readouterr().out
    assert SECRET not in out
    assert json.loads(out)["outbox"] == "postgresql://u@db.test/mail"


ODD = ["\n", "\r", "\r\n", "\x1b[2J", "\x85", "\x9b31m", "\u2028", "\u2029", "\u202e", "\u2066",
       "\x7f", "\0", "\x0b", "\x0c", "\u200b", "\ufeff", "\U000e0041", "\ud800"]  # fmt: skip
"""What moves a terminal's cursor, ends a line somewhere, or turns the reading round."""


@pytest.mark.parametrize("odd", ODD[:-1])
async def test_a_path_cannot_forge_a_line_of_the_log(
    odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "smtps.access")
    transport = httpx.ASGITransport(create_app(Settings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        await client.get(f"/{quote(odd)}2026-01-01 forged")
    (line,) = [record.getMessage() for record in caplog.records if "forged" in record.getMessage()]
    assert line.isprintable()
    assert "\\" in line


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", logs.NAMES)
def test_no_logger_of_ours_writes_more_than_a_line(
    name: str, odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    logs.guard()
    text = f"the server says 550{odd}forged"
    log = logging.getLogger(name)
    with caplog.at_level(logging.INFO, name):
        log.warning("%s", text)
        log.warning(text)
        try:
            raise ValueError(text)
        except ValueError:
            log.exception("%s", text)
    written = caplog.text.splitlines()
    assert len(written) == len(caplog.text.removesuffix("\n").split("\n"))
    assert all(line.isprintable() for line in written)
    assert not any(line.startswith("forged") for line in written)
    assert sum("forged" in line for line in written) >= 4


def test_each_logger_is_guarded() -> None:
    names = set()
    for path in Path(smtps.__file__).parent.rglob("*.py"):
        names |= set(re.findall(r'getLogger\("(smtps[^"]*)"\)', path.read_text()))
    assert names - set(logs.NAMES) == set()
    assert names


@pytest.mark.parametrize("command", ["serve.py", "cli/worker.py"])
def test_the_shell_writes_what_libraries_say_in_lines_too(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (Path(smtps.__file__).parent / command).read_text()
    assert "logs.written(" in source
    with logs.written(requests=True):
        logging.getLogger("smtps.access").info("a\nforged")
        logging.getLogger("somebody.else").warning("a\u2028forged")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
