"""When a dialogue has to end: the time-out of each phase, and a requested stop.

After a requested stop no command is begun, and a message that is already on the wire may still get
its reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from smtps.client.result import Outcome, Result
from smtps.core.command import Verb
from smtps.core.connection import Connection
from smtps.endpoint import Timeouts
from smtps.errors import Phase, PhaseTimeoutError, SessionError
from smtps.net.timing import arrived, spell, timed_out

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


_TIMEOUT_OF: dict[Phase, str] = {
    Phase.GREETING: "greeting",
    Phase.MAIL: "mail",
    Phase.RCPT: "rcpt",
    Phase.DATA: "data",
    Phase.FINAL: "final",
    Phase.QUIT: "quit",
}
"""Any other phase: ``command``."""


@lru_cache(maxsize=64)
def seconds_of(timeouts: Timeouts) -> dict[Phase, float]:
    """How long each phase may take."""
    return {phase: getattr(timeouts, _TIMEOUT_OF.get(phase, "command")) for phase in Phase}


def late(
    connection: Connection, beginning: str, phase: Phase, seconds: float, address: str | None
) -> PhaseTimeoutError:
    """The error for a reply that took so long: which, and what of it had arrived.

    Args:
        connection: that waits for it.
        beginning: of the reply, without secrets.
        phase: what was waited for.
        seconds: how long.
        address: of the server.
    """
    if octets := connection.unfinished[0]:
        return _unfinished(phase, seconds, octets, beginning, address)
    verb = connection.pending.first if connection.pending else Verb.QUIT
    if verb is Verb.STARTTLS:
        return _unanswered_starttls(seconds, address)
    return timed_out(phase, seconds, address, command=verb.value)


def _unanswered_starttls(seconds: float, address: str | None = None) -> PhaseTimeoutError:
    """The error for STARTTLS without any answer: no handshake was begun."""
    return PhaseTimeoutError(
        "tls.starttls_unanswered",
        f"The server did not answer STARTTLS within {spell(seconds)}.",
        phase=Phase.TLS,
        address=address,
    )


def _unfinished(
    phase: Phase, seconds: float, octets: int, beginning: str, address: str | None = None
) -> PhaseTimeoutError:
    """The error for a reply that had begun and did not end in time.

    Args:
        phase: what was waited for.
        seconds: how long.
        octets: how many had arrived.
        beginning: of the reply.
        address: of the server.
    """
    what = "greeting" if phase is Phase.GREETING else f"reply ({phase.upper()})"
    return PhaseTimeoutError(
        "smtp.reply_unfinished",
        f"The server's {what} was incomplete after {spell(seconds)}: {arrived(octets)}, beginning "
        f"with {beginning!r}.",
        phase=phase,
        address=address,
        seen=beginning,
    )
