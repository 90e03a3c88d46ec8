"""JUnit XML, read by junitparser and by expat."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite
from tests.checks.made import a_report, failing
from tests.checks.test_formats import batches, document

from smtps.checks.report import Report
from smtps.core.reply import printable
from smtps.errors import Phase


def suites(text: str) -> list[TestSuite]:
    return list(JUnitXml.fromstring(text.encode()))


def only_case(report: Report) -> TestCase:
    (suite,) = suites(document("junit", [report]))
    (case,) = suite
    return case


CASES = {
    "works": (a_report(), None),
    "fails": (a_report(failing("tls.closed", Phase.TLS)), Failure),
    "later": (
        a_report(failing("smtp.try_later", Phase.GREETING, retryable=True, smtp_code=450)),
        Error,
    ),
    "unknown": (a_report(failing("dns.timeout", Phase.DNS)), Error),
}


@pytest.mark.parametrize("verdict", CASES)
def test_the_verdict_is_the_outcome_of_the_case(verdict: str) -> None:
    report, outcome = CASES[verdict]
    assert report.verdict == verdict
    case = only_case(report)
    assert (case.name, case.classname) == ("mail.example.com", "smtps.check")
    assert [type(result) for result in case.result] == ([outcome] if outcome else [])
    for result in case.result:
        finding = report.findings[0]
        assert (result.type, result.message) == (finding.code, finding.meaning)
        assert finding.seen in result.text
        assert finding.fix in result.text


def test_a_warning_passes_and_is_told_in_the_output() -> None:
    def late(address: object) -> None:
        address.timings["greeting"] = 4500.0  # type: ignore[attr-defined]

    report = a_report(late)
    assert report.verdict == "warnings"
    case = only_case(report)
    assert case.is_passed
    assert "[smtp.greeting_late]" in case.system_out


def test_the_time_is_of_all_phases_in_seconds() -> None:
    assert only_case(a_report()).time == pytest.approx(0.042)


@given(batches)
@settings(max_examples=50, deadline=None)
def test_whatever_servers_say_a_reader_finds_a_suite_for_each(batch: list[Report]) -> None:
    text = document("junit", batch)
    ET.fromstring(text.encode())
    found = suites(text)
    assert [suite.name for suite in found] == [printable(r.facts.target) for r in batch]
    for suite, report in zip(found, batch, strict=True):
        (case,) = suite
        kinds = [type(result) for result in case.result]
        assert (suite.tests, suite.failures, suite.errors) == (
            1, kinds.count(Failure), kinds.count(Error),
        )  # fmt: skip
        assert bool(kinds) is (report.verdict not in ("works", "warnings"))


def test_real_servers_are_read(persona_reports: dict[str, Report]) -> None:
    found = suites(document("junit", persona_reports.values()))
    assert [suite.name for suite in found] == list(persona_reports)
