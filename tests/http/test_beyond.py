"""What the service has beyond the seed's two requests."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from os.path import normpath
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from smtps.config.settings import Settings
from smtps.http import events
from smtps.http.app import create_app
from smtps.http.routes import pages
from smtps.net.listener import take_port
from smtps.report import labels
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.personas import PERSONAS

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    async with Gallery() as running:
        yield running


@pytest.fixture
async def client(gallery: Gallery) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(Settings(), gallery))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as session:
        yield session


def place(gallery: Gallery, persona: str = "healthy") -> dict[str, Any]:
    box = gallery.boxes[persona]
    return {"host": box.host, "port": box.port}


def account(gallery: Gallery, persona: str = "healthy") -> dict[str, Any]:
    box = gallery.boxes[persona]
    return place(gallery, persona) | {"username": box.username, "password": box.password}


def read_events(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((lines["event"], json.loads(lines["data"])))
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_phases_come_as_events_and_then_the_answer(
    client: httpx.AsyncClient, gallery: Gallery, method: str
) -> None:
    url, body = "/api/smtps/connect/events", account(gallery)
    answer = await (
        client.get(url, params=body) if method == "GET" else client.post(url, json=body)
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    *phases, (name, result) = read_events(answer.text)
    assert [data["phase"] for _, data in phases] == ["tcp", "tls", "greeting", "ehlo", "auth"]
    assert all(data["ok"] and data["ms"] >= 0 for _, data in phases)
    assert (name, result["success"], result["authenticated"]) == ("result", True, True)
    assert result["transcript"]
    assert gallery.boxes["healthy"].password not in answer.text


async def test_a_failure_ends_the_events_with_the_error_document(
    client: httpx.AsyncClient, gallery: Gallery
) -> None:
    answer = await client.post("/api/smtps/connect/events", json=account(gallery, "expired"))
    *phases, (_, result) = read_events(answer.text)
    assert [(data["phase"], data["ok"]) for _, data in phases] == [("tcp", True), ("tls", False)]
    assert (result["success"], result["code"]) == (False, "tls.certificate_expired")
    assert result["findings"][0]["code"] == "tls.certificate_expired"


async def test_what_cannot_be_used_is_no_stream(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/smtps/connect/events", json={"host": "a b", "ehlo_name": "?"})
    assert answer.status_code == 400


async def test_a_reader_who_leaves_cancels_the_check() -> None:
    cancelled = asyncio.Event()

    async def run(_progress: Any) -> dict[str, Any]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return {}

    async def read() -> None:
        async for _ in events.stream(run):
            pass

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE", 0.01)

    async def run(_progress: Any) -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"success": True}

    pieces = [piece async for piece in events.stream(run)]
    assert pieces[0] == b": keep-alive\n\n"
    assert pieces[-1].startswith(b"event: result")


async def test_providers(client: httpx.AsyncClient) -> None:
    everybody = (await client.get("/api/smtps/providers")).json()["providers"]
    assert len(everybody) >= 36
    seeds = [provider for provider in everybody if provider["seed"]]
    assert [provider["seed"]["host"] for provider in seeds] == [
        "smtp.gmail.com", "smtp.office365.com", "smtp.mail.yahoo.com", "smtp.mail.me.com",
        "smtp.fastmail.com", "127.0.0.1",
    ]  # fmt: skip
    (microsoft,) = [p for p in seeds if p["seed"]["host"] == "smtp.office365.com"]
    assert (microsoft["port"], microsoft["security"]) == (587, "starttls")
    assert "465" in microsoft["correction"]
    found = (await client.get("/api/smtps/providers", params={"q": "gmail"})).json()["providers"]
    assert 0 < len(found) < 5


async def test_the_seed_s_table_of_ports(client: httpx.AsyncClient) -> None:
    ports = (await client.get("/api/smtps/ports")).json()["ports"]
    assert [port["port"] for port in ports] == [25, 465, 587, 2525]
    assert ports[1]["usage"] == "Client submission (recommended by RFC 8314)"


async def test_ports_side_by_side(client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/smtps/ports/127.0.0.1")).json()
    assert [row["port"] for row in found["ports"]] == [25, 465, 587, 2525]
    assert {row["verdict"] for row in found["ports"]} <= {"fails", "warnings", "works", "unknown"}
    assert found["why"].endswith(".")
    assert (await client.get("/api/smtps/ports/a%20b")).status_code == 400


async def test_curl_gets_text_and_programs_get_json(
    client: httpx.AsyncClient, gallery: Gallery
) -> None:
    path = "/smtps/{host}:{port}".format(**place(gallery))
    text = await client.get(path)
    assert text.headers["content-type"].startswith("text/plain")
    assert text.text.startswith("✓ 127.0.0.1:")
    for options in ({"headers": {"Accept": "application/json"}}, {"params": {"format": "json"}}):
        report = (await client.get(path, **options)).json()  # type: ignore[arg-type]
        assert report["verdict"] == "works"
    broken = await client.get("/smtps/{host}:{port}".format(**place(gallery, "wrong-host")))
    assert "tls.certificate_wrong_host" in broken.text
    for bad in ("x:abc", "ann@", "a%20b"):
        assert (await client.get(f"/smtps/{bad}")).status_code == 400


async def test_a_browser_gets_the_page_and_others_a_few_lines(client: httpx.AsyncClient) -> None:
    page = await client.get("/", headers=BROWSER)
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"] == pages.CONTENT_SECURITY_POLICY
    assert "<h1" in page.text
    text = await client.get("/")
    assert text.headers["content-type"].startswith("text/plain")
    assert "curl" in text.text
    assert (await client.get("/", params={"format": "json"})).json()["docs"] == "/docs"


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "app",
        "..%2f..%2fadvice.py",
        "advice.py",
        "%2e%2e/x.js",
        ".js",
        "check",
        "check/",
        "check/%2e%2e/app.js",
        "/app.js",
        "check//check.js",
        "a/b/c.js",
    ],
)
async def test_only_the_page_s_own_files_are_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/web/{name}")).status_code == 404


async def test_metrics_can_be_read(client: httpx.AsyncClient, gallery: Gallery) -> None:
    await client.post("/api/smtps/connect", json=place(gallery))
    await client.post("/api/smtps/connect", json=place(gallery, "expired"))
    mail = account(gallery) | {"from": "a@x.test", "to": "b@x.test"}
    await client.post("/api/smtps/send", json=mail)
    text = (await client.get("/metrics")).text
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["smtps_checks_total", ("verdict", "works")] == 1
    assert samples["smtps_checks_total", ("verdict", "fails")] == 1
    assert samples["smtps_messages_total", ("outcome", "sent")] == 1
    route = ("route", "/api/smtps/connect")
    assert samples["smtps_http_requests_total", route, ("status", "200")] == 1
    assert samples["smtps_http_requests_total", route, ("status", "502")] == 1


async def test_the_sandbox_shows_its_personas_and_its_mail(
    client: httpx.AsyncClient, gallery: Gallery
) -> None:
    found = (await client.get("/api/sandbox")).json()
    assert [persona["name"] for persona in found["personas"]] == [*PERSONAS]
    mail = account(gallery) | {"from": "a@x.test", "to": "b@x.test", "html": "<b>hi</b>"}
    sent = await client.post("/api/smtps/send", json=mail, params={"detail": "full"})
    assert sent.json()["transcript"]
    (entry,) = (await client.get("/api/sandbox/messages")).json()["messages"]
    frame = await client.get(f"/api/sandbox/messages/{entry['id']}/html")
    assert frame.text == "<b>hi</b>\r\n"
    assert frame.headers["content-security-policy"].startswith("sandbox;")
    assert (await client.delete("/api/sandbox/messages")).status_code == 204
    assert (await client.get("/api/sandbox/messages")).json() == {"messages": []}


async def test_the_description_has_one_shape_of_errors(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()
    assert "Problem" in schema["components"]["schemas"]
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert "422" not in operation["responses"], path
            assert operation["summary"], path


async def test_the_seed_s_examples_stand_in_the_description(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()
    for path in ("connect", "send"):
        body = schema["paths"][f"/api/smtps/{path}"]["post"]["requestBody"]
        example = body["content"]["application/json"]["examples"]["example"]["value"]
        assert example["host"] == "smtp.gmail.com"


async def test_the_files_of_the_page_are_compressed_and_sent_once(
    client: httpx.AsyncClient,
) -> None:
    packed = await client.get("/web/app.js", headers={"Accept-Encoding": "gzip"})
    plain = await client.get("/web/app.js", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert packed.headers["etag"] != plain.headers["etag"]
    again = await client.get(
        "/web/app.js",
        headers={"Accept-Encoding": "identity", "If-None-Match": plain.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")


def test_answers_do_not_wait_for_the_caller_s_acknowledgement() -> None:
    """asyncio switches Nagle's algorithm off only where the protocol is named."""
    with take_port("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


async def test_the_page_has_its_labels_from_the_reports(client: httpx.AsyncClient) -> None:
    source = (await client.get("/web/labels.js")).text
    held = dict(line.removeprefix("export const ").split(" = ", 1) for line in source.splitlines())
    assert json.loads(held["verdict"].rstrip(";"))["later"] == "retry later"
    assert json.loads(held["capability"].rstrip(";")) == labels.CAPABILITY


async def test_every_module_of_the_page_imports_what_is_there(client: httpx.AsyncClient) -> None:
    waiting, seen = {"app.js", "docs/docs.js"}, set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        answer = await client.get(f"/web/{name}")
        assert answer.status_code == 200, name
        imports = re.findall(r"import (?:\{([^}]*)\} from |\()'(\.[\w./-]+\.js)'", answer.text)
        for names, path in imports:
            module = normpath(Path(name).parent / path)
            other = (await client.get(f"/web/{module}")).text
            for each in filter(None, re.split(r",\s*", names.strip().strip(","))):
                wanted = each.split(" as ")[0].strip()
                assert re.search(
                    rf"export (?:async )?(?:const|let|function\*?|class) {wanted}\b", other
                ), (name, module, wanted)
            if module not in seen:
                waiting.add(module)
    assert "labels.js" in seen
