"""What goes to a log: one line for each record, whatever a caller or a server has put into it."""

from __future__ import annotations

import logging

ROOM = 1000
"""Characters of one foreign text."""


class OneLine(logging.Formatter):
    """A formatter whose lines hold no control characters. A traceback keeps its own lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # its base's name
        """The line, without a traceback."""
        return escaped(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802
        """The traceback, each line of it indented so that none passes for another record."""
        text = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join(f"  {escaped(line)}" for line in text.split("\n"))


def escaped(text: str) -> str:
    """A text in which whatever cannot be printed stands as its escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def foreign(text: str) -> str:
    """A text that somebody else has chosen, as a part of a line."""
    return escaped(text[:ROOM])
