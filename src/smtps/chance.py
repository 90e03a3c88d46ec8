"""Randomness: names that cannot be guessed, and pauses that do not coincide.

Python's own ``random`` is the program's: whoever seeded it gets their numbers, whatever we do.
"""

from __future__ import annotations

import os
import random
from collections import deque

OCTETS = 16
"""Of a token; as hexadecimal digits twice as many."""

_AT_ONCE = 256

_drawn: deque[str] = deque()
"""Taken from the system many at a time: each draw lets another thread go on, and with a busy one
beside it costs as much as half a message."""

_dice = random.Random()  # noqa: S311 - for pauses, not for secrets


def token() -> str:
    """32 hexadecimal digits, never given before."""
    try:
        return _drawn.pop()
    except IndexError:
        data = os.urandom(OCTETS * _AT_ONCE).hex()
        size = OCTETS * 2
        first, *others = [data[at : at + size] for at in range(0, len(data), size)]
        _drawn.extend(others)
        return first


def fraction() -> float:
    """From 0 to 1, without 1: to spread pauses, not for secrets."""
    return _dice.random()


def between(least: float, most: float) -> float:
    """A number between the two, both included; for pauses too."""
    return _dice.uniform(least, most)


def _afresh() -> None:
    _drawn.clear()
    _dice.seed()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_afresh)  # or parent and child would draw the same
