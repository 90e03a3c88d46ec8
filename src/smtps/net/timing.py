"""How long things took, and time-outs that say what was waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType

from smtps.errors import Phase, PhaseTimeoutError, SMTPSError

_WAITED_FOR: dict[Phase, tuple[str, str]] = {
    Phase.DNS: ("dns.timeout", "The name look-up timed out after {}."),
    Phase.TCP: ("net.timeout", "The connection timed out after {}."),
    Phase.TLS: ("tls.timeout", "The server did not answer the TLS handshake within {}."),
    Phase.GREETING: ("smtp.greeting_timeout", "The server sent no greeting within {}."),
    Phase.TOKEN: ("oauth.timeout", "The authorization server gave no access token within {}."),
    Phase.AUTH: ("smtp.timeout", "The server did not answer the login within {}."),
    Phase.DATA: ("smtp.timeout", "The server did not accept the message data within {}."),
    Phase.FINAL: ("smtp.timeout", "The server did not answer the message within {}."),
}


def timed_out(
    phase: Phase, seconds: float, address: str | None = None, *, command: str = ""
) -> PhaseTimeoutError:
    """The error for a phase in which nothing came in time.

    Args:
        phase: what was waited for.
        seconds: how long.
        address: of the server.
        command: that was not answered, where the phase leaves it open.
    """
    default = ("smtp.timeout", f"The server did not answer {command or phase.upper()} within {{}}.")
    code, sentence = _WAITED_FOR.get(phase, default)
    return PhaseTimeoutError(code, sentence.format(spell(seconds)), phase=phase, address=address)


def stalled(seconds: float, octets: int, address: str | None = None) -> PhaseTimeoutError:
    """The error for a TLS handshake of which so many octets had arrived."""
    return PhaseTimeoutError(
        "tls.handshake_stalled",
        f"The TLS handshake was incomplete after {spell(seconds)}: {arrived(octets)}.",
        phase=Phase.TLS,
        address=address,
    )


def arrived(octets: int) -> str:
    """``7 octets had arrived``."""
    return f"{octets} byte{'s' if octets != 1 else ''} had arrived"


def spell(seconds: float) -> str:
    """``7 seconds``."""
    number = f"{round(seconds, 2):g}"
    return f"{number} second" if number == "1" else f"{number} seconds"


Late = Callable[[Phase, float, str | None], PhaseTimeoutError]
"""The error for a phase that took so many seconds, with a server's address."""


class expiry:  # noqa: N801  # reads as a word in a with statement
    """The loop's time at which a wait is over, for a block that keeps to it by itself.

    Raises:
        PhaseTimeoutError: the block raised TimeoutError.
    """

    __slots__ = ("_address", "_allowed", "_end", "_late", "_phase")

    def __init__(
        self,
        seconds: float,
        phase: Phase,
        address: str | None = None,
        deadline: float | None = None,
        late: Late = timed_out,
    ) -> None:
        now = asyncio.get_running_loop().time()
        self._end = now + seconds if deadline is None else min(now + seconds, deadline)
        self._allowed = self._end - now
        self._phase = phase
        self._address = address
        self._late = late

    def __enter__(self) -> float:
        return self._end

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, TimeoutError):
            return
        if isinstance(error, SMTPSError) or error.errno is not None:
            return
        raise self._late(self._phase, max(self._allowed, 0.0), self._address) from error


class within(expiry):  # noqa: N801
    """Run the block in at most ``seconds``, and not beyond ``deadline`` (the loop's time).

    Raises:
        PhaseTimeoutError: it took longer, and the block was cancelled; or it was too late for it.
    """

    __slots__ = ("_timeout",)

    async def __aenter__(self) -> None:
        if self._allowed <= 0:  # what begins now would only have to be undone
            raise self._late(self._phase, 0.0, self._address)
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


class timed:  # noqa: N801  # reads as a word in a with statement
    """Add the milliseconds of the block to ``timings``, also when it fails."""

    __slots__ = ("_name", "_start", "_timings")

    def __init__(self, timings: dict[str, float], name: str) -> None:
        self._timings = timings
        self._name = str(name)
        self._start = time.perf_counter()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        spend(self._timings, self._name, (time.perf_counter() - self._start) * 1000)


def spend(timings: dict[str, float], name: str, milliseconds: float) -> None:
    """Add to what a phase took."""
    timings[name] = round(timings.get(name, 0.0) + milliseconds, 3)
