"""Other names of a server whose certificate is not for the name that was asked for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

from smtps.checks.certificate import covers
from smtps.checks.facts import AddressFacts, Facts
from smtps.net.dns import Resolver, askable
from smtps.net.egress import is_public

MOST = 6
"""Names that are looked up."""


async def lead_here(facts: Facts, resolver: Resolver) -> dict[str, bool]:
    """Name that the certificate covers → whether it resolves to one of the server's addresses.

    Candidates are the name in the greeting, that in the answer to EHLO, those in reverse DNS, and
    those in the certificate. A name that could not be looked up is left out.
    """
    ours = {address.address for address in facts.addresses}
    reverse = [
        name.rstrip(".").lower()
        for found in await asyncio.gather(
            *(resolver.names(ip) for ip in sorted(ours)[:2] if is_public(ip))
        )
        for name in found.values
    ]
    names = dict.fromkeys(
        name
        for address in facts.addresses
        if address.chain
        for name in (*_said(address), *reverse, *address.chain[0].names)
        if _worth_asking(name, facts.host) and covers(address.chain[0], name)
    )
    asked = list(names)[:MOST]
    answers = await asyncio.gather(*(resolver.addresses(name) for name in asked))
    return {
        name: bool(ours & set(answer.values))
        for name, answer in zip(asked, answers, strict=True)
        if answer.failure is None
    }


def _worth_asking(name: str, host: str) -> bool:
    """Whether it is the name of another host; certificates have all kinds of text there."""
    return name != host and _HOST.fullmatch(name) is not None and askable(name)


_HOST = re.compile(
    r"(?=.{4,253}\Z)(?:[a-z0-9_](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]+", re.IGNORECASE
)


def _said(address: AddressFacts) -> Iterator[str]:
    """What the server calls itself."""
    if address.greeting is not None:
        yield address.greeting.lines[0].partition(" ")[0].lower()
    if address.capabilities is not None:
        yield address.capabilities.server_name.lower()
