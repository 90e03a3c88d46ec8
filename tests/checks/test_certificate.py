"""Certificates explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.checks.test_rules import a_certificate, an_address, facts

from smtps.checks.certificate import covers, explain
from smtps.checks.chain import walk
from smtps.checks.facts import Certificate, Unreadable
from smtps.checks.report import Report
from smtps.sandbox.pki import Authority, Kind, self_signed

DER = serialization.Encoding.DER


def test_an_issued_certificate() -> None:
    authority = Authority("Test CA")
    found = explain(authority.issue(["mail.x.test", "192.0.2.1"]).certificate.public_bytes(DER))
    assert isinstance(found, Certificate)
    assert (found.subject, found.issuer) == ("CN=mail.x.test", "CN=Test CA")
    assert found.names == ("mail.x.test", "192.0.2.1")
    assert (found.key, found.signature, found.self_signed) == ("EC P-256", "sha256", False)
    assert len(found.fingerprint_sha256) == 64
    assert found.days_left(datetime.now(UTC)) == 89


def test_one_that_signs_itself() -> None:
    found = explain(self_signed(["x.test"]).certificate.public_bytes(DER))
    assert isinstance(found, Certificate)
    assert found.self_signed


def test_the_same_name_is_not_the_same_key() -> None:
    real, other = Authority("Same"), Authority("Same")
    certificate = real.issue(["Same"]).certificate
    assert certificate.subject == other.identity.certificate.subject
    found = explain(certificate.public_bytes(DER))
    assert isinstance(found, Certificate)
    assert not found.self_signed


@pytest.mark.parametrize(
    ("key", "algorithm", "words"),
    [
        (rsa.generate_private_key(65537, 2048), hashes.SHA256(), ("RSA 2048", "sha256")),
        (ed25519.Ed25519PrivateKey.generate(), None, ("Ed25519", "none")),
    ],
)
def test_other_keys_and_only_a_common_name(
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
    algorithm: hashes.SHA256 | None,
    words: tuple[str, str],
) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old.x.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, algorithm)
    )
    found = explain(certificate.public_bytes(DER))
    assert isinstance(found, Certificate)
    assert (found.key, found.signature) == words
    assert found.names == ("old.x.test",)


WHOLE = (
    Authority("Root").intermediate(Kind(permitted=("x.test",), path_length=1))
    .issue(["mail.x.test", "192.0.2.1"], Kind(must_staple=True)).certificate.public_bytes(DER)
)  # fmt: skip


@given(st.data())
@settings(max_examples=1500, deadline=None)
def test_whatever_is_sent_as_a_certificate_is_explained(data: st.DataObject) -> None:
    """Octets changed, taken out, doubled and put in, at any places."""
    der = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(der) - 1))
        end = at + data.draw(st.integers(0, 30))
        piece = data.draw(st.sampled_from([b"", bytes(der[at:end]) * 2]) | st.binary(max_size=4))
        der[at:end] = piece
        if not der:
            break
    found = explain(bytes(der))
    if isinstance(found, Certificate):
        assert found.not_before.tzinfo is not None
        assert all(part.isprintable() for part in found.unread)
        covers(found, "mail.x.test")
    else:
        assert found.why
    walk([bytes(der), WHOLE], (WHOLE,))
    Report.of(facts(an_address(chain=(found,) if isinstance(found, Certificate) else ())))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((bytes.fromhex("a003020102"), bytes.fromhex("a003020106")), "version 7 does not exist"),
        # The subject key identifier is called a second authority key identifier.
        ((bytes.fromhex("0603551d0e"), bytes.fromhex("0603551d23")), "DuplicateExtension"),
        ((b"mail.x.test", b"mail.x.t\xff\xfft"), "subject"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_is_read(
    change: tuple[bytes, bytes], words: str
) -> None:
    found = explain(WHOLE.replace(*change))
    assert isinstance(found, Certificate)
    assert words in " ".join(found.unread)
    assert found.issuer == "CN=smtps sandbox intermediate CA"
    assert found.key == "EC P-256"
    assert found.strict_faults == ()


@pytest.mark.parametrize("junk", [b"", b"x", b"\x30\x80" * 50, bytes(1000)])
def test_what_is_no_certificate_says_why(junk: bytes) -> None:
    found = explain(junk)
    assert isinstance(found, Unreadable)
    assert len(found.fingerprint_sha256) == 64
    assert found.why


@pytest.mark.parametrize(
    ("names", "host", "covered"),
    [
        (("mail.x.test",), "MAIL.x.test", True),
        (("MAIL.x.test",), "mail.x.test", True),
        (("mail.x.test",), "x.test", False),
        (("*.x.test",), "mail.x.test", True),
        (("*.x.test",), "a.mail.x.test", False),
        (("*.x.test",), "x.test", False),
        (("*.test",), "x.test", False),
        (("*.x.test",), "my_host.x.test", False),
        (("my_host.x.test",), "my_host.x.test", True),
        (("*.my_zone.x.test",), "mail.my_zone.x.test", False),
        (("ma*.x.test",), "mail.x.test", False),
        (("*l.x.test",), "mail.x.test", False),
        (("mail.*.test",), "mail.x.test", False),
        (("*.x.test",), "xn--mnchen-3ya.x.test", True),
        (("xn--*.x.test",), "xn--mnchen-3ya.x.test", False),
        (("*.xn--mnchen-3ya.test",), "mail.xn--mnchen-3ya.test", True),
        (("*.-x.test",), "mail.-x.test", False),
        (("mail.x.test.",), "mail.x.test", False),
        (("*.x.test.",), "mail.x.test", False),
        ((), "mail.x.test", False),
    ],
)
def test_names_cover_hosts(names: tuple[str, ...], host: str, covered: bool) -> None:
    assert covers(a_certificate(names=names), host) is covered


@pytest.mark.parametrize(
    ("addresses", "names", "host", "covered"),
    [
        (("192.0.2.1",), (), "192.0.2.1", True),
        (("2001:db8:0::1",), (), "2001:db8::1", True),
        (("192.0.2.1",), ("mail.x.test",), "mail.x.test", True),
        (("192.0.2.1",), ("mail.x.test",), "192.0.2.2", False),
        ((), ("192.0.2.1",), "192.0.2.1", False),  # written as a name
        (("192.0.2.1",), (), "mail.x.test", False),
    ],
)
def test_addresses_count_as_addresses_only(
    addresses: tuple[str, ...], names: tuple[str, ...], host: str, covered: bool
) -> None:
    found = a_certificate(names=(*names, *addresses), addresses=addresses)
    assert covers(found, host) is covered
