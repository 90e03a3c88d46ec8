"""The targets of a run of ``smtps check``: one per line, read as they come.

A resumed run skips those that are done; a share (``--share``) takes only its part of the list.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
from argparse import Namespace
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from smtps.cli.results import GROWING
from smtps.core.reply import printable
from smtps.errors import InputError

STDIN = "-"

_LONGEST = 1024
"""Bytes of a line. No target is longer, and a file without a line feed must not fill the memory."""

_CHUNK = 65536


async def read_lines(source: str) -> AsyncIterator[str]:
    """The targets in a file or, for ``-``, on standard input, which may be a slow pipe.

    Raises:
        InputError: it cannot be read.
    """
    lines = _Lines()
    with _opened(source) as file:
        while chunk := await _read(file):
            for target in lines.cut(chunk):
                yield target
        for target in lines.cut(b"\n"):
            yield target


def reread_lines(source: str) -> Iterator[str] | None:
    """The targets once more, to count them; None for what can be read only once."""
    if source == STDIN or not Path(source).is_file():
        return None
    return _read_again(source)


def _read_again(source: str) -> Iterator[str]:
    lines = _Lines()
    with _opened(source) as file:
        while chunk := os.read(file, _CHUNK):
            yield from lines.cut(chunk)
        yield from lines.cut(b"\n")


class _Lines:
    """Cuts bytes into lines, and lines into targets."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, chunk: bytes) -> Iterator[str]:
        """The targets that are complete."""
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[:_LONGEST]
        for line in lines:
            text = line[:_LONGEST].decode("utf-8", "replace")
            if target := text.removeprefix("\ufeff").partition("#")[0].strip():
                yield target


@contextmanager
def _opened(source: str) -> Iterator[int]:
    if source == STDIN:
        yield 0
        return
    try:
        file = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError("from", f"{source} cannot be read: {reason}") from error
    try:
        yield file
    finally:
        os.close(file)


async def _read(file: int) -> bytes:
    """What is there, as soon as something is.

    No thread that could not be woken, and the descriptor, which other programs may share, stays as
    it is.
    """
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(file, readable.set)
    except PermissionError:  # a regular file: never a wait
        return _chunk(file)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(file)
    return _chunk(file)


def _chunk(file: int) -> bytes:
    try:
        return os.read(file, _CHUNK)
    except OSError as error:
        raise InputError("from", f"cannot be read: {error.strerror}") from error


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
    """A target as CSV shows it: see ``report.lines``."""
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


def named(options: Namespace) -> list[str]:
    """Those on the command line."""
    return [target for target in options.targets if target != STDIN]


def lists(options: Namespace) -> list[str]:
    """Where lists of others are; each is read once."""
    found = [STDIN] if STDIN in options.targets else []
    if options.list is not None and options.list not in found:
        found.append(options.list)
    if STDIN in found and options.password_file == STDIN:
        raise InputError("password_file", "standard input is already used for the list of targets")
    return found


def several(options: Namespace) -> bool:
    """Whether there may be more than one."""
    return bool(lists(options)) or len(options.targets) > 1


class Todo:
    """What is left to check.

    Args:
        options: of the command line.
        form: of the results.

    Attributes:
        verdicts: of earlier runs, where this one goes on with them.

    Raises:
        InputError: the options cannot be used.
    """

    def __init__(self, options: Namespace, form: str) -> None:
        self._named = named(options)
        self._lists = lists(options)
        self._shard = Shard.parse(options.shard) if options.shard is not None else Shard()
        self._resumable = options.output_file is not None and form in GROWING
        self._done = Done()
        if options.resume:
            if not self._resumable or options.against is not None:
                raise InputError(
                    "resume", f"needs --output {' or '.join(GROWING)} and --output-file"
                )
            self._done = Done.of(options.output_file, form)

    @property
    def verdicts(self) -> frozenset[str]:
        """Of earlier runs."""
        return frozenset(self._done.verdicts)

    @property
    def how_to_go_on(self) -> str:
        """For whoever interrupts."""
        if self._resumable:
            return "Run the same command with --resume to continue."
        return "The output written so far is valid."

    async def read(self) -> AsyncIterator[str]:
        """The targets."""
        for target in self._wanted(self._named):
            yield target
        for source in self._lists:
            async for target in read_lines(source):
                if self._is_wanted(target):
                    yield target

    def count(self) -> int | None:
        """How many they are, if that can be told beforehand."""
        total = sum(1 for _ in self._wanted(self._named))
        for source in self._lists:
            again = reread_lines(source)
            if again is None:
                return None
            total += sum(1 for _ in self._wanted(again))
        self._done.put_back()
        return total

    def _wanted(self, targets: Iterable[str]) -> Iterator[str]:
        return filter(self._is_wanted, targets)

    def _is_wanted(self, target: str) -> bool:
        return target in self._shard and not self._done.take(target)
