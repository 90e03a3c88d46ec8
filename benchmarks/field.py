"""What ``smtps check`` says of situations with real software in a test network; writes field.md.

``scripts/bench field`` asks the program of today, and that of a commit from before, about each
situation of ``tests/field/situations``. Answers are kept in ``field.said.json``; those of before
are asked for again only with ``--again``. Only root can make the network namespaces.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.instruments.fieldtable import document
from tests.field.asking import Answer, try_out
from tests.field.network import namespaces_can_be_made, sweep
from tests.field.situation import Situation, judge
from tests.field.situations import SITUATIONS

ROOT = Path(__file__).parents[1]
SAID = ROOT / "benchmarks" / "field.said.json"
TABLE = ROOT / "benchmarks" / "field.md"
BEFORE = "4b5eb24"

Said = dict[str, dict[str, Any]]
"""Situation → before, after → what was kept of the answer, or why there is none."""


def chosen(only: str, group: str) -> list[Situation]:
    """The situations whose name has one of the words, or whose group has that name."""
    words = [word for word in only.split(",") if word]
    return [
        each
        for each in SITUATIONS
        if (not group or each.group == group) and (not words or any(w in each.name for w in words))
    ]


def kept(answer: Answer) -> dict[str, Any]:
    """What the judgement needs."""
    report = answer.report
    return {
        "seconds": round(answer.seconds, 1),
        "trouble": answer.trouble,
        "report": report and {"verdict": report["verdict"], "findings": report["findings"]},
    }


def ask(
    situation: Situation, checkouts: Mapping[str, Path], known: Mapping[str, Any]
) -> dict[str, Any]:
    """Ask those checkouts that have not answered yet."""
    wanted = {which: path for which, path in checkouts.items() if which not in known}
    try:
        answers = try_out(situation, *wanted.values())
    except Exception as error:  # noqa: BLE001  # a server that does not start is told, not hidden
        return {which: {"not_run": f"{error}"[:400]} for which in wanted} | dict(known)
    return dict(known) | {
        which: kept(answer) for which, answer in zip(wanted, answers, strict=True)
    }


def run(situations: Iterable[Situation], options: argparse.Namespace, said: Said) -> None:
    """Ask about each, several at a time, and tell how it went."""
    checkouts = {"after": Path(options.after)}
    if Path(options.before).exists():
        checkouts = {"before": Path(options.before), **checkouts}

    def one(situation: Situation) -> tuple[Situation, dict[str, Any]]:
        old = said.get(situation.name, {})
        good = "before" in old and "not_run" not in old["before"]
        known = {"before": old["before"]} if good and not options.again else {}
        return situation, ask(situation, checkouts, known)

    with ThreadPoolExecutor(options.jobs) as pool:
        for situation, answers in pool.map(one, situations):
            said[situation.name] = answers
            print(line(situation, answers), flush=True)


def line(situation: Situation, answers: Mapping[str, Any]) -> str:
    """How it went, for the terminal."""
    parts = []
    for which, answer in answers.items():
        if "not_run" in answer:
            parts.append(f"{which}: not run: {answer['not_run']}")
            continue
        score = judge(situation, answer["report"])
        parts.append(f"{which} {score.points} {score.fix} {answer['seconds']} s {score.why}")
    return f"{situation.group} / {situation.name}: " + " | ".join(parts)


def commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="words in names, with a comma between")
    parser.add_argument("--group", default="")
    parser.add_argument("--before", default=str(ROOT / ".bench" / "before"), metavar="CHECKOUT")
    parser.add_argument("--after", default=str(ROOT), metavar="CHECKOUT")
    parser.add_argument("--again", action="store_true", help="ask the one of before too")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--judge", action="store_true", help="what was said last time")
    options = parser.parse_args()
    said: Said = json.loads(SAID.read_text()) if SAID.exists() else {}
    reason = namespaces_can_be_made()
    if reason and not options.judge:
        sys.exit(f"field: not run, and so nothing passed: {reason}")
    situations = chosen(options.only, options.group)
    if not options.judge:
        sweep()
        run(situations, options, said)
        SAID.write_text(json.dumps(said, ensure_ascii=False))
    if len(situations) == len(SITUATIONS):
        TABLE.write_text(document(SITUATIONS, said))


if __name__ == "__main__":
    main()
