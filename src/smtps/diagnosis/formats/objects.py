"""Reports as JSON (RFC 8259), each as ``report.schema.json`` describes it."""

from __future__ import annotations

import json

from smtps.diagnosis.formats.writer import PLAIN, Simple, Style
from smtps.diagnosis.report import Report


class Lines(Simple):
    """NDJSON: one object to a line (https://github.com/ndjson/ndjson-spec)."""

    def one(self, report: Report) -> str:
        """A line."""
        value = report.as_json(transcript=self.style.transcript)
        return json.dumps(value, ensure_ascii=False) + "\n"


class Document:
    """JSON: an array, or with ``style.single`` the object itself.

    Args:
        style: what to show.
    """

    def __init__(self, style: Style = PLAIN) -> None:
        self._style = style
        self._before = "" if style.single else "[\n"

    def begin(self) -> str:
        """Nothing yet: a bracket waits for what stands in it."""
        return ""

    def one(self, report: Report) -> str:
        """An object, with what parts it from the one before."""
        value = report.as_json(transcript=self._style.transcript)
        indent = 2 if self._style.indent else None
        before, self._before = self._before, ",\n"
        return before + json.dumps(value, ensure_ascii=False, indent=indent)

    def end(self) -> str:
        """The closing bracket."""
        if self._style.single:
            return "\n"
        return "[]\n" if self._before == "[\n" else "\n]\n"
