"""Fixtures: reports of servers that are really there."""

from __future__ import annotations

import asyncio
import socket

import pytest

import smtps
from smtps.checks.report import Report
from smtps.sandbox.gallery import Gallery


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts are repeated at once: the servers of these tests limit nothing."""
    monkeypatch.setattr("smtps.checks.follow_up.PAUSE", 0.0)


async def _look() -> dict[str, Report]:
    async with Gallery() as gallery:
        checks = {
            name: smtps.check(
                box.host,
                port=box.port,
                ca_file=box.ca_file,
                username=box.username,
                password=box.password,
                target=name,
                timeouts=smtps.Timeouts(total=20.0),
            )
            for name, box in gallery.boxes.items()
        }
        checks["refused"] = smtps.check("127.0.0.1", port=1, target="refused")
        reports = dict(zip(checks, await asyncio.gather(*checks.values()), strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", _unknown)
        reports["no such name"] = await smtps.check("nowhere.invalid", target="no such name")
    return reports


async def _unknown(*_: object, **__: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.fixture(scope="session")
def persona_reports() -> dict[str, Report]:
    """Persona → report, and two of targets where there is no server."""
    return asyncio.run(_look())
