"""How far a check goes, and at which addresses the credentials are tried.

A login that succeeds locks no account, so it is tried at every address: one back end may know the
account while another does not. A wrong password counts towards a lock at each address, so the first
answer other than a success ends the attempts, even if it is no answer at all. Where the credentials
were never sent, or the server could not look them up, nothing counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from smtps.client.login import UNSAID
from smtps.endpoint import DEFAULT_TIMEOUTS as USUAL_TIMEOUTS
from smtps.endpoint import Timeouts

if TYPE_CHECKING:
    from smtps.client.outgoing import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to look at.

    Attributes:
        first: the address that answers first, and the next only where ``send`` would go there; else
            all of them.
        deep: also every TLS version, the weakest ciphers, a large ClientHello, session resumption
            and, with credentials, each login mechanism: about ten connections to each address, one
            after the other.
        envelope: ask whether this sender and these recipients would be taken; no mail is sent.
        size: octets to announce for that.
        control: a server that answers on most networks; asked for the same port, and only when the
            checked one is silent, to tell a blocked port from a dead server. A quarter of
            ``timeouts.total``, and no more than five seconds, is kept for it.
    """

    first: bool = False
    deep: bool = False
    envelope: Envelope | None = None
    size: int | None = None
    control: str | None = None


PHASES = {"command": 30.0, "mail": 60.0, "rcpt": 60.0, "data": 60.0, "final": 60.0}
"""Seconds for a phase, where a message would be waited for longer (RFC 5321 section 4.5.3.2): a
check has nothing to lose. A server that takes longer than that is slow, which is what it tells."""

WHOLE = 120.0
"""Seconds for a server with all its addresses, the second looks included."""

WHOLE_DEEP = 300.0
"""The same for a deep check."""


def patient(timeouts: Timeouts, *, deep: bool) -> Timeouts:
    """The time-outs of a check: those that were given, and less than usual where none was."""
    phases = {
        name: seconds
        for name, seconds in PHASES.items()
        if getattr(timeouts, name) == getattr(USUAL_TIMEOUTS, name)
    }
    total = timeouts.total or (WHOLE_DEEP if deep else WHOLE)
    return replace(timeouts, total=total, **phases)


DEFAULT_SCOPE = Scope()
"""Every address, with one connection where all is well."""


PATIENCE = 5.0
"""Seconds that an address waits for those before it; a silent one must not hold up the others."""

HARMLESS = UNSAID | {"auth.unavailable"}
"""Failures that no server counts as a wrong password."""


class Logins:
    """Whose turn it is.

    Args:
        addresses: that are looked at, at the same time. The order of the turns is that of their
            numbers: a name server hands them out in another order each time.

    Attributes:
        refused_at: the address whose answer, or silence, ended it; None as long as none did.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        order = sorted(addresses, key=_number)
        self._past = {ip: asyncio.Event() for ip in order}
        self._lock = asyncio.Lock()
        self.refused_at: str | None = None

    def past(self, ip: str) -> None:
        """An address has had its turn, or needs none."""
        if ip in self._past:
            self._past[ip].set()

    @asynccontextmanager
    async def turn(self, ip: str) -> AsyncIterator[bool]:
        """The turn of an address; whether the credentials may be tried there."""
        before = []
        for other, past in self._past.items():
            if other == ip:
                break
            before.append(asyncio.ensure_future(past.wait()))
        try:
            if before:
                await asyncio.wait(before, timeout=PATIENCE)
        finally:
            for each in before:
                each.cancel()
        async with self._lock:
            try:
                yield self.refused_at is None
            finally:
                self.past(ip)

    def refused(self, ip: str) -> None:
        """The answer of an address was not a yes."""
        self.refused_at = self.refused_at or ip


def _number(ip: str) -> tuple[int, int]:
    address = ip_address(ip.partition("%")[0])
    return address.version, int(address)
