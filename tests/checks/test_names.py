"""What DNS says of a server, and what the rules make of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256, sha512

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.nameserver import Zone, name_server

from smtps.checks import evidence
from smtps.checks.checking import check
from smtps.checks.dns_facts import Names, Reverse, look_up
from smtps.checks.facts import AddressFacts, Facts
from smtps.checks.rules import network
from smtps.net.dns import TLSA, Resolver
from smtps.net.resolve import Address
from smtps.net.tls import TLSFacts
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.pki import Authority


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def key(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


ROOT = Authority()
MIDDLE = ROOT.intermediate()
OWN = MIDDLE.issue(["mail.x.test"]).certificate
SENT = [der(OWN), der(MIDDLE.identity.certificate)]
PATH = [*SENT, der(ROOT.identity.certificate)]

OTHER = b"\0" * 32


@pytest.mark.parametrize(
    ("record", "vouched"),
    [
        (TLSA(3, 1, 1, sha256(key(OWN)).digest()), True),
        (TLSA(3, 1, 2, sha512(key(OWN)).digest()), True),
        (TLSA(3, 1, 0, key(OWN)), True),
        (TLSA(3, 0, 1, sha256(der(OWN)).digest()), True),
        (TLSA(1, 0, 1, sha256(der(OWN)).digest()), True),
        (TLSA(2, 0, 1, sha256(SENT[1]).digest()), True),
        (TLSA(2, 1, 1, sha256(key(MIDDLE.identity.certificate)).digest()), True),
        (TLSA(0, 0, 1, sha256(PATH[2]).digest()), True),
        (TLSA(3, 1, 1, OTHER), False),
        (TLSA(3, 0, 1, sha256(key(OWN)).digest()), False),
        (TLSA(3, 0, 1, sha256(SENT[1]).digest()), False),  # of the authority, not its own
        (TLSA(2, 1, 1, OTHER), False),
    ],
)
def test_whether_a_record_is_about_a_chain(record: TLSA, vouched: bool) -> None:
    assert evidence.vouched_by_dane([record], SENT, PATH) is vouched
    assert evidence.vouched_by_dane([TLSA(3, 1, 1, OTHER), record], SENT, PATH) is vouched


def test_a_certificate_that_cannot_be_read_is_vouched_for_by_nothing() -> None:
    assert not evidence.vouched_by_dane(
        [TLSA(3, 1, 1, sha256(key(OWN)).digest())], [b"no certificate"]
    )


@pytest.mark.parametrize("record", [TLSA(4, 1, 1, b""), TLSA(3, 2, 1, b""), TLSA(3, 1, 3, b"")])
def test_records_of_unknown_kinds_do_not_count(record: TLSA) -> None:
    assert evidence.usable_tlsa([record]) == []


def facts(dns: Names | None, chain: Sequence[bytes] = ()) -> Facts:
    tls = TLSFacts(version="TLSv1.3", cipher="x", chain=tuple(chain)) if chain else None
    return Facts(
        target="x",
        host="mail.x.test",
        port=465,
        security="implicit",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        dns=dns,
        addresses=[AddressFacts("192.0.2.1", tls=tls)],
    )


WRONG = (TLSA(3, 1, 1, OTHER),)
RIGHT = (*WRONG, TLSA(3, 1, 1, sha256(key(OWN)).digest()))


@pytest.mark.parametrize(
    ("dns", "chain", "codes"),
    [
        (None, SENT, []),
        (Names(tlsa=WRONG, authenticated=True), SENT, ["tls.dane_mismatch"]),
        (Names(tlsa=WRONG, authenticated=False), SENT, []),  # anybody may have written it
        (Names(tlsa=RIGHT, authenticated=True), SENT, []),
        (Names(tlsa=WRONG, authenticated=True), [], []),  # no certificate was seen
        (Names(tlsa=(TLSA(9, 9, 9, b""),), authenticated=True), SENT, []),
        (Names(authenticated=True), SENT, []),
    ],
)
def test_dane_counts_only_where_dnssec_vouches(
    dns: Names | None, chain: Sequence[bytes], codes: list[str]
) -> None:
    assert [finding.code for finding in network.vouched(facts(dns, chain))] == codes


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        (Reverse(("mail.x.test",), confirmed=True), []),
        (Reverse(("other.x.test",), confirmed=False), ["dns.reverse_mismatch"]),
        (Reverse((), confirmed=False), ["dns.reverse_missing"]),
    ],
)
def test_reverse_dns(found: Reverse, codes: list[str]) -> None:
    dns = Names(reverse={"192.0.2.1": found})
    assert [finding.code for finding in network.reverse(facts(dns))] == codes


ZONE: Zone = {
    ("mail.x.test", "CNAME"): ["host.x.test."],
    ("host.x.test", "A"): ["8.8.8.8", "8.8.4.4", "127.0.0.1"],
    ("8.8.8.8.in-addr.arpa", "PTR"): ["host.x.test."],
    ("4.4.8.8.in-addr.arpa", "PTR"): ["stranger.x.test."],
    ("_465._tcp.mail.x.test", "TLSA"): ["3 1 1 " + "00" * 32],
}
ADDRESSES = [Address(ip, 465) for ip in ("8.8.8.8", "8.8.4.4", "127.0.0.1", "1.1.1.1")]


async def test_everything_that_dns_says() -> None:
    async with name_server(ZONE, signed=True) as server:
        found = await look_up("mail.x.test", 465, ADDRESSES, Resolver(server.place))
    assert found is not None
    assert found.resolver == "127.0.0.1"
    assert found.canonical == "host.x.test"
    assert found.reverse == {
        "8.8.8.8": Reverse(("host.x.test",), confirmed=True),
        "8.8.4.4": Reverse(("stranger.x.test",), confirmed=False),
        "1.1.1.1": Reverse((), confirmed=False),
    }
    assert found.tlsa == WRONG
    assert found.authenticated


async def test_nothing_is_asked_about_a_private_address() -> None:
    async with name_server(ZONE) as server:
        resolver = Resolver(server.place)
        assert await look_up("127.0.0.1", 465, ADDRESSES[2:3], resolver) is None
        assert await look_up("localhost", 465, ADDRESSES[2:3], resolver) is None
        assert server.asked == []


@pytest.mark.parametrize("deep", [True, False])
async def test_a_deep_check_asks_dns_and_a_usual_one_only_for_addresses(deep: bool) -> None:
    zone: Zone = {("mail.x.test", "A"): ["127.0.0.1"],
                  ("_465._tcp.mail.x.test", "TLSA"): ["3 1 1 " + "00" * 32]}  # fmt: skip
    async with Gallery() as gallery, name_server(zone, signed=True) as server:
        box = gallery.boxes["healthy"]
        zone[f"_{box.port}._tcp.mail.x.test", "TLSA"] = ["3 1 1 " + "00" * 32]
        report = await check(
            "mail.x.test", port=box.port, ca_file=box.ca_file, deep=deep, resolver=server.place
        )
    kinds = {kind for _, kind in server.asked}
    assert kinds == ({"A", "AAAA", "TLSA"} if deep else {"A", "AAAA"})
    told = report.as_json()["dns"]
    codes = {finding.code for finding in report.findings}
    assert (told is not None) is deep
    assert ("tls.dane_mismatch" in codes) is deep
