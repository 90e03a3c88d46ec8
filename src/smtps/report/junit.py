"""Reports as JUnit XML, for the test page of a CI server.

A suite of its own for each target: the counts stand at the head of a suite, and in a stream only
those of the target at hand are known.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from smtps.checks.report import Report
from smtps.checks.verdict import Verdict
from smtps.core.reply import printable
from smtps.report.formats import Simple
from smtps.report.labels import VERDICT
from smtps.report.text import render

_OUTCOME = {Verdict.FAILS: "failure", Verdict.UNKNOWN: "error", Verdict.LATER: "error"}
"""Verdict → element. Whoever could not tell has not failed; a warning lets the case pass."""


class Suites(Simple):
    """JUnit XML as Jenkins and GitLab read it."""

    def begin(self) -> str:
        """The root."""
        return '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="smtps check">\n'

    def one(self, report: Report) -> str:
        """A suite with one case; the whole report is its output."""
        facts, outcome = report.facts, _OUTCOME.get(report.verdict)
        name = printable(facts.target)
        best = facts.best
        spent = sum(facts.timings.values()) + (sum(best.timings.values()) if best else 0.0)
        common = {"name": name, "time": f"{spent / 1000:.3f}"}
        counts = {
            "tests": "1",
            "failures": str(int(outcome == "failure")),
            "errors": str(int(outcome == "error")),
            "timestamp": f"{facts.now:%Y-%m-%dT%H:%M:%S}",  # xs:dateTime, and by custom no zone
        }
        suite = ET.Element("testsuite", {**common, **counts})
        case = ET.SubElement(suite, "testcase", {**common, "classname": "smtps.check"})
        if outcome is not None:
            case.append(_problem(outcome, report))
        ET.SubElement(case, "system-out").text = _legal(
            render(report, transcript=True, verbose=True)
        )
        ET.indent(suite)
        return ET.tostring(suite, encoding="unicode") + "\n"

    def end(self) -> str:
        """Closes the root."""
        return "</testsuites>\n"


def _problem(outcome: str, report: Report) -> ET.Element:
    if not report.findings:
        return ET.Element(outcome, {"message": VERDICT[report.verdict], "type": report.verdict})
    worst = report.findings[0]
    found = ET.Element(outcome, {"message": worst.meaning, "type": worst.code})
    found.text = _legal("\n".join((worst.seen, worst.fix, *worst.commands)))
    return found


def _legal(text: str) -> str:
    """Lines without the characters that XML 1.0 has no way to write (section 2.2)."""
    return "\n".join(printable(line) for line in text.split("\n"))
