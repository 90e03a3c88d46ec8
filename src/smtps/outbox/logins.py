"""Accounts whose logins are kept here: renewed ahead of time, and noticed when they are made again.

An account that stopped when its login ended resumes within seconds of a new login, which may be
made beside the running service.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from smtps.errors import SMTPSError
from smtps.oauth.standing import Standing
from smtps.outbox.account import Account

log = logging.getLogger("smtps.outbox")

LOOK = 2.0
"""Seconds between two looks at the logins."""

OF_LOGINS = ("oauth.", "auth.")
"""Beginnings of the codes for which a stopped account goes on once there is another login."""

States = Callable[[], Awaitable[list[dict[str, Any]]]]
Resume = Callable[[str], Awaitable[None]]
Note = Callable[[str, Standing], Awaitable[None]]


class Logins:
    """Looks after the logins of accounts.

    Args:
        accounts: name → account.
        states: how each account stands.
        resume: lets an account send again at once.
        note: writes how a login stands, and has it told where that is news.
    """

    def __init__(
        self, accounts: Mapping[str, Account], states: States, resume: Resume, note: Note
    ) -> None:
        self._kept = {n: a.login for n, a in accounts.items() if a.login is not None}
        self._states = states
        self._resume = resume
        self._note = note
        self._noted: dict[str, str] = {}
        self._made: dict[str, float | None] = {}
        self._told: dict[str, str] = {}

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self._kept)

    async def look(self) -> None:
        """Renew what is due, and let accounts go on that have another login than before."""
        for name, login in self._kept.items():
            try:
                standing = await login.standing()
                await self._see(name, standing)
                if standing.made_at is not None and standing.made_at != self._made.get(name):
                    await self._go_on(name)
                self._made[name] = standing.made_at
                await login.renew()
            except SMTPSError as error:
                self._tell(name, str(error))
            else:
                self._told.pop(name, None)

    async def _see(self, name: str, standing: Standing) -> None:
        """Note how a login stands, if it stands otherwise than at the last look."""
        if self._noted.get(name) != standing.state:
            await self._note(name, standing)
            self._noted[name] = standing.state

    async def _go_on(self, name: str) -> None:
        """The account has a login that was not seen before."""
        for state in await self._states():
            stopped = state["account"] == name and state["status"] != "ok"
            if stopped and str(state["code"]).startswith(OF_LOGINS):
                log.info("%s has another login, and goes on", name)
                await self._resume(name)

    def _tell(self, name: str, problem: str) -> None:
        """Once for each problem."""
        if self._told.get(name) != problem:
            self._told[name] = problem
            log.warning("%s: %s", name, problem)
