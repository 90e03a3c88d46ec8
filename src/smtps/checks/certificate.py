"""Certificates explained with the cryptography library (RFC 5280)."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from smtps.checks.extensions import Extensions, strict_faults, unknown_critical
from smtps.checks.facts import Certificate, Unreadable
from smtps.core.reply import printable
from smtps.net.hostnames import literal

if TYPE_CHECKING:
    from cryptography import x509


_T = TypeVar("_T")

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""In place of a date that cannot be read."""


@lru_cache(maxsize=512)
def explain(der: bytes) -> Certificate | Unreadable:
    """A certificate in DER as facts, whatever it holds.

    Returns:
        What could be read, with ``unread`` naming what could not; Unreadable if it is no
        certificate at all. It raises nothing.
    """
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        found = _explain(der, hashlib.sha256(der).hexdigest())
    if isinstance(found, Certificate) and noted:  # such as a serial number that is negative
        remarks = dict.fromkeys(printable(str(each.message)[:200]) for each in noted)
        found = replace(found, unread=(*found.unread, *remarks))
    return found


def _explain(der: bytes, fingerprint: str) -> Certificate | Unreadable:
    from cryptography import x509  # noqa: PLC0415

    reader = _Reader()
    try:
        found = x509.load_der_x509_certificate(der)
    except Exception as error:  # noqa: BLE001  # all that the library knows is about the certificate
        number, start = getattr(error, "parsed_version", None), _VERSION.match(der)
        if number is None or start is None:
            return Unreadable(fingerprint, _words(error))
        reader.faults.append(f"version {number + 1} does not exist")
        at = start.end()
        try:  # the rest may be sound, and clients that do not look at the version take it
            found = x509.load_der_x509_certificate(der[:at] + b"\2" + der[at + 1 :])
        except Exception as again:  # noqa: BLE001
            return Unreadable(fingerprint, _words(again))
    return reader.certificate(found, fingerprint)


def load(der: bytes) -> x509.Certificate | None:
    """The library's own certificate, or None if it cannot read it."""
    from cryptography import x509  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return x509.load_der_x509_certificate(der)
        except Exception:  # noqa: BLE001
            return None


_LENGTH = rb"(?:\x82..|\x81.|[\x00-\x7f])"
_VERSION = re.compile(rb"\x30" + _LENGTH + rb"\x30" + _LENGTH + rb"\xa0\x03\x02\x01", re.DOTALL)
"""The beginning of a certificate, up to its version (RFC 5280 section 4.1)."""

_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection (S/MIME)",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "1.3.6.1.5.5.7.3.17": "ipsecIKE",
    "1.3.6.1.4.1.311.20.2.2": "smartcardLogon",
    "2.5.29.37.0": "any",
}
_PUBLIC_POLICY = "2.23.140.1."
"""The CA/Browser Forum's arc: certificates of public authorities name a policy below it."""


def _words(error: Exception) -> str:
    return printable(f"{type(error).__name__}: {error}"[:200])


