"""Where the service keeps logins (OAuth 2): in files, or encrypted in the outbox's database.

Read by the service with its settings, and without pydantic by the commands that have ``--config``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from smtps.credentials import from_command, from_environment
from smtps.errors import InputError

if TYPE_CHECKING:
    from smtps.oauth.token_store import TokenStore
    from smtps.outbox.login_keys import LoginKeys

SOURCES = ("login_key_env", "login_key_file", "login_key_command")
"""Settings that say where the keys are, of which one may be given."""

MOST = 65_536
"""Characters of a file with keys."""


@dataclass(frozen=True, kw_only=True)
class LoginPlace:
    """Where logins may be kept.

    Attributes:
        folder: for files; None for the user's own.
        outbox: the setting.
        login_key_env, login_key_file, login_key_command: where the keys are that encrypt rows.
    """

    folder: Path | None = None
    outbox: str | None = None
    login_key_env: str | None = None
    login_key_file: str | None = None
    login_key_command: str | None = None
    _made: list[TokenStore] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of_settings(
        cls, found: Mapping[str, Any], environment: Mapping[str, str] = os.environ
    ) -> Self:
        """What a file of settings and the environment say.

        Args:
            found: the file.
            environment: goes before it.
        """
        names = ("outbox", *SOURCES)
        values: dict[str, Any] = {
            name: environment.get(f"SMTPS_{name.upper()}") or found.get(name) for name in names
        }
        state = environment.get("SMTPS_STATE_DIR") or found.get("state_dir")
        return cls(folder=folder_of(state, environment), **values)

    @property
    def source(self) -> str | None:
        """The setting that says where the keys are."""
        return next((name for name in SOURCES if getattr(self, name) is not None), None)

    def check(self) -> None:
        """Judge it; no key is read.

        Raises:
            InputError: something is wrong; names the setting.
        """
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) > 1:
            both = " and ".join(given)
            raise InputError(given[0], f"{both} cannot be given together; choose one")
        if given and not self._on_postgres:
            raise InputError(
                given[0], 'is for logins in PostgreSQL, and needs outbox = "postgresql://…"'
            )

    @property
    def _on_postgres(self) -> bool:
        return str(self.outbox).startswith(("postgresql://", "postgres://"))

    def check_rows(self) -> None:
        """Make sure that logins can be kept in the database.

        Raises:
            InputError: they cannot.
        """
        if not self._on_postgres or self.source is None:
            raise InputError(
                "oauth.keep", "can be outbox only in the settings of a service whose outbox is on "
                f"PostgreSQL, and with a key: set one of {', '.join(SOURCES)}",
            )  # fmt: skip

    def keys(self) -> LoginKeys:
        """The keys.

        Raises:
            InputError: they cannot be read.
        """
        from smtps.outbox.login_keys import read_keys  # noqa: PLC0415

        source = self.source
        assert source is not None
        where = str(getattr(self, source))
        if source == "login_key_env":
            return read_keys(from_environment(where, field=source), source)
        if source == "login_key_file":
            return read_keys(_text(Path(where)), source)
        try:
            return read_keys(from_command(where), source)
        except InputError as error:
            raise InputError(source, error.problem) from None

    def rows(self) -> TokenStore:
        """The database; one for all accounts.

        Raises:
            InputError: there is none, or the keys cannot be read.
        """
        self.check_rows()
        if not self._made:
            from smtps.extras import extra_needed  # noqa: PLC0415

            with extra_needed():
                from smtps.outbox.login_rows import LoginRows  # noqa: PLC0415
            self._made.append(LoginRows(str(self.outbox), self.keys()))
        return self._made[0]


def folder_of(state_dir: str | None, environment: Mapping[str, str]) -> Path | None:
    """Where logins are kept beside what else a service keeps; None for the user's own folder.

    Args:
        state_dir: the setting.
        environment: systemd names its state directory there.
    """
    named = state_dir or environment.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(named).expanduser() / "accounts" if named else None


def _text(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(MOST)
    except (OSError, UnicodeError) as error:
        raise InputError("login_key_file", f"cannot be read: {error}") from error
