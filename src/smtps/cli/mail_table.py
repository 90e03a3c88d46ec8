"""Messages of the outbox as a table: to whom, how far, when next and why."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

SHORTEST = 12
"""Digits of an id that are shown at least: its moment, to a millisecond."""

_WIDEST = {"account": 20, "to": 40, "subject": 40}


def table(
    messages: Sequence[Mapping[str, Any]], accounts: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Lines: a header, and one for each message, with a second where there is something to explain.

    Args:
        messages: as ``Outbox.page`` gives them.
        accounts: account → its state.
    """
    digits = short(message["id"] for message in messages)
    head = {name: name for name in ("id", "accepted", "status", "account", "to", "subject")}
    rows = [_row(message, digits) for message in messages]
    width = {name: max(len(row[name]) for row in (head, *rows)) for name in head}
    lines = [_line(head, width)]
    for message, row in zip(messages, rows, strict=True):
        lines.append(_line(row, width))
        if why := _why(message, accounts.get(message["account"])):
            indent = " " * (width["id"] + 2)
            lines += textwrap.wrap(
                why, 98, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
            )
    return lines


def short(ids: Any) -> int:
    """How many digits tell these ids apart."""
    known = set(ids)
    return next(
        (n for n in range(SHORTEST, 32) if len({each[:n] for each in known}) == len(known)), 32
    )


def _row(message: Mapping[str, Any], digits: int) -> dict[str, str]:
    more = sum(message["standings"].values()) - 1
    to = message["first_recipient"] or ""
    row = {
        "id": message["id"][:digits],
        "accepted": message["created_at"][:16].replace("T", " "),
        "status": message["status"],
        "account": message["account"],
        "to": to + (f" +{more}" if more > 0 else ""),
        "subject": message["subject"] or "(no subject)",
    }
    return row | {name: _cut(row[name], most) for name, most in _WIDEST.items()}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _line(row: Mapping[str, str], width: Mapping[str, int]) -> str:
    return "  ".join(f"{row[name]:{size}}" for name, size in width.items()).rstrip()


def _why(message: Mapping[str, Any], account: Mapping[str, Any] | None) -> str:
    failure = message["failure"]
    parts = [failure["message"]] if failure else []
    if message["next_attempt_at"]:
        parts.append(next_attempt(message, account))
    elif message["finished_at"] and failure:
        parts.append(f"ended {_moment(message['finished_at'])}")
    return "; ".join(part.rstrip(".") for part in parts if part)


def next_attempt(message: Mapping[str, Any], account: Mapping[str, Any] | None) -> str:
    """When a message is tried next; empty for at once, by a service that runs."""
    if account is not None and account["status"] == "stopped":
        return f"waits until {account['account']} is resumed"
    due = datetime.fromisoformat(message["next_attempt_at"])
    if account is not None and account["status"] != "ok" and account["next_attempt_at"]:
        due = max(due, datetime.fromisoformat(account["next_attempt_at"]))
    if due <= datetime.now(UTC):
        return ""
    return f"next attempt {_moment(due.isoformat())}"


def _moment(text: str) -> str:
    return text[:16].replace("T", " ")


def place(text: str) -> str:
    """An outbox in words, without a password."""
    if "://" not in text:
        return f"the file {text}"
    from urllib.parse import urlsplit  # noqa: PLC0415

    url = urlsplit(text)
    return (
        f"the database {url.path.lstrip('/') or 'of the user'} at {url.hostname or 'this machine'}"
    )
