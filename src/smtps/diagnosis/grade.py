"""The server's grade, A to F, each point of which a finding accounts for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from smtps.advice import Severity
from smtps.diagnosis.finding import Finding

WHOLE = 100

_LETTERS = ((90, "A"), (80, "B"), (65, "C"), (50, "D"), (20, "E"), (0, "F"))
"""Least points → letter."""


class Row(NamedTuple):
    """What a finding costs.

    Attributes:
        family: the code, or how it begins.
        severity: of the finding.
        points: taken off; once for a code, at however many addresses it was seen.
    """

    family: str
    severity: Severity
    points: int


# The first row that fits counts. An error here is one that mail gets past: at another address, or
# with the check of the certificate waived. One that stops mail costs everything.
#
# A login or an envelope that is refused is about the account, and what this computer gets wrong is
# its own; only what the server itself breaks in a login counts.
_ROWS: tuple[Row, ...] = (
    Row("auth.not_offered", Severity.ERROR, 30),
    Row("auth.server_not_proven", Severity.ERROR, 30),
    Row("auth.channel_binding_mismatch", Severity.ERROR, 30),
    Row("auth.bad_challenge", Severity.ERROR, 30),
    Row("auth.unexpected_challenge", Severity.ERROR, 30),
    Row("auth.encryption_required", Severity.ERROR, 30),
    Row("auth.mechanism_refused", Severity.ERROR, 30),
    Row("auth.sent_unverified", Severity.WARNING, 0),
    Row("auth.", Severity.ERROR, 0),
    Row("send.", Severity.ERROR, 0),
    Row("clock.", Severity.ERROR, 0),
    Row("tls.certificate_", Severity.ERROR, 50),
    Row("", Severity.ERROR, 30),
    Row("auth.offered_in_clear", Severity.WARNING, 25),
    Row("tls.dane_mismatch", Severity.WARNING, 20),
    Row("tls.starttls_inside_tls", Severity.WARNING, 5),
    Row("smtp.ehlo_name_replaced", Severity.WARNING, 5),
    Row("tls.", Severity.WARNING, 15),
    Row("", Severity.WARNING, 12),
    Row("", Severity.INFO, 0),
)

_STOPPED = "fails"
_OPEN = frozenset({"unknown", "later"})


class Deduction(NamedTuple):
    """Points that a finding cost."""

    code: str
    points: int


@dataclass(frozen=True, slots=True)
class Grade:
    """How well it works.

    Attributes:
        letter: A, B, C, D, E or F.
        points: 0 to 100.
        because: what was taken off, in the order of the findings; with ``points`` it makes 100.
    """

    letter: str
    points: int
    because: tuple[Deduction, ...]

    def as_json(self) -> dict[str, Any]:
        """``{"letter", "points", "because": [{"code", "points"}]}``, the latter negative."""
        because = [{"code": code, "points": -points} for code, points in self.because]
        return {"letter": self.letter, "points": self.points, "because": because}


def grade(findings: Iterable[Finding], verdict: str) -> Grade | None:
    """Judge findings by the table.

    Args:
        findings: the most important first.
        verdict: of the report they belong to.

    Returns:
        None where the verdict leaves open whether it works: there is nothing to grade.
    """
    if verdict in _OPEN:
        return None
    costs: dict[str, int] = {}
    for finding in findings:
        points = _cost(finding)
        if points and verdict == _STOPPED and finding.severity is Severity.ERROR:
            points = WHOLE
        costs[finding.code] = max(points, costs.get(finding.code, 0))
    left, because = WHOLE, []
    for code, points in costs.items():
        if taken := min(points, left):
            because.append(Deduction(code, taken))
            left -= taken
    letter = next(letter for least, letter in _LETTERS if left >= least)
    return Grade(letter, left, tuple(because))


def _cost(finding: Finding) -> int:
    return next(
        row.points
        for row in _ROWS
        if row.severity is finding.severity and finding.code.startswith(row.family)
    )
