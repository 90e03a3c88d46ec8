"""The fields of a message of Python's email package, as the author set them.

A field's value is the source of its lines if the message was parsed or is of the older class, a
decoded object of the newer class, or an ``email.header.Header``. A resent message (RFC 5322 section
3.6.6) has two sets of address fields; the Resent- fields count.
"""

from __future__ import annotations

import re
from collections import Counter
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
                f"headers.{name}", "is neither ASCII nor UTF-8; write it again in UTF-8"
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


_LISTS = ("To", "Cc", "Reply-To")
"""Fields that several of can be one."""

_ONCE = (
    "From", "Sender", "Date", "Subject", "Message-ID", "In-Reply-To", "References",
    "Content-Type", "Content-Transfer-Encoding", "Content-Disposition",
)  # fmt: skip
"""Fields of which readers take one or another (RFC 5322 section 3.6), and servers none."""


def make_single(message: PythonMessage) -> None:
    """Make one field of several where that says the same: the older class adds a field each time.

    Raises:
        InputError: there are several of one that has a single value; names it.
    """
    names = Counter(name.lower() for name in message.keys())  # noqa: SIM118  # it is no mapping
    if max(names.values(), default=1) == 1:
        return
    for name in _ONCE:
        if names[name.lower()] > 1:
            raise InputError(
                f"headers.{name}",
                "appears more than once, which RFC 5322 forbids and servers refuse; delete the "
                "field before you set it again, or use replace_header",
            )
    for name in _LISTS:
        if names[name.lower()] > 1:
            joined = ", ".join(text for text in texts(message, name) if text)
            del message[name]
            message[name] = joined


PREFIX = "resent-"


def is_resent(message: PythonMessage) -> bool:
    """Whether its envelope is to be read from the fields of a resending.

    Raises:
        InputError: it was resent more than once. Only their order tells the sets of fields apart,
            and Python adds a field at the end.
    """
    names = Counter(name.lower() for name in message.keys() if name.lower().startswith(PREFIX))  # noqa: SIM118
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise InputError(
            twice[0],
            "appears more than once: the message was resent before, and it is unclear which one "
            "applies; give an envelope",
        )
    return bool(names)
