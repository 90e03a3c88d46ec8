"""Names that lead nowhere, or where they should not, put to a DNS server of the tests' own."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import dns.rcode
import pytest
from tests.checks.test_rules import an_address, facts
from tests.nameserver import Zone, name_server

import smtps
from smtps.advice import Severity
from smtps.checks.dns_facts import explained
from smtps.checks.report import Report
from smtps.errors import Failure, Phase
from smtps.net.dns import Resolver, Trace, in_public_dns
from smtps.net.resolve import Address, resolved
from smtps.sandbox.server import Sandbox

SOA = "ns.x.test. admin.x.test. 1 3600 600 86400 60"
ZONE: Zone = {
    ("x.test", "SOA"): [SOA],
    ("test", "SOA"): [SOA],
    ("x.test", "MX"): ["10 mx.x.test."],
    ("null.x.test", "MX"): ["0 ."],
    ("empty.x.test", "TXT"): ['"nothing"'],
    ("dangling.x.test", "CNAME"): ["gone.x.test."],
    ("hollow.x.test", "CNAME"): ["empty.x.test."],
    ("round.x.test", "CNAME"): ["about.x.test."],
    ("about.x.test", "CNAME"): ["round.x.test."],
    ("mail.x.test", "A"): ["192.0.2.1"],
    ("off.x.test", "CNAME"): ["."],
    ("far.x.test", "CNAME"): ["far1.x.test."],
    **{(f"far{n}.x.test", "CNAME"): [f"far{n + 1}.x.test."] for n in range(1, 20)},
    ("far20.x.test", "A"): ["192.0.2.1"],
}

CASES: dict[str, tuple[str, str]] = {
    "dangling.x.test": ("dns.alias_dangling", "alias of gone.x.test, which does not exist"),
    "hollow.x.test": ("dns.alias_dangling", "alias of empty.x.test, which has no address"),
    "round.x.test": ("dns.alias_loop", "round.x.test → about.x.test → round.x.test"),
    "mial.x.test": ("dns.name_not_found", "The domain x.test exists, but mial.x.test does not"),
    "mail.exmaple.test": ("dns.name_not_found", "its domain is not registered under .test"),
    "off.x.test": ("dns.alias_dangling", "alias of the root (“.”), which has no address"),
    "far.x.test": ("dns.alias_chain", "over 20 aliases to far20.x.test"),
    "x.test": ("dns.no_address", "a mail domain whose mail goes to mx.x.test"),
    "null.x.test": ("dns.no_address", "also says that it accepts no mail (null MX)"),
    "empty.x.test": ("dns.no_address", "empty.x.test has no address."),
}


async def looked_up(name: str, place: str, **options: Any) -> Failure:
    timeouts = smtps.Timeouts(dns=1.0)
    report = await smtps.check(name, resolver=place, timeouts=timeouts, **options)
    (found,) = report.findings
    assert report.facts.failure is not None
    assert found.code == report.facts.failure.code
    assert report.facts.failure.phase is Phase.DNS
    assert report.facts.mail_hosts == (("mx.x.test",) if name == "x.test" else ())
    return report.facts.failure


@pytest.mark.parametrize("name", CASES)
async def test_why_a_name_leads_nowhere(name: str) -> None:
    code, words = CASES[name]
    async with name_server(ZONE) as server:
        failure = await looked_up(name, server.place)
    assert failure.code == code
    assert words in failure.message
    assert not failure.retryable


@pytest.mark.parametrize(
    ("name", "meant"),
    [("smtp.gmial.com", "smtp.gmail.com"), ("smpt.office365.com", "smtp.office365.com"),
     ("smtp.foo.com", None), ("mail.x.test", None)],
)  # fmt: skip
def test_a_provider_s_host_that_was_mistyped(name: str, meant: str | None) -> None:
    failure = Failure(code="dns.name_not_found", message="No.", phase=Phase.DNS)
    found = explained(failure, Trace(name, "NXDOMAIN", (name,)))
    assert ("Did you mean" in found.message) == (meant is not None)
    assert meant is None or found.message.endswith(f"Did you mean {meant}?")


@pytest.mark.parametrize(
    ("name", "code"), [("round.x.test", "dns.alias_loop"), ("far.x.test", "dns.alias_chain")]
)
async def test_a_resolver_that_gives_up_on_aliases_is_asked_step_by_step(
    name: str, code: str
) -> None:
    async with name_server(ZONE) as server:
        failing = server.answer

        def answer(wire: bytes) -> bytes | None:
            asks_for_address = wire[-4:-2] == b"\0\1" or b"\0\1\0\1" in wire
            server.rcode = dns.rcode.SERVFAIL if asks_for_address else None
            return failing(wire)

        server.answer = answer  # type: ignore[method-assign]
        failure = await looked_up(name, server.place)
    assert failure.code == code


async def test_signatures_that_do_not_verify() -> None:
    async with name_server(ZONE, bogus=True) as server:
        failure = await looked_up("mail.x.test", server.place)
    assert failure.code == "dns.dnssec_failed"
    assert failure.retryable


@pytest.mark.parametrize(
    ("rcode", "code"),
    [(dns.rcode.SERVFAIL, "dns.server_failed"), (dns.rcode.REFUSED, "dns.lookup_failed")],
)
async def test_a_domain_that_fails_is_no_resolver_that_fails(
    rcode: dns.rcode.Rcode, code: str
) -> None:
    async with name_server(ZONE, rcode=rcode) as server:
        failure = await looked_up("mail.x.test", server.place)
    assert failure.code == code
    assert failure.retryable


async def test_a_resolver_that_is_dead_is_named() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        host, port = deaf.getsockname()
        failure = await looked_up("mail.x.test", f"{host}:{port}")
    assert failure.code == "dns.timeout"
    assert host in failure.message


async def test_a_name_of_this_machine_alone_is_not_asked_about() -> None:
    async with name_server(ZONE) as server:
        report = await smtps.check("nosuch.localhost", port=1, resolver=server.place)
        assert server.asked == []  # RFC 6761 section 6.3
    assert [finding.code for finding in report.findings] == ["net.refused"]


# A family that never comes.


@pytest.mark.parametrize("kind", ["AAAA", "A"])
async def test_a_family_that_is_not_answered_for_holds_up_none(kind: str) -> None:
    zone: Zone = {("mail.x.test", "A"): ["192.0.2.1"], ("mail.x.test", "AAAA"): ["2001:db8::1"]}
    loop = asyncio.get_running_loop()
    async with name_server(zone, deaf=(kind,)) as server:
        start = loop.time()
        found = await resolved("mail.x.test", 465, resolver=server.place)
    assert found.unanswered == (kind,)
    assert len(found.addresses) == 1
    assert loop.time() - start < 2


async def test_one_family_that_is_empty_and_the_other_late_is_waited_for() -> None:
    async with name_server({("mail.x.test", "A"): ["192.0.2.1"]}, deaf=("A",)) as server:
        answer = await Resolver(server.place, lifetime=0.3).addresses("mail.x.test")
    assert answer.failure is not None


@pytest.fixture
async def half_deaf(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A system's resolver that answers for IPv4 alone."""
    families: list[int] = []

    async def getaddrinfo(_host: str, port: int, *, family: int = 0, **_: Any) -> Any:
        families.append(family)
        if not family:
            await asyncio.Event().wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    monkeypatch.setattr("smtps.net.resolve.PATIENCE", 0.05)
    monkeypatch.setattr("smtps.net.resolve.HALF_PATIENCE", 0.05)
    return families


