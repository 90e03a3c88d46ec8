"""Whether a configuration would start: settings, accounts, probes. No server is contacted.

All mistakes are reported, not only the first.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_settings import SettingsError

from smtps.client.handshake import check_endpoint
from smtps.config.accounts import AccountSettings
from smtps.config.callers import hash_token
from smtps.config.open_outbox import check_worker
from smtps.config.places import Findings, check_outbox, check_port, check_uploads, whose_rights
from smtps.config.probe_modules import Module
from smtps.config.server_account import OAuthTable
from smtps.config.settings import Settings, faults, read
from smtps.errors import InputError, did_you_mean
from smtps.extras import EXTRAS
from smtps.target import Target

_STANDS_IN = "x"
"""For a secret, which nothing here depends on."""

STANDARD_INPUT = "-"


def check_login_keys(findings: Findings, settings: Settings) -> None:
    """Read the keys that encrypt logins, unless that would do more than read."""
    place = settings.logins
    if place.source is None:
        return
    if place.login_key_command is not None:
        findings.untried.append("login_key_command was not run")
        with findings.noting("login_key_command"):
            _find(place.login_key_command, "login_key_command")
        return
    with findings.noting(place.source):
        place.keys()
        findings.tried.append("the keys that encrypt logins were read")


def check_accounts(findings: Findings, settings: Settings) -> None:
    """Try all of them."""
    for name, account in settings.accounts.items():
        within = f"accounts.{name}."
        before = len(findings.problems)
        password = None if account.username is None else _STANDS_IN
        with findings.noting(within + "password", within=within):
            _fetch(findings, within, account)
        with findings.noting(within + "host", within=within):
            check_endpoint(account.endpoint(password, settings.resolver))
        _webhook(findings, within, account)
        if len(findings.problems) == before:
            findings.tried.append(f"account {name}: its values are consistent")
    for name, module in settings.probe.items():
        _probe(findings, name, module)


def _fetch(findings: Findings, within: str, account: AccountSettings) -> None:
    """Read the secret, unless that would do more than read."""
    if account.password_command is not None:
        findings.untried.append(f"{within}password_command was not run")
        _find(account.password_command)
    elif account.password_keyring is not None:
        findings.untried.append(f"{within}password_keyring was not queried: it may prompt you")
        _need("keyring", "password_keyring")
    elif account.password_file == STANDARD_INPUT:
        findings.untried.append(f"{within}password_file is standard input, which was not read")
    elif account.oauth is not None:
        _client(findings, within, account.oauth)
    else:
        account.password()


def _client(findings: Findings, within: str, oauth: OAuthTable) -> None:
    """Read the secret and the key of a client."""
    findings.untried.append(f"{within}oauth: the authorization server was not contacted")
    _need("oauth", "oauth")
    registration = oauth.registration("", "")
    if registration.signer is not None:
        registration.signer()
    if oauth.client_secret_command is not None:
        findings.untried.append(f"{within}oauth.client_secret_command was not run")
        _find(oauth.client_secret_command, "oauth.client_secret_command")
    elif registration.secret is not None:
        registration.secret()


def _need(extra: str, setting: str) -> None:
    """Make sure that the packages of an extra are installed."""
    packages = [name for name, of in EXTRAS.items() if of == extra]
    if not all(map(importlib.util.find_spec, packages)):
        raise InputError(setting, f"needs the extra “{extra}”: pip install '.[{extra}]'")


def _find(command: str, field: str = "password_command") -> None:
    """Find the program of a command."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(field, f"cannot be read: {error}") from error
    if not words or shutil.which(words[0]) is None:
        raise InputError(field, "its program does not exist, or cannot be run")


def _webhook(findings: Findings, within: str, account: AccountSettings) -> None:
    if (hook := account.webhook) is None:
        return
    for part in hook.parts:
        with findings.noting(within + "webhook", within=within):
            part()


def _probe(findings: Findings, name: str, module: Module) -> None:
    if module.account is not None:
        return  # whose values were looked at with it
    within = f"probe.{name}."
    host = module.targets[0] if module.targets else "mail.example"
    with findings.noting(within + "targets", within=within):
        check_endpoint(module.endpoint(Target(host, module.port or 0), most=module.timeout))


ROUNDS = 100
"""More than there are settings: each round lays at least one aside."""


