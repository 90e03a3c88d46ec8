"""JSON bodies made into requests, large ones in a thread.

A validator spends time on every mistake, and an answer names twenty, so a list with many mistakes
is cut to a few of them first.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.responses import Response

from smtps.http import threads
from smtps.http.requests import File, MessageFields, Person
from smtps.message.message import Attachment

LEFT = 20
"""Mistakes that are left in each list, and unknown names in each entry."""

MANY = 100
"""Commas from which on a look is worth while."""


@dataclass(slots=True)
class Fewer:
    """What is left.

    Attributes:
        value: the body, parsed.
        left_out: entries that are wrong and not in it.
        kept: path of a list → where those of its entries stood that are left.
    """

    value: dict[str, Any]
    left_out: int = 0
    kept: dict[tuple[str, ...], list[int]] = field(default_factory=dict)

    def place(self, loc: Sequence[int | str]) -> tuple[int | str, ...]:
        """Where a mistake stood in the body."""
        steps = list(loc)
        path: tuple[str, ...] = ()
        for number, step in enumerate(steps):
            if isinstance(step, int):
                if (kept := self.kept.get(path)) is not None:
                    steps[number] = kept[step]
                break
            if not step.startswith("list["):  # pydantic's name for one of two types
                path = (*path, step)
        return tuple(steps)


def fewer(short: bytes) -> Fewer | None:
    """A body with few mistakes in each list, or None if it has no more than that."""
    if short.count(b",") <= MANY:
        return None
    try:
        value = from_json(short)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    few = Fewer(value)
    for path, good in _LISTS.items():
        holder: Any = value
        for step in path[:-1]:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and isinstance(holder.get(path[-1]), list):
            holder[path[-1]] = _thinned(few, path, holder[path[-1]], good)
    return few if few.left_out else None


def _thinned(
    few: Fewer, path: tuple[str, ...], entries: list[Any], good: Callable[[Any], bool]
) -> list[Any]:
    """A list without the mistakes that are too many."""
    kept, wrong = [], 0
    for number, entry in enumerate(entries):
        if not good(entry):
            wrong += 1
            if wrong > LEFT:
                continue
        kept.append(number)
    few.left_out += max(wrong - LEFT, 0)
    few.kept[path] = kept
    return [_narrowed(entries[number]) for number in kept]


def _narrowed(entry: Any) -> Any:
    """An entry without most of the names that it should not have."""
    if isinstance(entry, dict) and len(entry) > LEFT:
        return dict(list(entry.items())[:LEFT])
    return entry


def _of(model: type[BaseModel], *, or_text: bool = False) -> Callable[[Any], bool]:
    """Whether an entry may be one of a model's; what its texts hold is not looked at."""
    required = {name for name, known in model.model_fields.items() if known.is_required()}
    names = set(model.model_fields)

    def good(entry: Any) -> bool:
        if not isinstance(entry, Mapping):
            return or_text and isinstance(entry, str)
        return required <= entry.keys() <= names and all(
            isinstance(value, str) or (value is None and name == "content_id")
            for name, value in entry.items()
        )

    return good


def _text(entry: Any) -> bool:
    return isinstance(entry, str)


_WHO, _FILE = _of(Person, or_text=True), _of(File)
_LISTS: dict[tuple[str, ...], Callable[[Any], bool]] = {
    ("to",): _WHO, ("cc",): _WHO, ("bcc",): _WHO, ("reply_to",): _WHO, ("envelope", "to"): _text,
    ("attachments",): _FILE, ("alternatives",): _FILE, ("tags",): _text,
}  # fmt: skip


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
        super().__init__(f"{count} errors in a body")
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
        short: what ``guards.body.judge`` has left of it.

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
