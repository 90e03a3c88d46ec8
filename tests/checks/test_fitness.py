"""Chains in which a certificate may not be where it is: which one, why, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.net.servers import secured, server_context, serving

import smtps
from smtps.checks.certificate import explain
from smtps.checks.facts import Certificate
from smtps.checks.report import Report

SIGNS = {"key_cert_sign", "crl_sign"}
ODD = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\4\1x")
SMIME = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
    "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


class Made:
    """A certificate with its key."""

    def __init__(
        self,
        name: str,
        issuer: Made | None = None,
        *,
        ca: bool = True,
        usages: set[str] | None = None,
        more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer, now = issuer or self, datetime.now(UTC)
        chosen = usages if usages is not None else SIGNS if ca else {"digital_signature"}
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(signer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=60))
            .add_extension(x509.BasicConstraints(ca, None), True)
            .add_extension(x509.KeyUsage(**{each: each in chosen for each in _USAGES}), True)
        )
        for extension, critical in more:
            builder = builder.add_extension(extension, critical)
        self.certificate = builder.sign(signer.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)


NAMES = (x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)


def a_leaf(issuer: Made, *more: tuple[x509.ExtensionType, bool], **changed: Any) -> Made:
    return Made("localhost", issuer, ca=False, more=(NAMES, *more), **changed)


async def look_at(directory: Path, root: Made, *sent: Made) -> Report:
    key = sent[0].key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem, ca = directory / "server.pem", directory / "root.pem"
    pem.write_bytes(key + b"".join(each.pem for each in sent))
    ca.write_bytes(root.pem)
    quick = smtps.Timeouts(greeting=0.3, quit=0.1)
    async with serving(secured(server_context(pem))) as server:
        return await smtps.check("localhost", port=server.port, ca_file=ca, timeouts=quick)


@pytest.mark.parametrize(
    ("middle", "code", "words"),
    [
        ({"more": [(SMIME, False)]}, "wrong_purpose", "emailProtection (S/MIME) only"),
        ({"usages": {"crl_sign"}}, "wrong_purpose", "key usage lacks keyCertSign"),
        ({"ca": False}, "wrong_purpose", "is not a CA certificate"),
        ({"more": [(ODD, True)]}, "critical_extension", "1.3.6.1.4.1.99999.1"),
    ],
)
async def test_an_issuer_that_may_not_issue_is_named(
    tmp_path: Path, middle: dict[str, Any], code: str, words: str
) -> None:
    root = Made("Root")
    issuer = Made("Middle", root, **middle)
    report = await look_at(tmp_path, root, a_leaf(issuer), issuer)
    finding = report.findings[0]
    assert finding.code == f"tls.certificate_{code}"
    assert "CN=Middle" in finding.seen
    assert words in finding.seen
    assert "another issuer" in finding.fix
    assert "Middle" in (report.failure.message if report.failure else "")


@pytest.mark.parametrize(
    ("more", "usages", "code", "words", "fix"),
    [
        ([(SMIME, False)], None, "wrong_purpose", "emailProtection", "serverAuth"),
        ([], {"crl_sign"}, "wrong_purpose", "key usage", "digitalSignature"),
        ([(ODD, True)], None, "critical_extension", "1.3.6.1.4.1.99999.1", "without this"),
        ([(x509.PrecertPoison(), True)], None, "critical_extension", "precertificate", "without"),
    ],
)
async def test_a_certificate_that_is_not_for_a_server(
    tmp_path: Path,
    more: list[tuple[x509.ExtensionType, bool]],
    usages: set[str] | None,
    code: str,
    words: str,
    fix: str,
) -> None:
    root = Made("Root")
    report = await look_at(tmp_path, root, a_leaf(root, *more, usages=usages))
    finding = report.findings[0]
    assert finding.code == f"tls.certificate_{code}"
    assert words in finding.seen
    assert fix in finding.fix


@pytest.mark.parametrize(("critical", "unknown"), [(False, ()), (True, ("1.3.6.1.4.1.99999.1",))])
def test_an_odd_extension_counts_only_where_it_is_critical(
    critical: bool, unknown: tuple[str, ...]
) -> None:
    found = explain(Made("localhost", ca=False, more=[NAMES, (ODD, critical)]).der)
    assert isinstance(found, Certificate)
    assert found.unknown_critical == unknown
