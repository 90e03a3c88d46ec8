"""What became of each row of a mail merge, so that a second run does what is left and no more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from smtps.cli.growing import Growing, growing, telling
from smtps.cli.rows import Row
from smtps.errors import InputError

_FINAL = ("sent", "partial", "refused")
"""Outcomes that a second run leaves alone; ``uncertain`` too, unless asked for."""


class Journal:
    """What was begun, and what came of it: a JSON object to a line, written as it happens.

    Args:
        file: to add to.
        known: number of a row → its digest and last outcome.
        retry_uncertain: send those again that may have arrived.
    """

    def __init__(
        self, file: Growing, known: dict[int, tuple[str, str]], *, retry_uncertain: bool
    ) -> None:
        self._file = file
        self._known = known
        self._retry_uncertain = retry_uncertain

    def outcome(self, row: Row) -> str | None:
        """What became of a row in an earlier run, if it needs no further one.

        Raises:
            InputError: there was another row in its place.
        """
        digest, outcome = self._known.get(row.number, ("", ""))
        if not outcome:
            return None
        if digest != row.digest:
            raise InputError(
                "log",
                f"row {row.number} is not what it was when the log was written; use a new log",
            )
        if outcome in _FINAL:
            return outcome
        # Begun and not answered: nobody knows whether the message went out.
        if outcome in ("begun", "uncertain") and not self._retry_uncertain:
            return "uncertain"
        return None

    def note(self, row: Row, outcome: str, **more: object) -> None:
        """Write a line, and let the system have it before anything else happens."""
        known = {"row": row.number, "digest": row.digest, "outcome": outcome, **more}
        self._file.write(json.dumps(known, ensure_ascii=False) + "\n")


@contextmanager
def journal(path: str, *, retry_uncertain: bool) -> Iterator[Journal]:
    """Open the log of an earlier run, or a new one, for one run alone.

    Raises:
        InputError: it cannot be used, or another run uses it.
    """
    with growing(Path(path), "log") as file:
        yield Journal(file, _read(Path(path)), retry_uncertain=retry_uncertain)


def _read(path: Path) -> dict[int, tuple[str, str]]:
    known = {}
    with (
        telling("log", "cannot be read"),
        path.open(encoding="utf-8", errors="replace") as lines,
    ):
        for line in lines:
            with suppress(ValueError, TypeError, KeyError):  # not a line of ours
                found = json.loads(line)
                known[int(found["row"])] = (str(found["digest"]), str(found["outcome"]))
    return known
