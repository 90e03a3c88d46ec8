"""The order of SRV records (RFC 2782)."""

from __future__ import annotations

import random
from collections import Counter
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from smtps.net.dns import Service, in_turn

services = st.builds(
    Service,
    st.sampled_from(["a.test", "b.test", "c.test", "."]),
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 65535),
)
chances = st.floats(0, 1, exclude_max=True)


@given(st.lists(services, max_size=8), chances)
def test_each_place_comes_once_and_lower_priorities_first(
    found: list[Service], chance: float
) -> None:
    order = in_turn(found, lambda: chance)
    assert set(order) == {each for each in found if each.host != "." and each.port}
    assert len(order) == len(set(order))
    assert [each.priority for each in order] == sorted(each.priority for each in order)


def test_the_order_in_which_records_come_does_not_count() -> None:
    found = [Service("a", 1, 0, 5), Service("b", 1, 0, 0), Service("c", 1, 7, 0)]
    orders = {tuple(in_turn(each, lambda: 0.5)) for each in permutations(found)}
    assert len(orders) == 1


def test_weights_are_shares_of_the_first_choice() -> None:
    dice = random.Random(1)
    found = [Service("light", 1, 0, 10), Service("heavy", 1, 0, 90), Service("last", 1, 1, 99)]
    first = Counter(in_turn(found, dice.random)[0].host for _ in range(2000))
    assert set(first) == {"light", "heavy"}
    assert 0.85 < first["heavy"] / 2000 < 0.95


def test_weight_0_has_a_small_chance_beside_others_and_an_even_one_among_its_like() -> None:
    beside = [Service("none", 1, 0, 0), Service("some", 1, 0, 9)]
    assert in_turn(beside, lambda: 0.0)[0].host == "none"
    assert in_turn(beside, lambda: 0.11)[0].host == "some"


def test_nowhere_beside_a_place_is_left_out() -> None:
    place = Service("a", 465)
    assert in_turn([Service(".", 0), place, Service("b", 0)]) == [place]
    assert in_turn([Service(".", 0)]) == []
