"""Which other name leads to a server whose certificate is not for the one that was asked for."""

from __future__ import annotations

from tests.checks.test_rules import a_certificate, an_address, facts, offer, untrusted
from tests.nameserver import Zone, name_server

from smtps.checks.other_names import lead_here
from smtps.core.reply import Reply
from smtps.net.dns import Resolver

ZONE: Zone = {
    ("cp12.hoster.example", "A"): ["192.0.2.1"],
    ("www.hoster.example", "A"): ["192.0.2.2"],
}


async def asked(*names: str, greeting: str) -> dict[str, bool]:
    seen = an_address(
        chain=(a_certificate(names=names),),
        greeting=Reply(220, (f"{greeting} ESMTP",)),
        capabilities=offer("AUTH PLAIN"),
        **untrusted("tls.certificate_wrong_host"),
    )
    async with name_server(ZONE) as server:
        return await lead_here(facts(seen), Resolver(server.place, lifetime=2.0))


async def test_the_greeting_names_a_host_that_a_wildcard_covers() -> None:
    found = await asked("*.hoster.example", greeting="cp12.hoster.example")
    assert found == {"cp12.hoster.example": True}


async def test_a_name_of_the_certificate_that_leads_elsewhere_is_known_as_such() -> None:
    found = await asked("www.hoster.example", greeting="another.example")
    assert found == {"www.hoster.example": False}


async def test_text_that_is_no_name_is_not_asked_for() -> None:
    for text in ("https://mail.example.com", "*", "a b.example", "", "x" * 300, "192.0.2.1"):
        assert await asked(text, greeting="¡hola!") == {}
