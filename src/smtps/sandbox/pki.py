"""Certificates made on the spot: an authority, and what it issues or a server signs itself."""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is out of the ordinary about a certificate.

    Attributes:
        not_before, not_after: validity, UTC; else from yesterday on, for 90 days.
        rsa_bits: size of an RSA key in place of P-256.
        sha1: signed with SHA-1.
        for_clients: its purpose is client authentication.
        key_identifier: has the authority key identifier.
        alternative_names: has its names where they belong.
        authority: may issue others.
        path_length: how many authorities may follow it.
        permitted: the only domains that it may issue for.
        must_staple: asks for an OCSP response in the handshake.
        version: of X.509, where there are three.
    """

    not_before: datetime | None = None
    not_after: datetime | None = None
    rsa_bits: int = 0
    sha1: bool = False
    for_clients: bool = False
    key_identifier: bool = True
    alternative_names: bool = True
    authority: bool = False
    path_length: int | None = None
    permitted: tuple[str, ...] = ()
    must_staple: bool = False
    version: int = 3


DEFAULT_KIND = Kind()


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its private key.

    Attributes:
        certificate, key: its own.
        malformed: its octets, where they are none that the library can hold.
        chain: certificates to send behind it.
        root: where the chain ends, not to be sent as a rule.
    """

    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...] = ()
    root: x509.Certificate | None = None
    malformed: bytes | None = None

    def alone(self) -> Identity:
        """Without what should be sent behind it."""
        return replace(self, chain=())

    def sending(self, *chain: x509.Certificate) -> Identity:
        """With these behind it in place of what should be there."""
        return replace(self, chain=chain)

    def with_root(self) -> Identity:
        """With the root, as a server sends it that has been told too much."""
        return replace(self, chain=(*self.chain, *([self.root] if self.root else ())))

    def as_issuer(self) -> Authority:
        """As if it might issue others."""
        return Authority(identity=self)

    def write(self, directory: Path, name: str) -> Path:
        """One PEM file with key and certificates, as a server loads it."""
        path = directory / f"{name}.pem"
        key = self.key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        own = self.certificate.public_bytes(PEM)
        if self.malformed is not None:
            own = ssl.DER_cert_to_PEM_cert(self.malformed).encode()
        path.write_bytes(key + own + b"".join(one.public_bytes(PEM) for one in self.chain))
        path.chmod(0o600)
        return path


class Authority:
    """A certificate authority of its own, valid for ten years.

    Args:
        name: its common name.
        identity: what to issue with, in place of a new one.
    """

    def __init__(self, name: str = "smtps sandbox CA", *, identity: Identity | None = None) -> None:
        now = datetime.now(UTC)
        long = Kind(authority=True, not_after=now + timedelta(days=3650))
        self.identity = identity or _issue(name, (), None, long)

    def pem(self) -> bytes:
        """Its certificate, for clients to trust."""
        return self.identity.certificate.public_bytes(PEM)

    def write(self, path: Path) -> Path:
        """The same as a file."""
        path.write_bytes(self.pem())
        return path

    @property
    def certificate(self) -> x509.Certificate:
        """Its own."""
        return self.identity.certificate

    def intermediate(
        self, kind: Kind = DEFAULT_KIND, *, name: str = "smtps sandbox intermediate CA"
    ) -> Authority:
        """An authority below this one, which servers have to send."""
        return Authority(identity=_issue(name, (), self.identity, replace(kind, authority=True)))

    def issue(self, names: Iterable[str], kind: Kind = DEFAULT_KIND) -> Identity:
        """A server's certificate for host names and addresses."""
        names = tuple(names)
        return _issue(names[0], names, self.identity, kind)


def self_signed(names: Iterable[str]) -> Identity:
    """A certificate that vouches for itself."""
    names = tuple(names)
    return _issue(names[0], names, None, DEFAULT_KIND)


