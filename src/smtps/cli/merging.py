"""A mail merge: all rows are checked first, then each is sent once; a second run resumes.

Rows come from CSV, whose first line has the names, or from one JSON object per line.
"""

from __future__ import annotations

import asyncio
import csv
import json
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from smtps.cli import exits, output, progress, sending, server_options
from smtps.cli.results import IncrementalFile, open_incremental, telling
from smtps.errors import BEFORE_MAIL, Failure, InputError

if TYPE_CHECKING:
    from smtps.client.pool import Pool
    from smtps.client.result import Result
    from smtps.message.message import Message
    from smtps.message.template import Template

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


def read_rows(path: str) -> Iterator[Row]:
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
            raise InputError("merge", "its first line must name each column exactly once")
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
        self, file: IncrementalFile, known: dict[int, tuple[str, str]], *, retry_uncertain: bool
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
                f"row {row.number} has changed since the log was written; use a new log",
            )
        if outcome in _FINAL:
            return outcome
        # Begun and not answered: whether the message went out is unknown.
        if outcome in ("begun", "uncertain") and not self._retry_uncertain:
            return "uncertain"
        return None

    def note(self, row: Row, outcome: str, **more: object) -> None:
        """Write a line, and let the system have it before anything else happens."""
        known = {"row": row.number, "digest": row.digest, "outcome": outcome, **more}
        self._file.write(json.dumps(known, ensure_ascii=False) + "\n")


@contextmanager
def open_journal(path: str, *, retry_uncertain: bool) -> Iterator[Journal]:
    """Open the log of an earlier run, or a new one, for one run alone.

    Raises:
        InputError: it cannot be used, or another run uses it.
    """
    with open_incremental(Path(path), "log") as file:
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


_SHOWN = 10
"""Rows that cannot be sent, told one by one."""


def run(options: Namespace) -> int:
    """``smtps send --merge``."""
    from smtps.message.message import Attachment  # noqa: PLC0415
    from smtps.message.template import Template  # noqa: PLC0415

    template = Template.from_file(
        options.template,
        html=options.html_file,
        attachments=[Attachment.from_file(name) for name in options.attach],
    )
    try:
        total = _check(options.merge, template)
    except InputError as error:
        output.complain(str(error))
        return exits.DATA
    if options.dry_run:
        return _dry_run(options, template, total)
    return asyncio.run(_send(options, template, total))


def _check(path: str, template: Template) -> int:
    """Fill in every row and make it ready, before the first is sent; how many there are.

    Raises:
        InputError: one cannot be sent as it stands; nothing was sent.
    """
    from smtps.client.outgoing import prepare  # noqa: PLC0415

    wrong, total = [], 0
    for row in read_rows(path):
        total += 1
        try:
            prepare(template.fill(row.values), None)
        except InputError as error:
            wrong.append(f"row {row.number}: {error}")
    if wrong:
        more = f"\n  … and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        shown = "\n  ".join(wrong[:_SHOWN])
        raise InputError(
            "merge",
            f"{len(wrong)} of {total} rows cannot be sent; nothing was sent.\n  {shown}{more}",
        )
    if not total:
        raise InputError("merge", f"{path} has no rows")
    return total


def _dry_run(options: Namespace, template: Template, total: int) -> int:
    import sys  # noqa: PLC0415

    from smtps.client.outgoing import prepare  # noqa: PLC0415

    outgoing = prepare(template.fill(next(read_rows(options.merge)).values), None)
    output.complain(f"not sent: {total} messages, all valid; the first one:")
    sys.stdout.buffer.write(outgoing.data)
    return exits.OK


@dataclass(slots=True)
class _Tally:
    """The outcomes so far, and how many of them an earlier run came to."""

    total: int | None
    before: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    worst: int = exits.OK

    def add(self, outcome: str, failure: Failure | None = None) -> None:
        """Count one."""
        self.outcomes[outcome] += 1
        self.worst = max(self.worst, exits.of_send(failure, outcome), key=exits.SEND_SEVERITY.index)

    @property
    def done(self) -> int:
        """How many there are."""
        return self.outcomes.total()

    def __str__(self) -> str:
        return ", ".join(f"{n:,} {name}" for name, n in self.outcomes.items()) or "none sent"


