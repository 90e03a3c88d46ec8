"""What DNS says about a server beyond its addresses, and why a name has none.

The system's resolver says only that a name cannot be resolved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from smtps.errors import Failure
from smtps.net.dns import TLSA, Resolver, Trace, askable
from smtps.net.egress import is_public
from smtps.net.resolve import Address
from smtps.providers import Provider, all_providers

CLOSE = 0.9
"""Likeness of two names from which on one may be the other, mistyped (1 is the same)."""

MANY_ALIASES = 8
"""CNAME records in a row that every resolver follows; BIND and Unbound follow 11, others 16."""

WORTH_ASKING = ("dns.name_not_found", "dns.no_address", "dns.lookup_failed", "dns.timeout")


async def why_unresolved(
    failure: Failure, host: str, resolver: Resolver
) -> tuple[Failure, tuple[str, ...]]:
    """The failure of a look-up, with what DNS itself has to say; and the hosts that take mail for
    the name, where it has no address of its own.
    """
    if failure.code not in WORTH_ASKING or not askable(host):
        return failure, ()
    trace = await resolver.trace(host)
    found = explained(failure, trace)
    taking = trace.mail if found.code == "dns.no_address" else None
    return found, tuple(name for name in taking or () if name)


def explained(failure: Failure, trace: Trace) -> Failure:
    """The same, from what was asked; pure."""
    if not trace.code:
        who = f" ({trace.resolver})" if trace.resolver else ""
        return replace(failure, message=f"No resolver{who} answered for {trace.name}.")
    aliases = " → ".join(trace.chain)
    if trace.goes_round:
        return _found(
            failure, "dns.alias_loop", f"The aliases of {trace.name} form a loop: {aliases}."
        )
    if trace.dnssec:
        return _found(
            failure,
            "dns.dnssec_failed",
            f"{trace.name} has an answer, but according to {trace.resolver} its DNSSEC signatures "
            "do not verify.",
            retryable=True,
        )
    if (many := len(trace.chain) - 1) > MANY_ALIASES and trace.code != "NXDOMAIN":
        return _found(
            failure,
            "dns.alias_chain",
            f"{trace.name} leads over {many} aliases to {trace.chain[-1]}; resolvers follow 8 to "
            "16.",
        )
    if len(trace.chain) > 1 and trace.code in ("NXDOMAIN", "NOERROR"):
        what = "does not exist" if trace.code == "NXDOMAIN" else "has no address"
        target = trace.chain[-1]
        if not target:
            target, what = "the root (“.”)", "has no address: the record names no host at all"
        return _found(
            failure, "dns.alias_dangling", f"{trace.name} is an alias of {target}, which {what}."
        )
    return _BY_CODE.get(trace.code, _other)(failure, trace)


def _missing(failure: Failure, trace: Trace) -> Failure:
    zone = trace.zone
    message = f"The name {trace.name} does not exist in DNS."
    if zone and zone != trace.name and "." in zone:
        message = f"The domain {zone} exists, but {trace.name} does not."
    elif zone and "." not in zone:
        message = f"{trace.name} does not exist: its domain is not registered under .{zone}."
    meant = _meant(trace.name)
    if meant == trace.name:
        message += (
            " It is nevertheless the name of a known provider's server: try another resolver."
        )
    elif meant is not None:
        message += f" Did you mean {meant}?"
    return _found(failure, "dns.name_not_found", message)


def _meant(name: str) -> str | None:
    """A provider's host that is almost the name."""
    hosts = {place for each in all_providers() for place in (each.host, *_other_hosts(each))}
    return next(iter(get_close_matches(name, sorted(hosts), 1, CLOSE)), None)


def _other_hosts(provider: Provider) -> tuple[str, ...]:
    return tuple(place.host for place in provider.alternatives)


def _empty(failure: Failure, trace: Trace) -> Failure:
    message = f"{trace.name} has no address."
    if trace.mail == ("",):
        message += " It also says that it accepts no mail (null MX)."
    elif trace.mail:
        message += f" It is a mail domain whose mail goes to {trace.mail[0]}."
    return _found(failure, "dns.no_address", message)


def _failing(failure: Failure, trace: Trace) -> Failure:
    return _found(
        failure,
        "dns.server_failed",
        f"The resolver {trace.resolver} got no usable answer from the name servers of "
        f"{trace.name} (SERVFAIL).",
        retryable=True,
    )


def _other(failure: Failure, trace: Trace) -> Failure:
    return _found(
        failure,
        "dns.lookup_failed",
        f"The resolver {trace.resolver} refuses to look up {trace.name} ({trace.code}).",
        retryable=True,
    )


_BY_CODE = {"NXDOMAIN": _missing, "NOERROR": _empty, "SERVFAIL": _failing}


def _found(failure: Failure, code: str, message: str, *, retryable: bool = False) -> Failure:
    return replace(failure, code=code, message=message, retryable=retryable)


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
        resolver: which one answered; empty if none did.
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
