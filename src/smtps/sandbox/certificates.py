"""Certificates made on the spot: an authority, and what it issues or a server signs itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, directory: Path, name: str) -> Path:
        """One PEM file with key and certificate, as a server loads it."""
        path = directory / f"{name}.pem"
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(key + self.certificate.public_bytes(serialization.Encoding.PEM))
        path.chmod(0o600)
        return path


class Authority:
    """A certificate authority of its own, valid for ten years."""

    def __init__(self, name: str = "smtps sandbox CA") -> None:
        now = datetime.now(UTC)
        self.identity = _issue(
            name, None, None, now - timedelta(days=1), now + timedelta(days=3650), ca=True
        )

    def write(self, path: Path) -> Path:
        """The authority's certificate, for clients to trust."""
        pem = self.identity.certificate.public_bytes(serialization.Encoding.PEM)
        path.write_bytes(pem)
        return path

    def issue(
        self,
        names: Iterable[str],
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> Identity:
        """A server's certificate for host names and addresses."""
        now = datetime.now(UTC)
        names = list(names)
        return _issue(
            names[0],
            names,
            self.identity,
            not_before or now - timedelta(days=1),
            not_after or now + timedelta(days=90),
        )


def self_signed(names: Iterable[str]) -> Identity:
    """A certificate that vouches for itself."""
    now = datetime.now(UTC)
    names = list(names)
    return _issue(names[0], names, None, now - timedelta(days=1), now + timedelta(days=90))


def _issue(
    common_name: str,
    names: list[str] | None,
    issuer: Identity | None,
    not_before: datetime,
    not_after: datetime,
    *,
    ca: bool = False,
) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer_key = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .add_extension(_key_usage(ca=ca), critical=True)
    )
    if names is not None:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return Identity(builder.sign(issuer_key, hashes.SHA256()), key)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
