"""The outbox: whether its file or database could be used. Nothing is made, locked or written."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from smtps.api.examining.findings import Findings
from smtps.api.examining.places import unusable_folder
from smtps.credentials import without_password
from smtps.errors import SMTPSError
from smtps.outbox import tables

PATIENCE = 5.0
"""Seconds for a database to answer."""

_HEADER = b"SQLite format 3\0"


def outbox(findings: Findings, place: str, *, own: bool) -> None:
    """Try it.

    Args:
        findings: to add to.
        place: a file, or ``postgresql://…``.
        own: whether the service would send from it.
    """
    if place.startswith(("postgresql://", "postgres://")):
        _database(findings, place)
    elif "://" in place:
        findings.add("outbox", "must be a file, or postgresql://…")
    else:
        _file(findings, Path(place).expanduser(), own=own)


def _file(findings: Findings, path: Path, *, own: bool) -> None:
    if not path.exists():
        folder = path.parent
        while own and not folder.exists() and folder != folder.parent:
            folder = folder.parent  # the service makes those that are missing
        if (problem := unusable_folder(folder)) is not None:
            findings.add("outbox", f"{folder} {problem}")
        else:
            findings.tried.append(f"{path} would be made")
        return
    if not path.is_file():
        findings.add("outbox", f"{path} is not a file")
        return
    if not os.access(path, os.R_OK | os.W_OK):
        findings.add(
            "outbox", f"{path} cannot be read and written; give the service's user the right to"
        )
        return
    if (problem := unusable_folder(path.parent)) is not None:
        findings.add("outbox", f"{path.parent} {problem}: the database keeps files beside its own")
        return
    if own and (owner := _owner(path)) is not None:
        findings.notes.append(
            f"process {owner} sends from {path} just now; as long as it does, no other starts"
        )
    _contents(findings, path)


def _owner(path: Path) -> str | None:
    """The process that has the file, if there is one."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return os.read(lock, 32).decode().strip() or "unknown"
    finally:
        os.close(lock)
    return None


def _contents(findings: Findings, path: Path) -> None:
    with path.open("rb") as file:
        begin = file.read(len(_HEADER))
    if not begin:
        findings.tried.append(f"{path} is empty and would be filled")
        return
    if begin != _HEADER:
        findings.add("outbox", f"{path} is not an outbox; name another file")
        return
    # A file that nobody has open is read as it is; else what is beside it counts, too.
    alone = not Path(f"{path}-wal").exists()
    mode = "immutable=1" if alone else "mode=ro"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True)) as connection:
            found = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    except sqlite3.Error as error:
        if "no such table" in str(error):
            findings.tried.append(f"{path} can be read, and has no tables yet")
        else:
            findings.add("outbox", f"{path} cannot be read: {error}")
        return
    if _fits(findings, found):
        findings.tried.append(f"{path} can be read, and is of this version")


def _fits(findings: Findings, found: dict[str, str]) -> bool:
    """Whether what a database says of itself lets it be used."""
    if found.get("schema") != str(tables.SCHEMA):
        findings.add("outbox", f"was made by another version (schema {found.get('schema')})")
    elif "moved_to" in found:
        findings.add("outbox", f"has moved to {found['moved_to']}; use that")
    else:
        return True
    return False


def _database(findings: Findings, place: str) -> None:
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError  # noqa: PLC0415

    from smtps.outbox.store import backend  # noqa: PLC0415

    shown = without_password(place)
    try:
        behind = backend(place, own=False, patience=PATIENCE)
    except SMTPSError as error:
        findings.add("outbox", str(error).removeprefix("outbox: "))
        return
    with closing(behind):
        try:
            _ask(findings, behind.reading, shown)
        except DBAPIError as error:
            findings.add("outbox", f"{shown} cannot be used: {_words(error, place)}. Start the "
                                   "database, or correct the address")  # fmt: skip
        except (SQLAlchemyError, OSError) as error:
            findings.add("outbox", f"{shown} cannot be used ({type(error).__name__})")


def _ask(findings: Findings, engine: object, shown: str) -> None:
    from sqlalchemy import Engine, inspect, text  # noqa: PLC0415

    from smtps.outbox import reading  # noqa: PLC0415

    assert isinstance(engine, Engine)
    with engine.connect() as connection:
        if connection.execute(text("SHOW transaction_read_only")).scalar() == "on":
            findings.add("outbox", f"{shown} takes no writes: it is a standby, or read-only. "
                                   "Name the primary")  # fmt: skip
            return
        if inspect(connection).has_table(tables.meta.name):
            if _fits(findings, reading.meta(connection)):
                findings.tried.append(f"{shown} was reached, and is of this version")
            return
        may = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
        if connection.execute(text(may)).scalar():
            findings.tried.append(f"{shown} was reached, and has no tables yet")
        else:
            findings.add("outbox", f"{shown} has no tables, and this user may not make them: "
                                   "GRANT CREATE ON SCHEMA … TO …")  # fmt: skip


def _words(error: Exception, place: str) -> str:
    """What a driver says, unless it repeats what may be secret."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415

    text = str(getattr(error, "orig", error)).strip().splitlines()[0].rstrip(".")
    secrets: list[str] = []
    with suppress(Exception):
        url = make_url(place)
        secrets = [str(url.password or ""), *map(str, url.query.values())]
        secrets += [quote(one, safe="") for one in secrets]
        secrets += place.split("@")[:-1]
    shown = without_password(place)
    if any(one and one in text and one not in shown for one in secrets):
        return "the address cannot be read as it is written"
    return text
