"""Bounds on what a request may be, kept before any of it is parsed."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smtps.advice import advice_for
from smtps.api.problems import document, response
from smtps.errors import Failure, Phase


class BodyLimit:
    """Refuses bodies that are too large (413) or no JSON (415).

    Args:
        app: what is behind.
        max_body: octets.
    """

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self._app = app
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        code = self._judge(scope["method"], headers)
        if code is None:
            body = await self._read(receive)
            if body is not None:
                await self._app(scope, _replay(body, receive), _no_store(send))
                return
            code = "api.too_large"
        failure = Failure(code=code, message=advice_for(code).meaning, phase=Phase.INPUT)
        await response(document(failure))(scope, receive, _no_store(send))

    def _judge(self, method: str, headers: dict[bytes, bytes]) -> str | None:
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._max_body:
            return "api.too_large"
        if method != "POST":
            return None
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if kind != b"application/json" and not kind.endswith(b"+json"):
            return "api.unsupported_media_type"
        return None

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body, or None if it is too large."""
        pieces, size = [], 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b""
            piece = message.get("body", b"")
            size += len(piece)
            if size > self._max_body:
                return None
            pieces.append(piece)
            if not message.get("more_body"):
                return b"".join(pieces)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that hands the body over once, and then tells when the caller leaves."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Any:
        return messages.pop() if messages else await receive()

    return replayed


def _no_store(send: Send) -> Send:
    """Answers hold addresses and sometimes mail: nobody on the way shall keep them."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), (b"cache-control", b"no-store")]
        await send(message)

    return marked
