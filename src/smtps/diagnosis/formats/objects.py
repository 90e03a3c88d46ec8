"""Reports as JSON: one object to a line (https://github.com/ndjson/ndjson-spec)."""

from __future__ import annotations

import json

from smtps.diagnosis.report import Report


class Lines:
    """NDJSON."""

    def begin(self) -> str:
        """Nothing."""
        return ""

    def one(self, report: Report) -> str:
        """A line."""
        return json.dumps(report.as_json(), ensure_ascii=False) + "\n"

    def end(self) -> str:
        """Nothing."""
        return ""
