"""Where logins are kept: one file for each account, which only its owner can read.

A file is replaced as a whole, and is on the disk before what it says is acted upon. A lock beside
it lets one process at a time renew the login. Files and folders that others could read or have
planted are refused: whoever can put a login there could have this user's mail sent from another
mailbox.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from smtps.errors import Phase, TokenError
from smtps.extras import extra_needed
from smtps.locks import NoLocksError, lock
from smtps.oauth.tokens import StoredLogin

LARGEST = 131_072
"""Octets of a file."""

LONGEST_WAIT = 90.0
"""Seconds for another process to renew a login."""

_PAUSE = 0.02
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class TokenStore(Protocol):
    """Where the logins of accounts are."""

    @property
    def where(self) -> str:
        """For people."""

    def read(self, account: str) -> StoredLogin | None:
        """The login of an account; None if there is none.

        Raises:
            TokenError: it cannot be read, or others could have read or planted it.
        """

    def write(self, account: str, login: StoredLogin, lease: int = 0) -> None:
        """Keep a login; it is safe from a crash when this returns.

        Args:
            account: whose.
            login: of the account.
            lease: what ``locked`` gave.

        Raises:
            TokenError: it cannot be kept, or another process has taken the lease over.
        """

    def forget(self, account: str, lease: int = 0) -> bool:
        """Remove a login; whether there was one."""

    def locked(self, account: str) -> AbstractAsyncContextManager[int]:
        """A context in which no other process changes the login; its value is a lease."""


def state_folder() -> Path:
    """The folder for logins of this user (XDG Base Directory).

    Raises:
        TokenError: there is no home to put it in.
    """
    with extra_needed():
        from platformdirs import user_state_path  # noqa: PLC0415
    try:
        return user_state_path("smtps", appauthor=False).expanduser() / "accounts"
    except RuntimeError:  # neither HOME nor an entry for this user
        raise unusable(
            "There is no home folder to keep the login in. Set XDG_STATE_HOME to a folder of this "
            "user that lasts."
        ) from None


class FileStore:
    """Files in one folder.

    Args:
        folder: made when first written to.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    @property
    def where(self) -> str:
        """The folder."""
        return str(self._folder)

    def read(self, account: str) -> StoredLogin | None:
        """See ``TokenStore.read``."""
        if not self._check_folder():
            return None
        path = self._path(account)
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | _NO_FOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            if path.is_symlink():
                raise _unsafe(path, "is a symbolic link", f"rm {path}") from error
            raise unusable(f"{path} cannot be read: {error.strerror}.") from error
        try:
            _check_private(os.fstat(file), path, directory=False)
            data = os.read(file, LARGEST + 1)
        finally:
            os.close(file)
        return parsed(data, account, str(path))

    def write(self, account: str, login: StoredLogin, lease: int = 0) -> None:  # noqa: ARG002
        """See ``TokenStore.write``. The system ends the lock of a process that has ended."""
        path = self._path(account)
        new = path.with_name(f".{path.name}.new")
        data = json.dumps(login.as_json()).encode()
        try:
            self._make_folder()
            with suppress(FileNotFoundError):
                new.unlink()  # of a process that was killed
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | _NO_FOLLOW
            with os.fdopen(os.open(new, flags, 0o600), "wb") as opened:
                os.fchmod(opened.fileno(), 0o600)
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
            new.replace(path)
            self._sync_folder()
        except OSError as error:
            raise unusable(f"{path} cannot be written: {error.strerror}.") from error

    def forget(self, account: str, lease: int = 0) -> bool:  # noqa: ARG002
        """See ``TokenStore.forget``."""
        if not self._check_folder():
            return False
        try:
            self._path(account).unlink()
            self._sync_folder()
        except FileNotFoundError:
            return False
        except OSError as error:
            problem = f"{self._path(account)} cannot be removed: {error.strerror}."
            raise unusable(problem) from error
        return True

    @asynccontextmanager
    async def locked(self, account: str) -> AsyncIterator[int]:
        """See ``TokenStore.locked``.

        Raises:
            TokenError: another process held the lock for LONGEST_WAIT seconds, or this system has
                no locks on files.
        """
        try:
            self._make_folder()
        except OSError as error:
            raise unusable(f"{self._folder} cannot be made: {error.strerror}.") from error
        with self._lock_file(account) as file:
            end = time.monotonic() + LONGEST_WAIT
            while not _locked(file):
                if time.monotonic() >= end:
                    raise TokenError(
                        "oauth.timeout",
                        f"Another process has been renewing the login of {account} for "
                        f"{LONGEST_WAIT:g} seconds.",
                        phase=Phase.TOKEN,
                        retryable=True,
                    )
                await asyncio.sleep(_PAUSE)
            yield 0

    @contextmanager
    def _lock_file(self, account: str) -> Iterator[int]:
        path = self._folder / f"{account}.lock"
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | _NO_FOLLOW
        try:
            file = os.open(path, flags, 0o600)
        except OSError as error:
            raise unusable(f"{path} cannot be opened: {error.strerror}.") from error
        try:
            _check_private(os.fstat(file), path, directory=False)
            yield file
        finally:
            os.close(file)

    def _path(self, account: str) -> Path:
        return self._folder / f"{account}.json"

    def _make_folder(self) -> None:
        if not self._check_folder():
            self._folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):
                self._folder.mkdir(mode=0o700)
            self._check_folder()

    def _check_folder(self) -> bool:
        """Whether the folder is there; what others could read or write is refused."""
        try:
            found = os.lstat(self._folder)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise unusable(f"{self._folder} cannot be read: {error.strerror}.") from error
        _check_private(found, self._folder, directory=True)
        return True

    def _sync_folder(self) -> None:
        file = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def parsed(data: bytes, account: str, where: str) -> StoredLogin:
    """A login as it was kept.

    Raises:
        TokenError: it is something else.
    """
    try:
        return StoredLogin.of_json(json.loads(data if len(data) <= LARGEST else b""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise TokenError(
            "oauth.store_damaged",
            f"The login in {where} cannot be read. Log in again: smtps login --account {account}",
            phase=Phase.TOKEN,
        ) from None


def _locked(file: int) -> bool:
    try:
        lock(file)
    except NoLocksError as error:
        raise unusable("This system has no locks on files.") from error
    except OSError:
        return False
    return True


def _check_private(found: os.stat_result, path: Path, *, directory: bool) -> None:
    """That a file or folder belongs to this user, and no other user can read it."""
    right = stat.S_ISDIR(found.st_mode) if directory else stat.S_ISREG(found.st_mode)
    kind, mode = ("folder", "700") if directory else ("file", "600")
    if stat.S_ISLNK(found.st_mode) or not right:
        raise _unsafe(path, f"is not a {kind}", f"rm {path}")
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        raise _unsafe(
            path, "belongs to another user",
            f"run smtps as the user with the number {found.st_uid}, or log in as this one",
        )  # fmt: skip
    if found.st_mode & _OTHERS:
        raise _unsafe(path, "can be read by others", f"chmod {mode} {path}, and log in again")
    if not directory and found.st_nlink > 1:  # 0: another process has just put a new one in place
        raise _unsafe(path, "has a second name", f"rm {path}, and log in again")


def _unsafe(path: Path, why: str, remedy: str) -> TokenError:
    return TokenError(
        "oauth.store_unsafe",
        f"{path} {why}, so the login in it is not used. Remedy: {remedy}",
        phase=Phase.TOKEN,
    )


def unusable(message: str) -> TokenError:
    """The error for a place where no login can be kept or read."""
    return TokenError("oauth.store_unusable", message, phase=Phase.TOKEN)
