"""Places, turns and rates: each caller's share of them.

There are twice as many places as the setting says. One caller alone gets the number in the setting,
two get two thirds of it each, and a newcomer always finds a place. Callers who wait take turns, so
someone who asks a hundred times waits only for themselves. Rates limit how often a caller may ask
and how often a target may be contacted, whoever asks: a public checker must not become a tool for
guessing passwords or flooding servers.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, OrderedDict, deque

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from smtps.config.settings import Settings
from smtps.errors import ForbiddenError, InputError, Phase

BUSY = "api.busy"
HAD = "api.share_taken"


class Shares:
    """Places, and who holds them.

    Args:
        usual: how many one caller may have while there is no other; altogether there are twice as
            many.
    """

    def __init__(self, usual: int) -> None:
        self._most = 2 * usual
        self._held: Counter[str] = Counter()
        self._taken = 0

    def refuse(self, caller: str, amount: int = 1) -> str | None:
        """The code of why a caller gets no more at the moment; None if it does."""
        held, free = self._held[caller], self._most - self._taken
        if held < free and amount <= free:
            return None
        return HAD if 0 < held < self._taken else BUSY

    def take(self, caller: str, amount: int = 1) -> None:
        """Have them; ``give`` gives them back."""
        self._held[caller] += amount
        self._taken += amount

    def give(self, caller: str, amount: int = 1) -> None:
        """Give them back."""
        self._taken -= amount
        self._held[caller] -= amount
        if not self._held[caller]:
            del self._held[caller]

    def __len__(self) -> int:
        """How many hold some."""
        return len(self._held)


ROUND = 8
"""Requests that may begin in one round of the event loop."""


class Turns:
    """Lets some requests begin in each round of the event loop: one of each caller, then another.

    What a request takes of the processor it mostly takes at its beginning, and in one piece.
    """

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._left = ROUND
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._due = False

    async def wait(self, caller: str) -> None:
        """Return when it is the caller's turn: at once while few have begun in this round."""
        loop = asyncio.get_running_loop()
        if not self._due:
            self._due = True
            loop.call_soon(self._next)
        if caller not in self._begun or (self._left > 0 and not self._waiting):
            self._begin(caller)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        await turn

    def _begin(self, caller: str) -> None:
        self._begun.add(caller)
        self._left -= 1

    def _next(self) -> None:
        """A round is over."""
        self._begun.clear()
        self._left = ROUND
        while self._waiting and self._left > 0:
            for caller in list(self._waiting):
                self._next_of(caller)
        self._due = bool(self._begun)
        if self._due:
            asyncio.get_running_loop().call_soon(self._next)

    def _next_of(self, caller: str) -> None:
        waiting = self._waiting[caller]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():  # else its request has ended
                turn.set_result(None)
                self._begin(caller)
                break
        if not waiting:
            del self._waiting[caller]


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
        self._count(
            self._caller,
            "caller",
            name,
            "api.caller_limited",
            "You are sending requests too often.",
        )

    def target(self, address: str) -> None:
        """Count a connection to a network address.

        Raises:
            RateError: it was one too many.
        """
        self._count(
            self._target, "target", address, "api.target_limited",
            "This target was requested too often, by you or by others.",
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


ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that take no place, since whoever looks after the service has to see it when it is full."""

BODIES = 2
"""Bodies of the largest size that one caller may have in memory at the same time."""


class Places:
    """All of them: requests, event streams apart, and octets of bodies.

    Args:
        settings: how many.
    """

    def __init__(self, settings: Settings) -> None:
        self.requests = Shares(settings.concurrency)
        self.streams = Shares(settings.streams)
        self.octets = Shares(BODIES * settings.max_body)

    def place(self) -> Place:
        """For one request; nothing is taken yet."""
        return Place(self)


class Place:
    """What one request has of them.

    Args:
        places: all.
    """

    __slots__ = ("_caller", "_octets", "_places", "_shares")

    def __init__(self, places: Places) -> None:
        self._places = places
        self._shares: Shares | None = None
        self._caller = ""
        self._octets = 0

    def enter(self, caller: str, path: str) -> str | None:
        """Take a place; the code of why there is none, or None."""
        self._caller = caller
        if path in ALWAYS:
            return None
        shares = self._places.streams if path.endswith("/events") else self._places.requests
        if (code := shares.refuse(caller)) is not None:
            return code
        shares.take(caller)
        self._shares = shares
        return None

    def grow(self, octets: int) -> str | None:
        """Take room for some more of a body; the same."""
        if (code := self._places.octets.refuse(self._caller, octets)) is not None:
            return code
        self._places.octets.take(self._caller, octets)
        self._octets += octets
        return None

    def leave(self) -> None:
        """Give all of it back."""
        if self._shares is not None:
            self._shares.give(self._caller)
            self._shares = None
        if self._octets:
            self._places.octets.give(self._caller, self._octets)
            self._octets = 0
