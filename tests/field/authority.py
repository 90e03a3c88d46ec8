"""Certificates of every kind, as authorities and their customers make them."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey
KeyKind = Literal["ec", "secp256k1", "rsa", "rsa1024", "ed25519", "dsa"]

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
MAIL_PROTECTION = ExtendedKeyUsageOID.EMAIL_PROTECTION
ODD = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def new_key(kind: KeyKind) -> Key:
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "secp256k1":
        return ec.generate_private_key(ec.SECP256K1())
    if kind == "dsa":
        return dsa.generate_private_key(2048)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 1024 if kind == "rsa1024" else 2048)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a certificate is to be like; the defaults are an ordinary server's.

    Attributes:
        subject: common name.
        company: organization, or none.
        names: DNS names and addresses; an address given as ``dns:1.2.3.4`` is a name.
        begins, ends: days from now.
        authority: a CA, with its path length.
        excluded: names that an authority may not certify.
        issues_for: purposes that an authority may certify; empty for any.
        signs: whether an authority may sign certificates, by its key usage.
        odd: an extension that nobody knows, marked critical.
    """

    subject: str
    company: str | None = None
    names: Sequence[str] = ()
    begins: float = -20
    ends: float = 70
    key: KeyKind = "ec"
    digest: hashes.HashAlgorithm | None = field(default_factory=hashes.SHA256)
    authority: bool = False
    path_length: int | None = None
    permitted: Sequence[str] = ()
    excluded: Sequence[str] = ()
    issues_for: Sequence[x509.ObjectIdentifier] = ()
    signs: bool = True
    odd: bool = False
    purposes: Sequence[x509.ObjectIdentifier] = (SERVER,)
    must_staple: bool = False
    key_identifiers: bool = True
    basic_constraints: bool = True


def certify(wish: Wish, issuer: Identity | None = None) -> Identity:
    """Make it, signed by the issuer or by itself."""
    key = new_key(wish.key)
    signer = issuer.key if issuer else key
    subject = _name(wish)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + wish.begins * DAY)
        .not_valid_after(now + wish.ends * DAY)
    )
    for extension, critical in _extensions(wish, key, signer):
        builder = builder.add_extension(extension, critical)
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else wish.digest
    return Identity(builder.sign(signer, digest), key)  # type: ignore[arg-type]  # any hash


def _name(wish: Wish) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, wish.subject)]
    if wish.company:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, wish.company))
    return x509.Name(parts)


def _extensions(wish: Wish, key: Key, signer: Key) -> list[tuple[Any, bool]]:
    found: list[tuple[Any, bool]] = []
    if wish.key_identifiers:
        found += [
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
        ]
    if wish.basic_constraints:
        found.append((x509.BasicConstraints(wish.authority, wish.path_length), True))
    found.append((_key_usage(wish.authority, signs=wish.signs), True))
    if purposes := wish.issues_for if wish.authority else wish.purposes:
        found.append((x509.ExtendedKeyUsage(purposes), False))
    if wish.odd:
        found.append((x509.UnrecognizedExtension(ODD, b"\4\1x"), True))
    if wish.names:
        found.append((x509.SubjectAlternativeName([_general(name) for name in wish.names]), False))
    if wish.permitted or wish.excluded:
        allowed = [x509.DNSName(name) for name in wish.permitted] or None
        denied = [x509.DNSName(name) for name in wish.excluded] or None
        found.append((x509.NameConstraints(allowed, denied), True))
    if wish.must_staple:
        found.append((x509.TLSFeature([x509.TLSFeatureType.status_request]), False))
    return found


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.removeprefix("dns:"))


def _key_usage(authority: bool, *, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority, content_commitment=False, key_encipherment=not authority,
        data_encipherment=False, key_agreement=False, key_cert_sign=authority and signs,
        crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip


class Trust:
    """The authorities of the test network: a root that clients trust, and two below it."""

    def __init__(self) -> None:
        company = "Example Trust Services"
        self.root = certify(
            Wish(subject="Example Root R1", company=company, authority=True, begins=-3000,
                 ends=4000)
        )  # fmt: skip
        self.policy = certify(
            Wish(subject="Example Policy CA", company=company, authority=True, begins=-1500,
                 ends=2000), self.root
        )  # fmt: skip
        self.issuer = certify(
            Wish(subject="Example TLS CA 1", company=company, authority=True, begins=-700,
                 ends=1000, path_length=0), self.root
        )  # fmt: skip
        self.deep = certify(
            Wish(subject="Example TLS CA 2", company=company, authority=True, begins=-700,
                 ends=1000, path_length=0), self.policy
        )  # fmt: skip


@dataclass(frozen=True)
class Files:
    """Where a server finds its certificate (with what it sends behind it) and its key."""

    chain: Path
    key: Path
    both: Path


def write(directory: Path, identity: Identity, *behind: Identity, name: str = "server") -> Files:
    """Write them as PEM; the key is for its owner alone."""
    files = Files(*(directory / f"{name}.{end}" for end in ("crt", "key", "pem")))
    chain = b"".join(each.pem for each in (identity, *behind))
    key = identity.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for path, data in ((files.chain, chain), (files.key, key), (files.both, key + chain)):
        path.touch(mode=0o600)
        path.write_bytes(data)
    return files
