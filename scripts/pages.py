"""Before and after the web site is built: ``python scripts/pages.py gather|check FOLDER``.

``gather`` copies the pages. The Markdown files keep their places, so that their links hold;
``docs/reference.md`` is written from the public names of the package. ``check`` follows each link
within the finished site, and finds what the pages would load from elsewhere.
"""

from __future__ import annotations

import inspect
import shutil
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

import smtps

ROOT = Path(__file__).parent.parent
PAGES = ("*.md", "LICENSE", "docs/*.md", "docs/*.png", "benchmarks/*.md", "benchmarks/*.svg")
"""What is copied; the folders of the project have other files, too."""


def kind(value: Any) -> str:
    """The heading of the reference below which a public name stands."""
    if isinstance(value, ModuleType):
        return "Without await"
    if inspect.isfunction(value):
        return "Functions"
    if isinstance(value, type) and issubclass(value, Exception):
        return "Errors"
    return "Classes" if isinstance(value, type) else ""


def public() -> dict[str, list[str]]:
    """Heading → public names; ``__version__`` stands below none."""
    found: dict[str, list[str]] = {
        "Functions": [], "Without await": [], "Classes": [], "Errors": [], "": [],
    }  # fmt: skip
    for name in smtps.__all__:
        found[kind(getattr(smtps, name))].append(name)
    return found


def reference() -> Iterator[str]:
    """The lines of the page with the docstrings."""
    names = public()
    yield "# Reference"
    yield "These names are public; [python.md](python.md#what-is-public) says what that means."
    yield f"`smtps.__version__` is the version as text, here `{smtps.__version__}`."
    for heading, members in names.items():
        if heading:
            yield f"## {heading}"
            for name in members:
                home = getattr(smtps, name)
                yield f"::: smtps.{name}" if heading != "Without await" else f"::: {home.__name__}"


def gather(folder: Path) -> None:
    """Copy the pages, and write the one that has no file."""
    shutil.rmtree(folder, ignore_errors=True)
    for pattern in PAGES:
        for source in ROOT.glob(pattern):
            target = folder / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    (folder / "docs" / "reference.md").write_text("\n\n".join(reference()) + "\n", encoding="utf-8")


class Page(HTMLParser):
    """A page of the site: the ids in it, its links, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = {""}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each element."""
        of = {name: value or "" for name, value in attrs}
        self.ids.add(of.get("id", ""))
        url = of.get("href") or of.get("src")
        if url and of.get("rel") != "canonical":
            self.links.append(url)
            if tag != "a":
                self.loaded.append(url)


def faults(folder: Path) -> Iterator[str]:
    """What is wrong with the site: dead links, and parts that come from elsewhere."""
    pages = {path: Page(path) for path in folder.rglob("*.html")}
    for path, page in pages.items():
        name = path.relative_to(folder)
        yield from (f"{name} loads {url}" for url in page.loaded if urlsplit(url).netloc)
        for url in page.links:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue  # elsewhere; or the page whose own address is unknown
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                yield f"{name}: {url} does not exist"
            elif target in pages and unquote(parts.fragment) not in pages[target].ids:
                yield f"{name}: {url} is not in that page"


def check(folder: Path) -> None:
    """Print what is wrong with the site, and fail if anything is."""
    found = list(faults(folder.resolve()))
    print("\n".join(found or [f"{len(list(folder.rglob('*.html')))} pages, no dead link"]))
    sys.exit(bool(found))


if __name__ == "__main__":
    {"gather": gather, "check": check}[sys.argv[1]](Path(sys.argv[2]))
