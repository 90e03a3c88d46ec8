"""The places that the service has for requests, and each caller's share of them."""

from __future__ import annotations

from smtps.api.guards.shares import Shares
from smtps.api.settings import Settings

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
