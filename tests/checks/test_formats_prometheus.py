"""Metrics, read by both of prometheus_client's parsers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain
from tests.checks.made import HOSTILE, a_report, failing
from tests.checks.test_formats import batches, document

from smtps.checks.report import Report
from smtps.checks.verdict import Verdict
from smtps.core.reply import printable
from smtps.errors import Phase


def families(text: str) -> dict[str, Metric]:
    """What the stricter parser reads, once both agree and each metric stands in one place."""
    found = list(openmetrics(text))  # type: ignore[no-untyped-call]
    assert [(f.name, f.samples) for f in found] == [(f.name, f.samples) for f in plain(text)]
    names = [family.name for family in found]
    assert len(set(names)) == len(names)
    assert all(family.type == "gauge" and family.documentation for family in found)
    return {family.name: family for family in found}


def samples(report: Report, name: str) -> dict[tuple[str, ...], float]:
    """Labels' values beside the target's → value."""
    family = families(document("prometheus", [report]))[name]
    return {
        tuple(value for label, value in sample.labels.items() if label != "target"): sample.value
        for sample in family.samples
    }


def test_a_healthy_server_in_metrics() -> None:
    found = {name: samples(a_report(), name) for name in families(document("prometheus", []))}
    assert found == {
        "smtps_check_success": {(): 1},
        "smtps_check_verdict": {(v.value,): float(v == "works") for v in Verdict},
        "smtps_check_grade_points": {(): 100},
        "smtps_check_phase_seconds": {
            ("dns", ""): 0.002,
            ("tcp", "192.0.2.1"): 0.01,
            ("tls", "192.0.2.1"): 0.02,
            ("greeting", "192.0.2.1"): 0.005,
            ("ehlo", "192.0.2.1"): 0.005,
        },
        "smtps_check_certificate_not_after_timestamp_seconds": {("192.0.2.1",): 1800619200},
        "smtps_check_certificate_lifetime_seconds": {("192.0.2.1",): 90 * 86400},
        "smtps_check_finding": {},
        "smtps_check_timestamp_seconds": {(): 1795435200},
    }


def test_a_failure_in_metrics() -> None:
    report = a_report(failing("tls.closed", Phase.TLS))
    assert samples(report, "smtps_check_success") == {(): 0}
    assert samples(report, "smtps_check_finding") == {("tls.closed", "error", "operator"): 1}
    assert samples(report, "smtps_check_verdict")[("fails",)] == 1


def test_what_could_not_be_told_has_no_grade() -> None:
    report = a_report(failing("dns.timeout", Phase.DNS))
    assert samples(report, "smtps_check_grade_points") == {}


@given(batches)
@settings(max_examples=50, deadline=None)
def test_whatever_servers_say_no_sample_stands_there_twice(batch: list[Report]) -> None:
    found = families(document("prometheus", batch))
    stated = [(s.name, *sorted(s.labels.items())) for f in found.values() for s in f.samples]
    assert len(set(stated)) == len(stated)
    targets = {printable(report.facts.target) for report in batch}
    assert {s.labels["target"] for s in found["smtps_check_success"].samples} == targets


def test_of_a_target_that_comes_twice_the_last_counts() -> None:
    batch = [a_report(), a_report(failing("tls.closed", Phase.TLS))]
    (sample,) = families(document("prometheus", batch))["smtps_check_success"].samples
    assert sample.value == 0


@pytest.mark.parametrize("words", HOSTILE)
def test_a_label_says_what_it_was_given(words: str) -> None:
    (sample,) = families(document("prometheus", [a_report(target=words)]))[
        "smtps_check_success"
    ].samples
    assert sample.labels == {"target": printable(words)}


def test_real_servers_are_read(persona_reports: dict[str, Report]) -> None:
    found = families(document("prometheus", persona_reports.values()))
    success = {s.labels["target"]: s.value for s in found["smtps_check_success"].samples}
    assert success == {
        name: float(report.verdict in ("works", "warnings"))
        for name, report in persona_reports.items()
    }
