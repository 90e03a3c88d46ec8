"""The extensions of a certificate, and what clients miss among them or cannot take.

Strict clients refuse certificates that others accept (RFC 5280 sections 4.1.2 and 4.2.1): Python
does from 3.13 on, where X509_V_FLAG_X509_STRICT is set by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography import x509

_HANDLED = frozenset(
    {
        "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.32", "2.5.29.33",
        "2.5.29.36", "2.5.29.37", "2.5.29.54", "1.3.6.1.5.5.7.1.7", "1.3.6.1.5.5.7.1.8",
        "1.3.6.1.5.5.7.1.14", "1.3.6.1.5.5.7.48.1.5", "2.16.840.1.113730.1.1",
    }
)  # fmt: skip
"""Extensions that OpenSSL takes where they are critical (X509_supported_extension(3))."""

_POISON = "1.3.6.1.4.1.11129.2.4.3"
"""Of a precertificate, which is for the logs alone (RFC 6962 section 3.1)."""


class Extensions:
    """The extensions of a certificate by their kind.

    Args:
        extensions: all of them, or None if they cannot be read.

    Attributes:
        known: whether they could be read.
    """

    def __init__(self, extensions: list[Any] | None) -> None:
        self.known = extensions is not None
        self._all = extensions or []
        self._found = {type(each.value): each for each in self._all}

    @property
    def unhandled(self) -> tuple[str, ...]:
        """Numbers of the critical ones that clients do not know."""
        numbers = (e.oid.dotted_string for e in self._all if e.critical)
        return tuple(number for number in numbers if number not in _HANDLED)

    def get(self, kind: type) -> Any:
        """With ``critical``, or None."""
        return self._found.get(kind)

    def value(self, kind: type) -> Any:
        """Its value, or None."""
        found = self._found.get(kind)
        return found.value if found is not None else None


def strict_faults(
    found: x509.Certificate, named: Extensions, *, self_signed: bool
) -> tuple[str, ...]:
    """All of them, in words."""
    return (
        *_of_an_authority(found, named, self_signed=self_signed),
        *_of_the_names(found, named),
        *_of_the_keys(named, self_signed=self_signed),
    )


def _is_authority(named: Extensions) -> bool:
    from cryptography import x509  # noqa: PLC0415

    basic = named.value(x509.BasicConstraints)
    return basic is not None and bool(basic.ca)


def _of_an_authority(
    found: x509.Certificate, named: Extensions, *, self_signed: bool
) -> Iterator[str]:
    from cryptography import x509  # noqa: PLC0415

    basic, usage = named.get(x509.BasicConstraints), named.value(x509.KeyUsage)
    if found.version is x509.Version.v1 and self_signed:
        yield "a CA certificate of X.509 version 1"
    if not _is_authority(named):
        if usage is not None and usage.key_cert_sign:
            yield "the right to sign certificates without being an authority"
        return
    if not basic.critical:
        yield "basic constraints of an authority not marked critical"
    if usage is None:
        yield "an authority without key usage"
    elif basic.value.path_length is not None and not usage.key_cert_sign:
        yield "a path length without the right to sign certificates"


def _of_the_names(found: x509.Certificate, named: Extensions) -> Iterator[str]:
    from cryptography import x509  # noqa: PLC0415

    names = named.get(x509.SubjectAlternativeName)
    if not len(found.issuer):
        yield "an empty issuer"
    if not len(found.subject) and (_is_authority(named) or names is None or not names.critical):
        yield "an empty subject"
    if names is not None and not len(names.value):
        yield "an empty subject alternative name"


def _of_the_keys(named: Extensions, *, self_signed: bool) -> Iterator[str]:
    from cryptography import x509  # noqa: PLC0415

    issuer = named.get(x509.AuthorityKeyIdentifier)
    own = named.get(x509.SubjectKeyIdentifier)
    if issuer is not None and issuer.critical:
        yield "an authority key identifier marked critical"
    if own is not None and own.critical:
        yield "a subject key identifier marked critical"
    if not self_signed and (issuer is None or issuer.value.key_identifier is None):
        yield "no authority key identifier"
    if own is None and _is_authority(named):
        yield "an authority without subject key identifier"


def unknown_critical(named: Extensions) -> tuple[str, ...]:
    """Numbers of the critical extensions for which clients refuse the certificate."""
    names = {_POISON: f"{_POISON}, the mark of a precertificate, which is no certificate"}
    return tuple(names.get(number, number) for number in named.unhandled)
