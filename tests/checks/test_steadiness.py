"""Whether a fault is there each time: the policy alone, against servers that fail by a pattern."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from smtps.checks.probes import Probe
from smtps.checks.steadiness import (
    CONTRAST,
    ENOUGH,
    LEAST,
    LONGEST_PAUSE,
    STATEMENT,
    Steadiness,
    Step,
    Trial,
    alike,
    patience,
)
from smtps.errors import Failure, Phase

CUT = Failure(code="tls.closed", message="Closed.", phase=Phase.TLS)
RESET = Failure(code="net.reset", message="Reset.", phase=Phase.TLS)
LATER = Failure(code="net.reset", message="Reset.", phase=Phase.GREETING)
ALERT = Failure(code="tls.handshake_refused", message="No.", phase=Phase.TLS)

Fails = Callable[[int], bool]


def run(fails: Fails, first_look: int, steps: tuple[Step, ...] = CONTRAST) -> Trial:
    """A trial at a server that fails at some connections, whatever it is asked.

    Args:
        fails: whether it does at the connection of that number.
        first_look: number of the connection at which a look worked; 1 was the first attempt.
        steps: of the trial.
    """
    trial, number = Trial(CUT, steps), first_look
    while trial.steps:
        number += 1
        if trial.steps[0] is Step.SAME:
            trial.same(CUT if fails(number) else None)
        else:
            trial.other(told=not fails(number))
    return trial


@pytest.mark.parametrize("period", [1, 2, 3, 4])
def test_no_fault_that_comes_in_turns_is_taken_for_a_cause(period: int) -> None:
    """Every server behind one address in turn, any of them broken; the first always is."""
    for broken in range(2**period):
        for first_look in range(2, 9):
            fails = [bool(broken >> number & 1) for number in range(period)]

            def at(number: int, fails: list[bool] = fails) -> bool:
                return fails[number % period]

            if at(1) and not at(first_look):  # else there is nothing to confirm
                assert run(at, first_look).standing is not Steadiness.CONFIRMED


def test_no_fault_that_has_passed_is_taken_for_a_cause() -> None:
    for last in range(1, 9):
        trial = run(lambda number, last=last: number <= last, last + 1)  # type: ignore[misc]
        assert trial.standing is Steadiness.PASSED


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_chance_is_hardly_ever_taken_for_a_cause(share: float) -> None:
    dice = random.Random(share)
    standings = [run(lambda _: dice.random() < share, 2).standing for _ in range(4000)]
    assert standings.count(Steadiness.CONFIRMED) / len(standings) < 0.05
    assert standings.count(Steadiness.PASSED) > standings.count(Steadiness.CONFIRMED)


def test_what_is_asked_differently_and_always_works_is_the_cause() -> None:
    trial = Trial(CUT, CONTRAST)
    while trial.steps:
        if trial.steps[0] is Step.SAME:
            trial.same(RESET)  # the system decides which of both it is
        else:
            trial.other(told=True)
    assert trial.standing is Steadiness.CONFIRMED


def test_what_worked_once_and_then_not_is_no_cause() -> None:
    trial = Trial(CUT, CONTRAST)
    trial.same(CUT)
    trial.other(told=False)
    assert trial.steps == (Step.SAME,)  # whether it works at all by now
    trial.same(CUT)
    assert trial.standing is Steadiness.UNSTEADY
    trial = Trial(CUT, CONTRAST)
    trial.same(CUT)
    trial.other(told=False)
    trial.same(None)
    assert trial.standing is Steadiness.PASSED


def test_another_failure_ends_the_trial_at_once() -> None:
    trial = Trial(CUT, STATEMENT)
    trial.same(ALERT)
    assert trial.standing is Steadiness.CHANGED
    assert trial.last is ALERT
    assert trial.steps == ()


def test_one_of_each_is_the_least_that_counts() -> None:
    trial = Trial(CUT, CONTRAST)
    trial.same(CUT)
    trial.out_of_time()
    assert trial.standing is Steadiness.OPEN
    trial = Trial(CUT, CONTRAST)
    trial.same(CUT)
    trial.other(told=True)
    trial.out_of_time()
    assert trial.standing is Steadiness.CONFIRMED
    trial = Trial(CUT, CONTRAST)
    trial.same(CUT)
    trial.other(told=False)
    trial.out_of_time()
    assert trial.standing is Steadiness.OPEN


@pytest.mark.parametrize(
    ("other", "same"), [(CUT, True), (RESET, True), (LATER, False), (ALERT, False)]
)
def test_failures_are_alike_by_phase_and_kind(other: Failure, same: bool) -> None:
    assert alike(CUT, other) is same


def test_silence_is_waited_for_as_long_as_an_answer_would_take() -> None:
    quick, slow = Probe("small", milliseconds=20.0), Probe("small", milliseconds=900.0)
    assert patience(quick, 60.0, CONTRAST) == ENOUGH
    assert patience(slow, 60.0, CONTRAST) == pytest.approx(3.6)
    assert patience(Probe("small", milliseconds=4000.0), 60.0, CONTRAST) == LONGEST_PAUSE
    assert patience(None, 60.0, STATEMENT) == ENOUGH
    assert patience(quick, 3.0, CONTRAST) == 1.0  # three of them have to share it
    assert patience(quick, 3 * LEAST - 0.1, CONTRAST) == LEAST  # enough for one of each
    assert patience(quick, 2 * LEAST - 0.1, CONTRAST) is None
    assert patience(slow, 3.0, CONTRAST) is None
