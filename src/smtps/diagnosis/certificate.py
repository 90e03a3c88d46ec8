"""Certificates explained, with the cryptography library (RFC 5280)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from smtps.diagnosis.facts import Certificate


@lru_cache(maxsize=512)
def explain(der: bytes) -> Certificate | None:
    """A certificate in DER as facts, or None if it cannot be read."""
    from cryptography import x509  # late: 80 ms, and only a check needs it  # noqa: PLC0415
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

    try:
        found = x509.load_der_x509_certificate(der)
        signature = found.signature_hash_algorithm
        self_signed = found.subject == found.issuer
        if self_signed:
            try:
                found.verify_directly_issued_by(found)
            except (InvalidSignature, ValueError, TypeError):
                self_signed = False
        return Certificate(
            subject=found.subject.rfc4514_string(),
            issuer=found.issuer.rfc4514_string(),
            names=_names(found),
            not_before=_utc(found.not_valid_before_utc),
            not_after=_utc(found.not_valid_after_utc),
            fingerprint_sha256=found.fingerprint(hashes.SHA256()).hex(),
            self_signed=self_signed,
            key=_key(found),
            signature=signature.name if signature else "none",
            bits=getattr(found.public_key(), "key_size", 0),
            authority=_is_authority(found),
            common_name_only=not _alternative_names(found) and bool(_names(found)),
            strict_faults=tuple(_strict_faults(found, self_signed=self_signed)),
        )
    except (ValueError, UnsupportedAlgorithm):
        return None


def _names(certificate: object) -> tuple[str, ...]:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    assert isinstance(certificate, x509.Certificate)
    if names := _alternative_names(certificate):
        return names
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return tuple(str(name.value) for name in common)


def _alternative_names(certificate: object) -> tuple[str, ...]:
    from cryptography import x509  # noqa: PLC0415

    extension = _extension(certificate, x509.SubjectAlternativeName)
    if extension is None:
        return ()
    names = extension.value.get_values_for_type(x509.DNSName)
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return (*names, *(str(address) for address in addresses))


def _extension(certificate: Any, kind: Any) -> Any:
    """An extension of a certificate, or None if it is not there or cannot be read."""
    from cryptography import x509  # noqa: PLC0415

    try:
        return certificate.extensions.get_extension_for_class(kind)
    except (x509.ExtensionNotFound, ValueError):
        return None


def _is_authority(certificate: object) -> bool:
    from cryptography import x509  # noqa: PLC0415

    found = _extension(certificate, x509.BasicConstraints)
    return found is not None and bool(found.value.ca)


def _strict_faults(certificate: object, *, self_signed: bool) -> Iterator[str]:
    """What OpenSSL refuses with X509_V_FLAG_X509_STRICT (RFC 5280 section 4.2.1)."""
    from cryptography import x509  # noqa: PLC0415

    authority = _is_authority(certificate)
    if not self_signed and _extension(certificate, x509.AuthorityKeyIdentifier) is None:
        yield "no authority key identifier"
    if authority and not _extension(certificate, x509.BasicConstraints).critical:
        yield "basic constraints of an authority not marked critical"
    if authority and _extension(certificate, x509.SubjectKeyIdentifier) is None:
        yield "an authority without subject key identifier"
    if authority and _extension(certificate, x509.KeyUsage) is None:
        yield "an authority without key usage"


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _key(certificate: object) -> str:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    assert isinstance(certificate, x509.Certificate)
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return {"secp256r1": "EC P-256", "secp384r1": "EC P-384"}.get(
            key.curve.name, f"EC {key.curve.name}"
        )
    return type(key).__name__.lstrip("_").removesuffix("PublicKey")


def covers(names: tuple[str, ...], host: str) -> bool:
    """Whether one of the names is for this host (RFC 9525 section 6)."""
    host = host.lower()
    return any(_matches(name.lower().removesuffix("."), host) for name in names)


def _matches(name: str, host: str) -> bool:
    try:
        return ip_address(name) == ip_address(host)
    except ValueError:
        pass
    if name.startswith("*."):
        _, _, rest = host.partition(".")
        return rest == name[2:] and "." in rest
    return name == host
