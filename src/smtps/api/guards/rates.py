"""How often a caller may ask, and how often a target may be bothered, whoever asks.

A checker that anybody can drive must not become a machine for guessing passwords or flooding
servers.
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from smtps.errors import ForbiddenError, InputError, Phase


class RateError(ForbiddenError):
    """Too many requests.

    Attributes:
        retry_after: seconds until the next one is let through.
    """

    retryable = True

    def __init__(self, code: str, message: str, retry_after: int) -> None:
        super().__init__(code, message, phase=Phase.INPUT)
        self.retry_after = retry_after


class Rates:
    """Counts in memory, in a sliding window: what was counted in the last one fades.

    Args:
        caller, target: such as ``60/minute``, or empty for no limit.

    Raises:
        InputError: a rate cannot be read.
    """

    def __init__(self, caller: str, target: str) -> None:
        # Two counters for each name, forgotten when they are over. The storage never forgets a
        # name of a moving window, and callers have many addresses.
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._caller = _rate("caller_rate", caller)
        self._target = _rate("target_rate", target)

    def caller(self, name: str) -> None:
        """Count a request of a caller: a token's name, or an address.

        Raises:
            RateError: it was one too many.
        """
        self._count(self._caller, "caller", name, "api.caller_limited", "You are asking too often.")

    def target(self, address: str) -> None:
        """Count a connection to a network address.

        Raises:
            RateError: it was one too many.
        """
        self._count(
            self._target, "target", address, "api.target_limited",
            "This target has been asked for too often, by you or by others.",
        )  # fmt: skip

    def _count(
        self, rate: RateLimitItem | None, kind: str, name: str, code: str, sentence: str
    ) -> None:
        if rate is None or self._limiter.hit(rate, kind, name):
            return
        reset = self._limiter.get_window_stats(rate, kind, name).reset_time
        raise RateError(code, sentence, max(1, math.ceil(reset - time.time())))


def _rate(field: str, text: str) -> RateLimitItem | None:
    try:
        return parse(text) if text else None
    except ValueError as error:
        raise InputError(field, "must look like 60/minute") from error
