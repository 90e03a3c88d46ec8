"""Each target with its seeds, the cases that were found, and some made-up inputs. A search of
minutes is ``scripts/bench fuzz``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.target import Target, calls
from tests.fuzz.targets import TARGETS

EXAMPLES = 60
"""For each target."""

LEAST = 3000
"""Calls that are not worth counting: what is done once, whatever the size."""

CASES = [(target, name) for target in TARGETS.values() for name, _ in target.seeds]
GROWING = [(target, name) for target in TARGETS.values() for name in target.grow]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Nobody wants to know what the servers' logs say about it."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_each_folder_of_the_corpus_has_its_target() -> None:
    from tests.fuzz.target import CORPUS  # noqa: PLC0415

    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert all(target.seeds for target in TARGETS.values())


@pytest.mark.parametrize(("target", "name"), CASES, ids=lambda part: getattr(part, "name", part))
def test_a_case_of_the_corpus_holds(target: Target, name: str) -> None:
    target.run(dict(target.seeds)[name])


@pytest.mark.parametrize("name", TARGETS)
def test_made_up_inputs_hold(name: str) -> None:
    target = TARGETS[name]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_changed(target))
    def holds(data: bytes) -> None:
        target.run(data)

    holds()


def _changed(target: Target) -> st.SearchStrategy[bytes]:
    """A seed with some pieces put in place of others, or anything."""
    pieces = st.sampled_from([b"", *target.words]) | st.binary(max_size=6)
    change = st.tuples(st.integers(0, 2000), st.integers(0, 40), pieces)
    seeds = st.sampled_from([data for _, data in target.seeds])

    def apply(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        for place, size, piece in changes:
            at = place % (len(data) + 1)
            data = data[:at] + piece + data[at + size :]
        return data

    changed = st.builds(apply, seeds, st.lists(change, max_size=6))
    return changed | st.lists(pieces, max_size=20).map(b"".join)


@pytest.mark.parametrize(("target", "name"), GROWING, ids=lambda part: getattr(part, "name", part))
def test_work_grows_no_faster_than_its_input(target: Target, name: str) -> None:
    """As far as calls tell; time itself is measured by ``scripts/bench fuzz --growth``."""
    make = target.grow[name]
    target.run(make(target.unit))  # what is done once is done
    few, many, most = (_work(target, make(target.unit * times)) for times in (10, 30, 90))
    assert most <= 4 * max(few, many, LEAST)


def _work(target: Target, data: bytes) -> int:
    """The less of two: what goes on beside it on the loop is none of its work."""
    return min(calls(target.run, data) for _ in range(2))
