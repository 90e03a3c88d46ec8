"""What a row of the table says."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Mail cannot be sent this way."""
    WARNING = "warning"
    """It works, but not for everybody or not for long."""
    INFO = "info"
    """Worth knowing; nothing is wrong."""


class Who(StrEnum):
    """Who can do something about it."""

    YOU = "you"
    OPERATOR = "operator"
    """Of the server."""
    NETWORK = "network"
    """Whoever runs the network between here and there."""


class Advice(NamedTuple):
    """One row.

    Attributes:
        severity: how much it matters.
        meaning: one plain sentence.
        fix: what to do about it.
        audience: who can.
        see: where to read on: an RFC with its section, or a page.
    """

    severity: Severity
    meaning: str
    fix: str
    audience: Who
    see: str = ""
