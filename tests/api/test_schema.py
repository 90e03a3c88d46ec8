"""Whatever fits the description is answered as described, and nothing is ever a 500."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from smtps.api.app import create_app
from smtps.api.settings import Settings

# Every name leads to this machine, and only to a port where nothing listens.
SERVICE = create_app(Settings(target_ports=[1], grace=0.1, hosts=["testserver"]))
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", SERVICE)


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look_up(_loop: Any, _host: Any, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", look_up)


@SCHEMA.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation(case: Any) -> None:
    # Left out: that whatever fits the description is accepted. Which names can be hosts, and that
    # user name and password go together, cannot be said in a schema.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
