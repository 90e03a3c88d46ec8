"""Files, folders, the port and the outbox's database: whether they exist and may be used.

Nothing is created, locked or written.
"""

from __future__ import annotations

import errno
import getpass
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from smtps.config.settings import Settings
from smtps.credentials import without_password
from smtps.errors import InputError, SMTPSError
from smtps.locks import NoLocksError, lock
from smtps.net.listener import take_port
from smtps.outbox.schema import check_usable


@dataclass(frozen=True, slots=True)
class Problem:
    """Why it would not start, or not work.

    Attributes:
        setting: its path, such as ``accounts.main.port``.
        where: the same as the place that it is read from calls it.
        problem: what is wrong and what to do.
    """

    setting: str
    where: str
    problem: str


@dataclass(slots=True)
class Findings:
    """All of it.

    Attributes:
        file: where settings were read from, if there is one.
        flags: settings of the command line.
        written: settings of the file.
        problems: why it would not start, or not work.
        tried: what was found to be good, a sentence each.
        notes: what is no problem and worth knowing.
        untried: what cannot be checked without starting.
    """

    file: str | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    untried: list[str] = field(default_factory=list)

    def add(self, setting: str, problem: str) -> None:
        """Note a problem, once."""
        found = Problem(setting, self.where(setting), problem)
        if found not in self.problems:
            self.problems.append(found)

    def where(self, setting: str) -> str:
        """What the place that a setting is read from calls it."""
        top = setting.partition(".")[0]
        if top in self.flags:
            return f"--{top.replace('_', '-')}"
        variable = f"SMTPS_{top.upper()}"
        if variable in os.environ:
            return variable if top == setting else f"{setting} in {variable}"
        if top in self.written or self.file is None or top == "config":
            return setting if self.file is None or top == "config" else f"{setting} in {self.file}"
        return f"{setting}, which is not set in {self.file}"

    @contextmanager
    def noting(self, setting: str, *, within: str = "") -> Iterator[None]:
        """Note an error of ours as a problem with a setting, and go on.

        Args:
            setting: to blame, where the error names none.
            within: what the setting that the error names is a part of.
        """
        try:
            yield
        except SMTPSError as error:
            blamed, message = error.failure.field, str(error)
            if blamed is None:
                self.add(setting, message)
                return
            self.add(f"{within}{blamed}" if within else blamed, message.removeprefix(f"{blamed}: "))

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "starts": not self.problems,
            "file": self.file,
            "problems": [
                {"setting": one.setting, "where": one.where, "problem": one.problem}
                for one in self.problems
            ],
            "tried": self.tried,
            "notes": self.notes,
            "not_tried": self.untried,
        }


def whose_rights(findings: Findings) -> None:
    """Say as whom files were tried."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.geteuid())
    findings.notes.append(
        f"files were checked as user {name}: the service should run as the same user"
    )


def check_port(findings: Findings, settings: Settings) -> None:
    """Take the port for a moment, without listening."""
    shown = f"{settings.host} port {settings.port}"
    try:
        take_port(settings.host, settings.port).close()
    except InputError as error:
        number = getattr(error.__cause__, "errno", None)
        if number == errno.EADDRINUSE:
            findings.notes.append(
                f"{shown} is in use; unless this service is using it, the service would not start"
            )
            return
        findings.add("port" if number == errno.EACCES else "host", error.problem)
    else:
        free = "a free port would be used" if settings.port == 0 else f"{shown} is free"
        findings.tried.append(free)


def check_uploads(findings: Findings, settings: Settings) -> None:
    """The folder for the files of forms."""
    folder = Path(settings.upload_dir or tempfile.gettempdir())
    if (problem := unusable_folder(folder)) is not None:
        findings.add("upload_dir", f"{folder} {problem}")
    else:
        findings.tried.append(f"{folder} can store the files of forms")


def unusable_folder(folder: Path) -> str | None:
    """Why nothing can be written into a folder, or None."""
    if not folder.exists():
        return "does not exist; create it"
    if not folder.is_dir():
        return "is not a folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "cannot be written to; give the service's user permission"
    return None


PATIENCE = 5.0
"""Seconds for a database to answer."""

_HEADER = b"SQLite format 3\0"


def check_outbox(findings: Findings, place: str, *, own: bool) -> None:
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
            findings.tried.append(f"{path} would be created")
        return
    if not path.is_file():
        findings.add("outbox", f"{path} is not a file")
        return
    if not os.access(path, os.R_OK | os.W_OK):
        findings.add(
            "outbox", f"{path} cannot be read and written; give the service's user permission"
        )
        return
    if (problem := unusable_folder(path.parent)) is not None:
        findings.add(
            "outbox", f"{path.parent} {problem}: the database also keeps files next to its own"
        )
        return
    if own and (owner := _owner(path)) is not None:
        findings.notes.append(
            f"process {owner} is sending from {path}; no other can start until it stops"
        )
    _contents(findings, path)


def _owner(path: Path) -> str | None:
    """The process that has the file, if there is one."""
    try:
        file = os.open(f"{path}.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        lock(file)
    except NoLocksError:
        return None
    except OSError:
        return os.read(file, 32).decode().strip() or "unknown"
    finally:
        os.close(file)
    return None


def _contents(findings: Findings, path: Path) -> None:
    with path.open("rb") as file:
        begin = file.read(len(_HEADER))
    if not begin:
        findings.tried.append(f"{path} is empty and would be initialized")
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
            findings.tried.append(f"{path} is readable, and has no tables yet")
        else:
            findings.add("outbox", f"{path} cannot be read: {error}")
        return
    if _fits(findings, found):
        findings.tried.append(f"{path} is readable, and matches this version")


def _fits(findings: Findings, found: dict[str, str]) -> bool:
    """Whether what a database says of itself lets it be used."""
    try:
        check_usable(found)
    except InputError as error:
        findings.add(error.field, error.problem)
        return False
    return True


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

    from smtps.outbox import reading, tables  # noqa: PLC0415

    assert isinstance(engine, Engine)
    with engine.connect() as connection:
        if connection.execute(text("SHOW transaction_read_only")).scalar() == "on":
            findings.add("outbox", f"{shown} does not accept writes: it is a standby, or "
                                   "read-only. Use the primary")  # fmt: skip
            return
        if inspect(connection).has_table(tables.meta.name):
            if _fits(findings, reading.meta(connection)):
                findings.tried.append(f"{shown} is reachable, and matches this version")
            return
        may = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
        if connection.execute(text(may)).scalar():
            findings.tried.append(f"{shown} is reachable, and has no tables yet")
        else:
            findings.add("outbox", f"{shown} has no tables, and this user may not create them: "
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
        return "the address cannot be parsed"
    return text
