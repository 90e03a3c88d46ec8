"""The document that ``benchmarks.field`` writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.field.situation import Score, Situation, judge

WHICH = ("before", "after")

HEAD = """\
# What an expert says, and what `smtps check` says

`scripts/bench field` sets each situation up with real software in a network of its own (two
network namespaces with their own DNS, so ports are 465, 587 and 25, and addresses public ones),
asks `smtps check --json`, and holds the answer against what an expert wrote down before:
`tests/field/situations/`. *Before* is commit 4b5eb24, *after* is this one.

Two points: the right cause comes first, in words that say it, with no wrong error or warning beside
it and the right verdict. One: among others, or vaguely. None: another cause, or none. Of a healthy
server two points are for saying so. The fix is judged too: *yes* works if it is followed, *partly*
leaves something out, *no* is another cause's or does harm.

The expert's causes are in words. Where a code was named only while the program was mended, it was
added to the acceptable ones then, and a pattern for the words of the first finding was widened
where the finding said the same in other words. So *before* is what nobody had seen, and *after*
what was mended against it.
"""


def document(situations: Sequence[Situation], said: Mapping[str, Mapping[str, Any]]) -> str:
    """All of it, as Markdown."""
    groups = list(dict.fromkeys(each.group for each in situations))
    parts = [HEAD, totals(situations, said)]
    for group in groups:
        members = [each for each in situations if each.group == group]
        parts.append(f"## {group[0].upper()}{group[1:]}\n")
        parts.append(rows(members, said))
    return "\n".join(parts)


def totals(situations: Sequence[Situation], said: Mapping[str, Mapping[str, Any]]) -> str:
    head = ["group", "situations"]
    for which in WHICH:
        head += [f"{which}: points", "%", "wrong beside", "fix works / partly / not"]
    lines = [_row(head), _row(["---"] * len(head))]
    groups = list(dict.fromkeys(each.group for each in situations))
    for group in (*groups, None):
        members = [each for each in situations if group in (None, each.group)]
        cells = [group or "**all**", str(len(members))]
        for which in WHICH:
            cells += _sums(scores(members, said, which))
        lines.append(_row(cells))
    missing = sorted({each.name for each in situations for which in WHICH
                      if _score(each, said, which) is None})  # fmt: skip
    note = f"\nNot run, and counted nowhere: {', '.join(missing)}.\n" if missing else ""
    return "\n".join(lines) + "\n" + note


def scores(
    situations: Iterable[Situation], said: Mapping[str, Mapping[str, Any]], which: str
) -> list[Score]:
    found = (_score(each, said, which) for each in situations)
    return [each for each in found if each is not None]


def _score(situation: Situation, said: Mapping[str, Mapping[str, Any]], which: str) -> Score | None:
    answer = said.get(situation.name, {}).get(which)
    return None if answer is None or "not_run" in answer else judge(situation, answer["report"])


def _sums(found: list[Score]) -> list[str]:
    if not found:
        return ["–"] * 4
    points, most = sum(each.points for each in found), 2 * len(found)
    fixes = [sum(each.fix == kind for each in found) for kind in ("yes", "partly", "no")]
    beside = sum("wrong: " in each.why for each in found)
    return [f"{points} of {most}", f"{100 * points / most:.0f}", str(beside),
            " / ".join(map(str, fixes))]  # fmt: skip


def rows(situations: Iterable[Situation], said: Mapping[str, Mapping[str, Any]]) -> str:
    head = ["situation", "set up", "an expert says", "before", "after", "what is said"]
    lines = [_row(head), _row(["---"] * len(head))]
    for each in situations:
        cells = [f"`{each.name}`", each.what, each.expert]
        for which in WHICH:
            score = _score(each, said, which)
            cells.append("not run" if score is None else f"{score.points}, fix {score.fix}")
        lines.append(_row([*cells, _first(said.get(each.name, {}).get("after"))]))
    return "\n".join(lines) + "\n"


def _first(answer: Mapping[str, Any] | None) -> str:
    if answer is None or "not_run" in answer:
        return ""
    report = answer["report"]
    if report is None:
        return "no report"
    if not report["findings"]:
        return str(report["verdict"])
    first = report["findings"][0]
    return f"{report['verdict']}: `{first['code']}` {_short(first['seen'])}"


def _short(text: str) -> str:
    """At most so long, and nothing that changes from run to run."""
    steady = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d UTC)?", "…", text)
    steady = re.sub(r"\b[0-9a-f]{40,}\b|/tmp/\S+", "…", steady)  # a pattern
    steady = re.sub(r"[|`\s]+", " ", steady)
    return steady if len(steady) <= 150 else steady[:149] + "…"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
