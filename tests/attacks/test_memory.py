"""What a large body leaves behind: nothing that waits for the collector of cycles."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest
from starlette.types import ASGIApp, Message
from tests.attacks.test_bodies import bombs

from smtps.config.settings import Settings
from smtps.http.app import create_app
from smtps.http.threads import FairThreads

LARGEST = 20_000
"""Octets of a body that nobody minds."""


@pytest.fixture
def collecting() -> Iterator[None]:
    """The collector runs when it is asked to, and keeps what it finds."""
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


def kept() -> list[int]:
    """Sizes of large texts in cycles that nobody knows any more."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    found = [
        len(part)
        for thing in gc.garbage
        for part in gc.get_referents(thing)
        if isinstance(part, bytes | str) and len(part) > LARGEST
    ]
    gc.set_debug(0)
    gc.garbage.clear()
    return found


async def post(app: ASGIApp, name: str) -> int:
    """Send a bomb to the application itself; the status of the answer."""
    body = [{"type": "http.request", "body": bombs()[name], "more_body": False}]
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    told: list[int] = []

    async def receive() -> Message:
        return body.pop() if body else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        told.append(message.get("status", 0))

    path = "/api/smtps/send"
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
             "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1)}  # fmt: skip
    await app(scope, receive, send)
    return told[0]


async def test_a_refused_body_is_let_go_of_at_once(collecting: None) -> None:
    asyncio.get_running_loop().set_default_executor(FairThreads())
    app = create_app(Settings())
    await post(app, "recipients")
    kept()
    for name in ("unknown names", "recipients", "deep objects", "a long value"):
        assert await post(app, name) in {400, 413}
    assert kept() == []
