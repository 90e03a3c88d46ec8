"""What every form of report has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from smtps.diagnosis.report import Report


@dataclass(frozen=True, slots=True)
class Style:
    """What to show, where the form has a place for it.

    Attributes:
        transcript: the dialogue as well: text, JSON, NDJSON and HTML.
        colour: ANSI colours: text.
        single: one report will come and no more: JSON is then the object itself and not an array,
            HTML is named after the target and has no contents.
        indent: lay out over several lines: JSON.
    """

    transcript: bool = False
    colour: bool = False
    single: bool = False
    indent: bool = False


PLAIN = Style()


class Writer(Protocol):
    """Turns a run of reports into one document.

    What the three return, joined, is the document; it is complete after any number of reports.
    """

    def __init__(self, style: Style = PLAIN) -> None: ...

    def begin(self) -> str:
        """What comes first."""

    def one(self, report: Report) -> str:
        """A report."""

    def end(self) -> str:
        """What comes last."""


class Simple:
    """A writer with nothing before and nothing after the reports.

    Args:
        style: what to show.
    """

    def __init__(self, style: Style = PLAIN) -> None:
        self.style = style

    def begin(self) -> str:
        """Nothing."""
        return ""

    def end(self) -> str:
        """Nothing."""
        return ""
