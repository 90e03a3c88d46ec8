"""Reports in the forms that other programs read: one table, one file for each.

A writer takes reports one at a time and holds none of them, so a batch of any length streams, and
what is written so far is valid as soon as ``end`` has been called.
"""

from __future__ import annotations

from typing import Protocol

from smtps.diagnosis.formats import objects
from smtps.diagnosis.report import Report


class Writer(Protocol):
    """Turns a run of reports into one document."""

    def begin(self) -> str:
        """What comes first."""

    def one(self, report: Report) -> str:
        """A report."""

    def end(self) -> str:
        """What comes last."""


FORMATS: dict[str, type[Writer]] = {
    "ndjson": objects.Lines,
}
"""Name for ``--output`` → writer."""
