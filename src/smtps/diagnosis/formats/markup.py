"""HTML put together from elements: what is not one is text, and is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from smtps.core.reply import printable

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
