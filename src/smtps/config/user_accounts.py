"""A user's own accounts: ``~/.config/smtps/accounts.toml``, or what ``SMTPS_ACCOUNTS`` names.

It holds ``[accounts.NAME]`` as the service's settings do, and is read with the same rules, without
pydantic, which the base install does not have. A file of settings (``--config``) can take its
place.
"""

from __future__ import annotations

import json
import os
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from smtps.config.login_place import LoginPlace
from smtps.config.server_account import NAME, OAuthTable, ServerAccount
from smtps.endpoint import Endpoint
from smtps.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from smtps.oauth.token_source import StoredTokens

VARIABLE = "SMTPS_ACCOUNTS"

OUTBOX_ONLY = (
    "senders", "per_minute", "per_day", "concurrency", "window", "uncertain", "retry",
    "lifetime_hours", "webhook",
)  # fmt: skip
"""Settings of an account that mean something to the service alone."""

Table = TypeVar("Table", OAuthTable, ServerAccount)


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of a file.

    Attributes:
        path: the file.
        tables: name → what stands there; judged when it is used.
        logins: where they are kept; None for the user's own folder.
        there: whether there is such a file.
        config: the path, where it is a file of settings.
    """

    path: Path
    tables: Mapping[str, Any]
    logins: LoginPlace | None = None
    there: bool = True
    config: str | None = None

    def tokens(self, name: str, account: ServerAccount) -> StoredTokens:
        """The source of access tokens of an account that has the table ``oauth``.

        Raises:
            TokenError: there is no folder for its login.
            InputError: its login cannot be kept where the account says.
        """
        return account.tokens(name, self.logins, config=self.config)

    def get(self, name: str) -> ServerAccount:
        """An account.

        Raises:
            InputError: there is none of that name, or something in it is wrong.
        """
        if name not in self.tables:
            near = did_you_mean(name, self.tables)
            known = f"; there is {', '.join(self.tables)}" if self.tables and not near else ""
            where = f"{self.path} has" if self.there else f"{self.path} does not exist, so there is"
            raise InputError("account", f"{where} no account {name!r}{near or known}")
        table = self.tables[name]
        where = f"accounts.{name}"
        if not NAME.fullmatch(name):
            raise InputError(
                where, "cannot be the name of an account; use letters, digits, . _ @ -"
            )
        if not isinstance(table, dict):
            raise InputError(where, "must be a table")
        mine = {key: value for key, value in table.items() if key not in OUTBOX_ONLY}
        try:
            account = read_table(ServerAccount, mine, known=OUTBOX_ONLY)
            account.check_server()
        except InputError as error:
            raise InputError(f"{where}.{error.field}", error.problem) from None
        return account

    def named_for(self, address: str) -> str | None:
        """The account of this name, or the only one of this user; None if there is none."""
        if address in self.tables:
            return address
        found = [
            name for name, table in self.tables.items()
            if isinstance(table, dict) and table.get("username") == address
        ]  # fmt: skip
        return found[0] if len(found) == 1 else None

    def endpoint(self, name: str) -> Endpoint:
        """The server of an account, and who to be there. A password is read now; a token is fetched
        when a login begins.

        Raises:
            InputError: there is no such account, or something in it is wrong.
            ExtraError: it needs the extra ``oauth``.
        """
        account = self.get(name)
        tokens = None
        if account.oauth is not None:
            tokens = self.tokens(name, account)
        try:
            return account.endpoint(account.password(), tokens=tokens, transcript=True)
        except InputError as error:
            raise InputError(f"accounts.{name}.{error.field}", error.problem) from None


def accounts_file(environment: Mapping[str, str] = os.environ) -> Path:
    """The user's file (XDG Base Directory)."""
    if named := environment.get(VARIABLE):
        return Path(named).expanduser()
    folder = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(folder).expanduser() / "smtps" / "accounts.toml"


