"""The picture in the README shows what a check prints."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from scripts import check_picture as picture


def without_numbers(text: str) -> str:
    """Times, dates and ports differ from run to run, and so do lines that they make longer."""
    return " ".join(re.sub(r"[\d.:-]*\d", "0", text).split())


def test_the_picture_is_what_a_check_prints() -> None:
    held = picture.PICTURE.read_text(encoding="utf-8")
    now = picture.plain(picture.printed(port=0))
    assert without_numbers(picture.shown(held)) == without_numbers(now)


def test_the_picture_is_an_svg_that_loads_nothing() -> None:
    text = picture.PICTURE.read_text(encoding="utf-8")
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "docs/check.svg" in (picture.PICTURE.parent.parent / "README.md").read_text()


def test_a_picture_keeps_colours_and_signs() -> None:
    drawn = picture.drawing("\x1b[31m✗\x1b[0m a < b\n\n\x1b[1mx\x1b[0m & y\n")
    assert '<tspan fill="#ff7b72">✗</tspan> a &lt; b' in drawn
    assert picture.shown(drawn) == "✗ a < b\n\nx & y\n"
