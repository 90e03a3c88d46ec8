"""The report for people, in a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from smtps.advice import Severity, Who
from smtps.diagnosis.facts import AddressFacts, Facts
from smtps.diagnosis.finding import Finding
from smtps.diagnosis.report import Report, Verdict
from smtps.diagnosis.words import explain

_VERDICT = {
    Verdict.WORKS: ("✓", "32", "works"),
    Verdict.WARNINGS: ("!", "33", "works, with warnings"),
    Verdict.FAILS: ("✗", "31", "does not work"),
    Verdict.UNKNOWN: ("?", "33", "could not be told from here"),
    Verdict.LATER: ("?", "33", "the server asks to come back later"),
}
_SEVERITY = {Severity.ERROR: ("✗", "31"), Severity.WARNING: ("!", "33"), Severity.INFO: ("i", "36")}
_AUDIENCE = {
    Who.YOU: "you",
    Who.OPERATOR: "the server's operator",
    Who.NETWORK: "whoever runs your network",
}
_SECURITY = {"implicit": "implicit TLS", "starttls": "STARTTLS"}


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
    mark, code, words = _VERDICT[report.verdict]
    lines = [
        f"{paint(mark, code)} {paint.bold(facts.target)} {paint(words, code)} "
        + paint.dim(f"(port {facts.port}, {_SECURITY[facts.security]})")
    ]
    for finding in report.findings:
        lines += ["", *finding_lines(finding, paint)]
    for address in facts.addresses:
        lines += ["", *_address(facts, address, paint)]
    best = facts.best
    if best is not None and best.chain:
        lines += ["", *_certificate(facts, best, paint)]
    if best is not None and best.capabilities is not None:
        lines += ["", *_capabilities(best, paint)]
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
        ("for", _AUDIENCE[finding.audience]),
    ):
        yield from _wrapped(f"    {label:5}", text, paint)


def _wrapped(label: str, text: str, paint: Painter) -> Iterator[str]:
    pieces = textwrap.wrap(text, 90, break_on_hyphens=False) or [""]
    for number, piece in enumerate(pieces):
        yield (paint.dim(label) if number == 0 else " " * len(label)) + piece


def _address(facts: Facts, address: AddressFacts, paint: Painter) -> Iterator[str]:
    yield f"  {paint.bold(address.address)}"
    remarks = _remarks(address)
    timings = {**facts.timings, **address.timings}
    for phase, spent in timings.items():
        remark = textwrap.shorten(remarks.get(phase, ""), 76, placeholder=" …")
        yield f"    {phase:9}{spent:8.1f} ms  {remark}".rstrip()
    failure = address.failure
    if failure is not None:
        yield f"    {paint('stopped', '31')}  {failure.message}"


def _remarks(address: AddressFacts) -> dict[str, str]:
    tls = address.tls
    found = {}
    if tls is not None and tls.version is not None:
        trust = "certificate verified" if tls.verified else "certificate not verified"
        words = (tls.version, tls.cipher, tls.group, trust)
        found["tls"] = ", ".join(word for word in words if word)
    if address.greeting is not None:
        found["greeting"] = str(address.greeting)
    if address.ehlo_name is not None:
        found["ehlo"] = f"as {address.ehlo_name}"
    if address.mechanism is not None:
        found["auth"] = f"logged in by {address.mechanism}"
    elif address.login_failure is not None:
        found["auth"] = address.login_failure.message
    return found


def _certificate(facts: Facts, best: AddressFacts, paint: Painter) -> Iterator[str]:
    own = best.chain[0]
    days = own.days_left(facts.now)
    rows = (
        ("for", ", ".join(own.names[:6]) + (" …" if len(own.names) > 6 else "")),
        ("issuer", own.issuer),
        ("valid", f"{own.not_before:%Y-%m-%d} to {own.not_after:%Y-%m-%d}, {days} days left"),
        ("key", f"{own.key}, signed with {own.signature}"),
        ("SHA-256", own.fingerprint_sha256),
    )
    yield f"  {paint.bold('Certificate')}"
    for label, text in rows:
        yield f"    {label:9}{text}"


def _capabilities(best: AddressFacts, paint: Painter) -> Iterator[str]:
    capabilities = best.capabilities
    assert capabilities is not None
    yield f"  {paint.bold('Capabilities')}"
    for keyword, parameters in capabilities.keywords.items():
        words = " ".join((keyword, *parameters))
        yield f"    {words:28} {paint.dim(explain(keyword, capabilities))}".rstrip()
