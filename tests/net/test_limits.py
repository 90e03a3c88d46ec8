"""Where there are two of a kind on the way to a server: addresses, records, deadlines."""

from __future__ import annotations

import asyncio

import pytest

from smtps.errors import ForbiddenError, Phase, PhaseTimeoutError
from smtps.net.dns import Service, in_turn
from smtps.net.egress import admit
from smtps.net.resolve import Address
from smtps.net.timing import expiry, within

OUTSIDE, INSIDE = Address("8.8.8.8", 465), Address("10.0.0.1", 465)


@pytest.mark.parametrize(
    ("addresses", "allowed"),
    [
        ((OUTSIDE,), True),
        ((INSIDE,), False),
        ((OUTSIDE, OUTSIDE), True),
        ((OUTSIDE, INSIDE), False),
        ((INSIDE, OUTSIDE), False),
    ],
)
def test_one_forbidden_address_of_two_forbids_them_both(
    addresses: tuple[Address, ...], allowed: bool
) -> None:
    if allowed:
        admit(addresses, lambda address: address != INSIDE)
        return
    with pytest.raises(ForbiddenError):
        admit(addresses, lambda address: address != INSIDE)


@pytest.mark.parametrize(
    ("weights", "chance", "first"),
    [
        ((1, 1), 0.0, "a"),
        ((1, 1), 0.5, "a"),
        ((1, 1), 0.67, "b"),
        ((0, 1), 0.0, "a"),
        ((0, 1), 0.5, "b"),
        ((0, 0), 0.99, "a"),
    ],
)
def test_of_two_records_the_first_is_chosen_whose_running_sum_reaches_the_number(
    weights: tuple[int, int], chance: float, first: str
) -> None:
    """RFC 2782: a number from 0 to the sum of the weights, both included."""
    two = [Service(name, 1, 0, weight) for name, weight in zip("ab", weights, strict=True)]
    assert in_turn(two, lambda: chance)[0].host == first


async def test_of_two_limits_of_time_the_earlier_counts() -> None:
    now = asyncio.get_running_loop().time()
    with expiry(60, Phase.TCP, deadline=now + 10) as end:
        assert end == now + 10
    with expiry(10, Phase.TCP, deadline=now + 3600) as end:
        assert end < now + 3600


@pytest.mark.parametrize("left", [0.0, -1.0])
async def test_nothing_begins_when_no_time_is_left(left: float) -> None:
    begun = False
    with pytest.raises(PhaseTimeoutError):
        async with within(left, Phase.TCP):
            begun = True
    assert not begun
