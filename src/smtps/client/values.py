"""What stands in the fields of a message of Python's email package.

A field's value is the source of its lines, if the message was parsed or is of the older class; an
object of the newer class with the value decoded; or an ``email.header.Header``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.header import Header
from email.message import Message as PythonMessage
from typing import Any

from smtps.errors import InputError

_FOLDING = re.compile(r"(?:\r\n|\r|\n)(?=[ \t])")


def is_source(value: Any) -> bool:
    """Whether a value is lines as they stand in a header, and nothing that was made of them."""
    return isinstance(value, str) and not hasattr(value, "fold")


def text_of(name: str, value: Any) -> str:
    """A field's value in one line of Unicode; encoded words in a source stay as they are.

    Raises:
        InputError: it cannot be read.
    """
    if isinstance(value, Header):
        value = str(value)
    if not isinstance(value, str):
        raise InputError(
            f"headers.{name}", f"must be a string, with commas between several, not {_kind(value)}"
        )
    text = _FOLDING.sub("", str(value)).strip(" \t\r\n")
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode("ascii", "surrogateescape").decode()
        except UnicodeError:
            raise InputError(
                f"headers.{name}", "is neither ASCII nor UTF-8; write it anew"
            ) from None
    return text


def _kind(value: Any) -> str:
    return type(value).__name__


def texts(message: PythonMessage, name: str) -> Iterator[str]:
    """The values of all fields of a name."""
    items: Any = message.raw_items() if hasattr(message, "raw_items") else message.items()
    for found, value in items:
        if found.lower() == name.lower():
            yield text_of(name, value)
