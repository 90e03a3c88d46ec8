"""JSON bodies made into requests: large ones apart from the event loop, mistakes counted and few
of them named.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from smtps.api import threads
from smtps.api.requests import MessageFields
from smtps.api.samples import Fewer, fewer
from smtps.message import Attachment

LARGE = 1 << 16
"""Octets above which a body is parsed in a thread."""

NAMED = 20
"""Mistakes that an answer names. The rest are counted."""

CROWD = 500
"""Recipients for whom a message is made ready in a thread."""

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

        async def judged(http: Request) -> Response:
            request = _ParsedRequest(http.scope, http.receive)
            if content := await request.body():
                short = request.scope.get("smtps.short", b"")
                request.model = await parsed(model, content, short)
            return await handle(request)

        return judged


class _ParsedRequest(Request):
    """One whose body the framework need not parse again."""

    model: BaseModel

    async def json(self) -> BaseModel:
        """What has been made of the body."""
        return self.model


async def parsed(model: type[Model], content: bytes, short: bytes = b"") -> Model:
    """The request that a body is.

    Args:
        model: of the request.
        content: the body.
        short: what ``shape.judge`` has left of it.

    Raises:
        BodyError: it is none.
    """
    if len(content) > LARGE:
        return await threads.apart(_parse, model, content, short)
    return _parse(model, content, short)


def _parse(model: type[Model], content: bytes, short: bytes) -> Model:
    if short and (few := fewer(short)) is not None:
        return _sampled(model, few)
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        listed, count = _listed(error), error.error_count()
    # Here, or it would hold on to the error and all mistakes in it, for as long as it is known.
    raise BodyError(listed, count)


def _sampled(model: type[Model], few: Fewer) -> Model:
    """What is wrong with a body whose lists have more mistakes than an answer names."""
    try:
        found = model.model_validate(few.value)
    except ValidationError as error:
        listed = [entry | {"loc": few.place(entry["loc"])} for entry in _listed(error)]
        count = error.error_count() + few.left_out
    else:
        raise AssertionError(found)  # what was left in of the mistakes is wrong
    raise BodyError(listed, count)


def _listed(error: ValidationError) -> list[Any]:
    return list(error.errors(include_url=False, include_input=False))


async def apart(
    work: Callable[[Sequence[Attachment]], Made],
    request: MessageFields,
    files: Sequence[Attachment],
) -> Made:
    """What is made of a message; of a large one, or one with files, in a thread.

    Raises:
        InputError: as ``work`` does.
    """
    people = [who for who in (request.to, request.cc, request.bcc) if isinstance(who, list)]
    if files or request.octets > LARGE or sum(map(len, people)) > CROWD:
        return await threads.apart(work, files)
    return work(files)
