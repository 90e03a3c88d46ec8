"""Other places for logins than files: the system's keyring, or whatever a command talks to.

The lock that lets one process at a time renew a login is a file all the same, so these serve the
processes of one machine. How safe a login is from a crash is up to the place.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

from smtps.extras import extra_needed
from smtps.oauth.token_store import FileStore, parsed, unusable
from smtps.oauth.tokens import StoredLogin

SERVICE = "smtps login"
"""What entries in the keyring are called."""

PATIENCE = 60.0
"""Seconds for a command: it may have to ask for a passphrase."""


@contextmanager
def _keyring(what: str) -> Iterator[Any]:
    """The library; its errors say that the keyring cannot be ``what``."""
    with extra_needed():
        import keyring  # noqa: PLC0415
        from keyring.errors import KeyringError  # noqa: PLC0415
    try:
        yield keyring
    except KeyringError as error:
        raise unusable(f"The keyring cannot be {what}: {error}.") from error


class KeyringStore:
    """The system's keyring, with an entry for each account.

    Args:
        folder: for locks.
    """

    where = "the keyring"

    def __init__(self, folder: Path) -> None:
        self._locks = FileStore(folder)

    def read(self, account: str) -> StoredLogin | None:
        """See ``TokenStore.read``."""
        with _keyring("read") as keyring:
            text = keyring.get_password(SERVICE, account)
        return None if text is None else parsed(str(text).encode(), account, self.where)

    def write(self, account: str, login: StoredLogin, lease: int = 0) -> None:  # noqa: ARG002
        """See ``TokenStore.write``."""
        with _keyring("written") as keyring:
            keyring.set_password(SERVICE, account, json.dumps(login.as_json()))

    def forget(self, account: str, lease: int = 0) -> bool:  # noqa: ARG002
        """See ``TokenStore.forget``."""
        with _keyring("written") as keyring:
            try:
                keyring.delete_password(SERVICE, account)
            except keyring.errors.PasswordDeleteError:
                return False
        return True

    def locked(self, account: str) -> AbstractAsyncContextManager[int]:
        """See ``TokenStore.locked``."""
        return self._locks.locked(account)


class CommandStore:
    """A command: ``COMMAND get|put|forget ACCOUNT``, with the login as text, in and out.

    ``get`` prints what was put last, or nothing. An exit code other than 0 is a failure.

    Args:
        command: with its arguments.
        folder: for locks.
    """

    def __init__(self, command: str, folder: Path) -> None:
        self._command = command
        self._locks = FileStore(folder)

    @property
    def where(self) -> str:
        """The program."""
        return f"what {shlex.split(self._command)[0]} keeps"

    def read(self, account: str) -> StoredLogin | None:
        """See ``TokenStore.read``."""
        data = self._run("get", account).strip()
        return parsed(data, account, self.where) if data else None

    def write(self, account: str, login: StoredLogin, lease: int = 0) -> None:  # noqa: ARG002
        """See ``TokenStore.write``."""
        self._run("put", account, json.dumps(login.as_json()).encode())

    def forget(self, account: str, lease: int = 0) -> bool:  # noqa: ARG002
        """See ``TokenStore.forget``."""
        there = bool(self._run("get", account).strip())
        if there:
            self._run("forget", account)
        return there

    def locked(self, account: str) -> AbstractAsyncContextManager[int]:
        """See ``TokenStore.locked``."""
        return self._locks.locked(account)

    def _run(self, action: str, account: str, data: bytes = b"") -> bytes:
        command = [*shlex.split(self._command), action, account]
        try:
            done = subprocess.run(  # noqa: S603  # the user's own command
                command, input=data, capture_output=True, check=False, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired:
            raise unusable(
                f"{command[0]} {action} did not end within {PATIENCE:g} seconds."
            ) from None
        except OSError as error:
            raise unusable(f"{command[0]} cannot be run: {error.strerror}.") from error
        if done.returncode:  # what it prints may be the login
            raise unusable(f"{command[0]} {action} failed (exit code {done.returncode}).")
        return done.stdout