class _Reader:
    """Reads one certificate part by part, and notes the parts that cannot be read."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def _read(self, part: str, read: Callable[[], _T], default: _T) -> _T:
        try:
            return read()
        except Exception as error:  # noqa: BLE001  # see explain
            self.faults.append(f"{part}: {_words(error)}")
            return default

    def certificate(self, found: x509.Certificate, fingerprint: str) -> Certificate:
        from cryptography import x509  # noqa: PLC0415

        nothing: tuple[str, ...] = ()
        no_names: tuple[tuple[str, ...], tuple[str, ...]] = (nothing, nothing)
        unknown: list[Any] | None = None
        named = Extensions(self._read("extensions", lambda: list(found.extensions), unknown))
        alternative = named.value(x509.SubjectAlternativeName)
        dns, addresses = self._read(
            "subject alternative name", lambda: _alternative(alternative), no_names
        )
        common = self._read("subject", lambda: _common_names(found), nothing)
        subject = self._read("subject", lambda: _text(found.subject), "")
        issuer = self._read("issuer", lambda: _text(found.issuer), "")
        self_signed = _signs_itself(found)
        public_key = self._read("public key", lambda: _public_key(found), None)
        basic = named.value(x509.BasicConstraints)
        faults = self._read(
            "strict rules", lambda: strict_faults(found, named, self_signed=self_signed), nothing
        )
        if not named.known:
            faults = nothing  # what it lacks may stand in what cannot be read
        return Certificate(
            subject=subject,
            issuer=issuer,
            names=(*(dns or common), *addresses),
            not_before=self._read("start", lambda: _utc(found.not_valid_before_utc), _LONG_AGO),
            not_after=self._read("end", lambda: _utc(found.not_valid_after_utc), _LONG_AGO),
            fingerprint_sha256=fingerprint,
            self_signed=self_signed,
            key=_key(public_key),
            signature=self._read("signature", lambda: _signature(found), "unknown"),
            bits=getattr(public_key, "key_size", 0),
            authority=basic is not None and bool(basic.ca),
            common_name_only=named.known and bool(common) and not dns and not addresses,
            strict_faults=faults,
            addresses=addresses,
            by_common_name=not dns,
            path_length=basic.path_length if basic is not None else None,
            constraints=self._read("name constraints", lambda: _constraints(named), ()),
            purposes=self._read("purposes", lambda: _purposes(named), None),
            usages=self._read("key usage", lambda: _usages(named), None),
            may_issue=self._read("key usage", lambda: _may_issue(found, named), True),
            issuer_urls=self._read("issuer's place", lambda: _issuer_urls(named), ()),
            issuer_is_root=self._read("authority key", lambda: _issuer_is_root(found, named), None),
            must_staple=self._read("TLS features", lambda: _must_staple(named), False),
            public=self._read("policies", lambda: _public(named), False),
            unknown_critical=self._read("extensions", lambda: unknown_critical(named), ()),
            serial=self._read("serial number", lambda: found.serial_number, 0),
            unread=tuple(self.faults),
        )


def _signs_itself(found: x509.Certificate) -> bool:
    try:
        if found.subject != found.issuer:
            return False
        found.verify_directly_issued_by(found)
    except Exception:  # noqa: BLE001  # a signature that cannot be checked is none
        return False
    return True


def _text(name: x509.Name) -> str:
    return name.rfc4514_string()


def _public_key(found: x509.Certificate) -> Any:
    return found.public_key()


def _alternative(value: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """DNS names and addresses."""
    from cryptography import x509  # noqa: PLC0415

    if value is None:
        return (), ()
    addresses = value.get_values_for_type(x509.IPAddress)
    return tuple(value.get_values_for_type(x509.DNSName)), tuple(map(str, addresses))


def _common_names(found: x509.Certificate) -> tuple[str, ...]:
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    common = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return tuple(str(name.value) for name in common)


def _signature(found: x509.Certificate) -> str:
    algorithm = found.signature_hash_algorithm
    return algorithm.name if algorithm else "none"


def _constraints(named: Extensions) -> tuple[str, ...]:
    from cryptography import x509  # noqa: PLC0415

    value = named.value(x509.NameConstraints)
    if value is None:
        return ()
    only = [f"only {_general(name)}" for name in value.permitted_subtrees or ()]
    never = [f"not {_general(name)}" for name in value.excluded_subtrees or ()]
    return tuple(only + never)


def _general(name: Any) -> str:
    value = name.value
    words: str = value.rfc4514_string() if hasattr(value, "rfc4514_string") else str(value)
    return words


def _purposes(named: Extensions) -> tuple[str, ...] | None:
    from cryptography import x509  # noqa: PLC0415

    value = named.value(x509.ExtendedKeyUsage)
    if value is None:
        return None
    return tuple(_PURPOSES.get(oid.dotted_string, oid.dotted_string) for oid in value)


_USAGES = {
    "digital_signature": "digitalSignature",
    "key_encipherment": "keyEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}


def _usages(named: Extensions) -> tuple[str, ...] | None:
    from cryptography import x509  # noqa: PLC0415

    value = named.value(x509.KeyUsage)
    if value is None:
        return None
    return tuple(name for attribute, name in _USAGES.items() if getattr(value, attribute))


def _may_issue(found: x509.Certificate, named: Extensions) -> bool:
    """What OpenSSL's X509_check_ca says."""
    from cryptography import x509  # noqa: PLC0415

    if not named.known:
        return True
    basic, usages = named.value(x509.BasicConstraints), _usages(named)
    if usages is not None and "keyCertSign" not in usages:
        return False
    if basic is not None:
        return bool(basic.ca)
    old = found.version is x509.Version.v1 and found.subject == found.issuer
    return old or usages is not None


