"""What is shown of a configuration, and what is written to a log."""

from __future__ import annotations

import json
import logging

import httpx
import pytest

from smtps.api.app import create_app
from smtps.api.settings import Settings
from smtps.cli.main import main
from smtps.credentials import without_password

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
]


@pytest.mark.parametrize("place", PLACES)
def test_no_form_of_a_database_s_address_shows_its_password(place: str) -> None:
    shown = without_password(place)
    assert SECRET not in shown
    settings = Settings(outbox=place)
    for text in (repr(settings), str(settings), json.dumps(settings.shown())):
        assert SECRET not in text


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


@pytest.mark.parametrize(
    "path", ["/%0a2026-01-01%20forged", "/%0d%0aforged", "/%1b[2Jforged", "/%c2%85forged",
             "/%e2%80%a8forged", "/%7fforged", "/%00forged"],
)  # fmt: skip
async def test_a_path_cannot_forge_a_line_of_the_log(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "smtps.access")
    transport = httpx.ASGITransport(create_app(Settings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        await client.get(path)
    (line,) = [record.getMessage() for record in caplog.records if "forged" in record.getMessage()]
    assert line.isprintable()
    assert "\\" in line
