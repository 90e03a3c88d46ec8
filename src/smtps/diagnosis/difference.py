"""A report held against an earlier one of the same target; pure.

Of the earlier one only the keys of ``_NEEDED`` are read and held, so that one of an older version
serves as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from smtps.core.reply import printable
from smtps.diagnosis.changes import FINDERS, Change, Direction, Json
from smtps.errors import InputError

_HINT = "give what smtps check printed as JSON or NDJSON, or make a new one with this version"


_NEEDED: dict[str, type | tuple[type, ...]] = {
    "target": str,
    "checked_at": str,
    "verdict": str,
    "findings": list,
    "addresses": list,
    "timings": dict,
    "tls": (dict, type(None)),
    "certificate": (dict, type(None)),
    "capabilities": list,
    "auth": dict,
}


def _check(report: Any, field: str) -> None:
    if not isinstance(report, dict):
        raise InputError(field, f"is no report: {_HINT}")
    for key, kind in _NEEDED.items():
        if key not in report:
            raise InputError(field, f"has no {key!r}: {_HINT}")
        if not isinstance(report[key], kind):
            raise InputError(field, f"has no such {key!r} as a report has: {_HINT}")


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes at a target.

    Attributes:
        target: which.
        since, until: times of the two checks, as the reports have them; None if there was none.
        changes: the verdict's first.
    """

    target: str
    since: str | None
    until: str | None
    changes: tuple[Change, ...]

    @property
    def direction(self) -> Direction:
        """The verdict's; if that is the same, worse as soon as anything is."""
        if self.changes and self.changes[0].kind == "verdict":
            return self.changes[0].direction
        found = {change.direction for change in self.changes}
        order = (Direction.WORSE, Direction.BETTER)
        return next((direction for direction in order if direction in found), Direction.NEUTRAL)

    def as_json(self) -> Json:
        """``{"target", "since", "until", "direction", "changes"}``."""
        return {
            "target": self.target,
            "since": self.since,
            "until": self.until,
            "direction": self.direction.value,
            "changes": [change.as_json() for change in self.changes],
        }

    def lines(self) -> Iterator[str]:
        """For people: what it is compared with, then a line for each change."""
        words = _WHOLE[self.direction] if self.changes else "unchanged"
        yield f"{printable(self.target)}: {words}" + (f" since {self.since}" if self.since else "")
        for change in self.changes:
            yield f"  {_MARK[change.direction]} {printable(change.text)}"


_WHOLE = {
    Direction.BETTER: "better",
    Direction.WORSE: "worse",
    Direction.NEUTRAL: "changed",
}
_MARK = {Direction.BETTER: "+", Direction.WORSE: "-", Direction.NEUTRAL: "~"}


def compare(old: Json, new: Json) -> Difference:
    """Tell what changed from one report to a later one of the same target.

    Args:
        old, new: as ``smtps check --json`` prints them.

    Raises:
        InputError: one is no report or not a whole one, or they are of different targets.
    """
    _check(old, "against")
    _check(new, "report")
    if old["target"] != new["target"]:
        raise InputError(
            "against",
            f"is of {old['target']}, not of {new['target']}; give an earlier report of the same "
            "target",
        )
    try:
        changes = tuple(change for find in FINDERS for change in find(old, new))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError("against", f"has a part that no report has ({error}): {_HINT}") from error
    return Difference(new["target"], old["checked_at"], new["checked_at"], changes)


class Baseline:
    """Earlier reports, to hold new ones against, each against that of its target.

    Args:
        reports: as JSON has them. Of several with the same target the last counts.

    Raises:
        InputError: one is no report.
    """

    def __init__(self, reports: Iterable[Any]) -> None:
        self._old: dict[str, Json] = {}
        for report in reports:
            _check(report, "against")
            self._old[report["target"]] = {key: report[key] for key in _NEEDED}

    @classmethod
    def read(cls, text: str) -> Baseline:
        """From a file of JSON, one report or an array of them, or of NDJSON.

        Raises:
            InputError: it is neither, or holds something else than reports.
        """
        try:
            found = json.loads(text)
        except ValueError:
            return cls(_lines(text))
        return cls(found if isinstance(found, list) else [found])

    def require(self, targets: Iterable[str]) -> None:
        """Make sure, before anything is connected, that there is something to compare with.

        Raises:
            InputError: there is no report of any of these targets.
        """
        wanted = list(targets)
        if not self._old.keys() & set(wanted):
            held = ", ".join([*self._old][:3]) or "nothing"
            problem = f"holds no report of {', '.join(wanted[:3])}; it is of {held}"
            raise InputError("against", problem)

    def compare(self, new: Json) -> Difference:
        """What changed at the target of a new report."""
        target = new["target"]
        old = self._old.get(target)
        if old is None:
            first = Change("target.new", Direction.NEUTRAL, "There is no earlier report.")
            return Difference(target, None, new["checked_at"], (first,))
        return compare(old, new)


def _lines(text: str) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                problem = f"is not JSON in line {number}: {_HINT}"
                raise InputError("against", problem) from error
