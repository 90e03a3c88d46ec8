"""Makes ``print(report)`` show what the shell shows; imported where reports are handed out."""

from __future__ import annotations

from smtps.checks.report import Report


def _written(report: Report) -> str:
    from smtps.report.text import render  # noqa: PLC0415  # late: few print one

    return render(report)


Report.written = _written
