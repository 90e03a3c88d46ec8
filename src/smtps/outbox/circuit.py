"""When a whole account has to wait, and not one message of it after the other: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from smtps.client.result import Result
from smtps.errors import Failure, Phase
from smtps.outbox.schedule import wait_of
from smtps.replies import patience_with

BEFORE_MAIL = frozenset({Phase.DNS, Phase.TCP, Phase.TLS, Phase.GREETING, Phase.EHLO, Phase.AUTH})
"""What goes wrong in these is nothing that a message could help."""

SHORTEST, LONGEST = 10_000, 15 * 60_000
"""Milliseconds between attempts to reach a server: twice as long each time."""

TRIAL, LONGEST_TRIAL = 15 * 60_000, 4 * 60 * 60_000
"""The same for a server that refuses the login: repeating it may lock the account."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """Whether an account may send.

    Attributes:
        failures: attempts in a row that came to no session.
        not_before: milliseconds since 1970 at which one message may try.
        stopped: somebody has to do something; then, or after a long time, it is tried again.
        code, reason: what went wrong last, while it is not all right.
    """

    failures: int = 0
    not_before: int = 0
    stopped: bool = False
    code: str | None = None
    reason: str | None = None

    def after(self, failure: Failure, now: int, chance: float) -> Self:
        """The account, after it came to no session.

        Args:
            failure: why.
            now: milliseconds since 1970.
            chance: from 0 to 1.
        """
        people = failure.phase is Phase.AUTH or patience_with(failure.code).account
        stopped = people and not failure.retryable
        first, longest = (TRIAL, LONGEST_TRIAL) if stopped else (SHORTEST, LONGEST)
        repeated = self.failures if stopped == self.stopped else 0
        wait = min(first * 2 ** min(repeated, 20), longest) * (0.9 + 0.2 * chance)
        until = now + wait_of(failure, round(wait))
        return type(self)(repeated + 1, until, stopped, failure.code, failure.message)


def doubt(result: Result) -> Failure | None:
    """Why a server should be asked with care, if it took a message and did not say so: the next one
    may go the same way.
    """
    return result.failure if result.outcome == "uncertain" else None


def account_failure(result: Result) -> Failure | None:
    """Why a message was not sent, if no message of the account can be sent now.

    There is no session; or the server wants to be left alone for a while, as a 421 says wherever it
    is said; or it refuses whatever this account sends: its quota is used up, or it is blocked.
    """
    failure = result.failure
    if failure is None or result.outcome not in ("deferred", "refused"):
        return None
    everything = failure.phase in BEFORE_MAIL or failure.smtp_code == 421
    return failure if everything or patience_with(failure.code).account else None
