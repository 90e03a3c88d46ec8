"""The JSON Schema of a report (draft 2020-12)."""

from __future__ import annotations

from importlib.resources import files


def text() -> str:
    """The schema as it is published, JSON."""
    return files("smtps.diagnosis").joinpath("report.schema.json").read_text(encoding="utf-8")
