"""The report for people, in a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from smtps.advice import Severity
from smtps.checks.facts import AddressFacts, Facts
from smtps.checks.finding import Finding
from smtps.checks.report import Report
from smtps.checks.verdict import Verdict
from smtps.errors import Phase
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
_FOLDED = (Verdict.FAILS, Verdict.UNKNOWN, Verdict.LATER)
"""Where the cause and the phases are what counts, and the rest is shown on request."""

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


def render(
    report: Report,
    *,
    colour: bool = False,
    transcript: bool = False,
    verbose: bool = False,
    more: str = "verbose=True",
) -> str:
    """The report as lines of at most about 100 columns, ending in a line feed.

    Args:
        report: what to say.
        colour: use ANSI colours.
        transcript: add the dialogue.
        verbose: show certificate, capabilities and further connections of a failed check, too.
        more: how the reader asks for that.
    """
    paint = Painter(colour=colour)
    facts = report.facts
    lines = list(_head(report, paint))
    for finding in report.findings:
        lines += ["", *finding_lines(finding, paint)]
    fold = report.verdict in _FOLDED and not verbose
    for address in facts.addresses:
        lines += ["", *_address(facts, address, paint)]
        if not fold:
            lines += _looks(address)
    if not fold:
        lines += _server(facts, paint)
    elif folded := _folded(facts):
        lines += ["", paint.dim(f"  {more} shows more: {folded}")]
    for title, rows in details(facts):
        lines += ["", f"  {paint.bold(title)}"]
        lines += [f"    {label}: {text}" for label, text in rows.items()]
    if transcript:
        lines += _dialogue(facts, paint)
    return "\n".join(lines) + "\n"


def _server(facts: Facts, paint: Painter) -> Iterator[str]:
    """What the server showed of itself."""
    if (best := facts.best) is None:
        return
    for part in (_certificate(facts, best, paint), _capabilities(best, paint)):
        if found := list(part):
            yield from ("", *found)


def _dialogue(facts: Facts, paint: Painter) -> Iterator[str]:
    for address in facts.addresses:
        if address.transcript is not None:
            yield from ("", paint.bold(f"Transcript, {address.address}"))
            yield from (f"  {line}" for line in str(address.transcript).splitlines())


def _head(report: Report, paint: Painter) -> Iterator[str]:
    facts = report.facts
    mark, code = _VERDICT[report.verdict]
    target, words = paint.bold(facts.target), paint(VERDICT[report.verdict], code)
    graded = report.grade
    where = place(facts)
    if graded and any(_answered(each) for each in facts.addresses):
        where += f"; server grade {graded.letter}"
    yield f"{paint(mark, code)} {target} {words} {paint.dim(f'({where})')}"
    if (login := about_login(facts)) is not None:
        yield f"  {login}"


def _answered(address: AddressFacts) -> bool:
    """Whether a server was there to be graded."""
    return address.failure is None or address.failure.phase not in (Phase.DNS, Phase.TCP)


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
        ("who", AUDIENCE[finding.audience]),
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
    return _wrapped_at(text, 90)


def _address(facts: Facts, address: AddressFacts, paint: Painter) -> Iterator[str]:
    yield f"  {paint.bold(address.address)}"
    words = remarks(address, facts)
    timings = {**facts.timings, **address.timings}
    failed, message = _end(address)
    phases = [*_COURSE[facts.security]]
    phases += [each for each in timings if each not in (*phases, LOOKS)]
    if facts.wanted_login and "auth" not in phases:
        phases.append("auth")
    if failed is not None and failed not in phases:
        phases.append(failed)
    for phase in phases:
        spent = f"{timings[phase]:8.1f} ms" if phase in timings else " " * 11
        if phase == failed:
            lines = _wrapped_at(message, 74)
            yield f"    {paint('✗', '31')} {phase:9}{spent}  {lines[0]}"
            yield from (f"{'':28}{line}" for line in lines[1:])
            continue
        passed = phase in timings and (phase, failed) != ("auth", "token")
        spent = spent if passed else " " * 11
        mark = paint("✓", "32") if passed else paint.dim("–")
        remark = textwrap.shorten(words.get(phase, ""), 74, placeholder=" …")
        yield f"    {mark} {phase:9}{spent}  {remark}".rstrip()
    if LOOKS in timings:
        yield f"      {'probes':9}{timings[LOOKS]:8.1f} ms  {words.get(LOOKS, '')}".rstrip()


LOOKS = "looks"
"""Not a phase: the further connections that looked for the cause."""

_COURSE = {
    "implicit": ("dns", "tcp", "tls", "greeting", "ehlo"),
    "starttls": ("dns", "tcp", "greeting", "ehlo", "tls"),
}
"""The phases of a check that comes through."""


def _end(address: AddressFacts) -> tuple[str | None, str]:
    """The phase that failed, and how."""
    failure = address.failure or address.login_failure
    if failure is None:
        return None, ""
    if address.failure is None and failure.phase != "token":
        return "auth", failure.message
    phase = failure.phase
    return str(phase or "tcp"), failure.message


def _looks(address: AddressFacts) -> Iterator[str]:
    looks = looked(address)
    width = max((10, *map(len, looks)))
    for label, text in looks.items():
        yield f"      {label:{width}} {textwrap.shorten(text, 92 - width, placeholder=' …')}"


def _folded(facts: Facts) -> str:
    """What is not shown, in words; empty for nothing."""
    best = facts.best
    number = sum(len(looked(address)) for address in facts.addresses)
    parts = (
        "certificate" if best is not None and best.chain else "",
        "capabilities" if best is not None and best.capabilities is not None else "",
        f"{number} further connection{'s' if number != 1 else ''}" if number else "",
    )
    return ", ".join(filter(None, parts))


def _wrapped_at(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


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
