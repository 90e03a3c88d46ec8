"""Reports as metrics, for the textfile collector of node_exporter.

https://prometheus.io/docs/instrumenting/exposition_formats/ wants all samples of a metric in one
place, so nothing can be written before the last report. Until then a few numbers and words are
held of each target, about a kilobyte, and never the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from smtps.checks.report import Report
from smtps.checks.verdict import Verdict
from smtps.core.reply import printable
from smtps.report.formats import PLAIN, Style


class _Kept(NamedTuple):
    """What is held of a report.

    Attributes:
        verdict: in a word.
        at: Unix time of the check.
        points: of the grade, if there is one.
        spent: (address, phase) → seconds; the look-up has no address.
        ends: address → Unix time at which its certificate runs out.
        lifetimes: address → seconds from its certificate's first moment to its last.
        findings: code, severity and audience of each.
    """

    verdict: Verdict
    at: float
    points: int | None
    spent: dict[tuple[str, str], float]
    ends: dict[str, float]
    lifetimes: dict[str, float]
    findings: tuple[tuple[str, str, str], ...]


def _keep(report: Report) -> _Kept:
    facts = report.facts
    graded = report.grade
    shown = [seen for seen in facts.addresses if seen.chain]
    phases = [("", facts.timings), *((seen.address, seen.timings) for seen in facts.addresses)]
    found = ((each.code, each.severity.value, each.audience.value) for each in report.findings)
    return _Kept(
        report.verdict,
        facts.now.timestamp(),
        graded.points if graded else None,
        {(where, phase): ms / 1000 for where, spent in phases for phase, ms in spent.items()},
        {seen.address: seen.chain[0].not_after.timestamp() for seen in shown},
        {seen.address: seen.chain[0].lifetime.total_seconds() for seen in shown},
        tuple(dict.fromkeys(found)),
    )


Samples = Iterator[tuple[dict[str, str], float]]
"""Labels beside ``target``, and the value."""


def _success(kept: _Kept) -> Samples:
    yield {}, kept.verdict in (Verdict.WORKS, Verdict.WARNINGS)


def _verdict(kept: _Kept) -> Samples:
    for verdict in Verdict:
        yield {"verdict": verdict.value}, verdict is kept.verdict


def _points(kept: _Kept) -> Samples:
    if kept.points is not None:
        yield {}, kept.points


def _phases(kept: _Kept) -> Samples:
    for (address, phase), seconds in kept.spent.items():
        yield {"phase": phase, "address": address}, seconds


def _ends(kept: _Kept) -> Samples:
    for address, moment in kept.ends.items():
        yield {"address": address}, moment


def _lifetimes(kept: _Kept) -> Samples:
    for address, seconds in kept.lifetimes.items():
        yield {"address": address}, seconds


def _findings(kept: _Kept) -> Samples:
    for code, severity, audience in kept.findings:
        yield {"code": code, "severity": severity, "for": audience}, 1


def _timestamp(kept: _Kept) -> Samples:
    yield {}, kept.at


_METRICS: tuple[tuple[str, str, Callable[[_Kept], Samples]], ...] = (
    ("smtps_check_success", "Whether mail can be submitted, with or without warnings.", _success),
    ("smtps_check_verdict", "1 for the verdict of the check, 0 for the others.", _verdict),
    ("smtps_check_grade_points", "Points of the grade, 0 to 100.", _points),
    ("smtps_check_phase_seconds", "Duration of a phase; the look-up has no address.", _phases),
    (
        "smtps_check_certificate_not_after_timestamp_seconds",
        "When the server's certificate expires, Unix time.",
        _ends,
    ),
    (
        "smtps_check_certificate_lifetime_seconds",
        "Validity period of the server's certificate.",
        _lifetimes,
    ),
    ("smtps_check_finding", "1 for each finding.", _findings),
    ("smtps_check_timestamp_seconds", "When it was checked, Unix time.", _timestamp),
)


class Metrics:
    """Prometheus's text format, which OpenMetrics readers take as well.

    A target that comes twice counts once, as it was last: no sample may stand there twice.
    """

    def __init__(self, style: Style = PLAIN) -> None:
        del style  # there is nothing to choose
        self._kept: dict[str, _Kept] = {}

    def begin(self) -> str:
        """Nothing."""
        return ""

    def one(self, report: Report) -> str:
        """Nothing yet."""
        self._kept[report.facts.target] = _keep(report)
        return ""

    def end(self) -> str:
        """All of it."""
        return "".join(self._lines()) + "# EOF\n"

    def _lines(self) -> Iterator[str]:
        for name, words, samples in _METRICS:
            yield f"# HELP {name} {words}\n# TYPE {name} gauge\n"
            for target, kept in self._kept.items():
                for labels, value in samples(kept):
                    yield f"{name}{{{_labels({'target': target, **labels})}}} {float(value)!r}\n"


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())


def _escape(value: str) -> str:
    return printable(value).replace("\\", "\\\\").replace('"', '\\"')
