"""The table of other programs' words: ``wordings.toml``, read as ``wordings.json``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from smtps.explanations.pasted import Pasted


class Evidence(NamedTuple):
    """Something in a text that points to a cause.

    Attributes:
        code: the cause.
        weight: above 0 and below 1; the likelihood that it is the cause.
        why: the words.
        at: where they stand in the text.
    """

    code: str
    weight: float
    why: str
    at: int


@cache
def table() -> dict[str, Any]:
    """The derived file as it is: ``words``, ``codes``, ``numbers``, ``personas``."""
    path = __file__.rpartition("wordings")[0] + "wordings.json"
    with open(path, encoding="utf-8") as file:  # noqa: PTH123  # pathlib takes long to load
        found: dict[str, Any] = json.load(file)
    return found


def spoken(text: Pasted) -> Iterator[Evidence]:
    """What the words of a text point to."""
    for name, rows in table()["words"].items():
        for row in rows:
            every, none = ([row], ()) if isinstance(row, str) else row
            for phrase in every:
                if phrase.partition("…")[0] not in text.words:
                    break
            else:
                code, _, weight = name.partition(" ")
                if found := _wording(text, every, none):
                    yield Evidence(code, float(weight), found[1], found[0])


def _wording(text: Pasted, every: Sequence[str], none: Sequence[str]) -> tuple[int, str] | None:
    """Where a wording stands in a text, and how it reads there.

    Args:
        text: the text.
        every: phrases that have to be in it.
        none: phrases that must not be.
    """
    found = []
    for phrase in every:
        if (place := text.find(phrase)) is None:
            return None
        found.append(place)
    if any(text.find(phrase) for phrase in none):
        return None
    return found[0][0], ", ".join(dict.fromkeys(why for _, why in found))
