"""Reports as text for people, an empty line between them."""

from __future__ import annotations

from smtps.diagnosis.formats.writer import Simple
from smtps.diagnosis.report import Report
from smtps.diagnosis.text import render


class Text(Simple):
    """Text."""

    _before = ""

    def one(self, report: Report) -> str:
        """The report as ``smtps check`` prints it."""
        before, self._before = self._before, "\n"
        style = self.style
        return before + render(report, colour=style.colour, transcript=style.transcript)
