"""What a name without a dot stands for: an account, a provider, a persona, or a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.http.test_contract import gallery, sandbox, service

from smtps.config.accounts import AccountSettings
from smtps.config.settings import Settings
from smtps.errors import InputError
from smtps.http.requests import ConnectRequest
from smtps.http.service import Service
from smtps.net.resolve import resolve
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.personas import PERSONAS
from smtps.sandbox.server import Sandbox

__all__ = ["gallery", "sandbox"]


async def connect(gallery: Gallery | None, host: str, **more: Any) -> dict[str, Any]:
    async with service(gallery, more.pop("settings", None)) as client:
        answer = await client.post("/api/smtps/connect", json={"host": host, **more})
    found: dict[str, Any] = answer.json()
    return found


async def test_a_personas_name_is_enough(gallery: Gallery, sandbox: Sandbox) -> None:
    for name in ("healthy", "healthy.sandbox.localhost", "Healthy.Sandbox.Localhost."):
        answer = await connect(gallery, name)
        assert answer["success"], answer
        assert (answer["port"], answer["host_is"]) == (sandbox.port, "persona")
    answer = await connect(gallery, "expired")
    assert (answer["code"], answer["host_is"]) == ("tls.certificate_expired", "persona")


async def test_a_persona_with_starttls_is_asked_with_starttls(gallery: Gallery) -> None:
    answer = await connect(gallery, "starttls")
    assert (answer["success"], answer["security"]) == (True, "starttls")


async def test_without_a_sandbox_a_personas_name_is_a_host() -> None:
    answer = await connect(None, "expired.sandbox.localhost", port=1)
    assert (answer["code"], answer["host_is"]) == ("net.refused", "host")


async def test_a_report_says_it_in_a_header(gallery: Gallery) -> None:
    async with service(gallery) as client:
        text = await client.get("/smtps/expired")
        report = await client.get("/api/smtps/check?host=expired.sandbox.localhost")
    assert text.text.startswith("✗ expired does not work")
    assert "[tls.certificate_expired]" in text.text
    assert {each.headers["smtps-host-is"] for each in (text, report)} == {"persona"}
    assert [each["code"] for each in report.json()["findings"]] == ["tls.certificate_expired"]


@pytest.fixture
def settings(sandbox: Sandbox, tmp_path: Path) -> Settings:
    """Accounts with the names of a provider and of a persona."""
    (tmp_path / "password").write_text(sandbox.password)
    server = AccountSettings(
        host=sandbox.host, port=sandbox.port, username=sandbox.username,
        password_file=str(tmp_path / "password"), ca_file=str(sandbox.ca_file),
    )  # fmt: skip
    return Settings(accounts={"gmail": server, "expired": server})


async def test_an_account_comes_first(gallery: Gallery, settings: Settings) -> None:
    for name in ("gmail", "expired"):
        answer = await connect(gallery, name, settings=settings)
        assert (answer["host_is"], answer["authenticated"]) == ("account", True)


async def test_with_a_login_of_its_own_a_request_means_no_account(
    gallery: Gallery, settings: Settings
) -> None:
    login = {"username": "ann", "password": "x"}
    answer = await connect(gallery, "expired", settings=settings, **login)
    assert answer["host_is"] == "persona"


async def test_a_provider_comes_before_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[ConnectRequest] = []

    async def connect_there(_: object, request: ConnectRequest, **__: object) -> dict[str, Any]:
        seen.append(request)
        return {"success": True}

    monkeypatch.setattr(Service, "connect", connect_there)
    assert (await connect(None, "gmail"))["host_is"] == "provider"
    assert (await connect(None, "gmail", port=587))["host_is"] == "provider"
    assert [(each.host, each.port) for each in seen] == [
        ("smtp.gmail.com", 465), ("smtp.gmail.com", 587),
    ]  # fmt: skip


async def test_names_below_localhost_are_never_asked_of_dns() -> None:
    found = await resolve("x.sandbox.localhost", 465, resolver="127.0.0.1:1")
    assert [str(each) for each in found] == ["127.0.0.1:465"]


async def test_a_gallery_takes_its_usual_ports_and_free_ones_where_they_are_taken() -> None:
    async with Gallery() as somewhere:
        taken = somewhere.boxes["healthy"].port
    async with Sandbox(port=taken), Gallery(taken, or_free=True) as second:
        ports = [box.port for box in second.boxes.values()]
        assert taken not in ports
        assert len(set(ports)) == len(PERSONAS)
        with pytest.raises(InputError, match="cannot listen"):
            await Gallery(taken).__aenter__()
