"""Whose fault an error of the database is: the operation's own, or the store's.

What is the operation's own would fail again on any store; all else may pass, and nothing that is
known may be given up for it.
"""

from __future__ import annotations

import sqlite3
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError, PendingRollbackError, ResourceClosedError
from sqlalchemy.exc import TimeoutError as NoConnectionError


class Blame(Enum):
    """Whose fault an error is."""

    OPERATION = auto()
    """What was to be written cannot be."""
    STORE = auto()
    """The database: lost, hung, read-only, locked, broken, not as we left it."""
    FULL = auto()
    """The database has no room left."""


OF_THE_OPERATION = frozenset({
    "21",  # cardinality violation
    "22",  # data exception
    "23",  # integrity constraint violation
    "44",  # WITH CHECK OPTION violation
    "54",  # program limit exceeded
})  # fmt: skip
"""Classes of SQLSTATE (PostgreSQL, appendix A) that speak of the values. All others are the
store's: a table that is not there (42) is a standby that lags, or somebody else's database."""

_LOST = (OSError, NoConnectionError, PendingRollbackError, ResourceClosedError)
"""There is no connection, or none any more."""

_DISK_FULL = "53100"

_OF_THE_OPERATION_SQLITE = frozenset(
    {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH,
     sqlite3.SQLITE_RANGE}
)  # fmt: skip
"""The same among SQLite's result codes (https://www.sqlite.org/rescode.html)."""

_OF_THE_DRIVER = frozenset({"DataError", "IntegrityError", "NotSupportedError", "ProgrammingError"})
"""Names of PEP 249 for what a driver refuses by itself, before a database has seen it."""

_MAY_BE_DONE = frozenset({"08", "57"})
"""Classes of SQLSTATE of a COMMIT that was cut off: it may be on the disk (57P01 is also told
while a standby was being waited for)."""


def blame(error: BaseException) -> Blame:
    """Whose fault an error is.

    Args:
        error: of SQLAlchemy, of the system, or of our own code.
    """
    if not isinstance(error, DBAPIError):
        return Blame.STORE if isinstance(error, _LOST) else Blame.OPERATION
    state, code = _sqlstate(error), _sqlite_code(error)
    if state == _DISK_FULL or code == sqlite3.SQLITE_FULL:
        return Blame.FULL
    if state is not None:
        own = state[:2] in OF_THE_OPERATION
    elif code is not None:
        own = code in _OF_THE_OPERATION_SQLITE
    else:
        own = type(error.orig).__name__ in _OF_THE_DRIVER
    return Blame.OPERATION if own else Blame.STORE


def may_be_done(error: BaseException) -> bool:
    """Whether a COMMIT that ended with this error may have been performed all the same.

    Args:
        error: of the COMMIT itself.
    """
    if isinstance(error, DBAPIError):
        if (state := _sqlstate(error)) is not None:
            return state[:2] in _MAY_BE_DONE
        if (code := _sqlite_code(error)) is not None:
            return code == sqlite3.SQLITE_IOERR
    return True


def _sqlstate(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) and state else None


def _sqlite_code(error: DBAPIError) -> int | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None  # without what extends it
