"""The rows of a mail merge: CSV with the names in its first line, or a JSON object to a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from smtps.errors import InputError

_LONGEST = 1_000_000
"""Characters of a cell."""


class Row(NamedTuple):
    """One reader.

    Attributes:
        number: the first is 1; the line with the names does not count.
        values: by name.
    """

    number: int
    values: dict[str, Any]

    @property
    def digest(self) -> str:
        """Stands for what is in the row."""
        text = json.dumps(self.values, sort_keys=True, ensure_ascii=False)
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def read(path: str) -> Iterator[Row]:
    """The rows, one after the other; the file is never in memory as a whole.

    Raises:
        InputError: it cannot be read, or a row has not what the first line promises.
    """
    lines = Path(path).suffix.lower() in (".jsonl", ".ndjson")
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            for number, values in enumerate((_objects if lines else _cells)(file), start=1):
                yield Row(number, values)
    except OSError as error:
        raise InputError("merge", f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError("merge", f"{path} is not UTF-8") from error


def _cells(file: TextIO) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(_LONGEST)
    first = file.readline()
    file.seek(0)
    # What a spreadsheet makes of "CSV" depends on its user's country.
    separator = max(",;\t", key=first.count)
    rows = csv.reader(file, delimiter=separator, strict=True)
    try:
        names = [name.strip() for name in next(rows, [])]
        if not names or "" in names or len(set(names)) < len(names):
            raise InputError("merge", "its first line must name each column, and none twice")
        number = 0
        for cells in rows:
            if not cells:
                continue  # an empty line
            number += 1
            if len(cells) != len(names):
                raise InputError(
                    "merge", f"row {number} has {len(cells)} cells, its first line {len(names)}"
                )
            yield dict(zip(names, cells, strict=True))
    except csv.Error as error:
        raise InputError("merge", f"line {rows.line_num}: {error}") from error


def _objects(file: TextIO) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError as error:
            raise InputError("merge", f"line {number} is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise InputError("merge", f"line {number} is not a JSON object")
        yield found
