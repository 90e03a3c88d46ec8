"""What vouches for a certificate besides its chain; pure.

The server may staple an OCSP response (RFC 6960), and DNS may publish TLSA records (DANE, RFC 6698
and RFC 7671).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256, sha512
from typing import TYPE_CHECKING

from smtps.core.reply import printable

if TYPE_CHECKING:
    from smtps.net.dns import TLSA


@dataclass(frozen=True, slots=True)
class Staple:
    """What it says.

    Attributes:
        status: ``good``, ``revoked`` or ``unknown``; else why there is none, such as ``try later``.
        serial: of the certificate that it is about.
        since, until: when it holds; ``until`` is None where there is always a newer one.
        revoked_at: when the certificate was revoked.
    """

    status: str
    serial: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    revoked_at: datetime | None = None


def read_staple(der: bytes) -> Staple:
    """The response in DER, whatever it holds. The signature is not checked: it is the server's own
    word, and serves as that.
    """
    from cryptography.x509 import ocsp  # noqa: PLC0415  # late: only deep looks need it

    try:
        found = ocsp.load_der_ocsp_response(der)
        if found.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return Staple(found.response_status.name.lower().replace("_", " "))
        return Staple(
            found.certificate_status.name.lower(),
            found.serial_number,
            found.this_update_utc,
            found.next_update_utc,
            found.revocation_time_utc,
        )
    except Exception as error:  # noqa: BLE001  # all that the library knows is about the response
        return Staple(printable(f"cannot be read: {error}"[:200]))


_CA, _EE = (0, 2), (1, 3)
"""Certificate usages: an authority on the way, or the server's own."""

_DIGEST: dict[int, Callable[[bytes], bytes]] = {
    0: lambda data: data,
    1: lambda data: sha256(data).digest(),
    2: lambda data: sha512(data).digest(),
}
"""Matching type → what is compared."""


def usable_tlsa(records: Iterable[TLSA]) -> list[TLSA]:
    """Those that mean something to us (RFC 6698 section 4.1)."""
    return [
        record
        for record in records
        if record.usage in _CA + _EE and record.selector in (0, 1) and record.matching in _DIGEST
    ]


def vouched_by_dane(
    records: Iterable[TLSA], sent: Sequence[bytes], path: Sequence[bytes] = ()
) -> bool:
    """Whether any of the records is about this chain.

    Args:
        records: usable ones.
        sent: the chain as the server sent it, DER, its own certificate first.
        path: the way to the trusted authority, where one was found.
    """
    return any(
        _DIGEST[record.matching](_selected(der, record.selector)) == record.data
        for record in records
        for der in (sent[:1] if record.usage in _EE else (*sent, *path))
    )


def _selected(der: bytes, selector: int) -> bytes:
    """The whole certificate, or its public key alone."""
    if selector == 0:
        return der
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
    )

    try:
        key = x509.load_der_x509_certificate(der).public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except ValueError:
        return b""
