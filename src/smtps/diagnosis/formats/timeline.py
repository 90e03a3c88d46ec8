"""The phases at each address, drawn: when each began and how long it took."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.diagnosis.facts import AddressFacts, Facts
from smtps.diagnosis.formats.markup import Markup, definitions, element
from smtps.diagnosis.wording import PHASE, looked, remarks

_WIDTH = 1000.0
"""Units across; all addresses are drawn to one scale."""


def timeline(facts: Facts) -> Markup | None:
    """A list of bars for each address, or for the look-up alone where there is none."""
    addresses = facts.addresses or [AddressFacts(facts.host, failure=facts.failure)]
    whole = sum(facts.timings.values()) + max(sum(seen.timings.values()) for seen in addresses)
    lists = (part for seen in addresses for part in _address(facts, seen, whole or 1.0))
    return element("section", element("h2", "Timeline"), *lists, class_="timeline")


def _address(facts: Facts, seen: AddressFacts, whole: float) -> Iterator[Markup]:
    yield element("h3", seen.address)
    yield element("ol", *_phases(facts, seen, whole))
    if found := looked(seen):
        yield definitions(found)


def _phases(facts: Facts, seen: AddressFacts, whole: float) -> Iterator[Markup]:
    timings: dict[str, float | None] = {**facts.timings, **seen.timings}
    failure = seen.failure or seen.login_failure
    broken = str(failure.phase) if failure and failure.phase else None
    if broken is not None:
        timings.setdefault(broken, None)
    words, begun = remarks(seen), 0.0
    for phase, spent in timings.items():
        ended = failure is not None and phase == broken
        remark = failure.message if failure is not None and ended else words.get(phase)
        yield element(
            "li",
            element("span", PHASE.get(phase, phase)),
            _bar(begun / whole, (spent or 0.0) / whole),
            element("span", _milliseconds(spent), class_="spent"),
            element("span", remark, class_="remark") if remark else None,
            data_tone="bad" if ended else None,
        )
        begun += spent or 0.0


def _bar(begin: float, part: float) -> Markup:
    width = max(part * _WIDTH, 3.0)  # the quickest can still be seen
    left = min(begin * _WIDTH, _WIDTH - width)
    track = element("rect", class_="track", width=f"{_WIDTH:g}", height="10")
    bar = element("rect", class_="bar", x=f"{left:.1f}", width=f"{width:.1f}", height="10")
    return element(
        "svg", track, bar,
        viewBox=f"0 0 {_WIDTH:g} 10", preserveAspectRatio="none", aria_hidden="true",
    )  # fmt: skip


def _milliseconds(spent: float | None) -> str:
    if spent is None:
        return ""
    if spent >= 1000:
        return f"{spent / 1000:.1f} s"
    return f"{spent:.1f} ms" if spent < 9.95 else f"{spent:.0f} ms"
