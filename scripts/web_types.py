"""What the type checker of the page needs to know and no module says.

``labels.js`` as the service makes it, and ``ids.d.ts``: which ids the pages have, and of what
elements. Usage: ``python scripts/web_types.py FOLDER``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from smtps.http.routes.pages import MADE

WEB = Path(__file__).parent.parent / "src" / "smtps" / "web"


class _Ids(HTMLParser):
    """Collects ids: id → name of the element."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each element."""
        for name, value in attrs:
            if name == "id" and value:
                self.found[value] = tag


def ids() -> dict[str, str]:
    """Id → name of its element, in both pages."""
    parser = _Ids()
    for name in ("index.html", "docs.html"):
        parser.feed((WEB / name).read_text(encoding="utf-8"))
    return parser.found


def declaration() -> Iterator[str]:
    """The lines of ``ids.d.ts``."""
    yield "export interface Ids {"
    for name, tag in sorted(ids().items()):
        yield f"  '{name}': HTMLElementTagNameMap['{tag}'];"
    yield "}"


def main(folder: Path) -> None:
    """Write the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in MADE.items():
        (folder / name).write_bytes(make())
    (folder / "ids.d.ts").write_text("\n".join(declaration()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
