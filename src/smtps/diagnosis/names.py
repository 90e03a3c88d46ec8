"""What DNS says about a server beyond its addresses, asked while the server itself is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from smtps.net.dns import TLSA, Resolver, askable
from smtps.net.egress import is_public
from smtps.net.resolve import Address


@dataclass(frozen=True, slots=True)
class Reverse:
    """The name of an address.

    Attributes:
        names: in reverse DNS.
        confirmed: whether one of them leads back to the address.
    """

    names: tuple[str, ...]
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Names:
    """What DNS says.

    Attributes:
        resolver: who answered; empty if nobody did.
        canonical: where CNAME records led, or None.
        reverse: address → its name; only of public addresses, and only where DNS answered.
        tlsa: certificates that DNS vouches for (RFC 6698).
        authenticated: whether DNSSEC vouches for these; DANE counts only then.
    """

    resolver: str = ""
    canonical: str | None = None
    reverse: dict[str, Reverse] = field(default_factory=dict)
    tlsa: tuple[TLSA, ...] = ()
    authenticated: bool = False

    def as_json(self) -> dict[str, Any]:
        """The object under ``dns`` in a report."""
        return {
            "resolver": self.resolver or None,
            "canonical": self.canonical,
            "reverse": [
                {"address": address, "names": list(found.names), "confirmed": found.confirmed}
                for address, found in self.reverse.items()
            ],
            "tlsa": [str(record) for record in self.tlsa],
            "authenticated": self.authenticated,
        }


async def look_up(
    host: str, port: int, addresses: Sequence[Address], resolver: Resolver
) -> Names | None:
    """Ask for CNAME, TLSA and PTR records, all at the same time.

    Returns:
        None where there was nothing to ask: a literal address of a private network, say.
    """
    public = [address.ip for address in addresses if is_public(address.ip)]
    named = askable(host)
    if not named and not public:
        return None
    async with asyncio.TaskGroup() as group:
        reverse = group.create_task(_reverses(public, resolver))
        plain = group.create_task(resolver.addresses(host)) if named else None
        tlsa = group.create_task(resolver.tlsa(host, port)) if named else None
    forward = plain.result() if plain else None
    vouched = tlsa.result() if tlsa else None
    found, server = reverse.result()
    return Names(
        resolver=(forward and forward.resolver) or (vouched and vouched.resolver) or server,
        canonical=forward.canonical if forward and forward.canonical not in ("", host) else None,
        reverse=found,
        tlsa=vouched.values if vouched else (),
        authenticated=vouched is not None and vouched.authenticated,
    )


async def _reverses(addresses: Iterable[str], resolver: Resolver) -> tuple[dict[str, Reverse], str]:
    """Address → name, and who answered."""
    asked = [(address, await resolver.names(address)) for address in addresses]
    found: dict[str, Reverse] = {}
    for address, answer in asked:
        if answer.failure is None:
            confirmed = await _leads_back(answer.values, address, resolver)
            found[address] = Reverse(answer.values, confirmed)
    return found, next((answer.resolver for _, answer in asked if answer.resolver), "")


async def _leads_back(names: Iterable[str], address: str, resolver: Resolver) -> bool:
    """Forward-confirmed reverse DNS (RFC 8601 section 2.7.3, iprev)."""
    for name in names:
        if address in (await resolver.addresses(name)).values:
            return True
    return False
