"""What is fuzzed: something that reads octets of strangers, and what may come of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

CORPUS = Path(__file__).parent / "corpus"
"""A folder for each target: seeds, and cases that were found. Each stays as it is."""


@dataclass(frozen=True)
class Target:
    """One of them.

    Attributes:
        name: as its folder is called.
        run: takes any octets. It lets the errors pass that are documented; whatever else comes out
            of it is a finding.
        grow: what grows → makes an input of so many parts. The time it takes is to grow no faster.
        unit: parts of the smallest that is measured; ten and a hundred times as many follow.
        words: what to put into inputs now and then.
        instrument: packages whose branches guide the search.
    """

    name: str
    run: Callable[[bytes], None]
    grow: Mapping[str, Callable[[int], bytes]]
    unit: int = 10
    words: Sequence[bytes] = ()
    instrument: Sequence[str] = field(default=("smtps",))

    @property
    def seeds(self) -> list[tuple[str, bytes]]:
        """Name and content of each file of the corpus."""
        return [(path.name, path.read_bytes()) for path in sorted((CORPUS / self.name).iterdir())]


class Cursor:
    """Octets read as choices; where they end, everything is 0 or empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        """The next octet."""
        return next(iter(self.take(1)), 0)

    def take(self, size: int) -> bytes:
        """The next octets, as far as there are any."""
        found = self._data[self._at : self._at + size]
        self._at += len(found)
        return found

    def pick(self, choices: Sequence[T]) -> T:
        """One of several; there are at most 256."""
        return choices[self.byte() % len(choices)]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))

    def pieces(self, mark: bytes = b"|") -> list[bytes]:
        """All that is left, cut at a mark."""
        return self.rest().split(mark)

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self._data)


def text(data: bytes) -> str:
    """Any text: what is not UTF-8 becomes half a character, which Python's strings may hold."""
    return data.decode("utf-8", "surrogateescape")


def calls(run: Callable[[bytes], None], data: bytes) -> int:
    """How many functions are called, Python's and C's: a measure of work that no clock disturbs.

    What goes on inside of one call, such as a search, does not show.
    """
    count = 0

    def note(_frame: FrameType, event: str, _: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run(data)
    finally:
        sys.setprofile(before)
    return count
