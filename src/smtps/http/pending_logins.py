"""Logins at providers that have begun and wait for their answer.

State and verifier (RFC 7636) stay here. Whoever began a login gets a name for it that cannot be
guessed; the answer is taken from the same caller, and once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smtps.chance import token
from smtps.errors import LocalError, Phase, TokenError
from smtps.oauth.redirect import PATIENCE
from smtps.oauth.tokens import Secretive, StoredLogin

if TYPE_CHECKING:  # an extra
    from smtps.oauth.grants import Authorization
    from smtps.oauth.token_source import StoredTokens

MOST = 100
"""Logins that wait at the same time."""

EACH = 5
"""Of these for one account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending(Secretive):
    """A login that has begun.

    Attributes:
        account: whose.
        caller: the token that began it.
        source: keeps it in the end.
        begun: what the browser was sent off with; None with a device code.
        polling: waits for the person to enter the device code, and keeps the login.
        until: when it is forgotten, in seconds of the clock.
    """

    account: str
    caller: str
    source: StoredTokens
    begun: Authorization | None = field(default=None, repr=False)
    polling: asyncio.Task[StoredLogin] | None = None
    until: float = 0.0


class PendingLogins:
    """Remembers them for a while.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, Pending] = {}

    @property
    def until(self) -> float:
        """When one that begins now is forgotten."""
        return self._clock() + PATIENCE

    def add(self, pending: Pending) -> str:
        """Remember it; its name.

        Raises:
            LocalError: there are too many.
        """
        self._forget_old()
        same = [name for name, other in self._known.items() if other.account == pending.account]
        for name in same[: max(len(same) - EACH + 1, 0)]:  # whose page was closed, most likely
            self._drop(name)
        if len(self._known) >= MOST:
            if pending.polling is not None:
                pending.polling.cancel()
            raise LocalError(
                "api.busy", "Too many logins are waiting for their answer.", phase=Phase.INPUT,
                retryable=True,
            )  # fmt: skip
        name = token()
        self._known[name] = pending
        return name

    def get(self, name: str, caller: str | None) -> Pending:
        """The login of that name.

        Raises:
            TokenError: this caller has begun none of that name, or too long ago.
        """
        self._forget_old()
        found = self._known.get(name)
        if found is None or found.caller != caller:
            raise TokenError(
                "oauth.no_such_login",
                "This login was not begun here, has its answer already, or took longer than "
                f"{PATIENCE / 60:g} minutes.",
                phase=Phase.TOKEN,
            )
        return found

    def take(self, name: str, caller: str | None) -> Pending:
        """The same, once.

        Raises:
            TokenError: this caller has begun none of that name, or too long ago.
        """
        found = self.get(name, caller)
        del self._known[name]
        return found

    def _forget_old(self) -> None:
        now = self._clock()
        for name in [name for name, each in self._known.items() if each.until <= now]:
            self._drop(name)

    def _drop(self, name: str) -> None:
        found = self._known.pop(name)
        if found.polling is not None:
            found.polling.cancel()
