"""What changed between two reports."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.checks.made import NOW, a_report, failing, reports

from smtps.checks.report import Report
from smtps.errors import InputError, Phase
from smtps.report.difference import Baseline, Direction, compare

Json = dict[str, Any]
BETTER, WORSE, NEUTRAL = Direction.BETTER, Direction.WORSE, Direction.NEUTRAL


def base() -> Json:
    return a_report().as_json()


def changed(path: str, value: Any) -> Json:
    """A healthy server's report but for one place, such as ``certificate.not_after``."""
    report = copy.deepcopy(base())
    *steps, last = path.split(".")
    place = report
    for step in steps:
        place = place[step]
    place[last] = value
    return report


def finding(code: str, severity: str, seen: str = "192.0.2.1: x") -> Json:
    return {"code": code, "severity": severity, "seen": seen, "meaning": "So.", "fix": "Do."}


def certificate(**fields: Any) -> Json:
    return changed(
        "certificate", {**base()["certificate"], "fingerprint_sha256": "cd" * 32, **fields}
    )


def later(days: int) -> str:
    return (NOW + timedelta(days=60 + days)).isoformat()


ONE_ERROR = changed("findings", [finding("tls.closed", "error")])
ONE_WARNING = changed("findings", [finding("tls.closed", "warning")])
ONE_NOTE = changed("findings", [finding("dns.reverse_missing", "info")])
TWO_SEVERITIES = changed(
    "findings", [finding("tls.closed", "warning"), finding("tls.closed", "error")]
)

