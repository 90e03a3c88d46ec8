"""Reports in the forms that people and other programs read: one table, one file for each.

A writer takes reports one at a time and holds none of them, so a batch of any length streams, and
what is written so far is valid as soon as ``end`` has been called.
"""

from __future__ import annotations

from smtps.diagnosis.formats import junit, nagios, objects, page, plain, prometheus, rows
from smtps.diagnosis.formats.writer import Style, Writer

__all__ = ["FORMATS", "Style", "Writer"]

FORMATS: dict[str, type[Writer]] = {
    "text": plain.Text,
    "json": objects.Document,
    "ndjson": objects.Lines,
    "csv": rows.Rows,
    "junit": junit.Suites,
    "nagios": nagios.Lines,
    "prometheus": prometheus.Metrics,
    "html": page.Page,
}
"""Name for ``--output`` → writer; each is called with a ``Style`` or nothing."""
