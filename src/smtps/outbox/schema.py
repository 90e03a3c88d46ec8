"""Whether this program can use an outbox, from what the outbox says about itself; pure."""

from __future__ import annotations

from collections.abc import Mapping

from smtps.errors import InputError

SCHEMA = 1
"""The number of the tables' form, in ``meta``. It grows when an older program could no longer use
them; a table or an index that older programs ignore does not count.
"""


def check_usable(found: Mapping[str, str], moved_to: str | None = None) -> None:
    """Make sure that it can be used.

    Args:
        found: name → value, the contents of ``meta``.
        moved_to: where its mail may have moved.

    Raises:
        InputError: another version made it, or its mail has moved.
    """
    number = found.get("schema", "")
    if number != str(SCHEMA):
        if number.isdecimal() and int(number) > SCHEMA:
            problem = (
                f"was made by a newer smtps (schema {number}; this one knows {SCHEMA}); "
                "upgrade smtps"
            )
        else:
            problem = f"has a schema that this smtps does not recognize ({number or 'no number'})"
        raise InputError("outbox", problem)
    check_not_moved(found, moved_to)


def check_not_moved(found: Mapping[str, str], to: str | None = None) -> None:
    """Make sure that its mail is still there.

    Raises:
        InputError: it has moved elsewhere.
    """
    if "moved_to" in found and found["moved_to"] != to:
        raise InputError(
            "outbox", f"has moved to {found['moved_to']}; use that", code="outbox.moved"
        )
