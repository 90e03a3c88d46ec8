"""Modules of the probe: named sets of options, as blackbox_exporter has them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from smtps.endpoint import EHLO_NAME, Endpoint, Security, Timeouts
from smtps.errors import InputError
from smtps.net.hostnames import to_ascii
from smtps.target import Target

Port = Annotated[int, Field(ge=1, le=65535)]


class Module(BaseModel):
    """How to probe, ``[probe.NAME]`` in the settings.

    Secrets stay where they are: a file, read again for each probe, or the environment.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    security: Security | None = None
    port: Annotated[Port | None, Field(description="for targets without a port")] = None
    timeout: Annotated[float, Field(gt=0, le=300, description="seconds")] = 10.0
    ehlo_name: Annotated[str, Field(min_length=1)] = EHLO_NAME
    ca_file: Annotated[str | None, Field(description="trust these authorities only")] = None
    username: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    targets: Annotated[
        list[str] | None, Field(description="the only hosts that the module may probe")
    ] = None
    account: Annotated[
        str | None, Field(description="log in as this account does; probes its server only")
    ] = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.account is not None:
            given = sorted(self.model_fields_set & _OF_AN_ACCOUNT)
            if given:
                raise ValueError(f"{', '.join(given)} cannot be given with account, which has them")
            return self
        sources = [s for s in (self.password_file, self.password_env) if s is not None]
        if len(sources) != (self.username is not None):
            raise ValueError("a username needs one of password_file and password_env")
        # Whoever may probe could otherwise have the password sent to a server of his own.
        if self.username is not None and not self.targets:
            raise ValueError(
                "with a username, targets must list the hosts that the module may probe"
            )
        return self

    def endpoint(self, target: Target, *, most: float, resolver: str | None = None) -> Endpoint:
        """The server that a probe means.

        Args:
            target: what is probed.
            most: seconds that the caller will wait.
            resolver: address of the DNS server to ask.

        Raises:
            InputError: the module is not for this host, or its password cannot be read.
        """
        if self.targets is not None and to_ascii(target.host) not in map(to_ascii, self.targets):
            raise InputError("target", "is not one of this module's targets")
        return Endpoint(
            target.host,
            target.port or self.port or 0,
            security=cast(Security, self.security or target.security),
            username=self.username,
            password=self._password(),
            ehlo_name=self.ehlo_name,
            ca_file=self.ca_file,
            resolver=resolver,
            timeouts=Timeouts(total=min(self.timeout, most)),
        )

    def endpoint_of(self, account: Endpoint, host: str, port: int, *, most: float) -> Endpoint:
        """The server of the module's account.

        Args:
            account: its server and login.
            host, port: of the target; 0 for the account's port.
            most: seconds that the caller will wait.

        Raises:
            InputError: the target is another server; it would get the login.
        """
        if to_ascii(host) != to_ascii(account.host) or port not in (0, account.port):
            raise InputError("target", "is not the server of this module's account")
        timeouts = Timeouts(total=min(self.timeout, most))
        return replace(account, ehlo_name=self.ehlo_name, timeouts=timeouts, transcript=True)

    def _password(self) -> str | None:
        if self.password_env is not None:
            found = os.environ.get(self.password_env, "")
        elif self.password_file is not None:
            try:
                with Path(self.password_file).open(encoding="utf-8") as file:
                    found = file.readline().rstrip("\r\n")
            except (OSError, UnicodeError):
                found = ""
        else:
            return None
        if not found:
            raise InputError("module", "has a username, but its password cannot be read")
        return found


_OF_AN_ACCOUNT = frozenset({
    "security", "port", "ca_file", "username", "password_file", "password_env", "targets",
})  # fmt: skip

BUILT_IN = {"submissions": Module(), "submission": Module(security="starttls")}
"""RFC 8314's two services; settings of the same name replace them."""
