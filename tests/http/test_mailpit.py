"""The sandbox's inbox under the names that clients of Mailpit use."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest
from tests.http.test_contract import check_problem, client, gallery, sandbox, service

from smtps.sandbox.gallery import Gallery
from smtps.sandbox.server import Sandbox

__all__ = ["client", "gallery", "sandbox"]

LETTER = (
    b"From: Ann <ann@x.test>\r\nTo: Bob <bob@y.test>\r\nCc: carol@y.test\r\n"
    b"Subject: Gr\xc3\xbc\xc3\x9fe 1\r\nMessage-ID: <one@x.test>\r\n\r\nHello   there\r\n"
)


@pytest.fixture
def filled(gallery: Gallery) -> Gallery:
    gallery.inbox.add("ann@x.test", ("bob@y.test", "carol@y.test", "eve@z.test"), LETTER)
    other = LETTER.replace(b"Ann <ann@", b"Dan <dan@").replace(b"one@", b"two@")
    gallery.inbox.add("dan@x.test", ("bob@y.test",), other)
    return gallery


@pytest.mark.usefixtures("filled")
async def test_a_list_is_mailpits_with_the_newest_first(client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/v1/messages")).json()
    assert (found["total"], found["count"], found["messages_count"]) == (2, 2, 2)
    first, second = found["messages"]
    assert (first["ID"], second["ID"]) == ("2", "1")
    assert second["From"] == {"Name": "Ann", "Address": "ann@x.test"}
    assert second["To"] == [{"Name": "Bob", "Address": "bob@y.test"}]
    assert second["Bcc"] == [{"Name": "", "Address": "eve@z.test"}]
    assert (second["MessageID"], second["Snippet"]) == ("one@x.test", "Hello there")
    page = (await client.get("/api/v1/messages?start=1&limit=1")).json()
    assert [each["ID"] for each in page["messages"]] == ["1"]


@pytest.mark.usefixtures("filled")
async def test_one_message_its_source_and_its_fields(client: httpx.AsyncClient) -> None:
    message = (await client.get("/api/v1/message/1")).json()
    assert (message["ReturnPath"], message["Text"].strip()) == ("ann@x.test", "Hello   there")
    assert (await client.get("/api/v1/message/latest")).json()["ID"] == "2"
    raw = await client.get("/api/v1/message/1/raw")
    assert raw.content == LETTER
    assert raw.headers["content-type"].startswith("text/plain")
    fields = (await client.get("/api/v1/message/1/headers")).json()
    assert fields["Message-ID"] == ["<one@x.test>"]
    check_problem(await client.get("/api/v1/message/9"), 404, "api.not_found")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("hello", ["2", "1"]), ("from:ann", ["1"]), ("to:bob -from:ann", ["2"]),
        ("bcc:eve", ["1"]), ("!bcc:eve", ["2"]), ("message-id:two@", ["2"]),
        ('subject:"grüße 1"', ["2", "1"]), ("nobody", []), ('"open', []), ("x:y", []),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("filled")
async def test_a_search(query: str, ids: list[str], client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/v1/search", params={"query": query})).json()
    assert [each["ID"] for each in found["messages"]] == ids
    assert (found["messages_count"], found["total"]) == (len(ids), 2)


@pytest.mark.parametrize(
    ("path", "body", "left"),
    [
        ("messages", {"IDs": ["1", "7"]}, ["2"]), ("messages", {"IDs": []}, []),
        ("messages", None, []), ("search?query=from:dan", None, ["1"]),
    ],
)  # fmt: skip
async def test_messages_are_deleted(
    path: str, body: Any, left: list[str], client: httpx.AsyncClient, filled: Gallery
) -> None:
    answer = await client.request("DELETE", f"/api/v1/{path}", json=body)
    assert (answer.status_code, answer.text) == (200, "ok")
    assert [message.id for message in filled.inbox.all()] == left


async def test_without_a_sandbox_there_is_no_such_inbox() -> None:
    async with service(None) as client:
        check_problem(await client.get("/api/v1/messages"), 404, "api.not_found")


async def test_the_size_of_the_inbox_is_known(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.inbox.add("a@x.test", ("b@x.test",), LETTER)
    assert (await client.get("/api/v1/info")).json()["Messages"] == 1
