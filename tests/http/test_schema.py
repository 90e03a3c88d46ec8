"""Whatever fits the description is answered as described, and nothing is ever a 500."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import httpx2 as httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

import smtps
from smtps.config.settings import Settings
from smtps.http.app import create_app
from smtps.http.serving import serve
from smtps.net.dns import Answer, Resolver
from smtps.sandbox.server import Sandbox

CONFIG = SchemathesisConfig.from_dict(
    {"checks": {"not_a_server_error": {"expected-statuses": ["2xx", "4xx", 502, 503, 504]}}}
)
"""What went wrong beyond the service is a documented 502, 503 or 504."""


with socket.create_server(("127.0.0.1", 0)) as _reserved:
    PORT: int = _reserved.getsockname()[1]
"""Of the server that the second test starts; the service has to know it before."""

SERVICE = create_app(Settings(target_ports=[1, PORT], grace=0.1, hosts=["testserver"]))
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", SERVICE, config=CONFIG)


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name leads here, and DNS knows nothing else."""

    async def look_up(_loop: Any, _host: Any, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    async def unknown(_self: Resolver, name: str, *_: Any) -> Answer[Any]:
        return Answer(name, exists=False)

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", look_up)
    monkeypatch.setattr(Resolver, "_ask", unknown)


@SCHEMA.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation(case: Any) -> None:
    # Left out: that whatever fits the description is accepted. Which names can be hosts, and that
    # user name and password go together, cannot be said in a schema.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


UNTRUSTED = {"verify": False, "allow_unverified_login": True}
"""The service does not know the server's authority."""


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with smtps.sync.sandbox("healthy", port=PORT) as started:
        yield started


@SCHEMA.include(path_regex="/(connect|send)").parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_at_a_server(box: Sandbox, case: Any) -> None:
    for part in (case.query, case.body):
        if isinstance(part, dict) and isinstance(part.get("host"), str):
            part.update(host=box.host, port=box.port, timeout=300, **UNTRUSTED)
    # What did not fit may fit now: that it is refused is the first test's matter.
    case.call_and_validate(excluded_checks=[positive_data_acceptance, negative_data_rejection])


OUTBOX = schemathesis.openapi.from_dict(SERVICE.openapi(), config=CONFIG)


@pytest.fixture(scope="module")
def url(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that delivers to the server."""
    folder: Path = tmp_path_factory.mktemp("outbox")
    (folder / "password").write_text(box.password)
    account = {"host": box.host, "port": box.port, "username": box.username,
               "ca_file": str(box.ca_file), "password_file": str(folder / "password")}  # fmt: skip
    service = Settings.model_validate(
        {"port": 0, "outbox": str(folder / "mail.db"), "accounts": {"main": account}, "grace": 0.5}
    )
    found: Queue[str] = Queue()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve(service, None, ready=found.put, stop=stop))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield found.get(timeout=20)
    loop.call_soon_threadsafe(stop.set)
    thread.join(20)


@pytest.fixture(scope="module")
def known(url: str, box: Sandbox) -> str:
    """A message that was sent."""
    letter = {"account": "main", "from": box.username, "to": "bob@example.org", "body": "Hi"}
    with httpx.Client(base_url=url, timeout=20) as client:
        place = client.post("/api/smtps/messages", json=letter).headers["location"]
        client.get(f"{place}/events")  # until it is sent
    return place.rpartition("/")[2]


@OUTBOX.include(path_regex="/smtps/(messages|accounts)").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_of_the_outbox(url: str, known: str, case: Any) -> None:
    if "id" in case.path_parameters:
        case.path_parameters["id"] = known
    if "name" in case.path_parameters:
        case.path_parameters["name"] = "main"
    if isinstance(case.body, dict) and isinstance(case.body.get("account"), str):
        case.body["account"] = "main"
    case.call_and_validate(
        base_url=url, excluded_checks=[positive_data_acceptance, negative_data_rejection]
    )
