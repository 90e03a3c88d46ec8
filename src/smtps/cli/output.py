"""What goes to the terminal, and whether it may be coloured (https://no-color.org)."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from typing import Any

_PLAIN = {
    "✓": "+", "✗": "x", "…": "...", "–": "-", "—": "-", "−": "-", "→": "->", "←": "<-", "·": "-",
    "•": "-", "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "×": "x", "≥": ">=", "≤": "<=",
    "│": "|", "─": "-", "└": "`", "├": "|", "\u00a0": " ", "█": "#", "░": ".",
}  # fmt: skip
"""What stands for a sign on a console that does not know it; for any other, a question mark."""


def _plainly(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    shown = "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end])
    return shown, error.end


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """JSON has a way of its own to write what is beyond ASCII (RFC 8259 section 7)."""
    import json  # noqa: PLC0415  # late: not every command needs it

    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error("smtps.plain", _plainly)
codecs.register_error("smtps.json", _escaped)

_DOCUMENTS = {
    "json": "smtps.json", "ndjson": "smtps.json", "html": "xmlcharrefreplace",
    "junit": "xmlcharrefreplace", "csv": "backslashreplace",
}  # fmt: skip
"""How each form that programs read says in ASCII what a console cannot take."""


def use_any_console() -> None:
    """Let no sign stop a command: consoles know Windows code pages, ISO 8859 or ASCII alone.

    Some programs start others without any console at all.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Also takes the free descriptor, which a connection must not get.
            nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # to the end
            setattr(sys, name, nowhere)
        if (reconfigure := getattr(getattr(sys, name), "reconfigure", None)) is not None:
            reconfigure(errors="smtps.plain")


def colour() -> bool:
    """Only to a terminal, and not against the user's wish."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def show(text: str) -> None:
    """Print text as it is, at once.

    Raises:
        InputError: it cannot be written: the disk is full.
        BrokenPipeError: its reader has left.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        from smtps.errors import InputError  # noqa: PLC0415  # late: few disks are full

        raise InputError("stdout", f"cannot be written: {error.strerror}") from error


def show_document(text: str, form: str) -> None:
    """Print a piece of a document in one of the forms of ``--output``: valid on any console."""
    if not text.isascii() and form in _DOCUMENTS and not _unicode(sys.stdout.encoding):
        text = text.encode("ascii", _DOCUMENTS[form]).decode()
    show(text)


def _unicode(encoding: str | None) -> bool:
    return (encoding or "").lower().replace("_", "-").startswith(("utf-", "utf8"))


def show_json(value: Any, *, compact: bool = False) -> None:
    """Print one JSON value; compact ones fill one line."""
    import json  # noqa: PLC0415  # late: not every command needs it

    indent = None if compact or not sys.stdout.isatty() else 2
    show_document(json.dumps(value, ensure_ascii=False, indent=indent) + "\n", "json")


def complain(text: str) -> None:
    """Print to standard error; where that cannot be written, the exit code has to do."""
    with suppress(OSError):
        sys.stderr.write(f"smtps: {text}\n")
