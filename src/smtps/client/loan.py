"""A session that is lent out for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from smtps.client.result import Result
from smtps.client.session import Session
from smtps.net.egress import Allow


@dataclass(slots=True, eq=False)
class WarmSession:
    """A session and its past."""

    session: Session
    opened: float
    sent: int = 0
    last_used: float = 0.0


class Lender(Protocol):
    """Who lends sessions."""

    async def lend(self, allow: Allow | None, deadline: float | None) -> WarmSession:
        """A session that is the caller's alone until ``take_back``."""

    def enough(self, warm: WarmSession, handed_out: int) -> bool:
        """Whether a session that was lent for many messages should come back."""

    def learn(self, result: Result, session: Session) -> None:
        """Draw conclusions for the sessions to come."""

    def take_back(self, warm: WarmSession, error: BaseException | None) -> None:
        """What was lent, and what went wrong with it."""


class Loan:
    """A session that was lent, for the length of a block."""

    __slots__ = ("_lender", "_warm")

    def __init__(self, lender: Lender, warm: WarmSession) -> None:
        self._lender = lender
        self._warm = warm

    def __enter__(self) -> WarmSession:
        return self._warm

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._lender.take_back(self._warm, error)
