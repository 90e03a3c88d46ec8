"""One report in HTML: the verdict, then what to do, then what was seen."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.advice import Severity
from smtps.diagnosis.conclusion import Verdict
from smtps.diagnosis.facts import AddressFacts, Certificate, Facts
from smtps.diagnosis.finding import Finding
from smtps.diagnosis.formats.markup import Markup, definitions, element, lines
from smtps.diagnosis.formats.timeline import timeline
from smtps.diagnosis.report import Report
from smtps.diagnosis.wording import (
    AUDIENCE,
    SEVERITY,
    VERDICT,
    about_login,
    certificate_rows,
    details,
    place,
)
from smtps.diagnosis.words import explain

TONE = {
    Verdict.WORKS: "good",
    Verdict.WARNINGS: "warning",
    Verdict.FAILS: "bad",
    Verdict.UNKNOWN: "plain",
    Verdict.LATER: "plain",
}
_TONE_OF_FINDING = {Severity.ERROR: "bad", Severity.WARNING: "warning", Severity.INFO: "plain"}


def article(report: Report, anchor: str, *, transcript: bool = False) -> Markup:
    """The report as an element.

    Args:
        report: what to say.
        anchor: the element's id.
        transcript: add the dialogue.
    """
    facts, best = report.facts, report.facts.best
    parts = [_head(report), _findings(report), timeline(facts), _certificates(facts)]
    if best is not None and best.capabilities is not None:
        parts.append(_capabilities(best))
    parts += [section(title, definitions(rows), class_="details") for title, rows in details(facts)]
    if transcript:
        parts += _transcripts(facts)
    return element("article", *parts, id=anchor, data_tone=TONE[report.verdict])


def section(title: str, *children: str | None, class_: str | None = None) -> Markup:
    """A part of the report under its heading."""
    return element("section", element("h2", title), *children, class_=class_)


def _head(report: Report) -> Markup:
    facts = report.facts
    where = place(facts)
    about = f"{where[0].upper()}{where[1:]}. Checked on {facts.now:%d %B %Y at %H:%M} UTC."
    return element(
        "header",
        element("h1", facts.target),
        element("p", VERDICT[report.verdict], class_="verdict"),
        element("p", about, *(f" {words}" for words in [about_login(facts)] if words)),
        _grade(report),
    )


def _grade(report: Report) -> Markup | None:
    found = report.grade
    if found is None:
        return None
    off = ", ".join(f"{points} off for {code}" for code, points in found.because)
    words = f", {found.points} of 100 points" + (f": {off}" if off else "") + "."
    return element("p", element("strong", f"Grade {found.letter}"), words)


def _findings(report: Report) -> Markup:
    if not report.findings:
        return section("Findings", element("p", "Nothing is wrong."))
    return section("Findings", element("ol", *map(_finding, report.findings), class_="findings"))


def _finding(finding: Finding) -> Markup:
    tone = _TONE_OF_FINDING[finding.severity]
    see = finding.see
    where: Markup | str = element("a", see, href=see) if see.startswith("https://") else see
    rows = {
        "What to do": element("strong", finding.fix),
        "For": AUDIENCE[finding.audience],
        "Seen": element("code", finding.seen),
        "Read on": where,
    }
    badge = element("span", SEVERITY[finding.severity], class_="badge", data_tone=tone)
    return element(
        "li",
        element("h3", finding.meaning),
        definitions({label: text for label, text in rows.items() if text}),
        element("p", badge, " ", element("code", finding.code)),
        data_tone=tone,
    )


def _certificates(facts: Facts) -> Markup | None:
    """A row of cards for each chain; most often all addresses send the same one."""
    chains: dict[tuple[str, ...], list[AddressFacts]] = {}
    for address in facts.addresses:
        if address.chain:
            key = tuple(certificate.fingerprint_sha256 for certificate in address.chain)
            chains.setdefault(key, []).append(address)
    if not chains:
        return None
    return section(
        "Certificates", *(part for found in chains.values() for part in _chain(found, facts))
    )


def _chain(addresses: list[AddressFacts], facts: Facts) -> Iterator[Markup]:
    where = ", ".join(address.address for address in addresses)
    yield element("p", f"As sent by {where}, the server’s own first.")
    cards = (_card(certificate, facts) for certificate in addresses[0].chain)
    yield element("ol", *cards, class_="chain")


def _card(certificate: Certificate, facts: Facts) -> Markup:
    rows = {label: text for label, text in certificate_rows(certificate, facts).items() if text}
    return element("li", element("h3", certificate.subject or "No subject"), definitions(rows))


def _capabilities(best: AddressFacts) -> Markup:
    capabilities = best.capabilities
    assert capabilities is not None
    rows = {
        " ".join((keyword, *words)): explain(keyword, capabilities)
        for keyword, words in capabilities.keywords.items()
    }
    return section("Capabilities", definitions(rows), class_="capabilities")


def _transcripts(facts: Facts) -> Iterator[Markup]:
    for address in facts.addresses:
        if address.transcript is not None and address.transcript.entries:
            text = lines(str(address.transcript))
            yield section(f"Transcript, {address.address}", element("pre", text))