async def test_the_systems_resolver_is_asked_for_ipv4_alone(half_deaf: list[int]) -> None:
    found = await resolved("mail.x.test", 465, timeout=5)
    assert found.addresses == [Address("192.0.2.1", 465)]
    assert found.unanswered == ("AAAA",)
    assert half_deaf == [0, socket.AF_INET]
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others


async def test_a_family_without_answers_is_a_warning() -> None:
    async with Sandbox() as box:
        zone: Zone = {("box.test", "A"): ["127.0.0.1"]}
        async with name_server(zone, deaf=("AAAA",)) as server:
            report = await smtps.check(
                "box.test", port=box.port, resolver=server.place, verify=False
            )
    assert "dns.half_answered" in [finding.code for finding in report.findings]
    assert report.verdict == "warnings"


# Names that lead inside.

PUBLIC = "smtp.a-provider.net"
REFUSED = Failure(code="net.refused", message="Refused.", phase=Phase.TCP, address="x")
LATER = Failure(code="tls.timeout", message="Silence.", phase=Phase.TLS, address="x")


@pytest.mark.parametrize(
    ("ip", "failure", "found"),
    [
        ("127.0.0.1", REFUSED, [("dns.loopback_address", "error")]),
        ("0.0.0.0", REFUSED, [("dns.blocked_name", "error")]),
        ("::", REFUSED, [("dns.blocked_name", "error")]),
        ("::1", REFUSED, [("dns.loopback_address", "error")]),
        ("10.1.2.3", REFUSED, [("dns.private_address", "error")]),
        ("::ffff:127.0.0.1", REFUSED, [("dns.loopback_address", "error")]),
        ("::127.0.0.1", REFUSED, [("dns.loopback_address", "error")]),
        ("::ffff:0.0.0.0", REFUSED, [("dns.blocked_name", "error")]),
        ("::ffff:10.1.2.3", REFUSED, [("dns.private_address", "error")]),
        ("64:ff9b::a01:203", REFUSED, [("dns.private_address", "error")]),
        ("::ffff:8.8.8.8", REFUSED, [("dns.mapped_address", "error")]),
        ("::ffff:8.8.8.8", None, [("dns.mapped_address", "warning")]),
        ("64:ff9b::808:808", None, []),
        ("0.1.2.3", REFUSED, [("dns.unusable_address", "error")]),
        ("198.18.0.7", REFUSED, [("dns.unusable_address", "error")]),
        ("198.18.0.7", None, []),
        ("224.0.0.1", REFUSED, [("dns.unusable_address", "error")]),
        ("240.0.0.1", REFUSED, [("dns.unusable_address", "error")]),
        ("255.255.255.255", REFUSED, [("dns.unusable_address", "error")]),
        ("ff02::1", REFUSED, [("dns.unusable_address", "error")]),
        ("192.168.1.1", LATER, [("tls.timeout", "error"), ("dns.private_address", "warning")]),
        ("127.0.0.1", LATER, [("dns.loopback_address", "error"), ("tls.timeout", "error")]),
        ("127.0.0.1", None, [("dns.loopback_address", "warning")]),
        ("100.64.0.1", None, [("dns.private_address", "info")]),
        ("8.8.8.8", None, []),
        ("192.0.2.1", None, []),
        ("8.8.8.8", REFUSED, [("net.refused", "error")]),
    ],
)
def test_a_public_name_with_an_address_that_is_not(
    ip: str, failure: Failure | None, found: list[tuple[str, str]]
) -> None:
    seen = an_address(failure=failure)
    seen.address = ip
    report = Report.of(facts(seen, host=PUBLIC))
    told = [(f.code, str(f.severity)) for f in report.findings if f.code != _NAME]
    assert told == found
    doubtful = {severity for _, severity in found} - {"info"}
    assert report.verdict == ("fails" if failure else "warnings" if doubtful else "works")


