"""What the HTTP client's connections are made of: this project's dialler, TLS and limits.

The pool and the framing are httpcore2's, which knows nothing of names, addresses, trust and proxies
of the environment here: it asks for a connection, and gets one of ours.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpcore2

from smtps.endpoint import Endpoint, Timeouts
from smtps.errors import NetworkError, Phase, PhaseTimeoutError, SMTPSError
from smtps.net.dial import connect_any, secure
from smtps.net.egress import Allow
from smtps.net.resolve import resolve
from smtps.net.wire import Wire


@dataclass(slots=True)
class Budget:
    """What one request may take, whatever connection it goes over.

    Attributes:
        seconds: for all of it, for messages.
        until: the loop's time at which they are over.
        octets: of the response that may still come, its head and framing included.
        came: octets of it so far.
        reused: the connection had served another request before.
    """

    seconds: float
    until: float
    octets: int
    came: int = 0
    reused: bool = False


BUDGET: ContextVar[Budget] = ContextVar("BUDGET")
"""Of the request that the running task makes."""


def timed_out(budget: Budget, address: str | None = None) -> PhaseTimeoutError:
    """The error for an answer that did not come in time, or not to its end."""
    what = "did not finish its response" if budget.came else "did not answer"
    return PhaseTimeoutError(
        "web.timeout",
        f"The web server {what} within {budget.seconds:g} seconds.",
        address=address,
    )


class Dialler(httpcore2.AsyncNetworkBackend):
    """Opens connections for the pool.

    Args:
        allow: egress policy, asked about each resolved address.
        resolver: DNS server in place of the system's resolver.
        ca_file: PEM file of the only authorities to trust.
    """

    def __init__(
        self, allow: Allow | None, resolver: str | None, ca_file: str | Path | None
    ) -> None:
        self._allow = allow
        self._resolver = resolver
        self._ca_file = ca_file

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the budget has it
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> Stream:
        """Resolve, ask the policy, connect (Happy Eyeballs)."""
        seconds, until = BUDGET.get().seconds, BUDGET.get().until
        addresses = await resolve(host.strip("[]"), port, deadline=until, resolver=self._resolver)
        wire = await connect_any(addresses, timeout=seconds, allow=self._allow, deadline=until)
        return Stream(wire, self._ca_file)


class Stream(httpcore2.AsyncNetworkStream):
    """One connection.

    Args:
        wire: open.
        ca_file: PEM file of the only authorities to trust.
    """

    def __init__(self, wire: Wire, ca_file: str | Path | None) -> None:
        self._wire = wire
        self._ca_file = ca_file
        self._budget: Budget | None = None
        self._left = b""

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,  # noqa: ARG002  # it knows nothing of the CA file
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> Stream:
        """Do the handshake, and verify the certificate."""
        budget = BUDGET.get()
        endpoint = Endpoint(
            (server_hostname or "").strip("[]"),
            ca_file=self._ca_file,
            timeouts=Timeouts(tls=budget.seconds),
        )
        try:
            await secure(self._wire, endpoint, budget.until)
        except BaseException:
            self._wire.abort()  # the pool has not got hold of it yet
            raise
        return self

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """The next octets; empty at the end.

        Raises:
            SMTPSError: the connection broke, the time is over, or there is no end to it.
        """
        budget = BUDGET.get()
        if budget.octets <= 0:
            raise NetworkError(
                "web.too_large",
                f"The web server sent more than {budget.came} bytes.",
                address=self._wire.address,
                retryable=False,
            )
        if not self._left:
            self._left = await self._receive(budget)
        size = min(max_bytes, budget.octets)
        data, self._left = self._left[:size], self._left[size:]
        budget.came += len(data)
        budget.octets -= len(data)
        return data

    async def _receive(self, budget: Budget) -> bytes:
        try:
            return await self._wire.receive(budget.until)
        except SMTPSError:
            raise
        except (OSError, ssl.SSLError) as error:
            if isinstance(error, TimeoutError) and error.errno is None:
                raise timed_out(budget, self._wire.address) from error
            raise self._wire.explain(error, Phase.TCP) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Hand octets over.

        Raises:
            httpcore2.WriteError: they cannot be: a server that hangs up may have said why.
            SMTPSError: the time is over.
        """
        budget = BUDGET.get()
        if self._budget is not budget:
            budget.reused, self._budget = self._budget is not None, budget
        try:
            self._wire.write(buffer)
            await self._wire.drain(budget.until)
        except TimeoutError as error:
            if isinstance(error, SMTPSError) or error.errno is None:
                raise timed_out(budget, self._wire.address) from error
            raise httpcore2.WriteError from error
        except (OSError, ssl.SSLError, SMTPSError) as error:
            raise httpcore2.WriteError from error

    async def aclose(self) -> None:
        """Drop it."""
        self._wire.abort()

    def get_extra_info(self, info: str) -> Any:
        """Whether an idle connection has ended, or is out of step; nothing else is known."""
        return bool(self._left) or self._wire.has_unread if info == "is_readable" else None
