"""Reports as one HTML file without scripts, to be mailed, printed or kept. It loads nothing.

Whatever is not an element is text and is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from importlib.resources import files

from smtps.advice import Severity
from smtps.checks.facts import AddressFacts, Certificate, Facts
from smtps.checks.finding import Finding
from smtps.checks.report import Report
from smtps.checks.verdict import Verdict
from smtps.core.reply import printable
from smtps.report.formats import PLAIN, Style
from smtps.report.labels import (
    AUDIENCE,
    PHASE,
    SEVERITY,
    VERDICT,
    about_login,
    capability_label,
    certificate_rows,
    details,
    looked,
    place,
    remarks,
)

_VOID = frozenset({"meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *children: str | None, **attributes: str | None) -> Markup:
    """An element.

    Args:
        name: of the element.
        *children: elements, or text of any origin; controls and characters that turn the line
            round are shown as ``\\xNN``. None is left out.
        **attributes: ``class_`` is ``class`` and ``data_tone`` is ``data-tone``. None is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(_text(child) for child in children if child is not None)
    return Markup(f"<{name}{given}>" if name in _VOID else f"<{name}{given}>{inside}</{name}>")


def _text(value: str) -> str:
    return value if isinstance(value, Markup) else escape(printable(value))


def lines(text: str) -> Markup:
    """Text in which line feeds count."""
    return Markup("\n".join(_text(line) for line in text.split("\n")))


def definitions(rows: Mapping[str, str]) -> Markup:
    """A list of labels, each with its text or element."""
    pairs = (
        element("div", element("dt", label), element("dd", text)) for label, text in rows.items()
    )
    return element("dl", *pairs)


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
    words, begun = remarks(seen, facts), 0.0
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
        "Commands": element("pre", "\n".join(finding.commands)) if finding.commands else "",
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
        " ".join((keyword, *words)): capability_label(keyword, capabilities)
        for keyword, words in capabilities.keywords.items()
    }
    return section("Capabilities", definitions(rows), class_="capabilities")


def _transcripts(facts: Facts) -> Iterator[Markup]:
    for address in facts.addresses:
        if address.transcript is not None and address.transcript.entries:
            text = lines(str(address.transcript))
            yield section(f"Transcript, {address.address}", element("pre", text))


_TITLE = "Mail submission"


class Page:
    """HTML.

    The contents are known only at the end, and the stylesheet shows them first. For them the name
    and verdict of each target are held, and nothing else.

    Args:
        style: what to show.
    """

    def __init__(self, style: Style = PLAIN) -> None:
        self._style = style
        self._contents: list[tuple[str, Verdict]] = []

    def begin(self) -> str:
        """The head, unless it waits for the name of the one target."""
        return "" if self._style.single else _page_head(_TITLE)

    def one(self, report: Report) -> str:
        """An article."""
        target = report.facts.target
        head = _page_head(f"{_TITLE}: {target}") if self._style.single else ""
        self._contents.append((target, report.verdict))
        anchor = _anchor(len(self._contents))
        return head + article(report, anchor, transcript=self._style.transcript) + "\n"

    def end(self) -> str:
        """Contents, where there is more than one target."""
        several = len(self._contents) > 1
        return (_contents(self._contents) if several else "") + "</main>\n</body>\n</html>\n"


def _anchor(number: int) -> str:
    return f"target-{number}"


@cache
def _stylesheet() -> str:
    return files("smtps.report").joinpath("page.css").read_text(encoding="utf-8")


def _page_head(title: str) -> str:
    sheet = _stylesheet()
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    # Whatever a server says is escaped; should that ever fail, nothing of it could run or load.
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(sheet)),
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n<body>\n<main>\n'


def _contents(targets: list[tuple[str, Verdict]]) -> str:
    rows = [
        element(
            "li",
            element("a", target, href=f"#{_anchor(number)}"),
            " ",
            element("span", VERDICT[verdict], class_="badge", data_tone=TONE[verdict]),
        )
        for number, (target, verdict) in enumerate(targets, 1)
    ]
    return element("nav", element("h2", "Targets"), element("ol", *rows), aria_label="Targets")
