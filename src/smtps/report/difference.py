"""A report compared with an earlier one of the same target; pure.

Only the keys of ``_NEEDED`` are read from the earlier report, so one of an older version will do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from smtps.core.reply import printable
from smtps.errors import InputError

Json = dict[str, Any]

SLOWER = 10.0
"""Times: by how much a phase must have changed; less is the weather of a network."""

NOTICEABLE = 100.0
"""Milliseconds: a phase that stays below is quick, whatever it was before."""


class Direction(StrEnum):
    """Which way a change goes."""

    BETTER = "better"
    WORSE = "worse"
    NEUTRAL = "neutral"
    """A change that is neither, or unclear."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was.

    Attributes:
        kind: such as ``finding.new``, ``certificate.renewed``, ``encryption.version``.
        direction: better, worse or neither.
        text: one sentence.
        old, new: the values; None for what was or is not there.
    """

    kind: str
    direction: Direction
    text: str
    old: Any = None
    new: Any = None

    def as_json(self) -> Json:
        """``{"kind", "direction", "text", "old", "new"}``."""
        return {
            "kind": self.kind,
            "direction": self.direction.value,
            "text": self.text,
            "old": self.old,
            "new": self.new,
        }


Finder = Callable[[Json, Json], Iterator[Change]]


_RANK = {"fails": 0, "warnings": 1, "works": 2}


def _verdict(old: Json, new: Json) -> Iterator[Change]:
    before, after = old["verdict"], new["verdict"]
    if before == after:
        return
    known = before in _RANK and after in _RANK
    way = _direction(_RANK[after] - _RANK[before]) if known else Direction.NEUTRAL
    yield Change("verdict", way, f"The verdict was {before} and is {after}.", before, after)


def _direction(more: float) -> Direction:
    if not more:
        return Direction.NEUTRAL
    return Direction.BETTER if more > 0 else Direction.WORSE


_WEIGHT = {"info": 0, "warning": 1, "error": 2}


def _findings(old: Json, new: Json) -> Iterator[Change]:
    """By code; of one that was seen at several addresses the most important counts."""
    before, after = _by_code(old), _by_code(new)
    for code in [*after, *(code for code in before if code not in after)]:
        was, now = before.get(code), after.get(code)
        if was is None and now is not None:
            way = _direction(-_weight(now))
            yield Change("finding.new", way, f"New: {_words(now)}", None, now)
        elif now is None and was is not None:
            way = _direction(_weight(was))
            yield Change("finding.gone", way, f"Gone: {_words(was)}", was, None)
        elif was is not None and now is not None and was["severity"] != now["severity"]:
            text = f"Was {was['severity']}, is {now['severity']}: {_words(now)}"
            way = _direction(_weight(was) - _weight(now))
            yield Change("finding.severity", way, text, was["severity"], now["severity"])


def _by_code(report: Json) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for finding in report["findings"]:
        known = found.setdefault(finding["code"], finding)
        if _weight(finding) > _weight(known):
            found[finding["code"]] = finding
    return found


def _weight(finding: Json) -> int:
    return _WEIGHT.get(finding["severity"], 0)


def _words(finding: Json) -> str:
    return f"{finding['meaning']} [{finding['code']}]"


def _certificate(old: Json, new: Json) -> Iterator[Change]:
    """Renewed: for the same names, and valid for longer. Anything else is another one."""
    before, after = old["certificate"], new["certificate"]
    if before is None or after is None:
        return  # the connection did not come so far, which the findings tell
    if before["fingerprint_sha256"] == after["fingerprint_sha256"]:
        return
    ends = datetime.fromisoformat(after["not_after"])
    days = (ends - datetime.fromisoformat(before["not_after"])).days
    if days > 0 and set(before["names"]) == set(after["names"]):
        text = f"The certificate was renewed: valid until {ends:%Y-%m-%d}, {days} days longer."
        yield Change("certificate.renewed", Direction.BETTER, text, before, after)
        return
    text = (
        f"The certificate was replaced: for {', '.join(after['names'][:6])}, issued by "
        f"{after['issuer']}, valid until {ends:%Y-%m-%d}."
    )
    yield Change("certificate.replaced", Direction.NEUTRAL, text, before, after)


_VERSIONS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


def _tls(old: Json, new: Json) -> Iterator[Change]:
    if old["tls"] is None or new["tls"] is None:
        return
    before, after = old["tls"]["version"], new["tls"]["version"]
    if before != after:
        known = before in _VERSIONS and after in _VERSIONS
        more = _VERSIONS.index(after) - _VERSIONS.index(before) if known else 0
        text = f"TLS was {before} and is {after}."
        yield Change("encryption.version", _direction(more), text, before, after)
    before, after = old["tls"]["cipher"], new["tls"]["cipher"]
    if before != after:
        text = f"The cipher was {before} and is {after}."
        yield Change("encryption.cipher", Direction.NEUTRAL, text, before, after)


def _addresses(old: Json, new: Json) -> Iterator[Change]:
    before = [address["address"] for address in old["addresses"]]
    after = [address["address"] for address in new["addresses"]]
    yield from _lists("address", "Address", before, after)


def _offer(old: Json, new: Json) -> Iterator[Change]:
    """Capabilities and mechanisms, if EHLO was answered both times."""
    if not old["capabilities"] or not new["capabilities"]:
        return
    before, after = _keywords(old), _keywords(new)
    yield from _lists("capability", "Capability", list(before), list(after))
    for keyword, words in after.items():
        if keyword != "AUTH" and before.get(keyword, words) != words:
            text = f"Capability {keyword} was {before[keyword] or 'bare'} and is {words or 'bare'}."
            yield Change("capability.changed", Direction.NEUTRAL, text, before[keyword], words)
    yield from _lists("mechanism", "Mechanism", old["auth"]["offered"], new["auth"]["offered"])


def _keywords(report: Json) -> dict[str, str]:
    pairs = (line.partition(" ") for line in report["capabilities"])
    return {keyword.upper(): words for keyword, _, words in pairs}


def _lists(kind: str, noun: str, before: list[str], after: list[str]) -> Iterator[Change]:
    for one in after:
        if one not in before:
            yield Change(f"{kind}.added", Direction.NEUTRAL, f"{noun} {one} is new.", None, one)
    for one in before:
        if one not in after:
            yield Change(f"{kind}.removed", Direction.NEUTRAL, f"{noun} {one} is gone.", one, None)


def _timings(old: Json, new: Json) -> Iterator[Change]:
    for phase, after in new["timings"].items():
        before = old["timings"].get(phase)
        if before is None or max(before, after) < NOTICEABLE:
            continue
        if max(before, after) >= SLOWER * min(before, after):
            text = f"The phase {phase} took {before:.0f} ms and takes {after:.0f} ms."
            yield Change("timing", _direction(before - after), text, before, after)


FINDERS: tuple[Finder, ...] = (
    _verdict,
    _findings,
    _certificate,
    _tls,
    _addresses,
    _offer,
    _timings,
)


_HINT = (
    "give a report that smtps check printed as JSON or NDJSON, or make a new one with this version"
)


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
        raise InputError(field, f"is not an smtps report: {_HINT}")
    for key, kind in _NEEDED.items():
        if key not in report:
            raise InputError(field, f"has no {key!r}: {_HINT}")
        if not isinstance(report[key], kind):
            raise InputError(field, f"has no valid {key!r}: {_HINT}")


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
            f"is about {old['target']}, not about {new['target']}; give an earlier report of the "
            "same target",
        )
    try:
        changes = tuple(change for find in FINDERS for change in find(old, new))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError("against", f"is not a complete smtps report ({error}): {_HINT}") from error
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
            problem = f"contains no report on {', '.join(wanted[:3])}, only on {held}"
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
