"""Certificates for the handshakes: good ones, and one for each way to be bad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

LOOPBACK = ("localhost", "127.0.0.1", "::1", "xn--mnchen-3ya.test")

DH_1024 = """\
-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""
"""The prime of RFC 2409 section 6.2: too short today."""


@dataclass(frozen=True)
class Party:
    """Somebody with a certificate.

    Attributes:
        certificate: what the others see.
        key: what only they have.
        pem: file with the key and every certificate that they send.
    """

    certificate: x509.Certificate
    key: Key
    pem: Path

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def locked(self) -> bytes:
        """Key and certificate, the key behind a password."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        return key + self.certificate.public_bytes(serialization.Encoding.PEM)


class PKI:
    """All certificates of the tests, made in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        root = self._make("root", ca=True)
        middle = self._make("middle", root, ca=True)
        other = self._make("other root", ca=True)
        no_issuer = self._make("no issuer", root)
        self.root, self.other = root, other
        self.ca = self._anchor(root)
        self.other_ca = self._anchor(other)
        self.good = self._make("good", root, LOOPBACK)
        self.rsa = self._make("rsa", root, LOOPBACK, key=_rsa(2048))
        self.expired = self._make("expired", root, LOOPBACK, days=(-90, -10))
        self.not_yet = self._make("not yet", root, LOOPBACK, days=(10, 90))
        self.elsewhere = self._make("elsewhere", root, ["elsewhere.test"])
        self.named = self._make("named", root, ["mail.example.com"])
        self.self_signed = self._make("self-signed", None, LOOPBACK)
        self.foreign = self._make("foreign", other, LOOPBACK, send=[other])
        self.chained = self._make("chained", middle, LOOPBACK, send=[middle])
        self.unchained = self._make("unchained", middle, LOOPBACK)
        ended = (-90, -10)
        old_middle = self._make("old middle", root, ca=True, days=ended)
        old_root = self._make("old root", ca=True, days=ended)
        self.old_ca = self._anchor(old_root)
        self.old_middle = self._make("below old", old_middle, LOOPBACK, send=[old_middle])
        self.old_root = self._make("under old root", old_root, LOOPBACK)
        self.weak = self._make("weak", root, LOOPBACK, key=_rsa(1024))
        self.no_authority = self._make("no authority", no_issuer, LOOPBACK, send=[no_issuer])
        client = ExtendedKeyUsageOID.CLIENT_AUTH
        self.client = self._make("client", root, ["client.test"], purpose=client)
        self.client_expired = self._make(
            "old client", root, ["client.test"], purpose=client, days=(-90, -10)
        )
        self.client_foreign = self._make("other client", other, ["client.test"], purpose=client)
        self.dh_1024 = directory / "dh-1024.pem"
        self.dh_1024.write_text(DH_1024)

    def with_key(self, name: str, key: Key) -> Party:
        """A good one with a key of another kind."""
        return self._make(name, self.root, LOOPBACK, key=key)

    def _make(
        self,
        name: str,
        issuer: Party | None = None,
        names: Sequence[str] = (),
        *,
        ca: bool = False,
        days: tuple[int, int] = (-1, 90),
        key: Key | None = None,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
        send: Sequence[Party] = (),
    ) -> Party:
        key = key or ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer_key = issuer.key if issuer else key
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
            )
        )
        if names:
            found = x509.SubjectAlternativeName([_general_name(each) for each in names])
            builder = builder.add_extension(found, critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        certificate = builder.sign(issuer_key, hashes.SHA256())
        chain = [certificate, *(party.certificate for party in send)]
        pem = self._directory / f"{name.replace(' ', '-')}.pem"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
        )
        return Party(certificate, key, pem)

    def _anchor(self, party: Party) -> Path:
        """A file with the certificate alone, for clients to trust."""
        path = party.pem.with_suffix(".ca")
        path.write_bytes(party.certificate.public_bytes(serialization.Encoding.PEM))
        return path


@cache
def _rsa(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
