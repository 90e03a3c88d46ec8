"""A body whose lists have many mistakes, with few of them left: a validator takes its time for
each, and an answer names twenty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json

from smtps.api.requests import File, Person

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
