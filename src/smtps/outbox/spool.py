"""A file for outcomes that the database does not take at the moment: one JSON record a line.

Each process has a file of its own and holds a lock on it, so a file that a dead process left can be
told from one that is in use.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from smtps.chance import token
from smtps.locks import lock
from smtps.outbox.decision import Decision
from smtps.outbox.lane_store import Forsaken, Released, forsake, release
from smtps.outbox.records import ClaimedMessage, RecipientStatus, State, Tried
from smtps.outbox.settlement import AttemptResult, record_results
from smtps.outbox.writer import Operation

log = logging.getLogger("smtps.outbox")

Record = dict[str, Any]

Outcome = tuple[Operation[Any], Any]
"""What an outcome is written with, and its argument."""

ASIDE = ".unreadable"
"""Suffix of files for the operator to look at; no process reads them."""

_ID = re.compile(r"[0-9a-f]{32}")

_OPEN = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class Spool:
    """The file of this process, and those that others have left.

    Args:
        folder: where; it is made when it is needed.
        name: of the outbox, so that several may share a folder.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._prefix = folder, f"outcomes-{name[:12]}-"
        self._path = folder / f"{self._prefix}{os.getpid()}-{token()[:8]}.ndjson"
        self._file: int | None = None

    def keep(self, records: Sequence[Record]) -> Path:
        """Add records; when this returns, they are on the disk.

        Raises:
            OSError: they are not.
        """
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(self._path, _OPEN, 0o600)
            try:
                lock(file, wait=True)
                _sync(self._folder)
            except OSError:
                os.close(file)
                raise
            self._file = file
        _append(self._file, records)
        return self._path

    def set_aside(self, records: Sequence[Record]) -> Path:
        """Keep records that the database will never take; when this returns, they are on the disk.

        Raises:
            OSError: they are not.
        """
        path = self._path.with_suffix(ASIDE)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(path, _OPEN, 0o600)
        try:
            _append(file, records)
            _sync(self._folder)
        finally:
            os.close(file)
        return path

    def clear(self) -> None:
        """Forget them: they are in the database."""
        if self._file is not None:
            with suppress(OSError):
                self._path.unlink()
            self.close()

    def close(self) -> None:
        """Leave the file to whoever starts next."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def left(self) -> Iterator[Path]:
        """Files of processes that have ended."""
        for path in sorted(self._folder.glob(f"{self._prefix}*.ndjson")):
            if path != self._path:
                yield path


@contextmanager
def taken(path: Path) -> Iterator[list[Outcome] | None]:
    """The outcomes in a file that no other process holds, or None; it is removed after a success.

    One that holds anything that this version cannot read stays there, under another name.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            lock(file)
        except OSError:  # its process lives
            yield None
            return
        outcomes, readable = _read(path)
        yield outcomes
        if readable:
            path.unlink(missing_ok=True)
        else:
            other = path.with_suffix(ASIDE)
            path.rename(other)
            log.error("%s contains lines that cannot be read; they are kept there", other)
    finally:
        os.close(file)


def _read(path: Path) -> tuple[list[Outcome], bool]:
    """Its outcomes, and whether they are all; a last line without its end was being written."""
    outcomes = []
    *lines, _ = path.read_bytes().split(b"\n")
    for line in lines:
        record: Any = None
        try:
            record = json.loads(line)
            outcomes.append(of_record(record))
        except (AttributeError, KeyError, TypeError, ValueError):
            # Not its contents, nor the error, which may quote them: a server's replies are in it.
            log.error(  # noqa: TRY400
                "%s contains an outcome that this version cannot read: message %s, %d bytes",
                path, named(record) or "unknown", len(line),
            )  # fmt: skip
    return outcomes, len(outcomes) == len(lines)


def _append(file: int, records: Sequence[Record]) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    before = os.fstat(file).st_size
    try:
        while lines:
            lines = lines[os.write(file, lines) :]
        os.fsync(file)
    except OSError:  # a full disk took a part, say, to which the next record would be added
        with suppress(OSError):
            os.ftruncate(file, before)
        raise


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def as_record(operation: Operation[Any], what: Any) -> Record:
    """What can be written to a file.

    Args:
        operation: ``settle``, ``release`` or ``forsake``; another has only its name.
        what: its argument.
    """
    for name, (known, write, _) in _KINDS.items():
        if operation is known:
            return {"kind": name, **write(what)}
    return {"kind": getattr(operation, "__name__", "?")}


def named(record: Any) -> str:
    """The messages that a record is about, as far as that can be told."""
    if not isinstance(record, dict):
        return ""
    claims = record.get("claims")
    found = [record.get("claim"), *(claims if isinstance(claims, list) else ())]
    ids = [claim.get("id") for claim in found if isinstance(claim, dict)]
    return ", ".join(id_ for id_ in ids if isinstance(id_, str) and _ID.fullmatch(id_))


def of_record(record: Record) -> Outcome:
    """What ``as_record`` was given.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is no record of ours.
    """
    operation, _, read = _KINDS[record["kind"]]
    return operation, read(record)


def _tried(record: Record) -> Tried:
    return Tried(
        record["id"], record["number"], record["begun"], bool(record["told"]),
        tuple(record["people"]), frozenset(record["doubtful"]),
    )  # fmt: skip


def _record_of(claim: ClaimedMessage | Tried) -> Record:
    return {"id": claim.id, "number": claim.number, "begun": claim.begun, "told": claim.told,
            "people": list(claim.people), "doubtful": sorted(claim.doubtful)}  # fmt: skip


def _write_settled(lot: list[AttemptResult]) -> Record:
    (one,) = lot
    return {
        "account": one.account, "token": one.token, "claim": _record_of(one.claim),
        "ruling": asdict(one.decision), "now": one.now, "attempt": dict(one.attempt),
        "notify": one.notify,
    }  # fmt: skip


def _read_settled(record: Record) -> list[AttemptResult]:
    decision = dict(record["ruling"])
    decision["state"] = State(decision["state"])
    decision["people"] = tuple(
        (RecipientStatus(standing), reply) for standing, reply in decision["people"]
    )
    return [
        AttemptResult(
            record["account"], record["token"], _tried(record["claim"]), Decision(**decision),
            record["now"], record["attempt"], record["notify"],
        )
    ]  # fmt: skip


def _write_released(released: Released) -> Record:
    return {"token": released.token, "claims": [_record_of(claim) for claim in released.claims]}


def _read_released(record: Record) -> Released:
    return Released(record["token"], [_tried(claim) for claim in record["claims"]])


def _write_forsaken(forsaken: Forsaken) -> Record:
    return forsaken._asdict()


def _read_forsaken(record: Record) -> Forsaken:
    return Forsaken(record["account"], record["token"], record["begun"])


_KINDS: dict[str, tuple[Operation[Any], Callable[[Any], Record], Callable[[Record], Any]]] = {
    "settled": (record_results, _write_settled, _read_settled),
    "released": (release, _write_released, _read_released),
    "forsaken": (forsake, _write_forsaken, _read_forsaken),
}
