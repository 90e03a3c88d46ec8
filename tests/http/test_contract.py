"""The service, request by request: the seed to the letter, then what it promises beyond."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import httpx2 as httpx
import pytest

from smtps.client.lending import BackgroundQuits
from smtps.config.settings import Settings
from smtps.http.app import create_app
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.server import Sandbox

CONNECT_KEYS = {
    "success": bool, "host": str, "port": int, "protocol": str, "tls": bool, "rtt": int,
    "greeting": str, "capabilities": list, "authenticated": bool, "note": str,
}  # fmt: skip
"""The seed's answer, in its order."""

SEND_KEYS = {
    "success": bool, "message": str, "host": str, "port": int, "tls": bool, "from": str, "to": str,
}  # fmt: skip

PROBLEM_KEYS = {
    "type", "title", "status", "detail", "success", "error", "code", "phase", "retryable",
    "advice", "smtp", "errors",
}  # fmt: skip


def service(
    gallery: Gallery | None, settings: Settings | None = None, **more: Any
) -> httpx.AsyncClient:
    app = create_app(settings or Settings(), gallery, **more)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://127.0.0.1"
    )


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    async with Gallery() as running:
        yield running


@pytest.fixture
def sandbox(gallery: Gallery) -> Sandbox:
    return gallery.boxes["healthy"]


@pytest.fixture
async def client(gallery: Gallery) -> AsyncIterator[httpx.AsyncClient]:
    async with service(gallery) as session:
        yield session


def account(box: Sandbox) -> dict[str, Any]:
    return {
        "host": box.host, "port": box.port, "username": box.username, "password": box.password,
    }  # fmt: skip


