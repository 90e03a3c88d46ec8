"""The order in which the targets of SRV records are tried (RFC 2782)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

from smtps.chance import fraction

NOWHERE = "."
"""The target that says that the service is not offered."""


@dataclass(frozen=True, slots=True)
class Service:
    """A place that offers a service.

    Attributes:
        host: the target; ``.`` says that the service is not offered.
        port: there.
        priority: lower ones are tried first.
        weight: how often it is the first of its priority, in proportion to the others.
    """

    host: str
    port: int
    priority: int = 0
    weight: int = 0

    def __str__(self) -> str:
        return f"{self.host}:{self.port} (priority {self.priority}, weight {self.weight})"


def in_turn(services: Iterable[Service], chance: Callable[[], float] = fraction) -> list[Service]:
    """The targets in the order in which to try them.

    Args:
        services: as they came.
        chance: a number from 0 to 1, without 1, for each choice among equal priorities.

    Returns:
        Without those that can be no place: port 0, or the root beside other targets.
    """
    places = [each for each in dict.fromkeys(services) if each.port and each.host != NOWHERE]
    found: list[Service] = []
    for _, group in groupby(sorted(places, key=_rank), key=lambda each: each.priority):
        left = list(group)
        while left:
            found.append(left.pop(_choice(left, chance())))
    return found


def _rank(service: Service) -> tuple[int, int, str, int]:
    """By priority, weight 0 first; the rest makes it the same whatever order they came in."""
    return service.priority, service.weight, service.host, service.port


def _choice(services: list[Service], chance: float) -> int:
    """Of one priority: the first whose running sum of weights reaches a number up to the whole."""
    number = int(chance * (sum(each.weight for each in services) + 1))
    running = 0
    for place, each in enumerate(services):
        running += each.weight
        if running >= number:
            return place
    return len(services) - 1
