"""Times as they are shown."""

from __future__ import annotations


def span(seconds: float) -> str:
    """``81 days``, ``5 hours``, ``3 minutes``: about how long."""
    for length, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * length or (seconds >= length and name == "minute"):
            number = int(seconds // length)
            return f"{number} {name}{'' if number == 1 else 's'}"
    return "less than a minute"
