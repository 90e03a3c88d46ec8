"""Which targets a batch has still to do: its share of the list, without those that are done."""

from __future__ import annotations

import csv
import json
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from smtps.core.reply import printable
from smtps.errors import InputError


def key(target: str) -> int:
    """A number of 64 bits that stands for a target, the same on every machine."""
    return int.from_bytes(blake2b(target.encode(), digest_size=8).digest(), "big")


class Shard:
    """One of several shares of a list; together they are the whole list, whatever its order.

    Args:
        number, of: the first of three is 1 of 3.
    """

    def __init__(self, number: int = 1, of: int = 1) -> None:
        self._number = number
        self._of = of

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``i/n``.

        Raises:
            InputError: it is something else.
        """
        number, slash, of = text.partition("/")
        if not (slash and _digits(number) and _digits(of) and 1 <= int(number) <= int(of)):
            raise InputError("shard", "must be i/n with i from 1 to n, such as 2/5")
        return cls(int(number), int(of))

    def __contains__(self, target: str) -> bool:
        return key(target) % self._of == self._number - 1


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 7


class Done:
    """The targets that have a result; of each, nine octets are held and not its name.

    A target that stands in the list twice needs two results.

    Attributes:
        verdicts: those that occur.
    """

    def __init__(self) -> None:
        self.verdicts: set[str] = set()
        self._keys = array("Q")
        self._taken = bytearray()

    @classmethod
    def of(cls, path: str | Path, form: str) -> Done:
        """Read a file of results; lines that are none are passed over.

        Raises:
            InputError: it cannot be read.
        """
        done, keys = cls(), array("Q")
        try:
            with Path(path).open(encoding="utf-8", errors="replace", newline="") as file:
                for target, verdict in _READERS[form](file):
                    keys.append(key(_written(target)))
                    done.verdicts.add(verdict)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise InputError("output_file", f"cannot be read: {error.strerror}") from error
        done._keys = array("Q", sorted(keys))
        done.put_back()
        return done

    def __len__(self) -> int:
        return len(self._keys)

    def take(self, target: str) -> bool:
        """Whether a target is done; each result counts once."""
        wanted = key(_written(target))
        place = bisect_left(self._keys, wanted)
        while place < len(self._keys) and self._keys[place] == wanted:
            if not self._taken[place]:
                self._taken[place] = 1
                return True
            place += 1
        return False

    def put_back(self) -> None:
        """Let every result count again."""
        self._taken = bytearray(len(self._keys))


def _written(target: str) -> str:
    """A target as CSV shows it: see ``formats.rows``."""
    return printable(target).removeprefix("'")


def _from_ndjson(file: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in file:
        with suppress(ValueError, TypeError, KeyError):
            found = json.loads(line)
            yield str(found["target"]), str(found["verdict"])


def _from_csv(file: Iterable[str]) -> Iterator[tuple[str, str]]:
    for row in csv.DictReader(file):
        target, verdict = row.get("target"), row.get("verdict")
        if target and verdict:
            yield target, verdict


_READERS: dict[str, Callable[[Iterable[str]], Iterator[tuple[str, str]]]] = {
    "ndjson": _from_ndjson,
    "csv": _from_csv,
}
"""Form → targets and verdicts."""
