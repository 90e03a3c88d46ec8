"""The report for people, in a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from smtps.advice import Severity
from smtps.diagnosis.clients import fare
from smtps.diagnosis.facts import AddressFacts, Facts
from smtps.diagnosis.finding import Finding
from smtps.diagnosis.report import Report, Verdict
from smtps.diagnosis.wording import AUDIENCE, SECURITY, VERDICT, certificate_rows, remarks
from smtps.diagnosis.words import explain

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
    mark, code = _VERDICT[report.verdict]
    lines = [
        f"{paint(mark, code)} {paint.bold(facts.target)} {paint(VERDICT[report.verdict], code)} "
        + paint.dim(f"(port {facts.port}, {SECURITY[facts.security]})")
    ]
    for finding in report.findings:
        lines += ["", *finding_lines(finding, paint)]
    for address in facts.addresses:
        lines += ["", *_address(facts, address, paint)]
    best = facts.best
    if best is not None:
        for part in (_certificate(facts, best, paint), _capabilities(best, paint),
                     _mechanisms(best, paint), _envelope(best, paint),
                     _clients(best, paint)):  # fmt: skip
            if found := list(part):
                lines += ["", *found]
    if transcript:
        for address in facts.addresses:
            if address.transcript is not None:
                lines += ["", paint.bold(f"Transcript, {address.address}")]
                lines += [f"  {line}" for line in str(address.transcript).splitlines()]
    return "\n".join(lines) + "\n"


def finding_lines(finding: Finding, paint: Painter) -> Iterator[str]:
    """One finding: what, seen, fix, for whom."""
    mark, code = _SEVERITY[finding.severity]
    yield f"  {paint(mark, code)} {paint.bold(finding.meaning)} {paint.dim(f'[{finding.code}]')}"
    for label, text in (
        ("seen", finding.seen),
        ("fix", finding.fix),
        ("for", AUDIENCE[finding.audience]),
        ("see", finding.see),
    ):
        if not text:
            continue
        yield from _wrapped(f"    {label:5}", text, paint)


def _wrapped(label: str, text: str, paint: Painter) -> Iterator[str]:
    pieces = textwrap.wrap(text, 90, break_on_hyphens=False) or [""]
    for number, piece in enumerate(pieces):
        yield (paint.dim(label) if number == 0 else " " * len(label)) + piece


def _address(facts: Facts, address: AddressFacts, paint: Painter) -> Iterator[str]:
    yield f"  {paint.bold(address.address)}"
    words = remarks(address)
    timings = {**facts.timings, **address.timings}
    for phase, spent in timings.items():
        remark = textwrap.shorten(words.get(phase, ""), 76, placeholder=" …")
        yield f"    {phase:9}{spent:8.1f} ms  {remark}".rstrip()
    failure = address.failure
    if failure is not None:
        yield f"    {paint('stopped', '31')}  {failure.message}"
    for label, text in _looked(address):
        yield f"    {label:10} {text}"


def _looked(address: AddressFacts) -> Iterator[tuple[str, str]]:
    """What the second looks of a deep check tell, a line for each question."""
    looks = address.looks
    versions = [look for name, look in looks.items() if name.startswith("TLSv")]
    if versions:
        taken = ", ".join(look.name for look in versions if look.secured)
        left = ", ".join(look.name for look in versions if not look.secured)
        words = f"takes {taken or 'none'}" + (f"; refuses {left}" if left else "")
        yield "versions", words
    weak = [look.tls.cipher for name, look in looks.items()
            if name.endswith("ciphers") and look.secured and look.tls]  # fmt: skip
    if "old ciphers" in looks:
        yield "weak", ", ".join(str(cipher) for cipher in weak) or "no weak cipher taken"
    if (look := looks.get("resumption")) is not None:
        resumed = look.tls is not None and look.tls.resumed
        yield "resumption", "sessions are taken up again" if resumed else "none"


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
        yield f"    {words:28} {paint.dim(explain(keyword, capabilities))}".rstrip()


def _clients(best: AddressFacts, paint: Painter) -> Iterator[str]:
    failing = [client for client in fare(best) if client.why is not None]
    if not failing:
        return
    yield f"  {paint.bold('Fails for clients')}"
    for client in failing:
        yield f"    {client.name}: {client.why}"


def _mechanisms(best: AddressFacts, paint: Painter) -> Iterator[str]:
    if not best.mechanisms:
        return
    yield f"  {paint.bold('Login, by each mechanism')}"
    for name, failure in best.mechanisms.items():
        yield f"    {name:18}{'accepted' if failure is None else failure.message}"


def _envelope(best: AddressFacts, paint: Painter) -> Iterator[str]:
    asked = best.asked
    if asked is None:
        return
    yield f"  {paint.bold('Envelope')} {paint.dim('(no mail was sent)')}"
    if asked.mail_reply is not None:
        yield f"    from <{asked.sender}>  {asked.mail_reply}"
    for who, reply in asked.recipients:
        yield f"    to <{who}>  {reply}"
