"""Questions to DNS, put to a server of the tests' own."""

from __future__ import annotations

import socket

import dns.rcode
import pytest
from tests.nameserver import Zone, name_server

from smtps.errors import InputError, NetworkError
from smtps.net.dns import TLSA, Resolver, Service, askable, in_turn
from smtps.net.resolve import resolve

ZONE: Zone = {
    ("mail.x.test", "A"): ["192.0.2.1", "192.0.2.2"],
    ("mail.x.test", "AAAA"): ["2001:db8::1"],
    ("www.x.test", "CNAME"): ["mail.x.test."],
    ("four.x.test", "A"): ["192.0.2.4"],
    ("empty.x.test", "TXT"): ['"nothing to connect to"'],
    ("x.test", "MX"): ["20 b.x.test.", "10 a.x.test."],
    ("null.test", "MX"): ["0 ."],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["mail.x.test."],
    ("_submissions._tcp.x.test", "SRV"): ["10 1 465 light.x.test.", "10 9 465 heavy.x.test.",
                                          "5 0 2465 first.x.test."],
    ("_submission._tcp.x.test", "SRV"): ["0 0 0 ."],
    ("_465._tcp.mail.x.test", "TLSA"): ["3 1 1 " + "ab" * 32],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "addresses", "canonical", "exists"),
    [
        ("mail.x.test", ("2001:db8::1", "192.0.2.1", "192.0.2.2"), "mail.x.test", True),
        ("www.x.test", ("2001:db8::1", "192.0.2.1", "192.0.2.2"), "mail.x.test", True),
        ("four.x.test", ("192.0.2.4",), "four.x.test", True),
        ("empty.x.test", (), "empty.x.test", True),
        ("nowhere.x.test", (), "", False),
    ],
)
async def test_addresses(
    name: str, addresses: tuple[str, ...], canonical: str, exists: bool
) -> None:
    async with name_server(ZONE) as server:
        found = await Resolver(server.place).addresses(name)
    assert set(found.values) == set(addresses)
    assert (found.canonical, found.exists, found.failure) == (canonical, exists, None)


async def test_services_come_with_priority_and_weight() -> None:
    async with name_server(ZONE) as server:
        found = await Resolver(server.place).services("_submissions._tcp", "x.test")
    assert in_turn(found.values, lambda: 0.999) == [
        Service("first.x.test", 2465, 5, 0),
        Service("heavy.x.test", 465, 10, 9),
        Service("light.x.test", 465, 10, 1),
    ]


async def test_the_root_says_that_there_is_no_such_service() -> None:
    async with name_server(ZONE) as server:
        found = await Resolver(server.place).services("_submission._tcp", "x.test")
    assert [service.host for service in found.values] == ["."]


async def test_other_records() -> None:
    async with name_server(ZONE) as server:
        resolver = Resolver(server.place)
        assert (await resolver.exchangers("x.test")).values == ("a.x.test", "b.x.test")
        assert (await resolver.exchangers("null.test")).values == ()
        assert (await resolver.names("192.0.2.1")).values == ("mail.x.test",)
        assert (await resolver.tlsa("mail.x.test", 465)).values == (TLSA(3, 1, 1, b"\xab" * 32),)


@pytest.mark.parametrize("signed", [True, False])
async def test_whether_the_resolver_vouches_is_told(signed: bool) -> None:
    async with name_server(ZONE, signed=signed) as server:
        found = await Resolver(server.place).tlsa("mail.x.test", 465)
    assert found.authenticated is signed


async def test_a_resolver_that_fails_is_no_missing_name() -> None:
    async with name_server(ZONE, rcode=dns.rcode.SERVFAIL) as server:
        found = await Resolver(server.place).exchangers("x.test")
    assert found.failure is not None
    assert found.failure.code == "dns.lookup_failed"
    assert found.failure.retryable


async def test_a_resolver_that_is_silent() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        host, port = deaf.getsockname()
        found = await Resolver(f"{host}:{port}", lifetime=0.2).exchangers("x.test")
    assert found.failure is not None
    assert found.failure.code == "dns.timeout"


async def test_resolve_asks_the_given_server() -> None:
    async with name_server(ZONE) as server:
        found = await resolve("mail.x.test", 465, resolver=server.place)
        assert {address.ip for address in found} == {"2001:db8::1", "192.0.2.1", "192.0.2.2"}
        for name, code in (("nowhere.x.test", "dns.name_not_found"),
                           ("empty.x.test", "dns.no_address")):  # fmt: skip
            with pytest.raises(NetworkError) as caught:
                await resolve(name, 465, resolver=server.place)
            assert caught.value.code == code


@pytest.mark.parametrize(
    "text", ["", "dns.example", "192.0.2.1:0", "192.0.2.1:x", "[::1", "::1:53:"]
)
def test_a_resolver_is_an_address(text: str) -> None:
    with pytest.raises(InputError) as caught:
        Resolver(text)
    assert caught.value.failure.field == "resolver"


@pytest.mark.parametrize("text", ["192.0.2.1", "192.0.2.1:5353", "::1", "[::1]:5353", "[::1]"])
def test_a_resolver_may_have_a_port(text: str) -> None:
    Resolver(text)


@pytest.mark.parametrize(
    ("host", "known"),
    [("mail.example.com", True), ("localhost", False), ("a.localhost", False),
     ("printer.local", False), ("192.0.2.1", False), ("[::1]", False)],
)  # fmt: skip
def test_public_dns_is_not_asked_about_what_it_cannot_know(host: str, known: bool) -> None:
    assert askable(host) is known
