"""The way in: from a name to a session at the first address that lets this client in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from smtps.client.attempts import Attempts, Learned
from smtps.client.dialogue import Dialogue
from smtps.client.transcript import Transcript
from smtps.endpoint import Endpoint
from smtps.errors import Failure, Phase, SMTPSError
from smtps.net.dial import connect_any
from smtps.net.egress import Allow
from smtps.net.resolve import Address, resolve
from smtps.net.timing import spend, timed
from smtps.net.wire import Wire


class Entrant(Protocol):
    """What gets in; see ``Access``."""

    dialogue: Dialogue
    timings: dict[str, float]
    tried: list[str]
    passed_over: tuple[Failure, ...]
    reopens: bool
    allow: Allow | None

    @property
    def address(self) -> str:
        """The server's network address."""

    async def begin(self) -> None:
        """From the open wire to the answer to EHLO."""

    async def login(self) -> None:
        """Log in."""

    async def withdraw(self, error: SMTPSError) -> None:
        """Leave a server that did not let this client in."""


Opened = TypeVar("Opened", bound=Entrant)


@dataclass(slots=True)
class Opening:
    """What all attempts to get in have in common.

    Attributes:
        endpoint, allow, leave, learned: see ``Access.open``.
        transcript: one for all of them.
        timings: milliseconds of the look-up, and, as ``passed_over``, of attempts that failed.
    """

    endpoint: Endpoint
    allow: Allow | None
    leave: Callable[[Any], Awaitable[None]] | None
    learned: Learned
    transcript: Transcript = field(init=False)
    timings: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.transcript = Transcript(kept=self.endpoint.transcript)

    async def enter(self, kind: Callable[..., Opened], deadline: float | None) -> Opened:
        """A session, logged in if there are credentials.

        Args:
            kind: its class.
            deadline: the loop's time at which all has to be over.

        Raises:
            SMTPSError: no address let this client in; no connection is left.
        """
        addresses = await self._resolve(deadline)
        shunned, now = self.learned.shunned, asyncio.get_running_loop().time()
        attempts = Attempts(shunned.last(addresses, now), deadline, shunned)
        while (session := await self._try(kind, attempts)) is None:
            pass
        shunned.forgive(session.address)
        return session

    async def _resolve(self, deadline: float | None) -> list[Address]:
        endpoint = self.endpoint
        with timed(self.timings, Phase.DNS):
            return await resolve(
                endpoint.host,
                endpoint.port,
                timeout=endpoint.timeouts.dns,
                deadline=deadline,
                resolver=endpoint.resolver,
            )

    async def _try(self, kind: Callable[..., Opened], attempts: Attempts) -> Opened | None:
        """Try the address that answers first.

        Returns:
            None if it did not let this client in, and another may.
        """
        now = asyncio.get_running_loop().time
        start, session, told = now(), None, False
        try:
            session = await self._connect(kind, attempts)
            session.dialogue.deadline = attempts.share(now())
            await session.begin()
            session.dialogue.deadline = attempts.deadline
            if self.endpoint.wants_login:
                await session.login()
        except SMTPSError as error:
            if session is not None:
                told = bool(session.tried)
                await session.withdraw(error)
                if not told and error.phase is not Phase.TOKEN:
                    attempts.failed(error, session.address, now())
            if not attempts.go_on(error, now(), told=told):
                raise attempts.outcome(error, told=told)  # noqa: B904  # mostly the same
            self._passed_over(error, now() - start)
            return None
        except BaseException:
            if session is not None:
                session.dialogue.abort()
            raise
        return session

    async def _connect(self, kind: Callable[..., Opened], attempts: Attempts) -> Opened:
        """A session before its first word, at the first address that answers."""
        timings = dict(self.timings)
        try:
            with timed(timings, Phase.TCP):
                wire = await self._dial(attempts)
        finally:
            attempts.drop_failed(asyncio.get_running_loop().time())
        session = kind(
            wire, self.endpoint, transcript=self.transcript, leave=self.leave, learned=self.learned
        )
        session.timings, session.passed_over = timings, attempts.failures
        session.reopens, session.allow = True, self.allow
        return session

    async def _dial(self, attempts: Attempts) -> Wire:
        return await connect_any(
            attempts.left,
            timeout=self.endpoint.timeouts.tcp,
            allow=self.allow,
            deadline=attempts.deadline,
            errors=attempts.errors,
        )

    def _passed_over(self, error: SMTPSError, seconds: float) -> None:
        address = error.failure.address
        self.transcript.add("*", f"{address} was skipped: {error}")
        spend(self.timings, "passed_over", seconds * 1000)
