"""``--against``: what changed since earlier reports, in place of the reports."""

from __future__ import annotations

import json
from pathlib import Path

from smtps.diagnosis.difference import Baseline
from smtps.diagnosis.formats.writer import Simple
from smtps.diagnosis.report import Report
from smtps.errors import InputError

FORMS = ("text", "json", "ndjson")


class Changes(Simple):
    """Writes the changes at each target as text, or as a JSON object to a line.

    Args:
        baseline: the earlier reports.
        form: one of FORMS.

    Raises:
        InputError: the form has no place for changes.
    """

    def __init__(self, baseline: Baseline, form: str) -> None:
        super().__init__()
        if form not in FORMS:
            raise InputError("against", f"goes with --output {', '.join(FORMS)} only")
        self._baseline = baseline
        self._form = form

    def one(self, report: Report) -> str:
        """What changed at a target."""
        found = self._baseline.compare(report.as_json())
        if self._form == "text":
            return "\n".join(found.lines()) + "\n"
        return json.dumps(found.as_json(), ensure_ascii=False) + "\n"


def read(file: str) -> Baseline:
    """The earlier reports in a file.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    try:
        return Baseline.read(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("against", f"{file} cannot be read: {error.strerror}") from error
    except UnicodeError as error:
        raise InputError("against", f"{file} is not text in UTF-8") from error
