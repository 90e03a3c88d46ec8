"""Sends over several sessions with one server, which are kept open for the next message."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from typing import Any, Self, Unpack

from smtps.client.attempts import Learned
from smtps.client.bulk import BulkSend
from smtps.client.delivery import WINDOW
from smtps.client.lending import Lease, SessionStore
from smtps.client.outgoing import DSN, AnyMessage, Envelope
from smtps.client.result import Result
from smtps.client.session import Item
from smtps.client.source import ATTEMPTS, Source, may_go_again, source_of
from smtps.endpoint import Endpoint, EndpointOptions, Partial
from smtps.errors import InputError
from smtps.net.egress import Allow


class Pool:
    """Sends over as many sessions as are needed, up to ``size``, and keeps them for the next.

        async with smtps.Pool("smtp.example.com", username="u", password="p") as pool:
            result = await pool.send(message)
            async for message, result in pool.send_many(messages):
                ...

    A session is used by one caller at a time; callers get theirs in the order of asking. One that
    went bad while it was unused is replaced without a word, as is one whose server closed it
    before it took the message. After a 421 new connections wait, longer each time.

    Args:
        host: name or address of the server, or a whole Endpoint.
        size: sessions at most.
        messages: a session is replaced after so many.
        age: seconds after which a session is replaced.
        idle: seconds after which an unused session is closed.
        allow: egress policy, asked about each resolved address.
        learned: what earlier pools have found out about the server; this one adds to it.
        **options: the other fields of Endpoint.

    Attributes:
        endpoint: where to.
        learned: what the server has shown about itself.
        size: sessions at most.

    Raises:
        InputError: a value cannot be used.
    """

    def __init__(
        self,
        host: str | Endpoint,
        *,
        size: int = 4,
        messages: int = 1000,
        age: float = 300.0,
        idle: float = 30.0,
        allow: Allow | None = None,
        learned: Learned | None = None,
        **options: Unpack[EndpointOptions],
    ) -> None:
        for name, value in (("size", size), ("messages", messages), ("age", age), ("idle", idle)):
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise InputError(name, "must be more than 0")
        self.endpoint = host if isinstance(host, Endpoint) else Endpoint(host, **options)
        self.learned = learned or Learned()
        self.size = size
        self._sessions = SessionStore(
            self.endpoint,
            self.learned,
            size=size,
            messages=messages,
            age=age,
            idle=idle,
            allow=allow,
        )

    async def send(
        self,
        message: AnyMessage,
        envelope: Envelope | None = None,
        *,
        partial: Partial = "abort",
        dsn: DSN | None = None,
        require_tls: bool = False,
        allow: Allow | None = None,
        deadline: float | None = None,
    ) -> Result:
        """Send one message; see ``Session.send``.

        Args:
            message, envelope, partial, dsn, require_tls: see there.
            allow: egress policy for this message, in place of the pool's own; asked about the
                address of a warm session too.
            deadline: the loop's time at which all has to be over.

        Raises:
            InputError, CapabilityError: it cannot be sent as it stands; nothing was.
            ForbiddenError: policy does not allow the target.
            SMTPSError: it did not come to a session.
        """
        for _ in range(ATTEMPTS):
            with Lease(self._sessions, await self._sessions.acquire(allow, deadline)) as warm:
                warm.sent += 1
                result = await warm.session.send(
                    message,
                    envelope,
                    partial=partial,
                    dsn=dsn,
                    require_tls=require_tls,
                    deadline=deadline,
                )
                reused = warm.sent > 1
            self._sessions.learn(result, warm.access)
            if not may_go_again(result, reused=reused):
                break
        return result

    async def send_many(
        self,
        messages: Iterable[Item] | AsyncIterable[Item] | Source[Item],
        *,
        window: int = WINDOW,
        partial: Partial = "abort",
        dsn: DSN | None = None,
        require_tls: bool = False,
    ) -> AsyncGenerator[tuple[Item, Result]]:
        """Send many messages, some under way at the same time on each session.

        Another session is opened when one has its window full.

        Each message gets exactly one result, as soon as it is there. One that was put off only
        because its connection ended is sent again over another. Memory stays the same however many
        there are.

        Args:
            messages: see ``Session.send_many``.
            window: for each session; see there for its price.
            partial, dsn, require_tls: see ``Session.send``; for all of them.

        Yields:
            The message as it was given, and what became of it.

        Raises:
            InputError: the window, or ``partial``.
            Exception: what ``messages`` raised, once all that was begun has its result.
        """
        terms: dict[str, Any] = {"partial": partial, "dsn": dsn, "require_tls": require_tls}
        async with source_of(messages) as source:
            round_ = BulkSend(self._sessions, source, window, terms, self.size)
            async with aclosing(round_.run()) as results:
                async for item, result in results:
                    yield item, result
            source.raise_error()

    def halt(self, *, now: bool = False) -> int:
        """Stop sending, for good. What is on the wire is still waited for, and nothing else: other
        messages are ``deferred``, see ``deadlines.not_begun``.

        Args:
            now: do not wait for what is on the wire either; it is ``uncertain`` then.

        Returns:
            How many messages are on the wire.
        """
        return self._sessions.halt(now=now)

    @property
    def leases(self) -> int:
        """How often a session was lent out so far; before the first, nothing was sent."""
        return self._sessions.leases

    @property
    def unused(self) -> bool:
        """Whether no session is open."""
        return self._sessions.unused

    async def aclose(self) -> None:
        """Leave all servers politely. Sessions that are lent out are closed when they come back."""
        await self._sessions.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
