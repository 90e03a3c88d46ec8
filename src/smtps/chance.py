"""Names that nobody can guess, drawn from the system many at a time.

Each draw lets another thread go on, and with a busy one beside it costs as much as half a message.
"""

from __future__ import annotations

import os
from collections import deque

OCTETS = 16
"""Of a token; as hexadecimal digits twice as many."""

_AT_ONCE = 256

_drawn: deque[str] = deque()


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


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drawn.clear)  # or parent and child would give the same