CASES: dict[str, tuple[Json, Json, list[tuple[str, Direction]]]] = {
    "nothing": (base(), base(), []),
    "the verdict got worse": (
        base(), changed("verdict", "fails"), [("verdict", WORSE)],
    ),
    "the verdict got better": (
        changed("verdict", "warnings"), base(), [("verdict", BETTER)],
    ),
    "could not be told this time": (
        base(), changed("verdict", "unknown"), [("verdict", NEUTRAL)],
    ),
    "a new error": (base(), ONE_ERROR, [("finding.new", WORSE)]),
    "an error gone": (ONE_ERROR, base(), [("finding.gone", BETTER)]),
    "a new note": (base(), ONE_NOTE, [("finding.new", NEUTRAL)]),
    "a warning became an error": (ONE_WARNING, ONE_ERROR, [("finding.severity", WORSE)]),
    "an error became a warning": (ONE_ERROR, ONE_WARNING, [("finding.severity", BETTER)]),
    "of two severities the worse counts": (TWO_SEVERITIES, ONE_ERROR, []),
    "other evidence for the same": (
        ONE_ERROR, changed("findings", [finding("tls.closed", "error", "192.0.2.2: y")]), [],
    ),
    "a renewed certificate": (
        base(), certificate(not_after=later(90)), [("certificate.renewed", BETTER)],
    ),
    "a certificate for other names": (
        base(), certificate(not_after=later(90), names=["x"]), [("certificate.replaced", NEUTRAL)],
    ),
    "a certificate that ends earlier": (
        base(), certificate(not_after=later(-1)), [("certificate.replaced", NEUTRAL)],
    ),
    "the same certificate, older": (base(), changed("certificate.days_left", 3), []),
    "no certificate this time": (base(), changed("certificate", None), []),
    "an older TLS": (
        base(), changed("tls.version", "TLSv1.2"), [("encryption.version", WORSE)],
    ),
    "a newer TLS": (
        changed("tls.version", "TLSv1.2"), base(), [("encryption.version", BETTER)],
    ),
    "a TLS that nobody knows yet": (
        base(), changed("tls.version", "TLSv1.4"), [("encryption.version", NEUTRAL)],
    ),
    "another cipher": (base(), changed("tls.cipher", "X"), [("encryption.cipher", NEUTRAL)]),
    "no TLS this time": (base(), changed("tls", None), []),
    "another address": (
        base(), changed("addresses", [{"address": "192.0.2.2"}]),
        [("address.added", NEUTRAL), ("address.removed", NEUTRAL)],
    ),
    "another capability, another size": (
        base(), changed("capabilities", ["SIZE 5", "AUTH PLAIN LOGIN", "DSN"]),
        [
            ("capability.added", NEUTRAL),
            ("capability.removed", NEUTRAL),
            ("capability.changed", NEUTRAL),
        ],
    ),
    "another mechanism": (
        base(), changed("auth.offered", ["PLAIN", "XOAUTH2"]),
        [("mechanism.added", NEUTRAL), ("mechanism.removed", NEUTRAL)],
    ),
    "no answer to EHLO this time": (base(), changed("capabilities", []), []),
    "ten times slower": (base(), changed("timings.tls", 200.0), [("timing", WORSE)]),
    "ten times faster": (changed("timings.tls", 200.0), base(), [("timing", BETTER)]),
    "nine times slower": (base(), changed("timings.tls", 180.0), []),
    "ten times slower, and still quick": (base(), changed("timings.greeting", 99.0), []),
    "a phase that was not reached before": (base(), changed("timings.auth", 9000.0), []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_changes(name: str) -> None:
    old, new, expected = CASES[name]
    found = compare(old, new)
    assert [(change.kind, change.direction) for change in found.changes] == expected


@pytest.mark.parametrize("name", CASES)
def test_the_lines_say_each_change_and_which_way_it_goes(name: str) -> None:
    old, new, expected = CASES[name]
    found = compare(old, new)
    first, *lines = found.lines()
    assert first.startswith("mail.example.com: ")
    marks = {BETTER: "+", WORSE: "-", NEUTRAL: "~"}
    assert [line[:4] for line in lines] == [f"  {marks[way]} " for _, way in expected]
    assert all(line.endswith((".", "]")) for line in lines)
    assert json.loads(json.dumps(found.as_json()))["direction"] == found.direction


WHOLE: dict[str, tuple[Json, Json, Direction, str]] = {
    "unchanged": (base(), base(), NEUTRAL, "unchanged since 2026-11-23T12:00:00+00:00"),
    "the verdict decides": (
        {**ONE_ERROR, "verdict": "fails"}, changed("tls.version", "TLSv1.2"),
        BETTER, "better since",
    ),
    "else anything worse does": (
        ONE_ERROR, certificate(findings=[]) | {"findings": [finding("net.refused", "error")]},
        WORSE, "worse since",
    ),
    "then anything better": (base(), certificate(not_after=later(1)), BETTER, "better since"),
    "and then nothing": (base(), changed("tls.cipher", "X"), NEUTRAL, "changed since"),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_the_whole_in_a_word(name: str) -> None:
    old, new, direction, words = WHOLE[name]
    found = compare(old, new)
    assert found.direction is direction
    assert words in next(found.lines())


def test_a_renewal_tells_the_days() -> None:
    (change,) = compare(base(), certificate(not_after=later(90))).changes
    assert change.text.endswith("valid until 2027-04-22, 90 days longer.")


@given(reports)
@settings(max_examples=50, deadline=None)
def test_a_report_does_not_differ_from_itself(report: Report) -> None:
    value = json.loads(json.dumps(report.as_json()))
    assert compare(value, value).changes == ()


_MIRROR = {BETTER: WORSE, WORSE: BETTER, NEUTRAL: NEUTRAL}


@given(reports, reports)
@settings(max_examples=50, deadline=None)
def test_backwards_the_verdict_and_the_findings_go_the_other_way(one: Report, two: Report) -> None:
    old, new = one.as_json(), {**two.as_json(), "target": one.facts.target}

    def judged(a: Json, b: Json, turn: Callable[[Direction], Direction]) -> list[Direction]:
        changes = compare(a, b).changes
        return sorted(
            turn(change.direction)
            for change in changes
            if change.kind == "verdict" or change.kind.startswith("finding.")
        )

    assert judged(old, new, lambda way: way) == judged(new, old, lambda way: _MIRROR[way])


@given(reports, st.data())
@settings(max_examples=200, deadline=None)
def test_whatever_stands_in_the_old_file_is_compared_or_refused_by_name(
    report: Report, data: st.DataObject
) -> None:
    new = a_report(target=report.facts.target).as_json()
    old = report.as_json()
    place: Any = old
    for _ in range(data.draw(st.integers(0, 3))):
        inside = [key for key in keys(place) if isinstance(place[key], dict | list) and place[key]]
        if not inside:
            break
        place = place[data.draw(st.sampled_from(inside))]
    assume(keys(place))
    key = data.draw(st.sampled_from(keys(place)))
    assume(place is not old or key != "target")
    if data.draw(st.booleans()):
        place[key] = data.draw(
            st.sampled_from([None, 0, "", "x", [], {}, [None], {"version": 1}, -1.5])
        )
    else:
        del place[key]
    assert to_blame(json.dumps(old), new) in (None, "against")


def to_blame(text: str, new: Json) -> str | None:
    """The field that the comparison is refused for, or None if it gives text."""
    try:
        lines = list(Baseline.read(text).compare(new).lines())
    except InputError as error:
        return error.field
    return None if all(lines) else "nothing was said"


def keys(place: Any) -> list[Any]:
    return list(place) if isinstance(place, dict) else list(range(len(place)))


REFUSED: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "line 1"),
    "NDJSON that was cut off": (json.dumps(base()) + '\n{"target": "x', "line 2"),
    "no report": ("[1]", "not an smtps report"),
    "a report without a key": (json.dumps({**base(), "timings": None}), "'timings'"),
    "of another version": (
        json.dumps({key: value for key, value in base().items() if key != "addresses"}),
        "'addresses'",
    ),
    "of the page's answer": ('{"success": true, "host": "mail.example.com"}', "'target'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_report_is_refused_with_the_remedy(name: str) -> None:
    text, words = REFUSED[name]
    with pytest.raises(InputError, match=r"smtps check") as caught:
        Baseline.read(text)
    assert caught.value.field == "against"
    assert words in caught.value.problem


def test_reports_of_different_targets_are_not_compared() -> None:
    with pytest.raises(InputError, match=r"is about mail\.example\.com, not about x"):
        compare(base(), changed("target", "x"))


def test_a_baseline_must_know_one_of_the_targets() -> None:
    baseline = Baseline([base()])
    baseline.require(["x", "mail.example.com"])
    with pytest.raises(InputError, match=r"no report on x, only on mail\.example\.com"):
        baseline.require(["x"])


@pytest.mark.parametrize("form", ["object", "array", "ndjson"])
def test_a_batch_is_paired_by_target(form: str) -> None:
    old = [base(), changed("target", "gone.example")][: 1 if form == "object" else 2]
    text = {
        "object": json.dumps(old[0], indent=2),
        "array": json.dumps(old),
        "ndjson": "".join(json.dumps(report) + "\n" for report in old),
    }[form]
    baseline = Baseline.read(text)
    new = changed("target", "new.example")
    worse = a_report(failing("tls.closed", Phase.TLS)).as_json()
    assert [change.kind for change in baseline.compare(new).changes] == ["target.new"]
    assert list(baseline.compare(new).lines()) == [
        "new.example: changed",
        "  ~ There is no earlier report.",
    ]
    assert baseline.compare(worse).direction is WORSE


def test_words_of_a_server_cannot_move_the_terminal_s_cursor() -> None:
    new = certificate(issuer="CN=\x1b[2J")
    assert "\x1b" not in "".join(compare(base(), new).lines())
