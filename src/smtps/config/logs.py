"""What goes to a log: one line for each record, whatever a caller or a server has put into it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

ROOM = 1000
"""Characters of one text from outside."""

LONGEST = 8192
"""Characters of one line."""

NAMES = ("smtps", "smtps.access", "smtps.connections", "smtps.outbox", "smtps.stop",
         "uvicorn.error", "asyncio")  # fmt: skip
"""Loggers that are told texts from outside, by us and by the libraries that run us."""


class OneLine(logging.Filter):
    """Leaves no control character in a record, whatever handler writes it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Escape the record's text; a traceback keeps its lines, indented so that none of them
        passes for another record.
        """
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  # logging itself tells of arguments that do not fit
            return True
        if len(text) > LONGEST or not text.isprintable():
            record.msg, record.args = foreign(text, LONGEST), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _indented(_FORMATTER.formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = _indented(record.stack_info)
        return True


def guard() -> None:
    """Have every logger of ours write lines only. To call it again changes nothing."""
    for name in NAMES:
        logging.getLogger(name).addFilter(_ONE_LINE)
    # It warns of every malformed form; the answer says so, and anybody could fill the log.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


@contextmanager
def written(*, requests: bool = False) -> Iterator[None]:
    """Write what happens to standard error.

    Args:
        requests: each request, too.
    """
    guard()
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    handler.addFilter(_ONE_LINE)  # what other libraries have to say
    root = logging.getLogger()
    root.addHandler(handler)
    wanted = [logging.getLogger(name) for name in ["smtps.stop"] + ["smtps.access"] * requests]
    before = [logger.level for logger in wanted]
    for logger in wanted:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for logger, level in zip(wanted, before, strict=True):
            logger.setLevel(level)


def escaped(text: str) -> str:
    """A text in which whatever cannot be printed stands as its escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def foreign(text: str, room: int = ROOM) -> str:
    """A text that somebody else has chosen, as a part of a line."""
    return escaped(text[:room])


def _indented(text: str) -> str:
    return "\n".join(f"  {escaped(line)}" for line in text.split("\n"))


_FORMATTER = logging.Formatter()
_ONE_LINE = OneLine()
