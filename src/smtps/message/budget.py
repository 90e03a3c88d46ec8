"""What one message may spend while its template is filled in, and what values weigh."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jinja2.utils import Namespace

WORK = 5_000_000
"""Of one message: a step of a template takes ten, an entry of a list one, two characters one."""

STEP, CHARACTERS = 10, 2


class TooMuchError(Exception):
    """A template wants more than there is."""

    def __init__(self, problem: str = "takes more work or memory than a message may") -> None:
        super().__init__(problem)


class Budget:
    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = WORK

    def spend(self, work: int) -> None:
        self.left -= work
        if self.left < 0:
            raise TooMuchError


_BUDGET: ContextVar[Budget] = ContextVar("smtps.message.bounded_jinja")


@contextmanager
def spending() -> Iterator[None]:
    """What is filled in meanwhile is one message."""
    token = _BUDGET.set(Budget())
    try:
        yield
    finally:
        _BUDGET.reset(token)


def left() -> int:
    """How much there is still."""
    return _BUDGET.get().left


def spend(work: int) -> None:
    """Have so much less left."""
    _BUDGET.get().spend(work)


def weigh(value: Any) -> Any:
    """Pay for a value as it would be written out, compared or hashed; the value itself."""
    if isinstance(value, str):
        spend(1 + len(value) // CHARACTERS)
        return value
    budget, due = _BUDGET.get(), [value]
    while due:
        inner = due.pop()
        if isinstance(inner, str):
            budget.spend(len(inner) // CHARACTERS)
        elif isinstance(inner, CONTAINERS):
            budget.spend(1 + len(inner))
            due.extend(inner)
            if isinstance(inner, dict):
                due.extend(inner.values())
        elif isinstance(inner, range):
            budget.spend(1 + len(inner))
        elif isinstance(inner, Namespace):
            budget.spend(3 * STEP)  # they are slow
            due.append(getattr(inner, "_Namespace__attrs"))  # noqa: B009  # it has no other
    return value


def weigh_top(value: Any) -> Any:
    """Pay for a copy of a value that shares what is in it; the value itself."""
    if isinstance(value, str):
        spend(1 + len(value) // CHARACTERS)
    elif isinstance(value, SIZED):
        spend(1 + len(value))
    elif isinstance(value, Iterator):
        return paying(value)
    return value


def paying(entries: Iterable[Any]) -> Iterator[Any]:
    """The same entries, each paid for when it is asked for."""
    for entry in entries:
        spend(STEP)
        yield entry


CONTAINERS: tuple[type[Any], ...] = (
    list, tuple, dict, set, frozenset, type({}.keys()), type({}.values()), type({}.items()),
)  # fmt: skip
"""Types of Python's own that hold others."""

SIZED: tuple[type[Any], ...] = (*CONTAINERS, range)
"""And what has as many entries without holding them."""
