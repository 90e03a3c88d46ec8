"""Tests that need what Debian 12's servers do: elsewhere they are left out, and counted.

``@pytest.mark.debian12(reason)`` marks them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

_LEFT_OUT = pytest.StashKey[list[str]]()


def debian() -> str:
    """Debian's release, such as 12; empty on other systems."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    of = dict(line.split("=", 1) for line in lines if "=" in line)
    return of.get("VERSION_ID", "").strip('"') if of.get("ID") == "debian" else ""


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the marked tests out of the list, on another release of Debian."""
    if debian() in ("", "12"):
        return
    left = [item for item in items if item.get_closest_marker("debian12")]
    config.hook.pytest_deselected(items=left)
    config.stash[_LEFT_OUT] = [f"{item.nodeid} ({_reason(item)})" for item in left]
    items[:] = [item for item in items if item not in left]


def _reason(item: pytest.Item) -> str:
    marker = item.get_closest_marker("debian12")
    assert marker is not None
    return str(marker.args[0])


def left_out(config: pytest.Config) -> Iterator[str]:
    """How many tests were left out; which, and why."""
    if names := config.stash.get(_LEFT_OUT, []):
        yield f"{len(names)} left out, since they need Debian 12's servers:"
        yield from (f"  {name}" for name in names)
