"""The OCSP response that a server sends with its certificate, read (RFC 6960)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from smtps.core.reply import printable


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


def read(der: bytes) -> Staple:
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
