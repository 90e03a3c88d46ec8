"""Reports in the forms that people and other programs read: one table, one file for each.

A writer takes reports one at a time and holds none of them, so a batch of any length streams, and
what is written so far is valid as soon as ``end`` has been called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from smtps.diagnosis.formats.writer import Style, Writer

__all__ = ["FORMATS", "Style", "Writer"]

_HOME = {
    "text": ("plain", "Text"),
    "json": ("objects", "Document"),
    "ndjson": ("objects", "Lines"),
    "csv": ("rows", "Rows"),
    "junit": ("junit", "Suites"),
    "nagios": ("nagios", "Lines"),
    "prometheus": ("prometheus", "Metrics"),
    "html": ("page", "Page"),
}


class _Formats(Mapping[str, type[Writer]]):
    """Loads a writer when it is first asked for: a run needs one of them."""

    def __getitem__(self, name: str) -> type[Writer]:
        module, kind = _HOME[name]
        found: type[Writer] = getattr(import_module(f"{__name__}.{module}"), kind)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_HOME)

    def __len__(self) -> int:
        return len(_HOME)


FORMATS = _Formats()
"""Name for ``--output`` → writer; each is called with a ``Style`` or nothing."""
