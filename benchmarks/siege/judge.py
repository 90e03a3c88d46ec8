"""What a siege came to, and the page about it."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

QUICK = 0.5
"""Seconds: the p99 that is wanted on two quiet cores."""

TIMES = 5.0
"""Or so many times what the callers have alone."""

GROWN = 1.2
"""Memory after, to memory before."""

PHASES = ("alone", "under attack", "after")


def percentile(times: Sequence[float], part: float) -> float:
    """Seconds within which such a part of the answers came."""
    ordered = sorted(times)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else 0.0


@dataclass
class Run:
    """One siege.

    Attributes:
        engine, minutes, cores, date: what was measured.
        phases: what the callers told of each, without the times.
        attacks: attack → answer → how often.
        before, most, after: MB of the service.
        lost, twice: subjects of messages that did not arrive, or more than once.
        tracebacks, lines: in the service's log.
        exit: the service's code at its orderly end.
    """

    engine: str
    minutes: float
    cores: int
    date: str
    phases: dict[str, dict[str, Any]] = field(default_factory=dict)
    attacks: dict[str, dict[str, int]] = field(default_factory=dict)
    before: float = 0.0
    most: float = 0.0
    after: float = 0.0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    tracebacks: int = 0
    lines: int = 0
    exit: int | None = None

    def all_times(self, phase: str) -> list[float]:
        """Seconds of each answer, whatever was asked."""
        return [each for some in self.phases[phase]["times"].values() for each in some]

    def told(self, phase: str) -> str:
        """A line for the terminal."""
        about, times = self.phases[phase], self.all_times(phase)
        return (
            f"{len(times)} answers, p50 {percentile(times, 0.5) * 1000:.0f} ms, "
            f"p99 {percentile(times, 0.99) * 1000:.0f} ms, wrong {len(about['wrong'])}, "
            f"unsent {len(about['unsent'])}, {about['memory']:.0f} MB, share "
            + ", ".join(f"{name} {part:.2f}" for name, part in about["share"].items())
            + "".join(f"\n    {each}" for each in (about["wrong"] + about["unsent"])[:10])
        )

    def judge_mail(self, wanted: Sequence[str], taken: Sequence[str]) -> None:
        """Compare what was answered with what the sandbox took."""
        count = Counter(taken)
        self.lost = [subject for subject in wanted if not count[subject]]
        self.twice = [subject for subject in wanted if count[subject] > 1]

    def judge_log(self, log: str) -> None:
        """What the service wrote."""
        self.lines = len(log.splitlines())
        self.tracebacks = log.count("Traceback (most recent call last)")

    @property
    def wrong(self) -> int:
        """Answers to honest callers that were wrong, or did not come."""
        return sum(len(self.phases[phase]["wrong"]) for phase in PHASES)

    @property
    def unsent(self) -> int:
        """Messages that were accepted and are not sent a minute after the callers stopped."""
        return sum(len(self.phases[phase]["unsent"]) for phase in PHASES)

    def errors(self) -> int:
        """500s, to whomever."""
        return sum(answers.get("500", 0) for answers in self.attacks.values()) + sum(
            " 500 for " in text for phase in PHASES for text in self.phases[phase]["wrong"]
        )

    def goals(self) -> list[tuple[str, str, str, bool]]:
        """Goal, wanted, measured, whether it is reached."""
        alone = percentile(self.all_times("alone"), 0.99)
        under = percentile(self.all_times("under attack"), 0.99)
        answers = len(self.all_times("under attack"))
        return [
            ("answers lost or wrong", "0", f"{self.wrong} of {answers:,}", not self.wrong),
            ("messages lost or twice", "0 and 0", f"{len(self.lost)} and {len(self.twice)}",
             not self.lost and not self.twice),
            ("messages not sent in the end", "0", str(self.unsent), not self.unsent),
            ("p99 under attack", f"{QUICK * 1000:.0f} ms, or {TIMES:.0f} times alone",
             f"{under * 1000:.0f} ms, {under / max(alone, 1e-9):.1f} times",
             under < QUICK or under < TIMES * alone),
            ("memory after", f"{GROWN:.1f} times before", f"{self.after / self.before:.2f} times",
             self.after <= GROWN * self.before),
            ("answers 500", "0", str(self.errors()), not self.errors()),
            ("tracebacks in the log", "0", str(self.tracebacks), not self.tracebacks),
            ("exit code of the stop", "0", str(self.exit), self.exit == 0),
        ]  # fmt: skip

    def missed(self) -> list[str]:
        """Goals that are not reached."""
        return [name for name, _, _, reached in self.goals() if not reached]

    def rows(self) -> list[str]:
        """For the page."""
        lines = ["| goal | wanted | measured | |", "|---|---|---|---|"]
        lines += [
            f"| {name} | {wanted} | {found} | {'' if reached else '**missed**'} |"
            for name, wanted, found, reached in self.goals()
        ]
        lines += ["", *self._times(), "", *self._shares(), ""]
        memory = f"{self.before:.0f} MB before, {self.most:.0f} at the most, {self.after:.0f} after"
        lines += [f"Memory of the service: {memory}. Its log has {self.lines} lines.", ""]
        lines += ["| attack | answers |", "|---|---|"]
        for attack, answers in sorted(self.attacks.items()):
            told = [f"{count:,} × {answer}" for answer, count in sorted(answers.items())]
            lines.append(f"| {attack} | {', '.join(told)} |")
        return lines

    def _times(self) -> list[str]:
        lines = [f"| request | {' | '.join(f'{phase}: p50, p99, most' for phase in PHASES)} |"]
        lines += ["|---|" + "---|" * len(PHASES)]
        for name in self.phases["alone"]["times"]:
            found = [self.phases[phase]["times"].get(name, []) for phase in PHASES]
            lines.append(f"| {name} | {' | '.join(map(_spread, found))} |")
        found = [self.all_times(phase) for phase in PHASES]
        return [*lines, f"| all | {' | '.join(map(_spread, found))} |"]

    def _shares(self) -> list[str]:
        lines = [f"| | {' | '.join(PHASES)} |", "|---|" + "---|" * len(PHASES)]
        names = dict.fromkeys(n for phase in PHASES for n in self.phases[phase]["share"])
        rows = {
            f"processors that {_WHO.get(name, name)} used": [
                f"{self.phases[phase]['share'].get(name, 0.0):.2f}" for phase in PHASES
            ]
            for name in names
        }
        rows["answers"] = [f"{len(self.all_times(phase)):,}" for phase in PHASES]
        rows["connections closed while idle"] = [
            str(self.phases[phase]["reconnected"]) for phase in PHASES
        ]
        return lines + [f"| {name} | {' | '.join(told)} |" for name, told in rows.items()]

    def as_json(self) -> dict[str, Any]:
        """Without single times."""
        missed = self.missed()
        kept = asdict(self) | {"page": self.rows(), "missed": missed}
        for about in kept["phases"].values():
            about["times"] = {n: round(statistics.fmean(t), 4) for n, t in about["times"].items()}
        return kept


_WHO = {
    "sandbox": "the sandbox", "bad": "the bad mail servers", "service": "the service",
    "attackers": "the attackers", "database": "PostgreSQL", "callers": "the callers",
}  # fmt: skip


def _spread(times: Sequence[float]) -> str:
    if not times:
        return "–"
    found = (percentile(times, 0.5), percentile(times, 0.99), max(times))
    return ", ".join(f"{seconds * 1000:.0f}" for seconds in found)


HEAD = """\
# The siege

