"""The picture of a check in the README, from what a real check prints.

python scripts/check_picture.py           draws docs/check.svg
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import smtps
from smtps.report.text import render
from smtps.sandbox.gallery import FIRST_PORT

PICTURE = Path(__file__).parent.parent / "docs" / "check.svg"
NAME = "expired.sandbox.localhost"
COLUMN, LINE, EDGE = 8.43, 20, 20
"""Pixels of a character, of a line, and around all of them."""

_COLOURS = {"1": "#ffffff", "2": "#8b949e", "31": "#ff7b72", "32": "#7ee787", "33": "#e3b341",
            "36": "#79c0ff"}  # fmt: skip
"""ANSI code → colour."""

_PIECE = re.compile(r"\x1b\[(\d+)m(.*?)\x1b\[0m|([^\x1b]+)", re.DOTALL)


def printed(port: int = FIRST_PORT) -> str:
    """What a check of a server with an expired certificate prints, with colours."""
    with smtps.sync.sandbox("expired", port=port) as box:
        report = smtps.sync.check(NAME, port=box.port, ca_file=box.ca_file)
    return f"\x1b[2m$\x1b[0m smtps check {NAME}\n\n" + render(report, colour=True, more="--verbose")


def plain(text: str) -> str:
    """Text without colours."""
    return _PIECE.sub(lambda piece: piece[2] or piece[3] or "", text)


def drawing(text: str) -> str:
    """Text with colours as an SVG."""
    lines = text.rstrip("\n").split("\n")
    width = max(len(plain(line)) for line in lines) * COLUMN + 2 * EDGE
    height = len(lines) * LINE + 2 * EDGE
    rows = []
    for number, line in enumerate(lines):
        y = EDGE + number * LINE + 15
        rows.append(f'<text xml:space="preserve" x="{EDGE}" y="{y}">{"".join(_spans(line))}</text>')
    body = "\n".join(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
        f'viewBox="0 0 {width:.0f} {height}" role="img" aria-label="{escape(plain(lines[2]))}">\n'
        "<style>text{font:14px ui-monospace,Menlo,Consolas,monospace;fill:#c9d1d9;"
        "white-space:pre}</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n{body}\n</svg>\n'
    )


def _spans(line: str) -> list[str]:
    found = []
    for code, coloured, usual in _PIECE.findall(line):
        if code:
            bold = ' font-weight="bold"' if code == "1" else ""
            found.append(f'<tspan fill="{_COLOURS[code]}"{bold}>{escape(coloured)}</tspan>')
        else:
            found.append(escape(usual))
    return found


def shown(picture: str) -> str:
    """The text of a picture."""
    from html import unescape  # noqa: PLC0415

    rows = re.findall(r"<text[^>]*>(.*)</text>", picture)
    return "\n".join(unescape(re.sub(r"<[^>]+>", "", row)) for row in rows) + "\n"


def main() -> None:
    """Draw it."""
    PICTURE.write_text(drawing(printed()), encoding="utf-8")


if __name__ == "__main__":
    main()
