"""Reports in the forms that people and other programs read: one table, one file for each.

A writer takes reports one at a time and holds none of them, so a batch of any length streams, and
what is written so far is valid as soon as ``end`` has been called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from smtps.checks.report import Report


@dataclass(frozen=True, slots=True)
class Style:
    """What to show, where the form has a place for it.

    Attributes:
        transcript: the dialogue as well: text, JSON, NDJSON, Markdown and HTML.
        colour: ANSI colours: text.
        single: one report will come and no more: JSON is then the object itself and not an array,
            HTML is named after the target and has no contents.
        indent: lay out over several lines: JSON.
        verbose: all of a failed check, too: text.
    """

    transcript: bool = False
    colour: bool = False
    single: bool = False
    indent: bool = False
    verbose: bool = False


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


_HOME = {
    "text": ("lines", "Text"),
    "json": ("lines", "Document"),
    "ndjson": ("lines", "Lines"),
    "csv": ("lines", "Rows"),
    "junit": ("junit", "Suites"),
    "nagios": ("nagios", "Lines"),
    "prometheus": ("prometheus", "Metrics"),
    "html": ("html", "Page"),
    "markdown": ("markdown", "Ticket"),
}


class _Formats(Mapping[str, type[Writer]]):
    """Loads a writer when it is first asked for: a run needs one of them."""

    def __getitem__(self, name: str) -> type[Writer]:
        module, kind = _HOME[name]
        found: type[Writer] = getattr(import_module(f"smtps.report.{module}"), kind)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_HOME)

    def __len__(self) -> int:
        return len(_HOME)


FORMATS = _Formats()
"""Name for ``--output`` → writer; each is called with a ``Style`` or nothing."""


def whole(form: str, report: Report, style: Style = PLAIN) -> str:
    """One report as a document.

    Args:
        form: name of the format.
        report: what to say.
        style: what to show.
    """
    writer = FORMATS[form](style)
    return writer.begin() + writer.one(report) + writer.end()
