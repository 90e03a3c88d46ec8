"""The examples of the description work: each is sent as it stands, to a server of ours."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2 as httpx
import jsonschema_rs
import pytest

from smtps.config.settings import Settings
from smtps.endpoint import Endpoint
from smtps.http.app import create_app
from smtps.outbox.account import Account
from smtps.outbox.outbox import Outbox
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.server import Sandbox

DESCRIPTION = create_app(Settings()).openapi()
EXAMPLES = [
    (path, method, example["value"])
    for path, operations in DESCRIPTION["paths"].items()
    for method, operation in operations.items()
    for example in operation.get("requestBody", {})
    .get("content", {})
    .get("application/json", {})
    .get("examples", {})
    .values()
]


AT_A_PROVIDER = {("/api/smtps/accounts/{name}/login", "post"), ("/api/smtps/logins/{id}", "post")}
"""They begin and end a login at an authorization server: tried in tests/http/test_account_logins.py
with one."""


def test_each_body_has_an_example() -> None:
    bodies = [
        (path, method)
        for path, operations in DESCRIPTION["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    ]
    shown = dict.fromkeys((path, method) for path, method, _ in EXAMPLES)
    assert [*shown] == [body for body in bodies if body not in AT_A_PROVIDER]
    assert len(bodies) >= 5


def outbox_at(box: Sandbox, folder: Path, **more: Any) -> Outbox:
    """An outbox with an account at a sandbox."""
    server = Endpoint(
        box.host, box.port, username=box.username, password=box.password, ca_file=box.ca_file
    )
    main = Account(name="main", endpoint=lambda: server)
    return Outbox(str(folder / "mail.db"), {"main": main}, **more)


@pytest.mark.parametrize(("path", "method", "example"), EXAMPLES)
async def test_an_example_is_answered_as_described(
    path: str, method: str, example: dict[str, Any], tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        gallery = await stack.enter_async_context(Gallery())
        box = gallery.boxes["healthy"]
        outbox = await stack.enter_async_context(outbox_at(box, tmp_path))
        app = create_app(Settings(), gallery, outbox=outbox)
        named = "host" in example
        place: dict[str, Any] = {"host": box.host, "port": box.port} if named else {}
        if "username" in example:
            place |= {"username": box.username, "password": box.password}
        if "from" in example:
            place |= {"from": box.username}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        ) as client:
            answer = await client.request(method, path, json={**example, **place})
        assert answer.is_success, answer.text
        described = DESCRIPTION["paths"][path][method]["responses"]
        responses = described[str(answer.status_code)]["content"]
        assert answer.headers["content-type"].split(";")[0] in responses
        schema = responses.get("application/json", {}).get("schema")
        if schema:
            whole = {**schema, "components": DESCRIPTION["components"]}
            jsonschema_rs.validator_for(whole).validate(answer.json())
