"""At which addresses the credentials are tried: one after the other, and none behind a refusal.

A login that works locks no account, so it is tried at every address: one back end may know the
account, and another may not. A wrong password counts at each address towards the same lock, so the
first answer that is not a yes ends it, be it no answer at all. Where nothing of the credentials was
said, or the server could not look them up, there is nothing to count.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from ipaddress import ip_address

from smtps.client.login import UNSAID

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
