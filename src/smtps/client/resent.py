"""A message that is sent once more, by somebody else to others (RFC 5322 section 3.6.6)."""

from __future__ import annotations

from collections import Counter
from email.message import Message as PythonMessage

from smtps.errors import InputError

PREFIX = "resent-"


def is_resent(message: PythonMessage) -> bool:
    """Whether its envelope is to be read from the fields of a resending.

    Raises:
        InputError: it was resent more than once, so that nobody can tell which one is meant: they
            are told apart by their place alone, and Python adds a field at the end.
    """
    names = Counter(name.lower() for name in message.keys() if name.lower().startswith(PREFIX))  # noqa: SIM118
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise InputError(
            twice[0],
            "is there more than once: the message was resent before, and whose turn it is cannot "
            "be told; give an envelope",
        )
    return bool(names)
