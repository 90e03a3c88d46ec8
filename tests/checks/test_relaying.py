"""Whose mail a server takes without a login."""

from __future__ import annotations

from datetime import UTC, datetime

import dns.rcode
import pytest
from tests.nameserver import Zone, name_server

from smtps.checks.facts import AddressFacts, Asked, Facts
from smtps.checks.relaying import foreign_domains, related
from smtps.core.capabilities import Capabilities
from smtps.core.reply import Reply
from smtps.net.dns import Resolver

OK = Reply(250, ("OK",))


def seen(host: str, recipient: str, *, greeting: str = "", reply: Reply = OK) -> Facts:
    address = AddressFacts("141.2.3.10")
    address.greeting = Reply(220, (greeting or host,))
    address.capabilities = Capabilities(host)
    address.asked = Asked("ann@example.net", OK, ((recipient, reply),))
    facts = Facts(host, host, 25, "starttls", datetime.now(UTC))
    facts.addresses.append(address)
    return facts


ZONE: Zone = {
    ("customer.com", "MX"): ["10 mx1.hoster.net."],
    ("stranger.com", "MX"): ["10 mx.stranger.com."],
    ("mailless.com", "A"): ["192.0.2.1"],
}


@pytest.mark.parametrize(
    ("host", "recipient", "foreign"),
    [
        ("mail.example.com", "bob@example.com", False),
        ("example.com", "bob@mail.example.com", False),
        ("mx1.hoster.net", "bob@customer.com", False),
        ("mx7.hoster.net", "bob@customer.com", False),
        ("mx1.hoster.net", "bob@stranger.com", True),
        ("mx1.hoster.net", "bob@mailless.com", True),
        ("mx1.hoster.net", "bob@nowhere.com", True),
        ("mail.example.com", "bob@example.org", True),
        ("mail.example.com", "bob@notexample.com", True),
    ],
)
async def test_a_domain_is_the_servers_by_its_names_or_by_mx(
    host: str, recipient: str, foreign: bool
) -> None:
    async with name_server(ZONE) as server:
        found = await foreign_domains(seen(host, recipient), Resolver(server.place))
    assert found == ({recipient.partition("@")[2]} if foreign else frozenset())


async def test_what_dns_does_not_tell_is_not_held_against_the_server() -> None:
    async with name_server({}, rcode=dns.rcode.SERVFAIL) as server:
        facts = seen("mx1.hoster.net", "bob@stranger.com")
        assert await foreign_domains(facts, Resolver(server.place)) == frozenset()


async def test_the_name_in_the_greeting_counts_and_a_refusal_does_not() -> None:
    async with name_server(ZONE) as server:
        resolver = Resolver(server.place)
        named = seen("10.1.2.3", "bob@example.org", greeting="mail.example.org ESMTP")
        assert await foreign_domains(named, resolver) == frozenset()
        refused = seen("mail.example.com", "bob@example.org", reply=Reply(554, ("no",)))
        assert await foreign_domains(refused, resolver) == frozenset()


def test_a_name_that_only_ends_alike_is_another() -> None:
    assert related("example.com", ["mail.example.com"])
    assert not related("ample.com", ["mail.example.com"])
