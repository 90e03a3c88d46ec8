"""The settings themselves: all that is wrong with them, not only what comes first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from smtps.api.examining.findings import Findings
from smtps.api.guards.tokens import hash_token
from smtps.api.settings import Settings, faults, read
from smtps.errors import InputError, did_you_mean

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
            findings.tried.append("all settings were read and judged")
            return settings
    return None


def _note_strangers(findings: Findings) -> None:
    """Variables that look like settings and are none: nobody reads them."""
    ours = [f"SMTPS_{name.upper()}" for name in Settings.model_fields]
    for name in sorted(os.environ):
        near = did_you_mean(name, ours)
        if name.startswith("SMTPS_") and name not in {*ours, "SMTPS_CONFIG"} and near:
            findings.notes.append(f"{name} is not a setting, and is not read{near}")


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