def a_mail(box: Sandbox, **more: Any) -> dict[str, Any]:
    """The seed's request."""
    return {
        **account(box),
        "from": "user@gmail.com",
        "to": "recipient@example.com",
        "subject": "Test Email",
        "body": "Hello from Port of Call!",
        "timeout": 30000,
        **more,
    }


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    assert set(found) >= PROBLEM_KEYS
    assert (found["status"], found["code"], found["success"]) == (status, code, False)
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("login", [False, True])
async def test_connect(
    client: httpx.AsyncClient, sandbox: Sandbox, method: str, login: bool
) -> None:
    body = account(sandbox) | {"timeout": 15000}
    if not login:
        body = {key: body[key] for key in ("host", "port", "timeout")}
    url = "/api/smtps/connect"
    answer = await (
        client.get(url, params=body) if method == "GET" else client.post(url, json=body)
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert [*found][: len(CONNECT_KEYS)] == [*CONNECT_KEYS]
    assert {key: type(found[key]) for key in CONNECT_KEYS} == CONNECT_KEYS
    assert (found["success"], found["protocol"], found["tls"]) == (True, "SMTPS", True)
    assert (found["host"], found["port"]) == (sandbox.host, sandbox.port)
    assert found["greeting"] == "220 sandbox.smtps.test ESMTP smtps sandbox"
    assert "PIPELINING" in found["capabilities"]
    assert not any("sandbox.smtps.test" in line for line in found["capabilities"])
    assert found["authenticated"] is login
    assert found["note"] == (
        "Successfully authenticated over implicit TLS"
        if login
        else "SMTPS connection test only (no authentication). Provide credentials to test login."
    )
    assert set(found["timings"]) == {"dns", "tcp", "tls", "greeting", "ehlo", "total"} | (
        {"auth"} if login else set()
    )
    assert set(found["certificate"]) >= {
        "subject", "issuer", "names", "not_after", "days_left", "fingerprint_sha256",
    }  # fmt: skip
    assert (found["address"], found["tls_version"]) == ("127.0.0.1", "TLSv1.3")
    assert found["findings"] == []
    assert "transcript" not in found


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_transcript_comes_when_asked_for_and_holds_no_secret(
    client: httpx.AsyncClient, sandbox: Sandbox, method: str
) -> None:
    body, url = account(sandbox), "/api/smtps/connect"
    if method == "GET":
        answer = await client.get(url, params=body | {"detail": "full"})
    else:
        answer = await client.post(url, json=body, params={"detail": "full"})
    lines = [entry["text"] for entry in answer.json()["transcript"]]
    assert "EHLO portofcall" in lines
    assert "AUTH SCRAM-SHA-256 <hidden>" in lines
    assert sandbox.password not in answer.text
    assert base64.b64encode(sandbox.password.encode()).decode()[:-3] not in answer.text


async def test_send(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    answer = await client.post("/api/smtps/send", json=a_mail(sandbox))
    assert answer.status_code == 200
    found = answer.json()
    assert [*found][: len(SEND_KEYS)] == [*SEND_KEYS]
    assert {key: type(found[key]) for key in SEND_KEYS} == SEND_KEYS
    assert found["message"] == "Email sent successfully over TLS"
    assert (found["from"], found["to"]) == ("user@gmail.com", "recipient@example.com")
    assert found["recipients"] == [
        {
            "email": "recipient@example.com",
            "status": "accepted",
            "smtp": {"code": 250, "enhanced": "2.1.5", "text": "2.1.5 OK"},
        }
    ]
    assert found["reply"] == "250 2.0.0 OK: kept as 1"
    (stored,) = sandbox.inbox.all()
    assert (stored.sender, stored.recipients) == ("user@gmail.com", ("recipient@example.com",))
    assert stored.details()["text"] == "Hello from Port of Call!\r\n"
    assert found["message_id"] == stored.summary()["message_id"]


async def test_send_everything_at_once(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    picture = {
        "filename": "ü.gif", "content_type": "image/gif", "content": "R0lGODlh",
        "content_id": "dot", "disposition": "inline",
    }  # fmt: skip
    body = a_mail(
        sandbox,
        to=["Bob <b@example.com>", {"email": "c@example.com", "name": "Čeněk"}],
        cc="d@example.com",
        bcc=["e@example.com"],
        reply_to="f@example.com",
        subject="Grüße ✓",
        html="<img src='cid:dot'>",
        attachments=[picture, {"filename": "a.txt", "content": "aGk="}],
        headers={"X-Ticket": "42"},
    )
    answer = await client.post("/api/smtps/send", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["to"] == body["to"]
    (stored,) = sandbox.inbox.all()
    assert stored.recipients == (
        "b@example.com", "c@example.com", "d@example.com", "e@example.com",
    )  # fmt: skip
    message = stored.parsed
    assert message["To"] == "Bob <b@example.com>, Čeněk <c@example.com>"
    assert (message["X-Ticket"], message["Bcc"]) == ("42", None)
    files = stored.details()["attachments"]
    assert [file["filename"] for file in files] == ["ü.gif", "a.txt"]


async def test_raw_goes_out_as_it_is(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    data = b"Subject: raw\r\n\r\n.\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    body = {**account(sandbox), "from": "a@x.test", "to": "b@x.test"}
    body["raw"] = base64.b64encode(data).decode()
    assert (await client.post("/api/smtps/send", json=body)).status_code == 200
    assert sandbox.inbox.all()[0].data == data
    problem = await client.post("/api/smtps/send", json=body | {"subject": "x"})
    check_problem(problem, 400, "input.invalid")


async def test_a_dry_run_sends_nothing(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    answer = await client.post("/api/smtps/send", json=a_mail(sandbox, dry_run=True))
    found = answer.json()
    assert found["dry_run"] is True
    assert found["envelope"] == {"from": "user@gmail.com", "to": ["recipient@example.com"]}
    message = message_from_bytes(base64.b64decode(found["raw"]), policy=default)
    assert message["Subject"] == "Test Email"
    assert len(sandbox.inbox) == 0


@pytest.mark.parametrize("query", ["", "?detail=full"])
async def test_a_key_against_repeats_is_not_taken_in_vain(
    client: httpx.AsyncClient, sandbox: Sandbox, query: str
) -> None:
    headers = {"Idempotency-Key": "order-17"}
    mail = a_mail(sandbox)
    before = len(sandbox.inbox.all())
    answer = await client.post(f"/api/smtps/send{query}", json=mail, headers=headers)
    problem = check_problem(answer, 400, "input.invalid")
    assert problem["errors"][0]["field"] == "Idempotency-Key"
    assert "/api/smtps/messages" in problem["error"]
    assert len(sandbox.inbox.all()) == before


async def test_an_empty_subject_and_body_are_allowed(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    answer = await client.post("/api/smtps/send", json=a_mail(sandbox, subject="", body=""))
    assert answer.status_code == 200


BAD_REQUESTS: list[tuple[str, dict[str, Any] | None, str, str]] = [
    ("connect", {}, "input.host_required", "Host is required"),
    ("connect", {"host": ""}, "input.host_required", "Host is required"),
    ("connect", {"host": ["127.0.0.1"]}, "input.invalid", "host: must be a string"),
    ("connect", {"host": 2130706433}, "input.invalid", "host: must be a string"),
    ("connect", {"host": "2130706433"}, "dns.invalid_name", "neither a host name nor an address"),
    ("connect", {"host": "a b"}, "dns.invalid_name", "is not a host name"),
    ("connect", {"host": "x", "port": "abc"}, "input.invalid", "port: must be a whole number"),
    ("connect", {"host": "x", "port": 465.5}, "input.invalid", "port: must be a whole number"),
    ("connect", {"host": "x", "port": True}, "input.invalid", "port: must be a number"),
    ("connect", {"host": "x", "port": 0}, "input.invalid", "between 1 and 65535"),
    ("connect", {"host": "x", "port": 70000}, "input.invalid", "between 1 and 65535"),
    ("connect", {"host": "x", "timeout": 0}, "input.invalid", "timeout: must be at least 1"),
    ("connect", {"host": "x", "timeout": 300001}, "input.invalid", "at most 300000"),
    ("connect", {"host": "x", "pasword": "y"}, "input.invalid", "did you mean password?"),
    ("connect", {"host": "x", "username": "u"}, "input.invalid", "password: username and password"),
    ("connect", {"host": "x", "security": "none"}, "input.invalid", "'implicit' or 'starttls'"),
    ("connect", {"host": "x", "ehlo_name": "a b"}, "input.invalid", "ehlo_name: must be a host"),
    (
        "connect",
        {"host": "x", "verify": False, "username": "u", "password": "p"},
        "auth.unverified_tls",
        "certificate is not verified",
    ),
    ("send", {"host": "x"}, "input.invalid", "Missing required parameters: from"),
    ("send", {"host": "x", "from": "a@x.test"}, "input.invalid", "at least one recipient"),
    ("send", {"host": "x", "from": "nobody", "to": "b@x.test"}, "input.invalid", "name@domain"),
    (
        "send",
        {"host": "x", "from": "a@x.test", "to": "b@x.test\r\nDATA"},
        "input.invalid",
        "control character",
    ),
    (
        "send",
        {"host": "x", "from": "a@x.test", "to": "b@x.test", "subject": "a\nBcc: c@x.test"},
        "input.invalid",
        "subject: contains a line end",
    ),
    (
        "send",
        {"host": "x", "from": "a@x.test", "to": "b@x.test", "headers": {"Bcc": "c@x.test"}},
        "input.invalid",
        "headers.Bcc: has its own argument: bcc",
    ),
    (
        "send",
        {
            "host": "x",
            "from": "a@x.test",
            "to": "b@x.test",
            "attachments": [{"filename": "a", "content": "not base64!"}],
        },
        "input.invalid",
        "attachments[0].content: is not base64",
    ),
]


@pytest.mark.parametrize(("path", "body", "code", "sentence"), BAD_REQUESTS)
async def test_what_cannot_be_used_is_named(
    path: str, body: dict[str, Any], code: str, sentence: str
) -> None:
    async with service(None) as client:
        answer = await client.post(f"/api/smtps/{path}", json=body)
    problem = check_problem(answer, 400, code)
    assert sentence in problem["error"] or sentence in str(problem["errors"])
    assert problem["phase"] == "input"


@pytest.mark.parametrize("content", [b"", b"x", b'{"host":', b"\xff"])
async def test_a_body_that_is_no_json_is_400(content: bytes) -> None:
    headers = {"content-type": "application/json"}
    async with service(None) as client:
        answer = await client.post("/api/smtps/connect", content=content, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["success"] is False


@pytest.mark.parametrize("content", [b"null", b"[]", b'"x"', b"3"])
async def test_json_that_is_no_object_is_400(content: bytes) -> None:
    headers = {"content-type": "application/json"}
    async with service(None) as client:
        answer = await client.post("/api/smtps/connect", content=content, headers=headers)
    check_problem(answer, 400, answer.json()["code"])


async def test_every_body_has_to_say_that_it_is_json() -> None:
    async with service(None) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
        taking = [path for path, item in paths.items() if "requestBody" in item.get("post", {})]
        assert "/api/smtps/check" in taking
        for path in taking:
            check_problem(await client.post(path, content=b"{}"), 415, "api.unsupported_media_type")


async def test_other_types_paths_and_methods_have_documents_too() -> None:
    async with service(None, Settings(max_body=1024)) as client:
        form = await client.post("/api/smtps/connect", data={"host": "x"})
        check_problem(form, 415, "api.unsupported_media_type")
        check_problem(await client.get("/api/smtps/nothing"), 404, "api.not_found")
        put = await client.put("/api/smtps/send")
        check_problem(put, 405, "api.method_not_allowed")
        assert put.headers["allow"] == "POST"
        for path in ("/docs", "/web/style.css"):
            posted = await client.post(path)
            check_problem(posted, 405, "api.method_not_allowed")
            assert "GET" in posted.headers["allow"]
        large = await client.post("/api/smtps/connect", json={"host": "x" * 2000})
        check_problem(large, 413, "api.too_large")

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield b"x" * 100

        headers = {"content-type": "application/json"}
        chunked = await client.post("/api/smtps/connect", content=pieces(), headers=headers)
        check_problem(chunked, 413, "api.too_large")


FAR_END = {
    "expired": (502, "tls.certificate_expired", "tls"),
    "self-signed": (502, "tls.certificate_self_signed", "tls"),
    "wrong-host": (502, "tls.certificate_wrong_host", "tls"),
    "bad-password": (502, "auth.rejected", "auth"),
}


@pytest.mark.parametrize("persona", FAR_END)
@pytest.mark.parametrize("path", ["connect", "send"])
async def test_what_the_far_end_does_wrong_is_told(
    gallery: Gallery, persona: str, path: str
) -> None:
    box = gallery.boxes[persona]
    status, code, phase = FAR_END[persona]
    body = account(box) if path == "connect" else a_mail(box)
    async with service(gallery) as client:
        answer = await client.post(f"/api/smtps/{path}", json=body)
    problem = check_problem(answer, status, code)
    assert problem["phase"] == phase
    assert problem["retryable"] is False
    assert box.password not in answer.text
    if persona == "bad-password":
        assert problem["smtp"] == {
            "code": 535, "enhanced": "5.7.8", "text": "5.7.8 Authentication failed",
        }  # fmt: skip
    assert len(box.inbox) == 0


async def test_a_drop_after_data_is_uncertain(gallery: Gallery) -> None:
    box = gallery.boxes["drop-after-data"]
    async with service(gallery) as client:
        answer = await client.post("/api/smtps/send", json=a_mail(box))
    problem = check_problem(answer, 504, "send.uncertain")
    assert (problem["phase"], problem["retryable"]) == ("final", False)
    assert problem["recipients"][0]["status"] == "uncertain"
    assert len(box.inbox) == 1


async def test_the_answer_does_not_wait_for_the_one_to_quit(gallery: Gallery) -> None:
    box, leaving = gallery.boxes["no-goodbye"], BackgroundQuits()
    async with service(gallery, quits=leaving) as client:
        for number, (path, body) in enumerate((("connect", account(box)), ("send", a_mail(box)))):
            answer = await client.post(f"/api/smtps/{path}", json=body)
            assert answer.status_code == 200
            assert len(leaving.under_way) == number + 1
        await leaving.aclose()
        full = await client.post("/api/smtps/connect?detail=full", json=account(box))
        assert "QUIT" in str(full.json()["transcript"])
        assert not leaving.under_way


async def test_a_time_out_is_504(gallery: Gallery) -> None:
    box = gallery.boxes["late-greeting"]
    async with service(gallery) as client:
        body = {"host": box.host, "port": box.port, "timeout": 200}
        answer = await client.post("/api/smtps/connect", json=body)
    problem = check_problem(answer, 504, "smtp.greeting_timeout")
    assert problem["retryable"] is True


async def test_a_refused_port_is_502() -> None:
    async with service(None) as client:
        answer = await client.get("/api/smtps/connect", params={"host": "127.0.0.1", "port": 1})
    problem = check_problem(answer, 502, "net.refused")
    assert (problem["phase"], problem["retryable"]) == ("tcp", True)


async def test_the_sandbox_is_trusted_for_its_own_address_only(gallery: Gallery) -> None:
    async with Sandbox() as other, service(gallery) as client:
        answer = await client.post("/api/smtps/connect", json=account(other))
        check_problem(answer, 502, "tls.certificate_incomplete_chain")
        healthy = account(gallery.boxes["healthy"])
        assert (await client.post("/api/smtps/connect", json=healthy)).status_code == 200


async def test_the_inbox_can_be_read(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await client.post("/api/smtps/send", json=a_mail(sandbox))
    (entry,) = (await client.get("/api/sandbox/messages")).json()["messages"]
    assert entry["subject"] == "Test Email"
    message = (await client.get(f"/api/sandbox/messages/{entry['id']}")).json()
    assert message["text"] == "Hello from Port of Call!\r\n"
    raw = await client.get(f"/api/sandbox/messages/{entry['id']}/raw")
    assert raw.content == sandbox.inbox.all()[0].data
    assert raw.headers["content-type"].startswith("text/plain")
    check_problem(await client.get("/api/sandbox/messages/99"), 404, "api.not_found")


async def test_without_a_sandbox_there_is_no_inbox() -> None:
    async with service(None) as client:
        check_problem(await client.get("/api/sandbox/messages"), 404, "api.not_found")


async def test_a_mistake_on_the_express_lane_is_a_document_too(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr("smtps.http.service.check", broken)
    answer = await client.post("/api/smtps/connect", json={"host": "127.0.0.1"})
    assert answer.status_code == 500
    assert answer.json()["code"] == "api.bug"
    assert "canary" not in answer.text


async def test_a_mistake_of_ours_is_a_document_without_its_text(
    client: httpx.AsyncClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr(sandbox.inbox, "newest", broken)
    answer = await client.get("/api/sandbox/messages")
    assert answer.status_code == 500
    assert answer.json()["code"] == "api.bug"
    assert "canary" not in answer.text


# What an author may say beyond the seed.

INVITATION = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"


async def test_an_invitation_and_who_sends_it(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    invitation = {"filename": "a.ics", "content": base64.b64encode(INVITATION).decode()}
    mail = a_mail(
        sandbox, html="<p>", alternatives=[invitation], sender={"email": "office@gmail.com"}
    )
    answer = await client.post("/api/smtps/send", json=mail)
    assert answer.status_code == 200, answer.text
    (stored,) = sandbox.inbox.all()
    message: Any = stored.parsed
    assert (message["Sender"], stored.sender) == ("office@gmail.com", "office@gmail.com")
    assert message.get_content_type() == "multipart/alternative"
    *_, part = message.iter_parts()
    assert part["Content-Type"].params["method"] == "REQUEST"


async def test_the_same_as_a_form(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    invitation = {"filename": "a.ics", "content": base64.b64encode(INVITATION).decode()}
    fields = {**a_mail(sandbox), "alternatives": json.dumps([invitation]), "sender": "o@x.test"}
    files = [("attachments", ("a.txt", "Grüße".encode(), "text/plain"))]
    answer = await client.post("/api/smtps/send", data=fields, files=files)
    assert answer.status_code == 200, answer.text
    kinds = [part.get_content_type() for part in sandbox.inbox.all()[0].parsed.walk()]
    assert kinds == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/calendar", "text/plain",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"alternatives": [{"filename": "a.ics", "content": "!"}]}, "alternatives[0].content"),
        ({"alternatives": [{"content": ""}]}, "alternatives[0].filename"),
        ({"alternatives": "x"}, "alternatives"),
        ({"sender": "nobody"}, "sender"),
        ({"keep_bcc": True}, "keep_bcc"),
        ({"to": "a@x.test, b@x.test"}, "to"),
        ({"headers": {"References": "<é@x.test>"}}, "headers.References"),
        ({"attachments": [{"filename": "a/..", "content": ""}]}, "attachments.filename"),
    ],
)
async def test_what_cannot_be_said_is_named(
    client: httpx.AsyncClient, sandbox: Sandbox, more: dict[str, Any], field: str
) -> None:
    answer = await client.post("/api/smtps/send", json=a_mail(sandbox, **more))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


async def test_raw_that_tells_of_blind_recipients(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    data = b"From: a@x.test\r\nBcc: c@x.test\r\nSubject: x\r\n\r\nhi\r\n"
    body = {**account(sandbox), "from": "a@x.test", "to": ["b@x.test", "c@x.test"]}
    body["raw"] = base64.b64encode(data).decode()
    problem = await client.post("/api/smtps/send", json=body)
    check_problem(problem, 400, "message.bcc_in_raw")
    assert "Bcc" in problem.json()["error"]
    assert len(sandbox.inbox) == 0
    answer = await client.post("/api/smtps/send", json={**body, "keep_bcc": True})
    assert answer.status_code == 200
    assert sandbox.inbox.all()[0].data == data


@pytest.mark.parametrize("sender", ["a@x.test", None])
async def test_raw_with_its_envelope_needs_no_from(
    client: httpx.AsyncClient, sandbox: Sandbox, sender: str | None
) -> None:
    body = {
        **account(sandbox), "raw": base64.b64encode(b"Subject: x\r\n\r\nhi\r\n").decode(),
        "envelope": {"from": sender, "to": ["b@x.test"]},
    }  # fmt: skip
    answer = await client.post("/api/smtps/send", json=body)
    assert answer.status_code == 200, answer.text
    assert sandbox.inbox.all()[0].sender == (sender or "")


async def test_raw_without_an_envelope_does(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    for more in ({}, {"envelope": "x"}, {"envelope": None}):
        answer = await client.post(
            "/api/smtps/send", json={**account(sandbox), "raw": "eA==", "to": "b@x.test", **more}
        )
        assert answer.status_code == 400
        assert "from" in [entry["field"] for entry in answer.json()["errors"]]
