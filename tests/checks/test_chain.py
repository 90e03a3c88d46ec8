"""Chains walked link by link, with real signatures; no network."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.checks.test_rules import an_address, facts

from smtps.advice import Who
from smtps.checks.certificate import explain
from smtps.checks.chain import MAX_LINKS, refine, walk, why_untrusted
from smtps.checks.facts import Certificate, Link, Walk
from smtps.checks.rules import judge
from smtps.errors import Failure
from smtps.net.tls import TLSFacts
from smtps.sandbox.pki import Authority, Identity, Kind, self_signed

TRUSTED = Authority("Example Root CA")
UPPER = TRUSTED.intermediate(name="Example Intermediate CA 1")
LOWER = UPPER.intermediate(name="Example Intermediate CA 2")
OTHER = TRUSTED.intermediate(name="Example Intermediate CA 9")
COMPANY = Authority("Company CA")
OWN = LOWER.issue(["mail.x.test"])


def der(*given: Identity | Authority | x509.Certificate) -> list[bytes]:
    certificates = (
        each if isinstance(each, x509.Certificate) else each.certificate for each in given
    )
    return [each.public_bytes(Encoding.DER) for each in certificates]


def walked(*sent: Identity | Authority | x509.Certificate, trusted: Authority = TRUSTED) -> Walk:
    found = walk(der(*sent), tuple(der(trusted, COMPANY.intermediate())))
    assert found is not None
    return found


def explained(*sent: Identity | Authority | x509.Certificate) -> tuple[Certificate, ...]:
    found = [explain(each) for each in der(*sent)]
    return tuple(each for each in found if isinstance(each, Certificate))


def test_a_whole_chain_ends_at_the_trusted_root() -> None:
    found = walked(OWN, LOWER, UPPER)
    assert found.end == "trusted"
    assert [link.place for link in found.links] == [0, 1, 2, None]
    assert found.in_order
    assert found.foreign == ()
    assert why_untrusted(found, explained(OWN, LOWER, UPPER)) is None


def test_a_root_that_is_sent_too_is_neither_foreign_nor_out_of_order() -> None:
    found = walked(OWN, LOWER, UPPER, TRUSTED)
    assert (found.end, found.foreign, found.in_order) == ("trusted", (), True)


def test_the_order_does_not_matter_for_trust_and_is_told() -> None:
    found = walked(OWN, UPPER, LOWER)
    assert (found.end, found.in_order) == ("trusted", False)


def test_what_issued_nothing_is_foreign() -> None:
    found = walked(OWN, OTHER, LOWER, UPPER, COMPANY)
    assert found.end == "trusted"
    assert [link.place for link in found.foreign] == [1, 4]


@pytest.mark.parametrize(
    ("sent", "code", "words"),
    [
        # The first link is missing, and the second has nothing to hold on to.
        ((OWN, UPPER), "incomplete_chain", "issued by CN=Example Intermediate CA 2, which was not"),
        ((OWN, LOWER), "incomplete_chain", "issued by CN=Example Intermediate CA 1, which was not"),
        ((OWN,), "incomplete_chain", "issued by CN=Example Intermediate CA 2"),
        ((OWN, OTHER), "incomplete_chain", "not part of the chain: CN=Example Intermediate CA 9"),
        ((OWN, TRUSTED), "incomplete_chain", "not part of the chain: CN=Example Root CA"),
        ((self_signed(["a.test"]),), "self_signed", "CN=a.test is self-signed"),
        ((self_signed(["a.test"]), LOWER), "self_signed", "another certificate is sent after it"),
        ((COMPANY.issue(["a.test"]), COMPANY), "untrusted_root", "ends in CN=Company CA"),
    ],
)  # fmt: skip
def test_the_missing_link_is_named(
    sent: tuple[Identity | Authority, ...], code: str, words: str
) -> None:
    reason = why_untrusted(walked(*sent), explained(*sent))
    assert reason is not None
    assert reason.code == f"tls.certificate_{code}"
    assert words in reason.words


def test_a_trusted_root_is_never_called_untrusted() -> None:
    for sent in ((OWN, UPPER), (OWN, LOWER, TRUSTED), (OWN, TRUSTED), (OWN, UPPER, TRUSTED)):
        reason = why_untrusted(walked(*sent), explained(*sent))
        assert reason is not None
        assert "Example Root CA, which" not in reason.words
        assert reason.code != "tls.certificate_untrusted_root"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Company Root", "untrusted_root"),
        ("Company CA", "incomplete_chain"),  # nobody can tell, and the remedy names both
        ("Company Issuing CA 3", "incomplete_chain"),
    ],
)
def test_an_issuer_that_nobody_sent_is_a_root_or_a_link(name: str, code: str) -> None:
    lower = Authority(name).intermediate(name="Company Sub")
    sent = (lower.issue(["a.test"]), lower)
    reason = why_untrusted(walked(*sent), explained(*sent))
    assert reason is not None
    assert reason.code == f"tls.certificate_{code}"


def test_a_namesake_with_another_key_is_told_apart() -> None:
    one, other = TRUSTED.intermediate(), TRUSTED.intermediate()
    sent = (one.issue(["a.test"]), other)
    found = walked(*sent)
    assert (found.end, found.namesake) == ("missing", True)
    reason = why_untrusted(found, explained(*sent))
    assert reason is not None
    assert reason.code == "tls.certificate_bad_signature"
    assert "by name only" in reason.words


def test_an_intermediate_in_the_ca_file_is_no_root() -> None:
    found = walked(OWN, LOWER, trusted=UPPER)
    reason = why_untrusted(found, explained(OWN, LOWER))
    assert reason is not None
    assert (reason.code, reason.audience) == ("tls.certificate_incomplete_chain", Who.YOU)
    assert reason.fix is not None
    assert "Add CN=Example Root CA to the CA file" in reason.fix


def test_a_way_that_leads_on_is_found_beside_one_that_does_not() -> None:
    """The same intermediate, certified by two authorities, of which one is trusted."""
    cross = Identity(LOWER.certificate, LOWER.identity.key)
    foreign = COMPANY.intermediate(Kind(), name="Example Intermediate CA 1")
    assert walked(OWN, foreign, LOWER, UPPER).end == "trusted"
    assert walked(Identity(OWN.certificate, cross.key), LOWER, foreign, UPPER).end == "trusted"


def test_a_certificate_that_cannot_be_read_has_no_way() -> None:
    assert walk([b"junk", *der(LOWER)], ()) is None
    assert walk([], ()) is None


def test_only_so_many_are_looked_at() -> None:
    found = walk([*der(OWN), *der(OTHER) * 200, *der(LOWER, UPPER)], tuple(der(TRUSTED)))
    assert found is not None
    assert found.end == "missing"
    assert len(found.foreign) == MAX_LINKS - 1


def test_an_issuer_that_cannot_be_read_is_malformed_and_not_merely_unable_to_issue() -> None:
    """The subject key identifier of the issuer is called a second authority key identifier."""
    broken = der(LOWER)[0].replace(bytes.fromhex("0603551d0e"), bytes.fromhex("0603551d23"))
    found = explain(broken)
    assert isinstance(found, Certificate)
    way = Walk((Link(explained(OWN)[0], 0), Link(found, 1)), "trusted")
    failure = Failure(code="tls.certificate_incomplete_chain", message="", address="192.0.2.1")
    seen = an_address(chain=(*explained(OWN), found), walk=way, failure=failure, tls=TLSFacts())
    better = refine(failure, "mail.x.test", seen)
    assert better.code == "tls.certificate_malformed"
    seen = replace(seen, failure=better)
    (finding,) = judge(facts(seen, host="mail.x.test", now=datetime.now(UTC)))
    assert (finding.code, finding.severity) == (better.code, "error")
