"""The outbox that the settings mean."""

from __future__ import annotations

from collections.abc import Callable

from smtps.api.settings import Settings
from smtps.errors import InputError
from smtps.outbox.outbox import DAY, Bounds, Outbox


def open_outbox(
    settings: Settings,
    *,
    deliver: bool,
    count: Callable[[str, str, float], None] = lambda *_: None,
) -> Outbox:
    """The outbox that the settings mean; enter it to have it deliver.

    Args:
        settings: the operator's.
        deliver: send its mail from this process, too.
        count: told of each outcome: account, state, and seconds since it was accepted.

    Raises:
        InputError: there is none, or it cannot be used.
        StoreError: the database is away.
    """
    if settings.outbox is None:
        raise InputError("outbox", "is not set: a file, or postgresql://…", code=_NONE)
    accounts = {
        name: account.account(name, settings.resolver)
        for name, account in settings.accounts.items()
    }
    bounds = Bounds(
        octets=settings.outbox_octets,
        bodies=round(settings.keep_bodies * DAY),
        records=round(settings.keep_records * DAY),
    )
    return Outbox(
        settings.outbox, accounts, deliver=deliver, bounds=bounds, grace=settings.grace, count=count
    )


_NONE = "outbox.not_configured"
