"""Reports as the output of a monitoring plug-in, for Nagios, Icinga and their kin.

https://www.monitoring-plugins.org/doc/guidelines.html: one line of state, text and performance
data, then long text. The state by itself is the exit code's matter.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import timedelta

from smtps.checks.finding import Finding
from smtps.checks.report import Report
from smtps.checks.rules.trust import expires_soon
from smtps.checks.verdict import Verdict
from smtps.core.reply import printable
from smtps.report.formats import Simple
from smtps.report.labels import AUDIENCE, VERDICT, about_login

_STATE = {
    Verdict.WORKS: "OK",
    Verdict.WARNINGS: "WARNING",
    Verdict.FAILS: "CRITICAL",
    Verdict.UNKNOWN: "UNKNOWN",
    Verdict.LATER: "UNKNOWN",
}
_WIDTH = 300
_MOST = 12
"""Nagios takes in 8 KiB of output; so many findings at this width stay below it."""


class Lines(Simple):
    """A plug-in's output for each target."""

    def one(self, report: Report) -> str:
        """State, target, what matters most, performance data; then all findings."""
        first = f"SMTPS {_STATE[report.verdict]} - {report.facts.target} {_summary(report)}"
        lines = [f"{_clean(first)} | {' '.join(_performance(report))}".rstrip(" |")]
        for finding in report.findings[:_MOST]:
            lines += map(_clean, _long(finding))
        if left := len(report.findings) - _MOST:
            lines += [f"and {left} more"] if left > 0 else []
        return "\n".join(lines) + "\n"


def _summary(report: Report) -> str:
    words = VERDICT[report.verdict]
    if report.findings:
        worst = report.findings[0]
        words = f"{words}: {worst.meaning} [{worst.code}]"
    login = about_login(report.facts)
    return f"{words} ({login.rstrip('.').lower()})" if login else words


def _long(finding: Finding) -> Iterator[str]:
    yield f"{finding.severity}: {finding.meaning} [{finding.code}]"
    yield f"  seen: {finding.seen}"
    yield f"  fix ({AUDIENCE[finding.audience]}): {finding.fix}"
    yield from (f"    {command}" for command in finding.commands)


def _performance(report: Report) -> Iterator[str]:
    """``label=value[unit];warn;crit;min;max``; a range ``14:`` warns of what is below 14."""
    facts, best = report.facts, report.facts.best
    timings = {**facts.timings, **(best.timings if best else {})}
    if timings:
        yield f"time={sum(timings.values()) / 1000:.3f}s;;;0"
    for phase, spent in timings.items():
        yield f"time_{phase}={spent / 1000:.3f}s;;;0"
    if best is not None and best.chain:
        own = best.chain[0]
        soon = expires_soon(own) / timedelta(days=1)
        yield f"days={own.days_left(facts.now)};{soon:g}:;0:"


def _clean(text: str) -> str:
    """One line of bounded length, in which nothing begins performance data."""
    indent = text[: len(text) - len(text.lstrip())]
    short = textwrap.shorten(printable(text), _WIDTH, placeholder=" …")
    return indent + short.replace("|", "¦")
