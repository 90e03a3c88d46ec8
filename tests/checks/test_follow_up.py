"""What is noted when attempts are repeated; no network, and no time passes that is not given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, cast

import pytest
from tests.checks.test_inference import HOST, NEW
from tests.checks.test_rules import an_address

from smtps.checks.facts import AddressFacts
from smtps.checks.follow_up import TRIAL, Attempt, Explainer, room_for, take_over
from smtps.checks.prober import Prober
from smtps.checks.probes import Probe
from smtps.checks.suspects import Case
from smtps.errors import Failure, Phase

CUT = Failure(code="tls.closed", message="Closed.", phase=Phase.TLS)
MUTE = Failure(code="tls.timeout", message="Nothing.", phase=Phase.TLS)
ALERT = Failure(code="tls.server_error", message="Broken.", phase=Phase.TLS)
REFUSED = Failure(code="net.refused", message="No.", phase=Phase.TCP)


class Looks:
    """Takes looks that work if they are among some."""

    def __init__(self, working: Iterable[str], failure: Failure) -> None:
        self._working, self._failure = frozenset(working), failure
        self.taken: list[str] = []

    async def look(self, name: str, more: int = 0) -> Probe:
        """Take one."""
        self.taken.append(name)
        if name in self._working:
            return Probe(name, tls=NEW, milliseconds=20.0)
        return Probe(name, failure=self._failure, milliseconds=20.0)


async def explain(
    first: Failure,
    again: Iterator[Failure | None],
    *working: str,
    left: float | None = None,
    earlier: Failure | None = None,
    **seen: Any,
) -> tuple[Attempt | None, AddressFacts, Looks]:
    """An explanation, with what comes of each repeated attempt."""
    facts = an_address(**{"greeting": None, "tls": None, "capabilities": None, **seen})
    facts.failure = first
    looks = Looks(working, first)
    deadline = None if left is None else asyncio.get_running_loop().time() + left

    async def attempt(_until: float | None) -> Attempt:
        return Attempt(AddressFacts(facts.address, failure=next(again)))

    explainer = Explainer(
        Case(first, facts, "implicit", HOST),
        lambda _deadline: cast(Prober, looks),
        attempt,
        deadline,
        earlier,
    )
    return await explainer.explain(), facts, looks


async def test_a_cause_holds_if_the_first_attempt_goes_on_failing() -> None:
    passed, seen, looks = await explain(CUT, iter([CUT] * 3), "small")
    assert passed is None
    assert seen.failure is not None
    assert seen.failure.code == "tls.large_hello"
    assert looks.taken == ["small"] * 3
    assert list(seen.looks) == [
        "small", "unchanged", "small (2)", "unchanged (2)", "unchanged (3)", "small (3)",
    ]  # fmt: skip
    assert seen.timings["looks"] == pytest.approx(
        sum(look.milliseconds for look in seen.looks.values()), abs=0.1
    )


async def test_what_failed_once_and_works_is_handed_on() -> None:
    passed, seen, _ = await explain(CUT, iter([CUT, None]), "small")
    assert passed is not None
    take_over(seen, passed.seen, CUT)
    assert seen.failure is None
    assert seen.passed == CUT
    assert list(seen.looks) == ["first attempt", "small", "unchanged", "small (2)"]


async def test_another_failure_is_handed_on_once() -> None:
    passed, seen, _ = await explain(CUT, iter([ALERT]), "small")
    assert passed is not None
    take_over(seen, passed.seen, CUT)
    assert seen.failure == ALERT
    assert seen.passed is None


async def test_what_was_seen_during_a_failure_that_has_passed_explains_no_other() -> None:
    before = {"modest": Probe("modest", tls=NEW), "small": Probe("small", failure=CUT)}
    _, seen, looks = await explain(ALERT, iter([ALERT] * 3), earlier=CUT, looks=before)
    assert seen.failure is not None
    assert seen.failure.code == "tls.server_error"
    assert "ended differently: Closed." in seen.failure.message
    assert "modest" in looks.taken
    _, seen, _ = await explain(ALERT, iter([CUT]), earlier=CUT)
    assert seen.failure is not None
    assert seen.failure.code == "net.inconsistent"


async def test_without_time_no_cause_is_named() -> None:
    for first, left in ((CUT, 0.0), (MUTE, 0.3)):
        passed, seen, _ = await explain(first, iter(()), "small", left=left)
        assert passed is None
        assert seen.failure == first


async def test_a_look_that_may_have_failed_by_chance_is_taken_once_more() -> None:
    """A hello of TLS 1.2 is small as well: it works, and at last the small one does, too."""

    class Late(Looks):
        async def look(self, name: str, more: int = 0) -> Probe:
            if self.taken.count("small") == 1:
                self._working |= {"small"}
            return await super().look(name, more)

    facts = an_address(greeting=None, tls=None, capabilities=None)
    looks = Late({"modest"}, CUT)

    async def attempt(_until: float | None) -> Attempt:
        return Attempt(AddressFacts(facts.address, failure=CUT))

    explainer = Explainer(
        Case(CUT, facts, "implicit", HOST), lambda _: cast(Prober, looks), attempt, None
    )
    assert await explainer.explain() is None
    assert facts.failure is not None
    assert facts.failure.code == "net.inconsistent"


async def test_an_open_port_beside_a_closed_one_takes_two_attempts_more() -> None:
    class Other(Looks):
        async def look(self, name: str, more: int = 0) -> Probe:
            self.taken.append(name)
            return Probe(name, reached=587 if name == "other port" else None, milliseconds=1.0)

    facts = an_address(greeting=None, tls=None, capabilities=None)
    looks, again = Other((), REFUSED), iter([REFUSED, REFUSED])

    async def attempt(_until: float | None) -> Attempt:
        return Attempt(AddressFacts(facts.address, failure=next(again)))

    case = Case(REFUSED, facts, "implicit", HOST, port=465)
    explainer = Explainer(case, lambda _: cast(Prober, looks), attempt, None)
    assert await explainer.explain() is None
    assert facts.failure is not None
    assert facts.failure.code == "net.other_port_open"
    assert next(again, None) is None


def test_the_time_for_repetitions_is_bounded() -> None:
    assert TRIAL <= 12


@pytest.mark.parametrize(
    ("seconds", "taken", "room"),
    [(12.0, 0, 34), (1.06, 0, 3), (0.2, 0, 3), (0.2, 2, 1), (0.2, 3, 0), (0.0, 5, 0), (0.8, 5, 2)],
)
def test_few_looks_that_can_tell_something_rather_than_many_that_cannot(
    seconds: float, taken: int, room: int
) -> None:
    assert room_for(seconds, taken) == room
