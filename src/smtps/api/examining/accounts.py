"""Accounts and probes: their secrets, their files, their webhooks. No server is asked anything."""

from __future__ import annotations

import importlib.util
import shlex
import shutil

from smtps.api.accounts import AccountSettings
from smtps.api.examining.findings import Findings
from smtps.api.modules import Module
from smtps.api.settings import Settings
from smtps.client.access import check_endpoint
from smtps.errors import InputError

_STANDS_IN = "x"
"""For a secret, which nothing here depends on."""

STANDARD_INPUT = "-"


def accounts(findings: Findings, settings: Settings) -> None:
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
            findings.tried.append(f"account {name}: its values fit together")
    for name, module in settings.probe.items():
        _probe(findings, name, module)


def _fetch(findings: Findings, within: str, account: AccountSettings) -> None:
    """Read the secret, unless that would do more than read."""
    if account.password_command is not None:
        findings.untried.append(f"{within}password_command was not run")
        _find(account.password_command)
    elif account.password_keyring is not None:
        findings.untried.append(f"{within}password_keyring was not asked: it may ask you")
        if importlib.util.find_spec("keyring") is None:
            raise InputError("password_keyring", "needs the keyring package: pip install keyring")
    elif account.password_file == STANDARD_INPUT:
        findings.untried.append(f"{within}password_file is standard input, which was not read")
    else:
        account.password()


def _find(command: str) -> None:
    """Find the program of a command."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError("password_command", f"cannot be read: {error}") from error
    if not words or shutil.which(words[0]) is None:
        raise InputError("password_command", "its program is not there, or cannot be run")


def _webhook(findings: Findings, within: str, account: AccountSettings) -> None:
    if (hook := account.webhook) is None:
        return
    for part in hook.parts:
        with findings.noting(within + "webhook", within=within):
            part()


def _probe(findings: Findings, name: str, module: Module) -> None:
    within = f"probe.{name}."
    host = module.targets[0] if module.targets else "mail.example"
    with findings.noting(within + "targets", within=within):
        check_endpoint(module.endpoint(host, module.port or 0, most=module.timeout))