async def _send(options: Namespace, template: Template, total: int) -> int:
    from smtps.cli.running import stop_signals  # noqa: PLC0415
    from smtps.client.pool import Pool  # noqa: PLC0415

    endpoint = server_options.endpoint(options, options.host, "host")
    tally = _Tally(total)
    show_bar = progress.progress_wanted(options.progress, several=total > 1)
    with ExitStack() as stack:
        log: Journal | None = None
        if options.log is not None:
            opened = open_journal(options.log, retry_uncertain=options.retry_uncertain)
            log = stack.enter_context(opened)
        show = stack.enter_context(progress.progress_bar(tally, show=show_bar))
        stop = stack.enter_context(stop_signals())
        merge = _Merge(template, log, tally, stop)
        if log is not None:
            for row in read_rows(options.merge):
                log.outcome(row)  # a log of other rows is told before anything is sent
        async with Pool(endpoint, size=options.connections) as pool:
            await _run(options, merge, pool, show)
    if merge.no_way_in is not None:
        sending.show_failure(merge.no_way_in)
        tally.worst = exits.of_send(merge.no_way_in)
    return _conclude(options, tally, stop)


@dataclass(slots=True)
class _Merge:
    """The messages, one after the other, and which row each of them is."""

    template: Template
    log: Journal | None
    tally: _Tally
    stop: asyncio.Event
    under_way: dict[int, tuple[Row, Message]] = field(default_factory=dict)
    no_way_in: Failure | None = None

    def messages(self, path: str) -> Iterator[Message]:
        """What is still to be sent, as it is asked for; nothing more once it was interrupted."""
        for row in read_rows(path):
            if self.stop.is_set() or self.no_way_in is not None:
                return
            if self.log is not None and (known := self.log.outcome(row)) is not None:
                self.tally.add(known)
                self.tally.before += 1
                continue
            message = self.template.fill(row.values)
            if self.log is not None:
                self.log.note(row, "begun", to=[str(who) for who in message.recipients])
            self.under_way[id(message)] = (row, message)
            yield message

    def over(self, message: Message, result: Result) -> Row:
        """One has its result."""
        row, _ = self.under_way.pop(id(message))
        failure = result.failure
        if failure is not None and not result.recipients and failure.phase in BEFORE_MAIL:
            # It is not about this message, so the next ones would fare no better.
            self.no_way_in = failure
            outcome = "unsent"
        else:
            outcome = result.outcome.value
            self.tally.add(outcome, failure)
        if self.log is not None:
            self.log.note(row, outcome, message_id=result.message_id)
        return row


async def _run(options: Namespace, merge: _Merge, pool: Pool, show: progress.Show) -> None:
    from smtps.checks.report import failure_json  # noqa: PLC0415

    async for message, result in pool.send_many(
        merge.messages(options.merge),
        window=options.window,
        partial=options.partial,
        dsn=sending.dsn(options),
        require_tls=options.require_tls,
    ):
        row = merge.over(message, result)
        show(merge.tally)
        if merge.no_way_in is not None:
            continue
        if options.json:
            shown: dict[str, Any] = {"row": row.number, **result.as_json()}
            if result.failure is not None:
                shown["failure"] = failure_json(result.failure)
            output.show_json(shown, compact=True)
        elif result.failure is not None:
            people = ", ".join(map(str, message.recipients))
            output.show(
                f"✗ row {row.number}, {people}: {result.outcome}: {result.failure.message}\n"
            )


def _conclude(options: Namespace, tally: _Tally, stop: asyncio.Event) -> int:
    before = f"; {tally.before:,} of them in an earlier run" if tally.before else ""
    output.complain(f"{tally.done:,} of {tally.total:,} messages: {tally}{before}")
    if stop.is_set() and tally.done < (tally.total or 0):
        on = (
            f"resume with --log {options.log}"
            if options.log
            else ("without --log it cannot be resumed")
        )
        output.complain(f"interrupted; {on}")
        return exits.INTERRUPTED
    if tally.outcomes["uncertain"]:
        output.complain(
            "uncertain means that no reply arrived: the message may have been delivered. To send "
            "these again: --retry-uncertain"
        )
    elif tally.outcomes["deferred"] and options.log:
        output.complain(
            f"to retry the deferred messages, run the command again with --log {options.log}"
        )
    return tally.worst
