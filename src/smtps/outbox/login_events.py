"""Tells an account's webhook that its login has ended, and that there is another: each once.

All workers look at a login. The row of its account says what was told last, and only the worker
that changes it tells. What was seen before the last change counts for nothing, so a worker that
lags behind does not tell of a state that is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from smtps.oauth.standing import Standing
from smtps.outbox import tables
from smtps.outbox.lane_store import tell
from smtps.outbox.notices import of_message
from smtps.outbox.records import when
from smtps.outbox.tables import LOGIN_NEEDED, READY, insert_new

_S = tables.login_states.c


class LoginNote(NamedTuple):
    """How a login was seen to stand.

    Attributes:
        account: its name.
        state: LOGIN_NEEDED or READY.
        since: milliseconds since 1970.
        code, reason, command: why, and what mends it.
        notify: whether the account has a webhook.
        now: milliseconds since 1970.
    """

    account: str
    state: str
    since: int
    code: str | None
    reason: str | None
    command: str | None
    notify: bool
    now: int

    @classmethod
    def of(cls, account: str, standing: Standing, *, notify: bool, now: int) -> LoginNote | None:
        """What there is to note; None where it is not known how the login stands."""
        if standing.state not in (LOGIN_NEEDED, READY):
            return None
        since = round(standing.since * 1000)
        return cls(account, standing.state, since, standing.code, standing.reason,
                   standing.command, notify, now)  # fmt: skip


def note(connection: Connection, notes: list[LoginNote]) -> list[bool]:
    """Write what was seen, and have it told where it is news; whether it is."""
    return [_note(connection, one) for one in notes]


def _note(connection: Connection, one: LoginNote) -> bool:
    # An account begins with a login: that is nothing to tell, but that there is none is.
    new = {"account": one.account, "state": READY, "since": 0}
    insert_new(connection, tables.login_states, [new])
    changed = connection.execute(
        update(tables.login_states)
        .where(_S.account == one.account, _S.state != one.state, _S.since < one.since)
        .values(
            state=one.state, since=one.since, code=one.code, reason=one.reason,
            command=one.command,
        )
    )  # fmt: skip
    news = bool(changed.rowcount)
    if news and one.notify:
        tell(connection, [(_key(one.account), one.account, one.state, one.now)])
    return news


def show(connection: Connection, account: str) -> dict[str, Any] | None:
    """What a webhook receives, or None if nothing is known."""
    row = connection.execute(
        select(tables.login_states).where(_S.account == account)
    ).mappings().first()  # fmt: skip
    if row is None:
        return None
    return {
        "account": account, "state": row["state"], "since": when(row["since"]),
        "code": row["code"], "reason": row["reason"], "command": row["command"],
    }  # fmt: skip


def notices_of(connection: Connection, accounts: Iterable[str]) -> dict[str, Any]:
    """Account → how telling about its login stands; None if there was nothing to tell."""
    return {name: of_message(connection, _key(name)) for name in accounts}


def _key(account: str) -> str:
    """What stands in the place of a message's ID; no message has such a one."""
    return f"login_{sha256(account.encode()).hexdigest()[:26]}"
