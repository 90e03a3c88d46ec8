"""Time-outs that say what was waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from smtps.errors import Phase, PhaseTimeoutError, SMTPSError

_WAITED_FOR: dict[Phase, tuple[str, str]] = {
    Phase.DNS: ("dns.timeout", "The name was not resolved"),
    Phase.TCP: ("net.timeout", "No connection came about"),
    Phase.TLS: ("tls.timeout", "The TLS handshake did not finish"),
    Phase.GREETING: ("smtp.greeting_timeout", "The server did not greet"),
}


def timed_out(phase: Phase, seconds: float, address: str | None = None) -> PhaseTimeoutError:
    """The error for a phase that took too long; text and code depend on the phase alone."""
    default = ("smtp.timeout", f"The server did not answer ({phase})")
    code, sentence = _WAITED_FOR.get(phase, default)
    return PhaseTimeoutError(
        code, f"{sentence} within {round(seconds, 2):g} seconds.", phase=phase, address=address
    )


@asynccontextmanager
async def within(
    seconds: float, phase: Phase, address: str | None = None, deadline: float | None = None
) -> AsyncIterator[None]:
    """Run the block in at most ``seconds``, and not beyond ``deadline`` (the loop's time).

    Raises:
        PhaseTimeoutError: it took longer; the block was cancelled.
    """
    with expiry(seconds, phase, address, deadline) as until:
        async with asyncio.timeout_at(until):
            yield


@contextmanager
def expiry(
    seconds: float, phase: Phase, address: str | None = None, deadline: float | None = None
) -> Iterator[float]:
    """The loop's time at which a wait is over, for a block that keeps to it by itself.

    Raises:
        PhaseTimeoutError: the block raised TimeoutError.
    """
    now = asyncio.get_running_loop().time()
    end = now + seconds if deadline is None else min(now + seconds, deadline)
    try:
        yield end
    except TimeoutError as error:
        if isinstance(error, SMTPSError) or error.errno is not None:
            raise
        raise timed_out(phase, max(end - now, 0.0), address) from error
