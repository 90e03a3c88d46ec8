"""The examples of the description work: each is sent as it stands, to a server of ours."""

from __future__ import annotations

from typing import Any

import httpx
import jsonschema_rs
import pytest

from smtps.api.app import create_app
from smtps.api.settings import Settings
from smtps.sandbox.gallery import Gallery

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


def test_each_body_has_an_example() -> None:
    bodies = [
        (path, method)
        for path, operations in DESCRIPTION["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    ]
    assert [(path, method) for path, method, _ in EXAMPLES] == bodies
    assert len(bodies) >= 5


@pytest.mark.parametrize(("path", "method", "example"), EXAMPLES)
async def test_an_example_is_answered_as_described(
    path: str, method: str, example: dict[str, Any]
) -> None:
    async with Gallery() as gallery:
        box = gallery.boxes["healthy"]
        app = create_app(Settings(), gallery)
        place = {"host": box.host, "port": box.port}
        if "username" in example:
            place |= {"username": box.username, "password": box.password}
        if "from" in example:
            place |= {"from": box.username}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        ) as client:
            answer = await client.request(method, path, json={**example, **place})
        assert answer.status_code == 200
        responses = DESCRIPTION["paths"][path][method]["responses"]["200"]["content"]
        assert answer.headers["content-type"].split(";")[0] in responses
        schema = responses.get("application/json", {}).get("schema")
        if schema:
            whole = {**schema, "components": DESCRIPTION["components"]}
            jsonschema_rs.validator_for(whole).validate(answer.json())