def _issue(
    common_name: str, names: tuple[str, ...], issuer: Identity | None, kind: Kind
) -> Identity:
    now = datetime.now(UTC)
    key: Key = _rsa_key(kind.rsa_bits) if kind.rsa_bits else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer_key = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(kind.not_before or now - timedelta(days=1))
        .not_valid_after(kind.not_after or now + timedelta(days=90))
    )
    for extension, critical in _extensions(names, key, issuer_key, kind):
        builder = builder.add_extension(extension, critical=critical)
    certificate = builder.sign(issuer_key, hashes.SHA256())
    malformed = _resign(certificate, issuer_key, kind.version) if kind.version != 3 else None
    if kind.sha1:
        assert isinstance(issuer_key, rsa.RSAPrivateKey)
        certificate = _resign_with_sha1(certificate, issuer_key)
    if issuer is None:
        return Identity(certificate, key, (), certificate, malformed)
    above = () if issuer.certificate == issuer.root else (issuer.certificate, *issuer.chain)
    return Identity(certificate, key, above, issuer.root, malformed)


def _extensions(
    names: tuple[str, ...], key: Key, issuer_key: Key, kind: Kind
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    yield x509.BasicConstraints(ca=kind.authority, path_length=kind.path_length), True
    if kind.permitted:
        domains = [x509.DNSName(domain) for domain in kind.permitted]
        yield x509.NameConstraints(permitted_subtrees=domains, excluded_subtrees=None), True
    if kind.must_staple:
        yield x509.TLSFeature([x509.TLSFeatureType.status_request]), False
    yield x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
    if kind.key_identifier:
        yield x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
    yield _key_usage(kind), True
    if names and kind.alternative_names:
        yield x509.SubjectAlternativeName([_general_name(name) for name in names]), False
    if names:
        purpose = ExtendedKeyUsageOID.SERVER_AUTH
        if kind.for_clients:
            purpose = ExtendedKeyUsageOID.CLIENT_AUTH
        yield x509.ExtendedKeyUsage([purpose]), False


_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
_SHA1_WITH_RSA = bytes.fromhex("06092a864886f70d010105")


def _resign_with_sha1(certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> x509.Certificate:
    """The same with a signature by SHA-1, which the library no longer makes (RFC 4055)."""
    inner = certificate.tbs_certificate_bytes
    weak = inner.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA, 1)
    signature = key.sign(weak, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303  # it is the point
    der = certificate.public_bytes(serialization.Encoding.DER)
    der = der.replace(inner, weak, 1).replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA, 1)
    return x509.load_der_x509_certificate(der.replace(certificate.signature, signature, 1))


_VERSION_3 = bytes.fromhex("a003020102")


def _resign(certificate: x509.Certificate, key: Key, version: int) -> bytes:
    """The same with another version, which the library neither makes nor reads."""
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    inner = certificate.tbs_certificate_bytes
    other = inner.replace(_VERSION_3, _VERSION_3[:-1] + bytes([version - 1]), 1)
    signature = key.sign(other, ec.ECDSA(hashes.SHA256()))
    der = certificate.public_bytes(serialization.Encoding.DER)
    # The signature stands at the end, as a bit string; its length may be another.
    whole = der[4:].replace(inner, other, 1)[: -len(certificate.signature) - 3]
    whole += b"\x03" + bytes([len(signature) + 1, 0]) + signature
    return b"\x30\x82" + len(whole).to_bytes(2) + whole


@cache
def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """Made once: a key takes up to a tenth of a second, and here it guards nothing."""
    return rsa.generate_private_key(65537, bits)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(kind: Kind) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not kind.authority,
        content_commitment=False,
        key_encipherment=bool(kind.rsa_bits),
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=kind.authority,
        crl_sign=kind.authority,
        encipher_only=False,
        decipher_only=False,
    )


_OAKLEY_GROUP_2 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E"
    "3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF"
    "5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)
"""The 1024-bit group of RFC 2409 section 6.2."""


@contextmanager
def weak_dh_file() -> Iterator[Path]:
    """Diffie-Hellman parameters of 1024 bits, as a file for the length of the block."""
    prime = b"\0" + _OAKLEY_GROUP_2.to_bytes(128)
    body = b"\x02\x81" + bytes([len(prime)]) + prime + b"\x02\x01\x02"  # p, and the generator 2
    der = b"\x30\x81" + bytes([len(body)]) + body
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "dh.pem"
        path.write_text(
            "-----BEGIN DH PARAMETERS-----\n"
            + base64.encodebytes(der).decode()
            + "-----END DH PARAMETERS-----\n"
        )
        yield path
