"""Time-outs that say what was waited for."""

from __future__ import annotations

import asyncio
from types import TracebackType

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


class expiry:  # noqa: N801  # reads as a word in a with statement
    """The loop's time at which a wait is over, for a block that keeps to it by itself.

    Raises:
        PhaseTimeoutError: the block raised TimeoutError.
    """

    __slots__ = ("_address", "_allowed", "_end", "_phase")

    def __init__(
        self,
        seconds: float,
        phase: Phase,
        address: str | None = None,
        deadline: float | None = None,
    ) -> None:
        now = asyncio.get_running_loop().time()
        self._end = now + seconds if deadline is None else min(now + seconds, deadline)
        self._allowed = self._end - now
        self._phase = phase
        self._address = address

    def __enter__(self) -> float:
        return self._end

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, TimeoutError):
            return
        if isinstance(error, SMTPSError) or error.errno is not None:
            return
        raise timed_out(self._phase, max(self._allowed, 0.0), self._address) from error


class within(expiry):  # noqa: N801
    """Run the block in at most ``seconds``, and not beyond ``deadline`` (the loop's time).

    Raises:
        PhaseTimeoutError: it took longer, and the block was cancelled; or it was too late for it.
    """

    __slots__ = ("_timeout",)

    async def __aenter__(self) -> None:
        if self._allowed <= 0:  # what begins now would only have to be undone
            raise timed_out(self._phase, 0.0, self._address)
        self._timeout = asyncio.timeout_at(self._end)
        await self._timeout.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as expired:
            self.__exit__(None, expired, None)
            raise
        self.__exit__(kind, error, trace)
