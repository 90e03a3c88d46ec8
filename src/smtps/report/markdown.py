"""Reports as Markdown for a ticket: CommonMark, with GitHub's tables (https://github.github.com/gfm).

Whatever a server said stands in code, so that nothing of it is read as Markdown or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from smtps._version import __version__
from smtps.checks.facts import AddressFacts, Facts
from smtps.checks.finding import Finding
from smtps.checks.report import Report
from smtps.core.reply import printable
from smtps.report.formats import Simple
from smtps.report.labels import (
    AUDIENCE,
    PHASE,
    SEVERITY,
    VERDICT,
    about_login,
    certificate_rows,
    place,
    remarks,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!])")


def escaped(text: str) -> str:
    """Text in which nothing is read as markup."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def code(text: str) -> str:
    """Text as code, within a table too; the fence is longer than any run of backticks in it."""
    held = printable(text).replace("|", "\\|").strip()
    fence = "`" * (max(map(len, re.findall("`+", held)), default=0) + 1)
    space = " " if held.startswith("`") or held.endswith("`") else ""
    return f"{fence}{space}{held}{space}{fence}" if held else ""


class Ticket(Simple):
    """Markdown."""

    _before = ""

    def one(self, report: Report) -> str:
        """The report under a heading of its own."""
        before, self._before = self._before, "\n"
        return before + "\n".join(_lines(report, transcript=self.style.transcript)) + "\n"


def _lines(report: Report, *, transcript: bool) -> Iterator[str]:
    facts = report.facts
    yield f"## {escaped(facts.target)}: {VERDICT[report.verdict]}"
    yield ""
    where = place(facts)
    words = [f"{where[0].upper()}{where[1:]}.", about_login(facts)]
    yield " ".join(filter(None, words))
    for number, finding in enumerate(report.findings, 1):
        yield from _finding(number, finding)
    for address in facts.addresses:
        yield from _phases(facts, address)
    if facts.best is not None and facts.best.chain:
        rows = certificate_rows(facts.best.chain[0], facts)
        cells = [(label, code(text)) for label, text in rows.items() if text]
        yield from _table("Certificate", ("", ""), cells)
    if transcript:
        yield from _transcripts(facts)
    yield ""
    yield f"Checked with smtps {__version__} on {facts.now:%d %B %Y at %H:%M} UTC."


def _finding(number: int, finding: Finding) -> Iterator[str]:
    yield from ("", f"### {number}. {escaped(finding.meaning)}", "")
    rows = {
        "What to do": escaped(finding.fix),
        "Seen": code(finding.seen),
        "For": AUDIENCE[finding.audience],
        "Read on": finding.see,
        SEVERITY[finding.severity]: code(finding.code),
    }
    yield from (f"- **{label}:** {text}" for label, text in rows.items() if text)
    if finding.commands:
        yield from ("", "```sh", *finding.commands, "```")


def _phases(facts: Facts, seen: AddressFacts) -> Iterator[str]:
    failure = seen.failure or seen.login_failure
    failed = str(failure.phase) if failure and failure.phase else None
    timings: dict[str, float | None] = {**facts.timings, **seen.timings}
    if failed is not None:
        timings.setdefault(failed, None)
    words = remarks(seen, facts)
    rows = []
    for phase, spent in timings.items():
        told = failure.message if failure is not None and phase == failed else words.get(phase, "")
        time = "" if spent is None else f"{spent:.1f} ms"
        name = PHASE.get(phase, phase)
        rows.append((f"{name}: **failed**" if phase == failed else name, time, code(told)))
    yield from _table(seen.address, ("Phase", "Time", "Seen"), rows)


def _table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield from ("", f"### {escaped(title)}", "", _row(head), _row(("---",) * len(head)))
    yield from map(_row, rows)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _transcripts(facts: Facts) -> Iterator[str]:
    for address in facts.addresses:
        if address.transcript is not None and address.transcript.entries:
            text = str(address.transcript)
            fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
            yield from ("", f"### Transcript, {address.address}", "", f"{fence}text")
            yield from (printable(line) for line in text.splitlines())
            yield fence
