"""Whose mail a server took without a login: its own domains', or other people's.

Every mail exchanger takes mail for its own domains from any client. Its names tell which those are,
and else the MX records of the domain. Where DNS does not answer nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from smtps.checks.facts import AddressFacts, Facts
from smtps.errors import InputError
from smtps.net.hostnames import literal, to_ascii

if TYPE_CHECKING:
    from smtps.net.dns import Resolver


async def foreign_domains(facts: Facts, resolver: Resolver) -> frozenset[str]:
    """Of the domains that mail was taken for, those that are known not to be the server's."""
    found = set()
    for domain in sorted({domain for address in facts.addresses for domain in taken_for(address)}):
        if not await _own(domain, _names(facts), resolver):
            found.add(domain)
    return frozenset(found)


def taken_for(address: AddressFacts) -> tuple[str, ...]:
    """Domains of the recipients that were accepted."""
    asked = address.asked
    recipients = asked.recipients if asked else ()
    return tuple(domain_of(who) for who, reply in recipients if reply.positive)


def domain_of(who: str) -> str:
    """The domain of an address, in ASCII where it can be."""
    domain = who.rpartition("@")[2].lower()
    try:
        return to_ascii(domain)
    except InputError:
        return domain


def related(domain: str, names: Iterable[str]) -> bool:
    """Whether a domain is one of the names, or above or below one of them."""
    return any(
        name == domain or name.endswith(f".{domain}") or domain.endswith(f".{name}")
        for name in names
    )


async def _own(domain: str, names: frozenset[str], resolver: Resolver) -> bool:
    """Whether a domain is the server's, or may be for all that can be known."""
    from smtps.net.dns import in_public_dns  # late: few ask  # noqa: PLC0415

    if related(domain, names):
        return True
    if not in_public_dns(domain):
        return False
    answer = await resolver.exchangers(domain)
    if answer.failure is not None and answer.exists:
        return True
    # A large provider's exchangers are many; the one that is asked need not be in DNS by its name.
    parents = {name.partition(".")[2] for name in names} - {""}
    above = {parent for parent in parents if "." in parent}
    return any(related(host, names | above) for host in answer.values)


def _names(facts: Facts) -> frozenset[str]:
    """What the server is called: by who asks, and by itself."""
    said = [facts.host]
    for address in facts.addresses:
        if address.capabilities is not None:
            said.append(address.capabilities.server_name)
        if address.greeting is not None and address.greeting.lines[0].split():
            said.append(address.greeting.lines[0].split()[0])
    lower = {name.lower().rstrip(".") for name in said}
    return frozenset(name for name in lower if "." in name and literal(name.strip("[]")) is None)
