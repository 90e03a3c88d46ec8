"""What the operator decides about the service: one place, three sources.

Flags go before the environment (``SMTPS_PORT``), and that before the file (TOML).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from dataclasses import fields
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from smtps.config.accounts import AccountSettings, WebhookSettings, check_names
from smtps.config.callers import LOOPBACK, Proxies, is_hash
from smtps.config.login_place import LoginPlace, folder_of
from smtps.config.probe_modules import BUILT_IN, Module
from smtps.config.server_account import OAuthTable
from smtps.credentials import without_password
from smtps.errors import InputError, did_you_mean
from smtps.net import proxies
from smtps.net.dns import Resolver
from smtps.net.egress import MAIL_PORTS, Egress

Right = Literal["inbox", "metrics", "logins"]
"""What a token with ``grants`` may do only when it is said: read and empty the sandbox's inbox, see
the metrics of all accounts, and log in to the providers of its accounts."""


class _Environment(EnvSettingsSource):
    """Variables of the environment: a list with commas or as JSON, a table as JSON."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            if str(field.annotation).startswith("list["):
                return [part for each in value.split(",") if (part := each.strip())]
            name = f"SMTPS_{field_name.upper()}"
            example = '{"name": …}'
            raise InputError(
                name, f"must be a table in JSON, such as {example}; or set it in the file"
            ) from None


class Settings(BaseSettings):
    """Settings of the service. What is left open depends on where it listens."""

    model_config = SettingsConfigDict(
        env_prefix="SMTPS_", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    host: Annotated[str, Field(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="0 selects a free port")] = 8465
    tokens: Annotated[
        dict[str, str], Field(description="name → sha256:…; created by --new-token")
    ] = {}
    allow_anonymous: Annotated[
        bool, Field(description="listen beyond loopback without a token")
    ] = False
    hosts: Annotated[
        list[str], Field(description="the service's host names, checked against Host")
    ] = []
    private_targets: Annotated[
        bool | None, Field(description="connect to addresses that are not public")
    ] = None
    target_ports: Annotated[
        list[int] | None, Field(description="the only ports to connect to; empty: all")
    ] = None
    resolver: Annotated[
        str | None, Field(description="DNS server to use instead of the system's")
    ] = None
    caller_rate: Annotated[str | None, Field(description="such as 60/minute")] = None
    target_rate: Annotated[str | None, Field(description="such as 30/minute")] = None
    concurrency: Annotated[int, Field(ge=1, description="concurrent requests")] = 500
    streams: Annotated[int, Field(ge=1, description="concurrent event streams")] = 200
    trusted_proxies: Annotated[
        list[str], Field(description="networks of proxies whose X-Forwarded-For is trusted")
    ] = []
    warm: Annotated[
        float, Field(ge=0, description="seconds a session waits for the next message; 0: never")
    ] = 10.0
    max_body: Annotated[int, Field(ge=1024, description="octets")] = 64 * 1024 * 1024
    max_upload: Annotated[int, Field(ge=1024, description="bytes of a form with files")] = 1 << 30
    upload_dir: Annotated[
        str | None,
        Field(
            description="where the files of a form are stored; default the system's "
            "folder for temporary files"
        ),
    ] = None
    max_recipients: Annotated[int, Field(ge=1)] = 1000
    max_attachments: Annotated[int, Field(ge=0)] = 100
    max_headers: Annotated[int, Field(ge=0)] = 50
    grace: Annotated[
        float, Field(ge=0, description="seconds that running requests have at shutdown")
    ] = 5.0
    lane_grace: Annotated[
        float,
        Field(
            ge=0,
            description="seconds to wait at shutdown for replies to messages being transmitted",
        ),
    ] = 60.0
    outbox: Annotated[
        str | None, Field(description="a file, or postgresql://…, for queued mail")
    ] = None
    accounts: Annotated[
        dict[str, AccountSettings], Field(description="name → server and credentials")
    ] = {}
    grants: Annotated[
        dict[str, list[str]], Field(description="token → the only accounts that it may use")
    ] = {}
    rights: Annotated[
        dict[str, list[Right]],
        Field(description="token with grants → what else it may do: inbox, metrics, logins"),
    ] = {}
    deliver: Annotated[bool, Field(description="send the outbox's mail from this process, too")] = (
        True
    )
    outbox_octets: Annotated[int, Field(ge=1 << 20, description="bytes of all stored mail")] = (
        10 << 30
    )
    outbox_timeout: Annotated[
        float, Field(ge=1, description="seconds that a request waits for the outbox's database")
    ] = 10.0
    state_dir: Annotated[
        str | None,
        Field(description="for outcomes that the database does not accept; see outbox.md"),
    ] = None
    login_key_env: Annotated[
        str | None, Field(description="variable with the keys that encrypt logins in PostgreSQL")
    ] = None
    login_key_file: Annotated[str | None, Field(description="file with them")] = None
    login_key_command: Annotated[str | None, Field(description="command that prints them")] = None
    outbox_message: Annotated[int, Field(ge=1024, description="bytes of one message")] = 50 << 20
    keep_bodies: Annotated[float, Field(ge=0, description="days after a message's end")] = 7.0
    keep_records: Annotated[float, Field(ge=0, description="the same, for its record")] = 90.0
    probe: Annotated[
        dict[str, Module], Field(description="modules of /probe, beside the two that are built in")
    ] = BUILT_IN

    _file: str | None = PrivateAttr(None)

    DEFAULTS: ClassVar[dict[str, tuple[Any, Any]]] = {
        "private_targets": (True, False),
        "target_ports": ([], sorted(MAIL_PORTS)),
        "caller_rate": ("", "60/minute"),
        "target_rate": ("", "30/minute"),
    }
    """Left open, they are this on loopback, and that elsewhere."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # ours takes its place
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Environment(settings_cls)

    @field_validator("tokens")
    @classmethod
    def _only_hashes(cls, tokens: dict[str, str]) -> dict[str, str]:
        for name, value in tokens.items():
            if not is_hash(value):
                raise ValueError(f"{name} must be a hash as --new-token prints it, not the token")
        return tokens

    @field_validator("resolver")
    @classmethod
    def _an_address(cls, resolver: str | None) -> str | None:
        Resolver(resolver)
        return resolver

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, networks: list[str]) -> list[str]:
        Proxies(networks)
        return networks

    @field_validator("probe")
    @classmethod
    def _with_defaults(cls, modules: dict[str, Module]) -> dict[str, Module]:
        return BUILT_IN | modules

    @field_validator("accounts")
    @classmethod
    def _named_well(cls, accounts: dict[str, AccountSettings]) -> dict[str, AccountSettings]:
        check_names(accounts)
        return accounts

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not (self.loopback or self.tokens or self.allow_anonymous):
            raise ValueError(
                f"listening on {self.host} needs an API token (smtps serve --new-token NAME), or "
                "allow_anonymous"
            )
        for token, names in self.grants.items():
            if token not in self.tokens:
                raise InputError("grants", f"there is no token {token!r}; add it to [tokens]")
            if unknown := sorted(set(names) - set(self.accounts)):
                raise InputError(
                    f"grants.{token}", f"there is no account {', '.join(map(repr, unknown))}"
                )
        for token in self.rights:
            if token not in self.grants:
                raise InputError("rights", f"{token!r} has no grants, and therefore every right")
        for name, (near, far) in self.DEFAULTS.items():
            if getattr(self, name) is None:
                self.__dict__[name] = near if self.loopback else far
        return self

    @model_validator(mode="after")
    def _probes_have_accounts(self) -> Self:
        for name, module in self.probe.items():
            if module.account is not None and module.account not in self.accounts:
                raise InputError(f"probe.{name}.account", f"there is no account {module.account!r}")
        return self

    @model_validator(mode="after")
    def _logins_have_a_place(self) -> Self:
        self.logins.check()
        for name, account in self.accounts.items():
            if account.oauth is not None and account.oauth.keep == "outbox":
                try:
                    self.logins.check_rows()
                except InputError as error:
                    raise InputError(f"accounts.{name}.{error.field}", error.problem) from None
        return self

    @property
    def file(self) -> str | None:
        """The file that they were read from, if there was one."""
        return self._file

    def read_from(self, file: str) -> Self:
        """The same, with the file that they were read from."""
        self._file = file
        return self

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def known_hosts(self) -> frozenset[str] | None:
        """What Host may say; None for anything."""
        if self.hosts or self.loopback:
            return LOOPBACK | {name.lower() for name in self.hosts}
        return None

    @cached_property
    def egress(self) -> Egress:
        """Where connections may go."""
        return Egress(bool(self.private_targets), frozenset(self.target_ports or ()) or None)

    @cached_property
    def logins(self) -> LoginPlace:
        """Where logins are kept."""
        return LoginPlace(
            folder=folder_of(self.state_dir, os.environ),
            outbox=self.outbox,
            login_key_env=self.login_key_env,
            login_key_file=self.login_key_file,
            login_key_command=self.login_key_command,
        )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """What ``repr`` shows: the same, since it ends in logs and tracebacks."""
        return self.shown().items()

    def shown(self) -> dict[str, Any]:
        """All settings, without what would help to break in."""
        shown = self.model_dump()
        for account in shown["accounts"].values():
            if (hook := account["webhook"]) is not None:
                hook["url"] = without_password(hook["url"])
                hook["proxy"] = hook["proxy"] and proxies.shown(hook["proxy"])
        outbox = self.outbox and without_password(self.outbox)
        tokens = dict.fromkeys(self.tokens, "sha256:…")
        return {**shown, "tokens": tokens, "outbox": outbox}


def load(file: str | Path | None = None, **flags: Any) -> Settings:
    """Read the settings.

    Args:
        file: TOML; default the one that ``SMTPS_CONFIG`` names, if any.
        **flags: what was given explicitly; None counts as not given.

    Raises:
        InputError: the file cannot be read, or a value cannot be used; names it.
    """
    file = file or os.environ.get("SMTPS_CONFIG") or None
    values = {} if file is None else read(Path(file))
    environment = {name for name in Settings.model_fields if f"SMTPS_{name.upper()}" in os.environ}
    merged = {name: value for name, value in values.items() if name not in environment}
    merged |= {name: value for name, value in flags.items() if value is not None}
    try:
        found = Settings(**merged)
        return found if file is None else found.read_from(str(file))
    except SettingsError as error:  # of a variable that cannot be read
        raise error.__cause__ or error from None
    except ValidationError as error:
        field, problem = faults(error)[0]
        raise InputError(field, problem) from None


def faults(error: ValidationError) -> list[tuple[str, str]]:
    """What is wrong with settings: the path of each, and why it cannot be used."""
    found = []
    for one in error.errors():
        cause = one.get("ctx", {}).get("error")
        field, problem = "host", one["msg"].removeprefix("Value error, ")
        place = [str(step) for step in one["loc"]]
        if isinstance(cause, InputError):
            field, problem = cause.field, cause.problem
            if place[:1] == ["accounts"] and len(place) == 2:
                place.append(field)
        field = ".".join(place) or field
        if one["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            problem = _unknown(str(one["loc"][-1]))
        found.append((field, problem))
    return found


def _unknown(name: str) -> str:
    known = [
        n for model in (Settings, AccountSettings, WebhookSettings) for n in model.model_fields
    ]
    known += [each.name for each in fields(OAuthTable)]
    return "is not a setting" + did_you_mean(name, known)


def read(file: Path) -> dict[str, Any]:
    """What stands in a file of settings.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("config", f"{file} cannot be read: {error}") from error
