"""What HTML that came by mail would load or run, and does not where it is shown.

The policy that it is shown with holds all that back whether or not it is found here.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

MOST = 100
"""Entries; a message may have any number of them."""

_LOADS = {
    "img": ("image", ("src", "srcset")), "input": ("image", ("src",)),
    "video": ("media", ("src", "poster")), "audio": ("media", ("src",)),
    "source": ("media", ("src", "srcset")), "track": ("media", ("src",)),
    "link": ("stylesheet", ("href",)), "iframe": ("frame", ("src", "srcdoc")),
    "frame": ("frame", ("src",)), "embed": ("object", ("src",)), "object": ("object", ("data",)),
    "body": ("image", ("background",)), "table": ("image", ("background",)),
    "td": ("image", ("background",)), "script": ("script", ("src",)),
}  # fmt: skip
"""Element → what it loads, and the attributes that say from where."""

_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", re.IGNORECASE)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self._in_style = False

    def note(self, kind: str, source: str = "") -> None:
        entry = {"kind": kind, "source": source.strip()[:500]}
        if len(self.found) < MOST and entry not in self.found:
            self.found.append(entry)

    def note_styles(self, text: str) -> None:
        for match in _URL.finditer(text):
            if _is_elsewhere(source := match[1] or match[2]):
                self.note("image" if match[1] else "stylesheet", source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        kind, names = _LOADS.get(tag, ("", ()))
        sources = [given[name] for name in names if given.get(name)]
        if tag == "script":
            self.note(kind, sources[0] if sources else "")
        elif tag == "form":
            self.note("form", given.get("action", ""))
        else:
            for source in filter(_is_elsewhere, sources):
                self.note(kind, source)
        for name in given:
            if name.startswith("on"):
                self.note("script", f"{name} of {tag}")
        self.note_styles(given.get("style", ""))
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.note_styles(data)


def _is_elsewhere(source: str) -> bool:
    return not source.strip().lower().startswith(("data:", "#"))


def held_back(html: str) -> list[dict[str, str]]:
    """Kind (``image``, ``script``, ``stylesheet``, ``media``, ``frame``, ``object``, ``form``) and
    source of each, in order, each once, 100 at most.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found
