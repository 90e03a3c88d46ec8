"""The report for people, in a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from smtps.advice import Severity
from smtps.checks.facts import AddressFacts, Facts
from smtps.checks.finding import Finding
from smtps.checks.report import Report
from smtps.checks.verdict import Verdict
from smtps.report.labels import (
    AUDIENCE,
    VERDICT,
    about_login,
    capability_label,
    certificate_rows,
    details,
    looked,
    place,
    remarks,
)

_VERDICT = {
    Verdict.WORKS: ("✓", "32"),
    Verdict.WARNINGS: ("!", "33"),
    Verdict.FAILS: ("✗", "31"),
    Verdict.UNKNOWN: ("?", "33"),
    Verdict.LATER: ("?", "33"),
}
_SEVERITY = {Severity.ERROR: ("✗", "31"), Severity.WARNING: ("!", "33"), Severity.INFO: ("i", "36")}


class Painter:
    """Colours, or none.

    Args:
        colour: whether to use them.
    """

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and text else text

    def bold(self, text: str) -> str:
        """Emphasis."""
        return self(text, "1")

    def dim(self, text: str) -> str:
        """What is read second."""
        return self(text, "2")


def render(report: Report, *, colour: bool = False, transcript: bool = False) -> str:
    """The report as lines of at most about 100 columns, ending in a line feed.

    Args:
        report: what to say.
        colour: use ANSI colours.
        transcript: add the dialogue.
    """
    paint = Painter(colour=colour)
    facts = report.facts
    lines = list(_head(report, paint))
    for finding in report.findings:
        lines += ["", *finding_lines(finding, paint)]
    for address in facts.addresses:
        lines += ["", *_address(facts, address, paint)]
    best = facts.best
    if best is not None:
        for part in (_certificate(facts, best, paint), _capabilities(best, paint)):
            if found := list(part):
                lines += ["", *found]
    for title, rows in details(facts):
        lines += ["", f"  {paint.bold(title)}"]
        lines += [f"    {label}: {text}" for label, text in rows.items()]
    if transcript:
        for address in facts.addresses:
            if address.transcript is not None:
                lines += ["", paint.bold(f"Transcript, {address.address}")]
                lines += [f"  {line}" for line in str(address.transcript).splitlines()]
    return "\n".join(lines) + "\n"


def _head(report: Report, paint: Painter) -> Iterator[str]:
    facts = report.facts
    mark, code = _VERDICT[report.verdict]
    target, words = paint.bold(facts.target), paint(VERDICT[report.verdict], code)
    yield f"{paint(mark, code)} {target} {words} {paint.dim(f'({place(facts)})')}"
    if (login := about_login(facts)) is not None:
        yield f"  {login}"


def finding_lines(finding: Finding, paint: Painter) -> Iterator[str]:
    """One finding: what, seen, fix, for whom."""
    mark, code = _SEVERITY[finding.severity]
    name = f"[{finding.code}]"
    for number, piece in enumerate(_pieces(f"{finding.meaning} {name}")):
        words, found, _ = piece.partition(name)
        yield (
            f"  {' ' if number else paint(mark, code)} {paint.bold(words.rstrip())}"
            f"{' ' if words and found else ''}{paint.dim(found)}"
        )
    for label, text in (
        ("seen", finding.seen),
        ("fix", finding.fix),
        ("for", AUDIENCE[finding.audience]),
        ("see", finding.see),
    ):
        if text:
            yield from _wrapped(f"    {label:5}", text, paint)
        if label == "fix":
            yield from (f"           {command}" for command in finding.commands)


def _wrapped(label: str, text: str, paint: Painter) -> Iterator[str]:
    for number, piece in enumerate(_pieces(text)):
        yield (paint.dim(label) if number == 0 else " " * len(label)) + piece


def _pieces(text: str) -> list[str]:
    return textwrap.wrap(text, 90, break_on_hyphens=False) or [""]


def _address(facts: Facts, address: AddressFacts, paint: Painter) -> Iterator[str]:
    yield f"  {paint.bold(address.address)}"
    words = remarks(address)
    timings = {**facts.timings, **address.timings}
    for phase, spent in timings.items():
        remark = textwrap.shorten(words.get(phase, ""), 76, placeholder=" …")
        yield f"    {phase:9}{spent:8.1f} ms  {remark}".rstrip()
    failure = address.failure
    if failure is not None:
        for number, piece in enumerate(_pieces(failure.message)):
            yield f"    {'       ' if number else paint('stopped', '31')}  {piece}"
    looks = looked(address)
    width = max((10, *map(len, looks)))
    for label, text in looks.items():
        yield f"    {label:{width}} {textwrap.shorten(text, 94 - width, placeholder=' …')}"


def _certificate(facts: Facts, best: AddressFacts, paint: Painter) -> Iterator[str]:
    if not best.chain:
        return
    yield f"  {paint.bold('Certificate')}"
    for label, text in certificate_rows(best.chain[0], facts).items():
        yield f"    {label:9}{text}"
    for issuer in best.chain[1:]:
        yield f"    {'sent too':9}{issuer.subject}, until {issuer.not_after:%Y-%m-%d}"


def _capabilities(best: AddressFacts, paint: Painter) -> Iterator[str]:
    capabilities = best.capabilities
    if capabilities is None:
        return
    yield f"  {paint.bold('Capabilities')}"
    for keyword, parameters in capabilities.keywords.items():
        words = " ".join((keyword, *parameters))
        yield f"    {words:28} {paint.dim(capability_label(keyword, capabilities))}".rstrip()
