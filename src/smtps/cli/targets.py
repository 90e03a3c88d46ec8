"""Which targets a run of ``smtps check`` is about."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator, Iterable, Iterator

from smtps.cli import lines
from smtps.cli.results import GROWING
from smtps.cli.resume import Done, Shard
from smtps.errors import InputError


def named(options: Namespace) -> list[str]:
    """Those on the command line."""
    return [target for target in options.targets if target != lines.STDIN]


def lists(options: Namespace) -> list[str]:
    """Where lists of others are; each is read once."""
    found = [lines.STDIN] if lines.STDIN in options.targets else []
    if options.list is not None and options.list not in found:
        found.append(options.list)
    if lines.STDIN in found and options.password_file == lines.STDIN:
        raise InputError("password_file", "standard input holds the list of targets already")
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
            return "The same command with --resume goes on."
        return "What is written is complete in itself."

    async def read(self) -> AsyncIterator[str]:
        """The targets."""
        for target in self._wanted(self._named):
            yield target
        for source in self._lists:
            async for target in lines.read(source):
                if self._is_wanted(target):
                    yield target

    def count(self) -> int | None:
        """How many they are, if that can be told beforehand."""
        total = sum(1 for _ in self._wanted(self._named))
        for source in self._lists:
            again = lines.again(source)
            if again is None:
                return None
            total += sum(1 for _ in self._wanted(again))
        self._done.put_back()
        return total

    def _wanted(self, targets: Iterable[str]) -> Iterator[str]:
        return filter(self._is_wanted, targets)

    def _is_wanted(self, target: str) -> bool:
        return target in self._shard and not self._done.take(target)
