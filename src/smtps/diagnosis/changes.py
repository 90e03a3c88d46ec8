"""What can change from one report to the next: each finder a pure function of two reports' JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

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
    """A change that is neither, or nobody can tell."""


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
