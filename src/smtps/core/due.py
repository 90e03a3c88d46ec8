"""The commands whose replies are due."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from smtps.core.command import Verb


class PendingReplies:
    """A queue that pairs each reply with what it answers, oldest first.

    Attributes:
        runs: in the pieces in which they were sent; none is empty.
        answered: how many of the first run have got their reply.
    """

    __slots__ = ("_count", "answered", "runs")

    def __init__(self, *verbs: Verb) -> None:
        self.runs: deque[tuple[Verb, ...]] = deque([verbs] if verbs else [])
        self.answered = 0
        self._count = len(verbs)

    @property
    def first(self) -> Verb:
        """What the next reply answers."""
        return self.runs[0][self.answered]

    def add(self, run: tuple[Verb, ...]) -> None:
        """These were sent behind the others."""
        if run:
            self.runs.append(run)
            self._count += len(run)

    def take(self) -> Verb:
        """The first one, which is answered now."""
        verb = self.first
        self._count -= 1
        self.answered += 1
        if self.answered == len(self.runs[0]):
            self.runs.popleft()
            self.answered = 0
        return verb

    def take_run(self) -> None:
        """The whole first run is answered now."""
        self._count -= len(self.runs.popleft())

    def clear(self) -> None:
        """Nothing is due any more."""
        self.runs.clear()
        self.answered = self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Verb]:
        verbs = [verb for run in self.runs for verb in run]
        return iter(verbs[self.answered :])