def read_accounts(config: str | None = None) -> Accounts:
    """The accounts of the user, or of a file of settings.

    Args:
        config: the file of settings; None for the user's own accounts.

    Raises:
        InputError: the file cannot be read; names it.
    """
    path = accounts_file() if config is None else Path(config)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if config is None and VARIABLE not in os.environ:
            return Accounts(path, {}, there=False)
        raise InputError(_field(config), f"{path} does not exist") from None
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(_field(config), f"{path} cannot be read: {error}") from error
    logins = None
    if config is not None:
        logins = LoginPlace.of_settings(found)
        logins.check()
    elif unknown := sorted(set(found) - {"accounts"}):
        near = did_you_mean(unknown[0], ("accounts",))
        raise InputError(
            unknown[0], f"is not a setting of {path}, which can have only accounts{near}"
        )
    tables = found.get("accounts", {})
    if not isinstance(tables, dict):
        raise InputError("accounts", f"in {path} must be tables, such as [accounts.work]")
    return Accounts(path, tables, logins, config=config)


def add_account(accounts: Accounts, name: str, table: Mapping[str, Any]) -> None:
    """Write a new account into the user's file, behind what stands there.

    Args:
        accounts: of the file.
        name: of the account; not in the file yet.
        table: strings, numbers, lists of strings, and one table of them.

    Raises:
        InputError: the file cannot be written.
    """
    path = accounts.path
    text = f"[accounts.{_toml(name)}]\n" + "".join(
        f"{key} = {_toml(value)}\n" for key, value in table.items()
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "a+", encoding="utf-8") as file:
            file.write(("\n" if file.tell() else "") + text)
    except OSError as error:
        raise InputError("account", f"{path} cannot be written: {error.strerror}") from error


def _toml(value: Any) -> str:
    """A value of TOML."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")


def _field(config: str | None) -> str:
    return VARIABLE if config is None else "config"


def account(name: str, *, config: str | None = None) -> Endpoint:
    """The server of one of the user's accounts, and who to be there.

        result = await smtps.send(message, smtps.account("work"))

    Args:
        name: in ``~/.config/smtps/accounts.toml``, or the file that ``SMTPS_ACCOUNTS`` names.
        config: a file of the service's settings, to take the account from.

    Raises:
        InputError: there is no such account, or something in it is wrong; names the setting.
    """
    return read_accounts(config).endpoint(name)


def read_table(kind: type[Table], table: Mapping[str, Any], known: tuple[str, ...] = ()) -> Table:
    """A table of a TOML file as what it describes.

    Args:
        kind: a dataclass.
        table: the file's.
        known: more names that one may have meant.

    Raises:
        InputError: a name is not known, or a value is of another type; names it.
    """
    types_of: dict[str, Any] = _hints(kind)
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in types_of:
            raise InputError(name, f"is not a setting{did_you_mean(name, [*types_of, *known])}")
        values[name] = _value(name, value, types_of[name])
    for each in fields(kind):
        if each.name == "host" and "host" not in values:
            raise InputError("host", "is required: the name of the mail server")
    return kind(**values)


def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _value(name: str, value: Any, wanted: Any) -> Any:
    """The value, if it is of the type."""
    kinds = [kind for kind in _alternatives(wanted) if kind is not type(None)]
    for kind in kinds:
        if typing.get_origin(kind) is typing.Literal:
            if value in typing.get_args(kind):
                return value
            allowed = ", ".join(map(str, typing.get_args(kind)))
            raise InputError(name, f"must be one of {allowed}" + did_you_mean(
                str(value), [str(each) for each in typing.get_args(kind)]))  # fmt: skip
        if typing.get_origin(kind) is tuple:
            if isinstance(value, list) and all(isinstance(each, str) for each in value):
                return tuple(value)
            raise InputError(name, "must be a list of strings")
        if is_dataclass(kind) and isinstance(kind, type):
            return _inner(name, value, kind)
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
    raise InputError(name, f"must be {_WORDS.get(kinds[0], 'something else')}")


def _inner(name: str, value: Any, kind: type[Any]) -> Any:
    if not isinstance(value, dict):
        raise InputError(name, 'must be a table, such as { client_id = "…" }')
    try:
        return read_table(kind, value)
    except InputError as error:
        raise InputError(f"{name}.{error.field}", error.problem) from None


def _alternatives(wanted: Any) -> tuple[Any, ...]:
    if typing.get_origin(wanted) in (types.UnionType, typing.Union):
        return typing.get_args(wanted)
    return (wanted,)


_WORDS: Mapping[Any, str] = {
    str: "a string", int: "a whole number", float: "a number", bool: "true or false",
}  # fmt: skip
