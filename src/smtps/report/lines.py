"""Reports as text, JSON (RFC 8259), NDJSON and CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from smtps.checks.report import Report
from smtps.core.reply import printable
from smtps.errors import Phase
from smtps.report.formats import PLAIN, Simple, Style
from smtps.report.labels import PHASE
from smtps.report.text import render


class Text(Simple):
    """Text."""

    _before = ""

    def one(self, report: Report) -> str:
        """The report as ``smtps check`` prints it."""
        before, self._before = self._before, "\n"
        style = self.style
        return before + render(
            report, colour=style.colour, transcript=style.transcript, verbose=style.verbose,
            more="--verbose",
        )  # fmt: skip


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


_RISKY = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, or skips before one."""


class Rows(Simple):
    """CSV with a header; of several addresses the one that got furthest is told about."""

    def begin(self) -> str:
        """The header."""
        return _line(_COLUMNS)

    def one(self, report: Report) -> str:
        """A row."""
        return _line(_cell(column(report)) for column in _COLUMNS.values())


def _cell(value: Any) -> Any:
    """Numbers as they are; text shown on one line, and never a formula (CWE-1236)."""
    if value is None or isinstance(value, int | float):
        return value
    text = printable(str(value))
    return f"'{text}" if text.startswith(_RISKY) else text


def _line(cells: Any) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _worst(attribute: str) -> Callable[[Report], Any]:
    return lambda report: getattr(report.findings[0], attribute) if report.findings else None


def _best(attribute: str) -> Callable[[Report], Any]:
    return lambda report: getattr(report.facts.best, attribute, None)


def _tls(attribute: str) -> Callable[[Report], Any]:
    return lambda report: getattr(_best("tls")(report), attribute, None)


def _grade(report: Report) -> str | None:
    found = report.grade
    return found.letter if found else None


def _login(report: Report) -> str | None:
    best = report.facts.best
    if best is None or not best.reached:
        return None
    if best.mechanism is not None:
        return "accepted"
    if best.login_failure is not None and best.login_failure.phase is Phase.TOKEN:
        return "no token"
    return "refused" if best.login_failure is not None else "not tried"


def _not_after(report: Report) -> str | None:
    chain = _best("chain")(report)
    return chain[0].not_after.isoformat() if chain else None


def _days_left(report: Report) -> int | None:
    chain = _best("chain")(report)
    return chain[0].days_left(report.facts.now) if chain else None


def _spent(phase: str) -> Callable[[Report], float | None]:
    def milliseconds(report: Report) -> float | None:
        timings = {**report.facts.timings, **(_best("timings")(report) or {})}
        return timings.get(phase)

    return milliseconds


_COLUMNS: dict[str, Callable[[Report], Any]] = {
    "target": lambda report: report.facts.target,
    "host": lambda report: report.facts.host,
    "port": lambda report: report.facts.port,
    "security": lambda report: report.facts.security,
    "checked_at": lambda report: report.facts.now.isoformat(timespec="seconds"),
    "verdict": lambda report: report.verdict.value,
    "grade": _grade,
    "codes": lambda report: " ".join(dict.fromkeys(each.code for each in report.findings)),
    "meaning": _worst("meaning"),
    "fix": _worst("fix"),
    "for": _worst("audience"),
    "address": _best("address"),
    "tls_version": _tls("version"),
    "cipher": _tls("cipher"),
    "login": _login,
    "certificate_not_after": _not_after,
    "certificate_days_left": _days_left,
    **{f"{phase}_ms": _spent(phase) for phase in PHASE},
}