def _issuer_urls(named: Extensions) -> tuple[str, ...]:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.x509.oid import AuthorityInformationAccessOID  # noqa: PLC0415

    value = named.value(x509.AuthorityInformationAccess) or ()
    issuers = (e for e in value if e.access_method == AuthorityInformationAccessOID.CA_ISSUERS)
    return tuple(str(each.access_location.value) for each in issuers)


def _issuer_is_root(found: x509.Certificate, named: Extensions) -> bool | None:
    """What the authority key identifier tells of the issuer's own issuer, if it does."""
    from cryptography import x509  # noqa: PLC0415

    value = named.value(x509.AuthorityKeyIdentifier)
    if value is None or not value.authority_cert_issuer:
        return None
    names = [each.value for each in value.authority_cert_issuer]
    return found.issuer in names


def _must_staple(named: Extensions) -> bool:
    from cryptography import x509  # noqa: PLC0415

    features = named.value(x509.TLSFeature) or ()
    return x509.TLSFeatureType.status_request in features


def _public(named: Extensions) -> bool:
    from cryptography import x509  # noqa: PLC0415

    policies = named.value(x509.CertificatePolicies) or ()
    logged = named.value(x509.PrecertificateSignedCertificateTimestamps) is not None
    return logged or any(
        each.policy_identifier.dotted_string.startswith(_PUBLIC_POLICY) for each in policies
    )


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _key(key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    if key is None:
        return "unknown"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        curves = {"secp256r1": "EC P-256", "secp384r1": "EC P-384", "secp521r1": "EC P-521"}
        return curves.get(key.curve.name, f"EC {key.curve.name}")
    return type(key).__name__.lstrip("_").removesuffix("PublicKey")


def covers(certificate: Certificate, host: str) -> bool:
    """Whether the certificate is for this host, by OpenSSL's rules as our contexts set them.

    A name is compared with the DNS names, and with the common name where there are none; an address
    with the addresses alone (RFC 9525 section 6). This explains, and never decides: OpenSSL does.

    Args:
        certificate: the server's own.
        host: A-labels or an address, lower case, without a final dot.
    """
    if (address := literal(host)) is not None:
        return any(literal(each) == address for each in certificate.addresses)
    names = certificate.names[: len(certificate.names) - len(certificate.addresses)]
    return any(_matches(name.lower(), host.lower()) for name in names)


_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_WILDCARD = re.compile(rf"\*(?:\.{_LABEL}){{2,}}")
"""One whole label, the first, with two more behind it at least."""
_STANDS_FOR = re.compile(r"[a-z0-9-]+|\*")
"""What a wildcard stands for: one label, without an underscore."""


def _matches(name: str, host: str) -> bool:
    if name == host:
        return True
    label, dot, rest = host.partition(".")
    return (
        _WILDCARD.fullmatch(name) is not None
        and _STANDS_FOR.fullmatch(label) is not None
        and name[1:] == dot + rest
    )