`scripts/bench siege` starts `smtps serve` on loopback, a sandbox in a process of its own, and mail
servers that mean harm. Ten honest callers, each with a token, connect, check, send, post and read
through the same service, a request each 0.1 seconds; each answer is verified, and in the end the
sandbox must have taken each message once. They call for a minute alone, then beside all attacks,
then once more when these are over. The attacks, from one other process (nice 5), with one token
between them: 2,000 idle connections, 200 heads that come by drops, 4 that have no end, bodies that
ask for much work, changed bodies on every route, wrong tokens, 50 readers of events who read 64
octets a time, and 20 who have the service check and send at mail servers that drip, flood, reset,
hash, babble and fall silent. Each begins again as soon as it ends.

How to read it: times are milliseconds at the caller. All processes share the cores, so what the
attackers and the bad servers use is not there for the service: their share is in the table (1.00 is
one core). A connection that was closed while idle is no lost answer: the caller connects again, as
every HTTP client does. "cut off" is an attacker whose connection was closed before an answer.
A goal that is not reached says **missed**.
"""


def document(notes: dict[str, Any]) -> str:
    """The page."""
    names = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
    parts = [HEAD]
    for engine, run in notes.items():
        about = f"{run['minutes']:g} minutes on {run['cores']} cores, {run['date']}"
        parts += [f"\n## {names[engine]}: {about}\n", "\n".join(run["page"]) + "\n"]
    return "\n".join(parts)
