"""Links within the Markdown files lead to a file, and to a heading in it, that is there.

``scripts/docs`` looks for the same in the web site; this needs nothing but the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from scripts import pages as site

import smtps

ROOT = Path(__file__).parent.parent
FILES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/*.md", "benchmarks/*.md", ".github/**/*.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^( *)(```+).*?^\1\2 *$", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?: {4}.*\n+)+", re.MULTILINE)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*([^()\s]+)\s*\)")
REFERENCE = re.compile(r"\[[^\[\]]+\]\[([^\[\]]*)\]")
HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.MULTILINE)


def prose(text: str) -> str:
    """A page without code."""
    return re.sub(r"`[^`]+`", "`", INDENTED.sub("\n", FENCE.sub("", text)))


def slug(heading: str) -> str:
    """The anchor of a heading."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


@cache
def anchors(path: Path) -> set[str]:
    """All anchors of a page; of two equal headings, the second has a number."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        name = base = slug(heading)
        number = 0
        while name in found:
            number += 1
            name = f"{base}-{number}"
        found.add(name)
    return found


def leads_somewhere(page: Path, url: str) -> bool:
    """Whether a link is to a file of the project, and to an anchor that it has."""
    place, _, anchor = url.partition("#")
    target = (page.parent / place).resolve() if place else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors(target))


def faults(page: Path, text: str) -> Iterator[str]:
    """The links of a page that lead nowhere; those to other hosts are not followed."""
    words = prose(text)
    within = [url for url in LINK.findall(words) if not re.match(r"[a-z]+:", url)]
    yield from (url for url in within if not leads_somewhere(page, url))
    yield from (f"[…][{name}]" for name in REFERENCE.findall(words))


@pytest.mark.parametrize("file", FILES, ids=str)
def test_each_link_of_a_page_leads_somewhere(file: Path) -> None:
    page = ROOT / file
    assert list(faults(page, page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "[x](docs/nope.md)",
        "[a [b] c](docs/shell.md#nope)",
        "[x](#nope)",
        "![two\nlines](docs/nope.png)",
        "[x](docs/page.png#part)",
        "[x](../elsewhere.md)",
        "[x][y]",
    ],
)
def test_a_link_that_leads_nowhere_is_found(text: str) -> None:
    page = ROOT / "README.md"
    assert list(faults(page, text)) != []
    assert list(faults(page, f"`{text}`\n\n```\n{text}\n```\n\n    {text}\n")) == []


def test_links_are_found_at_all() -> None:
    pages = [prose((ROOT / file).read_text(encoding="utf-8")) for file in FILES]
    links = [url for page in pages for url in LINK.findall(page)]
    assert len(links) > 60
    assert len([url for url in links if "#" in url]) > 10


def test_headings_have_the_anchors_that_a_reader_s_browser_knows() -> None:
    assert slug("GET or POST /api/smtps/connect") == "get-or-post-apismtpsconnect"
    assert slug("`smtps` on *all* [hosts](x.md)") == "smtps-on-all-hosts"
    assert "bytes" in anchors(ROOT / "docs" / "python.md")


def test_the_reference_has_each_public_name() -> None:
    names = site.public()
    assert sorted(name for group in names.values() for name in group) == sorted(smtps.__all__)
    assert names[""] == ["__version__"]
    text = "\n".join(site.reference())
    shown = {line.rpartition(".")[2] for line in text.splitlines() if line.startswith("::: ")}
    assert shown == set(smtps.__all__) - {"__version__"}


def test_each_page_of_the_site_is_in_its_menu() -> None:
    menu = set(re.findall(r'= "([^"]+\.md)"', (ROOT / "zensical.toml").read_text("utf-8")))
    pages = {str(file) for file in FILES if file.parts[0] not in (".github", "benchmarks")}
    assert menu == pages | {"docs/reference.md", "benchmarks/README.md"}


def test_the_finished_site_is_followed(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "index.html").write_text(
        "<h1 id='top'>x</h1><a href='../a.html#%C3%A9'>x</a>"
    )
    (folder / "a.html").write_text("<p id='é'>x</p><a href='docs/#top'>x</a><a href='#'>x</a>")
    assert list(site.faults(folder)) == []
    (folder / "b.html").write_text(
        "<a href='c.html'>x</a><img src='x.png'><a href='a.html#x'>x</a>"
        "<script src='https://example.com/x.js'></script><a href='https://example.com/'>x</a>"
    )
    assert list(site.faults(folder)) == [
        "b.html loads https://example.com/x.js",
        "b.html: c.html does not exist",
        "b.html: x.png does not exist",
        "b.html: a.html#x is not in that page",
    ]
