"""The requests that come most, without the long way through the framework.

What is unusual about one, such as a query, takes that way all the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smtps.errors import SMTPSError
from smtps.http import problems
from smtps.http.bodies import BodyError, parsed


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One request.

    Attributes:
        model: of its body.
        answer: makes the answer.
    """

    model: type[BaseModel]
    answer: Callable[[Any, Scope], Awaitable[ASGIApp]]


class FastPath:
    """ASGI middleware.

    Args:
        app: the long way.
        shortcuts: method and path → request.
    """

    def __init__(self, app: ASGIApp, shortcuts: Mapping[tuple[str, str], Shortcut]) -> None:
        self._app = app
        self._shortcuts = shortcuts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        shortcut = None
        if scope["type"] == "http" and not scope["query_string"]:
            shortcut = self._shortcuts.get((scope["method"], scope["path"]))
        if shortcut is None:
            await self._app(scope, receive, send)
            return
        message = await receive()  # the gate hands over whole bodies
        if not message.get("body"):
            await self._app(scope, _again(message, receive), send)
            return
        scope["route"] = SimpleNamespace(path=scope["path"])
        answer: ASGIApp
        try:
            request = await parsed(shortcut.model, message["body"], scope.get("smtps.short", b""))
            answer = await shortcut.answer(request, scope)
        except BodyError as error:
            answer = problems.of_body(error.errors, error.count)
        except SMTPSError as error:
            answer = problems.of(error)
        await answer(scope, receive, send)


def _again(message: Message, receive: Receive) -> Receive:
    """A receive that begins with a message that was taken out already."""
    messages = [message]

    async def begin() -> Message:
        return messages.pop() if messages else await receive()

    return begin
