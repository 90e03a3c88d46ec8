"""JSON bodies made into requests: large ones apart from the event loop, mistakes counted and few
of them named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.responses import Response

from smtps.api.requests import MessageFields
from smtps.message import Attachment

LARGE = 1 << 16
"""Octets above which a body is parsed in a thread."""

NAMED = 20
"""Mistakes that an answer names. The rest are counted."""


WINDOW = 100
"""Entries of each list that are looked at together for the first mistakes."""

Model = TypeVar("Model", bound=BaseModel)
Made = TypeVar("Made")


class BodyError(Exception):
    """A body that is no request.

    Args:
        errors: pydantic's, some of them.
        count: how many there are altogether.
    """

    def __init__(self, errors: Sequence[dict[str, Any]], count: int) -> None:
        super().__init__(f"{count} mistakes in a body")
        self.errors = errors
        self.count = count


class BodyRoute(APIRoute):
    """A route whose body is judged here before the framework sees it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What serves a request."""
        handle = super().get_route_handler()
        field = self.body_field
        if field is None:
            return handle
        model: type[BaseModel] = field.field_info.annotation  # type: ignore[assignment]

        async def judged(request: Request) -> Response:
            if content := await request.body():
                await parsed(model, content)
            return await handle(request)

        return judged


async def parsed(model: type[Model], content: bytes) -> Model:
    """The request that a body is.

    Raises:
        BodyError: it is none.
    """
    if len(content) > LARGE:
        return await asyncio.to_thread(_parse, model, content)
    return _parse(model, content)


def _parse(model: type[Model], content: bytes) -> Model:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise BodyError(_first(model, content, error), error.error_count()) from None


def _first(model: type[BaseModel], content: bytes, error: ValidationError) -> list[Any]:
    """Some of the mistakes, the first among them: each that is listed takes its time."""
    if error.error_count() <= WINDOW:
        return _listed(error)
    value = from_json(content)
    for start in range(0, _longest(value), WINDOW):
        try:
            model.model_validate(_window(value, start))
        except ValidationError as fewer:
            return [entry | {"loc": _moved(entry["loc"], start)} for entry in _listed(fewer)]
    return _listed(error)


def _listed(error: ValidationError) -> list[Any]:
    return list(error.errors(include_url=False, include_input=False))


def _longest(value: Any) -> int:
    """Entries of the longest list in a value; at least one."""
    if isinstance(value, list):
        return max(len(value), *map(_longest, value), 1)
    return max(map(_longest, value.values()), default=1) if isinstance(value, dict) else 1


def _window(value: Any, start: int) -> Any:
    """The same with no more than a part of each list."""
    if isinstance(value, list):
        return [_window(entry, start) for entry in value[start : start + WINDOW]]
    if isinstance(value, dict):
        return {name: _window(entry, start) for name, entry in value.items()}
    return value


def _moved(place: Sequence[int | str], start: int) -> tuple[int | str, ...]:
    return tuple(step + start if isinstance(step, int) else step for step in place)


async def apart(
    work: Callable[[Sequence[Attachment]], Made],
    request: MessageFields,
    files: Sequence[Attachment],
) -> Made:
    """What is made of a message; of a large one, or one with files, in a thread.

    Raises:
        InputError: as ``work`` does.
    """
    if files or request.octets > LARGE:
        return await asyncio.to_thread(work, files)
    return work(files)
