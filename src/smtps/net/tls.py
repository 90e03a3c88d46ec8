"""TLS settings, and the facts that are left when a handshake is over, well or badly."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from smtps.errors import CertificateError, InputError, Phase
from smtps.net.serverhello import agreed, key_exchange_group
from smtps.options import Endpoint

_MINIMUM = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True)
class TLSFacts:
    """What is known of a TLS connection, also of one that failed.

    Attributes:
        version: such as ``TLSv1.3``; None before it was agreed.
        cipher: its name.
        bits: strength of the cipher.
        group: key-exchange group, such as ``X25519``.
        chain: certificates as the server sent them, DER, its own first.
        verified: against name and trust store, or by fingerprint.
        first_bytes: the server's first bytes, raw, at most 16 KiB.
    """

    version: str | None = None
    cipher: str | None = None
    bits: int | None = None
    group: str | None = None
    chain: tuple[bytes, ...] = ()
    verified: bool = False
    first_bytes: bytes = b""


def context_for(endpoint: Endpoint) -> ssl.SSLContext:
    """The context of an endpoint; made once for each set of trust settings.

    Loading the system's authorities takes 20 ms, 15 times a handshake.

    Raises:
        InputError: a file cannot be read or is no certificate.
    """
    certificate = endpoint.client_certificate
    pair = certificate if isinstance(certificate, tuple) else (certificate, None)
    return _context(
        endpoint.verify and endpoint.fingerprint is None,
        _stamp("ca_file", endpoint.ca_file),
        _stamp("client_certificate", pair[0]),
        _stamp("client_certificate", pair[1]),
        endpoint.tls_minimum,
    )


_Stamped = tuple[str, tuple[int, int, int]] | None


def _stamp(field: str, path: str | Path | None) -> _Stamped:
    """A file with its time, so that a renewed one is read again."""
    if path is None:
        return None
    try:
        found = Path(path).stat()
        return str(path), (found.st_mtime_ns, found.st_size, found.st_ino)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(field, f"cannot be read: {reason} ({str(path)!r})") from error


@lru_cache(maxsize=64)
def _context(
    verify: bool, ca: _Stamped, certificate: _Stamped, key: _Stamped, minimum: str
) -> ssl.SSLContext:
    # Made by hand and not by create_default_context: from Python 3.13 on that one adds flags that
    # refuse servers which every other client accepts, and one verdict must hold for all versions.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = _MINIMUM[minimum]
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca is not None:
        _load("ca_file", ca, lambda: context.load_verify_locations(ca[0]))
    else:
        context.load_default_certs()
    if certificate is not None:
        keyfile = key[0] if key else None
        # Without a password OpenSSL would ask for one at the terminal.
        _load(
            "client_certificate",
            certificate,
            lambda: context.load_cert_chain(certificate[0], keyfile, password=""),
        )
    return context


def _load(field: str, stamped: tuple[str, Any], load: Any) -> None:
    try:
        load()
    except (ssl.SSLError, OSError) as error:
        raise InputError(field, f"holds no usable PEM certificate or key ({stamped[0]})") from error


def peer_chain(connection: ssl.SSLObject) -> tuple[bytes, ...]:
    """The chain as the server sent it, DER, also after a failed verification.

    Public from Python 3.13 on; before, only the object underneath has it.
    """
    public = getattr(connection, "get_unverified_chain", None)
    if public is not None:
        return tuple(public() or ())
    inner: Any = connection._sslobj  # type: ignore[attr-defined] # noqa: SLF001
    found = inner.get_unverified_chain() or ()
    return tuple(certificate.public_bytes(_DER) for certificate in found)


_DER = 2
"""``_ssl.ENCODING_DER``."""


def facts_of(connection: ssl.SSLObject, *, verified: bool, first_bytes: bytes) -> TLSFacts:
    """All that a connection tells, at whatever point it stands."""
    version, (cipher, _, bits) = connection.version(), connection.cipher() or (None, None, None)
    if version is None and (hello := agreed(first_bytes)) is not None:
        version, suite = hello
        known = [c for c in connection.context.get_ciphers() if c["id"] & 0xFFFF == suite]
        cipher, bits = (known[0]["name"], known[0]["strength_bits"]) if known else (None, None)
    return TLSFacts(
        version=version,
        cipher=cipher,
        bits=bits,
        group=key_exchange_group(first_bytes),
        chain=peer_chain(connection),
        verified=verified,
        first_bytes=first_bytes,
    )


def check_fingerprint(chain: tuple[bytes, ...], wanted: str) -> None:
    """Compare the server's certificate with the pinned one.

    Raises:
        CertificateError: it is another one; tells which.
    """
    found = hashlib.sha256(chain[0]).hexdigest() if chain else ""
    if not hmac.compare_digest(found, wanted):
        raise CertificateError(
            "tls.fingerprint_mismatch",
            "The server's certificate is not the one that was pinned.",
            phase=Phase.TLS,
            seen=found or "no certificate",
        )
