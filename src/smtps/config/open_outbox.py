"""The outbox that the settings mean."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from smtps.config import logs
from smtps.config.settings import Settings
from smtps.errors import InputError
from smtps.outbox.account import Account
from smtps.outbox.outbox import DAY, Bounds, Outbox


def open_outbox(
    settings: Settings,
    *,
    deliver: bool,
    count: Callable[[str, str, float], None] = lambda *_: None,
    hurry: asyncio.Event | None = None,
) -> Outbox:
    """The outbox that the settings mean; enter it to have it deliver.

    Args:
        settings: the operator's.
        deliver: send its mail from this process, too.
        count: told of each outcome: account, state, and seconds since it was accepted.
        hurry: set when mail on the wire is not to be waited for in a stop.

    Raises:
        InputError: there is none, or it cannot be used.
        StoreError: the database is away.
    """
    logs.guard()
    if settings.outbox is None:
        raise InputError(
            "outbox",
            'is not set; write outbox = "mail.db", or "postgresql://…", into the file that '
            "--config or SMTPS_CONFIG names",
            code=_NONE,
        )
    accounts = {name: account_of(settings, name, secrets=deliver) for name in settings.accounts}
    bounds = Bounds(
        octets=settings.outbox_octets,
        bodies=round(settings.keep_bodies * DAY),
        records=round(settings.keep_records * DAY),
    )
    return Outbox(
        settings.outbox,
        accounts,
        deliver=deliver,
        bounds=bounds,
        grace=settings.lane_grace,
        patience=settings.outbox_timeout,
        state=state_folder(settings, os.environ),
        count=count,
        hurry=hurry,
    )


def check_worker(settings: Settings) -> None:
    """Make sure that a worker may send the outbox's mail.

    Raises:
        InputError: it may not.
    """
    if settings.outbox is not None and "://" not in settings.outbox:
        raise InputError("outbox", "is an SQLite file; only smtps serve can deliver from it")


def state_folder(settings: Settings, environment: Mapping[str, str]) -> Path | None:
    """Where outcomes wait that the database does not take; None for beside the outbox's file.

    Args:
        settings: the operator's.
        environment: systemd names its state directory there, and users theirs (XDG Base Directory).
    """
    if settings.state_dir is not None:
        return Path(settings.state_dir).expanduser()
    if settings.outbox is None or "://" not in settings.outbox:
        return None
    if systemd := environment.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(systemd)
    user = environment.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(user).expanduser() / "smtps"


def account_of(settings: Settings, name: str, *, secrets: bool = True) -> Account:
    """An account of the settings.

    Args:
        settings: the operator's.
        name: of the account.
        secrets: read those that deliveries need; without them it is good for questions.

    Raises:
        InputError: something of it cannot be used.
    """
    account = settings.accounts[name]
    try:
        return account.account(
            name, settings.resolver, settings.logins, settings.file, secrets=secrets
        )
    except InputError as error:
        field = f"accounts.{name}.{error.field}"
        raise InputError(field, error.problem, code=error.code) from None


_NONE = "outbox.not_configured"