def examine(findings: Findings, file: str | None, flags: Mapping[str, Any]) -> Settings | None:
    """Read and judge every setting.

    What is wrong is noted and laid aside, and the rest is judged again: some faults are seen only
    when those before them are gone.

    Returns:
        The settings without those that are wrong; None if nothing of them can be judged.
    """
    file = file or os.environ.get("SMTPS_CONFIG") or None
    findings.file = file
    findings.flags = {name: value for name, value in flags.items() if value is not None}
    values: dict[str, Any] = {}
    if file is not None:
        with findings.noting("config"):
            values = read(Path(file))
    findings.written = values
    known = {name for name in Settings.model_fields if f"SMTPS_{name.upper()}" in os.environ}
    _note_strangers(findings)
    values = {name: value for name, value in values.items() if name not in known}
    values |= findings.flags
    unreadable: dict[str, str] = {}
    try:
        return _without_faults(findings, values, unreadable)
    finally:
        os.environ.update(unreadable)


def _without_faults(
    findings: Findings, values: dict[str, Any], unreadable: dict[str, str]
) -> Settings | None:
    """Note what is wrong, and go on without it.

    Args:
        findings: to add to.
        values: by name.
        unreadable: filled with variables that are taken out of the environment for it.
    """
    for _ in range(ROUNDS):
        try:
            settings = Settings(**values)
        except ValidationError as error:
            for setting, problem in faults(error):
                findings.add(setting, problem)
                _lay_aside(values, setting)
        except SettingsError as error:
            setting, problem = _of_the_environment(error)
            findings.add(setting, problem)
            if (variable := f"SMTPS_{setting.upper()}") not in os.environ:
                break
            unreadable[variable] = os.environ.pop(variable)
        else:
            findings.tried.append("all settings were read and checked")
            return settings
    return None


def _note_strangers(findings: Findings) -> None:
    """Variables that look like settings and are not: they have no effect."""
    ours = [f"SMTPS_{name.upper()}" for name in Settings.model_fields]
    for name in sorted(os.environ):
        near = did_you_mean(name, ours)
        if name.startswith("SMTPS_") and name not in {*ours, "SMTPS_CONFIG"} and near:
            findings.notes.append(f"{name} is not a setting, and is ignored{near}")


def _of_the_environment(error: SettingsError) -> tuple[str, str]:
    """Which variable cannot be read."""
    cause = error.__cause__
    if isinstance(cause, InputError):
        return cause.field.removeprefix("SMTPS_").lower(), cause.problem
    name = next((n for n in Settings.model_fields if f'"{n}"' in str(error)), "config")
    return name, "must be written as JSON"


def _lay_aside(values: dict[str, Any], setting: str) -> None:
    """Go on without it: without one account or token where that is enough."""
    top, _, rest = setting.partition(".")
    inner = rest.partition(".")[0]
    table = values.get(top)
    if top == "tokens" and isinstance(table, dict):  # their names are meant in other places
        values[top] = dict.fromkeys(map(str, table), hash_token(""))
        return
    if inner and isinstance(table, dict) and inner in table:
        values[top] = {name: value for name, value in table.items() if name != inner}
        if top == "accounts" and isinstance(values.get("grants"), dict):
            values["grants"] = {
                token: [name for name in names if name != inner]
                for token, names in values["grants"].items()
                if isinstance(names, list)
            }
        return
    if top in Settings.model_fields:
        values[top] = Settings.model_fields[top].get_default(call_default_factory=True)
    else:
        values.pop(top, None)


def examined(
    command: Literal["serve", "worker"], file: str | None, flags: Mapping[str, Any]
) -> Findings:
    """Find out whether a command would start with its settings.

    Args:
        command: which.
        file: of settings, if one was named.
        flags: settings of the command line; None counts as not given.
    """
    findings = Findings()
    settings = examine(findings, file, flags)
    if settings is None:
        return findings
    faulty = {problem.setting for problem in findings.problems}
    if command == "serve" and not faulty & {"host", "port"}:
        check_port(findings, settings)
    if command == "serve" and "upload_dir" not in faulty:
        check_uploads(findings, settings)
    place = settings.outbox
    if place is None and "outbox" not in faulty and command == "worker":
        findings.add("outbox", 'is not set; write outbox = "postgresql://…"')
    with findings.noting("outbox"):
        if command == "worker":
            check_worker(settings)
        if place is not None and "outbox" not in faulty:
            check_outbox(findings, place, own=settings.deliver)
    check_login_keys(findings, settings)
    check_accounts(findings, settings)
    whose_rights(findings)
    findings.untried += [
        "mail servers and webhooks were not contacted: smtps check does that for a server",
        "names were not looked up",
    ]
    return findings
