"""Certificates explained, with the cryptography library (RFC 5280)."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

from smtps.diagnosis.facts import Certificate


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
        )
    except (ValueError, UnsupportedAlgorithm):
        return None


def _names(certificate: object) -> tuple[str, ...]:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    assert isinstance(certificate, x509.Certificate)
    try:
        kind = x509.SubjectAlternativeName
        extension = certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return tuple(str(name.value) for name in common)
    names = extension.get_values_for_type(x509.DNSName)
    addresses = extension.get_values_for_type(x509.IPAddress)
    return (*names, *(str(address) for address in addresses))


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
    """Whether one of the names is for this host (RFC 6125 section 6.4)."""
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
