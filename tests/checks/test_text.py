"""The report for people: phases with their marks, and what a failed check folds away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.checks.test_rules import an_address, facts

from smtps.checks.facts import AddressFacts
from smtps.checks.report import Report
from smtps.errors import Failure, Phase
from smtps.report.text import render


def lines_of(address: AddressFacts, *, verbose: bool = False, **changed: Any) -> list[str]:
    report = Report.of(facts(address, **changed))
    return render(report, verbose=verbose, more="--verbose").splitlines()


def marks(lines: list[str]) -> list[tuple[str, ...]]:
    """Mark and phase of each line that has them."""
    return [tuple(line.split()[:2]) for line in lines if line[4:5] in ("✓", "✗", "–")]


def failed(phase: Phase, *done: str) -> AddressFacts:
    failure = Failure(code="tls.timeout", message="No answer came.", phase=phase)
    timings = dict.fromkeys(done, 1.0)
    return replace(an_address(), timings=timings, failure=failure, capabilities=None)


def test_phases_have_marks_and_the_failed_one_says_why() -> None:
    lines = lines_of(failed(Phase.TLS, "tcp", "tls"))
    assert marks(lines) == [("–", "dns"), ("✓", "tcp"), ("✗", "tls"), ("–", "greeting"),
                            ("–", "ehlo")]  # fmt: skip
    assert any(line.startswith("    ✗ tls") and line.endswith("No answer came.") for line in lines)


def test_with_starttls_the_greeting_comes_before_tls() -> None:
    lines = lines_of(failed(Phase.TCP, "dns"), security="starttls", port=587)
    assert marks(lines) == [("✓", "dns"), ("✗", "tcp"), ("–", "greeting"), ("–", "ehlo"),
                            ("–", "tls")]  # fmt: skip


@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT])
def test_a_phase_behind_the_usual_ones_is_shown_if_it_failed(phase: Phase) -> None:
    done = ("dns", "tcp", "tls", "greeting", "ehlo")
    assert marks(lines_of(failed(phase, *done)))[-1] == ("✗", phase.value)


def test_a_refused_login_is_the_phase_that_failed() -> None:
    refused = Failure(code="auth.rejected", message="535 No.", phase=Phase.AUTH)
    there = replace(an_address(), timings={"tcp": 1.0, "auth": 2.0}, login_failure=refused)
    assert ("✗", "auth") in marks(lines_of(there, wanted_login=True))


def test_a_failed_check_folds_the_rest_away_and_says_how_to_see_it() -> None:
    there = replace(failed(Phase.EHLO, "tcp"), capabilities=an_address().capabilities)
    folded, whole = lines_of(there), lines_of(there, verbose=True)
    assert "  --verbose shows more: certificate, capabilities" in folded
    assert "  Certificate" not in folded
    assert {"  Certificate", "  Capabilities"} <= set(whole)
    assert not any("shows more" in line for line in whole)


def test_what_works_is_shown_whole_with_the_grade() -> None:
    lines = lines_of(an_address())
    assert lines[0] == "✓ mail.example.com works (port 465, implicit TLS; server grade A)"
    assert {"  Certificate", "  Capabilities"} <= set(lines)


def test_colours_are_those_of_the_marks() -> None:
    text = render(Report.of(facts(failed(Phase.TLS, "tcp", "tls"))), colour=True)
    assert "\x1b[32m✓\x1b[0m tcp" in text
    assert "\x1b[31m✗\x1b[0m tls" in text
    assert "\x1b[2m–\x1b[0m ehlo" in text