_NAME = "tls.certificate_wrong_host"


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("smtp.gmx.net", True),
        ("mail.example.com", True),
        ("mail.corp", False),
        ("nas.local", False),
        ("box.home.arpa", False),
        ("mail", False),
        ("127.0.0.1", False),
        ("x.test", False),
    ],
)
def test_which_names_the_whole_internet_shares(host: str, public: bool) -> None:
    assert in_public_dns(host) is public


# Addresses beside others.


@pytest.mark.parametrize(
    ("code", "ip", "severity"),
    [
        ("net.unreachable", "2001:db8::1", Severity.INFO),
        ("net.unreachable", "192.0.2.9", Severity.ERROR),
        ("net.host_unreachable", "2001:db8::1", Severity.ERROR),
        ("net.prohibited", "192.0.2.9", Severity.ERROR),
    ],
)
def test_only_a_lack_of_ipv6_here_is_no_fault_of_the_server(
    code: str, ip: str, severity: Severity
) -> None:
    dead = an_address(
        failure=Failure(code=code, message="No.", phase=Phase.TCP, address=ip), chain=(), tls=None
    )
    dead.address = ip
    report = Report.of(facts(an_address(), dead))
    assert {f.severity for f in report.findings if f.code == code} == {severity}
    warned = "net.some_addresses_fail" in [f.code for f in report.findings]
    assert warned == (severity is Severity.ERROR)
    assert report.verdict == ("works" if severity is Severity.INFO else "warnings")
