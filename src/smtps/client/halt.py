"""A stop on the way: nothing more is begun, and what is on the wire may have its answer first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from smtps.client.result import Outcome, Result
from smtps.errors import SessionError

HALTED = "session.halted"


def halted() -> SessionError:
    """The error for whatever was not handed over before the stop."""
    return SessionError(HALTED, "This program is stopping.", retryable=True)


def not_begun(result: Result) -> bool:
    """Whether a message was not handed over to anybody, for no reason but the stop."""
    if result.failure is None or result.failure.code != HALTED:
        return False
    return result.outcome is Outcome.DEFERRED


class Halt:
    """Ends waits that nothing on the wire depends on."""

    def __init__(self) -> None:
        self._pulled = asyncio.Event()
        self._waiting: set[asyncio.Task[object]] = set()

    def pull(self) -> None:
        """End them all, now and from now on."""
        self._pulled.set()
        for task in self._waiting:
            task.cancel()
        self._waiting.clear()

    @contextmanager
    def ends(self) -> Iterator[None]:
        """For a block that waits.

        Raises:
            SessionError: it has come to a stop; the block was cancelled, or not even begun.
        """
        if self._pulled.is_set():
            raise halted()
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self._pulled.is_set() and task.uncancel() <= before:
                raise halted() from None
            raise
        finally:
            self._waiting.discard(task)
