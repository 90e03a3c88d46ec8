"""Ways to cut bytes: a network keeps none of the borders that a sender had in mind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import strategies as st


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    """``data`` in pieces, cut at each of the places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def all_cuts(data: bytes) -> Iterator[list[bytes]]:
    """Whole, in two at every place, and byte by byte."""
    for place in range(len(data) + 1):
        yield cut_at(data, [place])
    yield [data[at : at + 1] for at in range(len(data))]


places = st.lists(st.integers(0, 1000), max_size=8)
"""For ``cut_at``; empty pieces are among the cuts."""
