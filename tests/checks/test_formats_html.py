"""HTML: well formed, harmless whatever a server says, and looked at in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import given, settings
from playwright.sync_api import Browser, sync_playwright
from tests.checks.made import HOSTILE, a_report, failing, transcript
from tests.checks.test_formats import batches, document

from smtps.checks.facts import AddressFacts
from smtps.checks.report import Report
from smtps.core.reply import Reply, printable
from smtps.errors import Phase
from smtps.report.formats import Style
from smtps.report.labels import VERDICT

ALL = Style(transcript=True)
CHROMIUM = "/usr/bin/chromium"


class Reader(HTMLParser):
    """Elements, attributes and text; an element that is not closed in its place is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "main", "article", "header", "section", "nav",
    "h1", "h2", "h3", "p", "strong", "span", "a", "code", "pre", "ol", "li", "dl", "div", "dt",
    "dd", "svg", "rect",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "id", "class", "href", "data-tone",
    "aria-hidden", "aria-label", "viewbox", "preserveaspectratio", "x", "width", "height",
}  # fmt: skip


@given(batches)
@settings(max_examples=50, deadline=None)
def test_whatever_servers_say_the_page_has_only_our_elements(batch: list[Report]) -> None:
    found = Reader(document("html", batch, ALL))
    assert set(found.names) <= ELEMENTS
    assert {name for name, _ in found.attributes} <= ATTRIBUTES
    for name, value in found.attributes:
        assert name != "href" or value.startswith(("#target-", "https://"))
    for text in found.text:
        assert text.replace("\n", "").isprintable() or "\t" in text
    assert found.names.count("article") == len(batch)


def test_everything_of_the_report_is_on_the_page(persona_reports: dict[str, Report]) -> None:
    for name, report in persona_reports.items():
        text = "\n".join(Reader(document("html", [report], ALL)).text)
        for finding in report.findings:
            for words in (finding.code, finding.meaning, finding.fix, finding.seen):
                assert printable(words) in text
        for address in report.facts.addresses:
            assert address.address in text
            for certificate in address.chain:
                assert certificate.fingerprint_sha256 in text
            if address.capabilities is not None:
                assert all(keyword in text for keyword in address.capabilities.keywords)
        assert VERDICT[report.verdict] in text
        assert name in text


def test_a_single_report_gives_the_page_its_name_and_no_contents() -> None:
    found = Reader(document("html", [a_report()], Style(single=True)))
    assert "Mail submission: mail.example.com" in found.text
    assert "nav" not in found.names


def test_the_contents_lead_to_each_target() -> None:
    batch = [a_report(target="a.example"), a_report(failing("tls.closed", Phase.TLS))]
    found = Reader(document("html", batch))
    anchors = [value for name, value in found.attributes if name == "id"]
    links = [value for name, value in found.attributes if name == "href"]
    assert links == [f"#{anchor}" for anchor in anchors]
    assert len(links) == 2


def hostile(address: AddressFacts) -> None:
    failing("auth.rejected", Phase.AUTH)(address)
    address.greeting = Reply(220, HOSTILE)
    address.transcript = transcript([*HOSTILE, "x" * 500])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield running
        running.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_a_browser_shows_it_runs_nothing_and_loads_nothing(
    browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    late = a_report(target="late.example")
    late.facts.addresses[0].timings["greeting"] = 4500.0
    batch = [Report.of(late.facts), a_report(hostile, target=" ".join(HOSTILE)), a_report()]
    file = tmp_path / "report.html"
    file.write_text(document("html", batch, ALL), encoding="utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    loaded: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(file.as_uri())
    assert loaded == [file.as_uri()]
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    tops = page.eval_on_selector_all(
        "nav, article", "all => all.map(one => [one.tagName, one.offsetTop])"
    )
    assert min(tops, key=lambda found: found[1])[0] == "NAV"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(17, 23, 26)" if scheme == "dark" else "rgb(245, 247, 246)"
    )
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    context.close()
