"""Messages as forms: the same message as by JSON, files on the disk, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import default
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtps.config.settings import Settings
from smtps.errors import InputError
from smtps.http.app import create_app
from smtps.http.problems import FIELDS
from smtps.http.upload import OBJECTS, OTHERS, Upload
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.server import Sandbox

PATH = "/api/smtps/send"
FORM = "multipart/form-data; boundary=x"


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    async with Gallery() as running:
        yield running


@pytest.fixture
def box(gallery: Gallery) -> Sandbox:
    return gallery.boxes["healthy"]


@pytest.fixture
async def client(gallery: Gallery, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(upload_dir=str(tmp_path), max_upload=3_000_000), gallery)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as session:
        yield session


def fields(box: Sandbox, **more: Any) -> dict[str, Any]:
    return {"host": box.host, "port": str(box.port), "username": box.username,
            "password": box.password, "from": "Ann <ann@example.com>",
            "to": ["bob@example.org", "carol@example.org"], "subject": "Grüße",
            "body": "Hello"} | more  # fmt: skip


async def test_a_form_is_sent_like_json(
    client: httpx.AsyncClient, box: Sandbox, tmp_path: Path
) -> None:
    files = [
        ("attachments", ("große.bin", bytes(range(256)) * 6000, "application/octet-stream")),
        ("attachments", ("C:\\temp\\note.txt", b"a note", "text/plain")),
    ]
    answer = await client.post(PATH, data=fields(box, headers='{"X-Ticket": "7"}'), files=files)
    assert answer.status_code == 200, answer.text
    assert answer.json()["to"] == ["bob@example.org", "carol@example.org"]
    (stored,) = box.inbox.all()
    message: Any = message_from_bytes(stored.data, policy=default)
    assert (message["Subject"], message["X-Ticket"]) == ("Grüße", "7")
    large, small = message.iter_attachments()
    assert (large.get_filename(), large.get_content()) == ("große.bin", bytes(range(256)) * 6000)
    assert (small.get_filename(), small.get_content()) == ("note.txt", "a note")
    assert list(tmp_path.iterdir()) == []


async def test_a_raw_message_needs_no_base64(client: httpx.AsyncClient, box: Sandbox) -> None:
    raw = b"From: a@x.test\r\nSubject: raw\r\n\r\nas it is\r\n"
    data = {name: value for name, value in fields(box).items() if name not in ("subject", "body")}
    answer = await client.post(PATH, data=data, files=[("raw", ("m.eml", raw, "message/rfc822"))])
    assert answer.status_code == 200, answer.text
    assert raw in box.inbox.all()[0].data


async def test_a_dry_run(client: httpx.AsyncClient, box: Sandbox) -> None:
    files = [("attachments", ("a.txt", b"x", "text/plain"))]
    answer = await client.post(PATH, data=fields(box, dry_run="true"), files=files)
    assert answer.json()["dry_run"] is True
    assert not box.inbox.all()


@pytest.mark.parametrize(
    ("more", "files", "status", "code", "field"),
    [
        ({"host": None}, [], 400, "input.host_required", "host"),
        ({"port": "0"}, [], 400, "input.invalid", "port"),
        ({"headers": "no json"}, [], 400, "input.invalid", "headers"),
        ({"subject": ["a", "b"]}, [], 400, "input.invalid", "subject"),
        ({"attachment": "x"}, [], 400, "input.invalid", "attachment"),
        ({"to": "nobody"}, [], 400, "input.invalid", "to"),
        ({"raw": "x"}, [("attachments", ("a", b"x"))], 400, "input.invalid", "subject"),
        ({}, [("attachments", ("", b"x"))], 400, "input.invalid", "attachments.filename"),
        ({}, [("attachments", ("a", b"x"))] * 101, 413, "api.too_many", "attachments"),
        ({}, [("attachments", ("a", b"x" * 3_000_001))], 413, "api.too_large", None),
    ],
)
async def test_what_is_wrong_is_named(
    client: httpx.AsyncClient,
    box: Sandbox,
    tmp_path: Path,
    more: dict[str, Any],
    files: list[Any],
    status: int,
    code: str,
    field: str | None,
) -> None:
    data = {name: value for name, value in fields(box, **more).items() if value is not None}
    cc = ("cc", (None, "dora@example.org"))  # without files it would be no form
    answer = await client.post(PATH, data=data, files=[cc, *files])
    found = answer.json()
    assert (answer.status_code, found["code"]) == (status, code), answer.text
    assert [error["field"] for error in found["errors"]] == ([field] if field else [])
    assert not box.inbox.all()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"no boundary here"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 50 + b"\r\n--x--\r\n"),
    ],
)
async def test_what_is_no_form_is_told(client: httpx.AsyncClient, kind: str, body: bytes) -> None:
    answer = await client.post(PATH, content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (400, "api.malformed")


async def test_a_body_without_a_length_is_counted(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="attachments"; filename="a"\r\n\r\n'
        while True:
            yield b"x" * 100_000

    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = await client.post(PATH, content=endless(), headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (413, "api.too_large")


async def test_fields_do_not_fill_the_memory(tmp_path: Path) -> None:
    upload = Upload(FORM, tmp_path, max_fields=1000, max_files=1, max_recipients=1)
    await upload.feed(b'--x\r\nContent-Disposition: form-data; name="body"\r\n\r\n')
    await upload.feed(b"x" * 600)
    with pytest.raises(InputError, match="too much"):
        await upload.feed(b"x" * 600)


@pytest.mark.parametrize("head", [b"", b'Content-Disposition: form-data; name="subject"\r\n'])
async def test_empty_parts_do_not_fill_the_memory(tmp_path: Path, head: bytes) -> None:
    upload = Upload(FORM, tmp_path, max_fields=1000, max_files=1, max_recipients=2)
    await upload.feed((b"--x\r\n" + head + b"\r\n\r\n") * (1 + 2 + OTHERS))
    with pytest.raises(InputError, match=f"more than {1 + 2 + OTHERS} parts") as caught:
        await upload.feed((b"--x\r\n" + head + b"\r\n\r\n") * 2)
    assert (caught.value.field, caught.value.code) == ("body", "api.too_many")


async def test_a_form_may_have_as_much_of_each_as_is_allowed(tmp_path: Path) -> None:
    upload = Upload(FORM, tmp_path, max_fields=1_000_000, max_files=100, max_recipients=1000)
    head = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\na\r\n'
    for name, number in ((b"to", 1000), (b"tags", 20), (b"attachments", 100)):
        await upload.feed((head % name) * number)
    for field in FIELDS:
        if field not in ("to", "tags", "attachments", *OBJECTS):
            await upload.feed(head % field.encode())
    await upload.feed(b"--x--\r\n")
    found, files = await upload.finish()
    assert (len(json.loads(found)["to"]), len(files)) == (1000, 100)


async def test_a_full_disk_is_told(
    client: httpx.AsyncClient, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_upload: Upload, _chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Upload, "feed", full)
    files = [("attachments", ("a", b"x"))]
    answer = await client.post(PATH, data=fields(box), files=files)
    assert (answer.status_code, answer.json()["code"]) == (507, "api.no_space")


@settings(max_examples=60, deadline=None)
@given(
    content=st.binary(max_size=3000),
    text=st.text(max_size=200),
    cuts=st.lists(st.integers(0, 4000), max_size=8),
)
def test_a_form_means_the_same_however_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, text: str, cuts: list[int]
) -> None:
    """Field and file come out as they went in, wherever the network cuts."""
    request = httpx.Request(
        "POST", "http://x/", data={"body": text}, files={"attachments": ("a.bin", content)}
    )
    body = request.read()
    folder = tmp_path_factory.mktemp("form")
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]

    async def take() -> tuple[bytes, list[Any]]:
        kind = request.headers["content-type"]
        upload = Upload(kind, folder, max_fields=10_000, max_files=1, max_recipients=1)
        for start, end in pairwise(places):
            await upload.feed(body[start:end])
        return await upload.finish()

    found, files = asyncio.run(take())
    assert json.loads(found) == {"body": text}
    assert files[0].content.read_bytes() == content


def test_curl_sends_a_form(tmp_path: Path) -> None:
    """The real service and the real curl, as in the documentation."""
    (tmp_path / "report.pdf").write_bytes(b"%PDF" * 500_000)
    command = [sys.executable, "-m", "smtps", "serve", "--port", "0", "--sandbox", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None
            started = json.loads(service.stdout.readline())
            box = started["sandbox"]
            done = subprocess.run(
                ["curl", "-sS", f"{started['url']}{PATH}", "-F", f"host={box['host']}",
                 "-F", f"port={box['port']}", "-F", f"username={box['username']}",
                 "-F", f"password={box['password']}", "-F", "from=ann@example.com",
                 "-F", "to=bob@example.org", "-F", "to=carol@example.org", "-F", "subject=Report",
                 "-F", "body=See the file.", "-F", f"attachments=@{tmp_path / 'report.pdf'}"],
                check=True, capture_output=True, text=True, timeout=30,
            )  # fmt: skip
            answer = json.loads(done.stdout)
            assert answer["success"] is True, answer
            assert len(answer["recipients"]) == 2
        finally:
            service.terminate()
