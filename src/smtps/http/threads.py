"""Threads for what would hold the event loop up, shared out between callers.

A look-up of a name waits as long as the resolver likes, and holds a thread meanwhile; so one caller
who asks about many silent names could leave none for a large body, or for reading the outbox.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from functools import cache
from typing import Any, ParamSpec, TypeVar

from smtps.http.guards.limits import Shares

P = ParamSpec("P")
T = TypeVar("T")

MAX_THREADS = 64
"""Threads."""

CALLER: ContextVar[str] = ContextVar("smtps.caller", default="")
"""Whose work is done; empty for the service's own."""

HEAVY = 2
"""Threads for work that takes the interpreter for itself: more of them would only be in the way."""

_Work = Callable[[], None]


class FairThreads(ThreadPoolExecutor):
    """An executor in which callers who wait have their turn one after the other.

    Args:
        most: threads.
    """

    def __init__(self, most: int = MAX_THREADS) -> None:
        super().__init__(most, "smtps")
        self._shares = Shares(most // 2)
        self._waiting: OrderedDict[str, deque[tuple[Future[Any], _Work]]] = OrderedDict()
        self._guard = threading.Lock()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **more: P.kwargs) -> Future[T]:
        """Have it done in a thread, at once or when it is the caller's turn."""
        caller, future = CALLER.get(), Future[T]()
        promised = [future]

        def work() -> None:
            promise = promised.pop()
            try:
                if promise.set_running_or_notify_cancel():
                    try:
                        result = fn(*args, **more)
                    except BaseException as error:  # noqa: BLE001  # whoever waits gets it
                        promise.set_exception(error)
                    else:
                        promise.set_result(result)
            finally:
                # An error knows this frame, and the promise the error: they would hold on to each
                # other, and to a body of megabytes, until the collector comes.
                del promise
                self._done(caller)

        with self._guard:
            if self._shares.refuse(caller) is None and caller not in self._waiting:
                self._begin(caller, work)
            else:
                self._waiting.setdefault(caller, deque()).append((future, work))
        return future

    def _begin(self, caller: str, work: _Work) -> None:
        super().submit(work)  # first: it may be too late for more
        self._shares.take(caller)

    def _done(self, caller: str) -> None:
        """A thread is free: whose turn is it?"""
        with self._guard:
            self._shares.give(caller)
            for other in list(self._waiting):
                if self._shares.refuse(other) is None:
                    self._next_of(other)

    def _next_of(self, caller: str) -> None:
        """Begin what a caller has waited for longest; then the others have their turn."""
        waiting = self._waiting[caller]
        while waiting:
            future, work = waiting.popleft()
            if not future.cancelled():
                try:
                    self._begin(caller, work)
                except RuntimeError:  # it has been shut down
                    future.cancel()
                    continue
                break
        if waiting:
            self._waiting.move_to_end(caller)
        else:
            del self._waiting[caller]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End; what still waits for its turn is cancelled."""
        with self._guard:
            for waiting in self._waiting.values():
                for future, _ in waiting:
                    future.cancel()
            self._waiting.clear()
        super().shutdown(wait, cancel_futures=cancel_futures)


async def apart(work: Callable[..., T], *args: Any) -> T:
    """The result of work that takes long and needs the interpreter, made in a thread.

    A caller has one such thread, and waits for it; another's work is not held up by that.
    """
    return await asyncio.get_running_loop().run_in_executor(_heavy(), work, *args)


@cache
def _heavy() -> FairThreads:
    return FairThreads(HEAVY)
