"""TLS settings, and the facts that are left when a handshake is over, well or badly."""

from __future__ import annotations

import hashlib
import hmac
import os
import ssl
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from smtps.errors import CertificateError, InputError, Phase
from smtps.net.serverhello import Flight, agreed, flight, key_exchange_group
from smtps.options import Endpoint

_MINIMUM = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True)
class TLSFacts:
    """What is known of a TLS connection, also of one that failed.

    Attributes:
        version: such as ``TLSv1.3``; None before it was agreed.
        cipher: its name.
        bits: strength of the cipher.
        chain: certificates as the server sent them, DER, its own first.
        verified: against name and trust store, or by fingerprint.
        path: the way from the server's certificate to a trusted one, DER, when verified by it.
        alpn: application protocol that was agreed, or None (RFC 7301).
        resumed: an earlier session was taken up again.
        first_bytes: the server's first bytes, raw, at most 16 KiB.
        hello_size: octets of the ClientHello.
    """

    version: str | None = None
    cipher: str | None = None
    bits: int | None = None
    chain: tuple[bytes, ...] = ()
    verified: bool = False
    path: tuple[bytes, ...] = ()
    alpn: str | None = None
    resumed: bool = False
    first_bytes: bytes = b""
    hello_size: int = field(default=0, compare=False)

    @property
    def flight(self) -> Flight:
        """What the server said in the clear."""
        return flight(self.first_bytes)

    @property
    def group(self) -> str | None:
        """Key-exchange group, such as ``X25519``, as far as the first bytes show it."""
        return key_exchange_group(self.first_bytes)


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


@dataclass(frozen=True, slots=True)
class ClientHello:
    """Another way to say hello, to find out what a server does with it; never with credentials.

    Attributes:
        oldest, newest: TLS versions to offer, as numbers of the minor version: 1 is TLS 1.0.
        ciphers: OpenSSL's cipher list, or None for its default.
        named: say the server's name (SNI, RFC 6066 section 3).
        alpn: application protocols to offer.
        group: the only key-exchange group to offer, in a ClientHello without padding, or None for
            OpenSSL's default.
    """

    oldest: int = 1
    newest: int = 4
    ciphers: str | None = "ALL:@SECLEVEL=0"
    named: bool = True
    alpn: tuple[str, ...] = ()
    group: str | None = None


_TLS_VERSIONS = {1: 0x0301, 2: 0x0302, 3: 0x0303, 4: 0x0304}
_LEGACY_SERVER_CONNECT = 0x4
"""``ssl.OP_LEGACY_SERVER_CONNECT``, named from Python 3.12 on: servers without RFC 5746."""


_PADDING = 0x10
"""``SSL_OP_TLSEXT_PADDING``: fill a ClientHello of 256 octets and more up to 512."""


@lru_cache(maxsize=32)
def context_of(hello: ClientHello) -> ssl.SSLContext:
    """A context that trusts anybody and offers what ``hello`` says."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options |= _LEGACY_SERVER_CONNECT
    with warnings.catch_warnings():  # TLS 1.0 is deprecated; whether a server has it is the point
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion(_TLS_VERSIONS[hello.oldest])
        context.maximum_version = ssl.TLSVersion(_TLS_VERSIONS[hello.newest])
    if hello.ciphers is not None:
        context.set_ciphers(hello.ciphers)
    if hello.group is not None:
        context.set_ecdh_curve(hello.group)
        context.options &= ~_PADDING
    if hello.alpn:
        context.set_alpn_protocols(list(hello.alpn))
    return context


@lru_cache(maxsize=1)
def ciphers() -> frozenset[str]:
    """Names of the ciphers that a session offers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return frozenset(cipher["name"] for cipher in context.get_ciphers())


def trusts_anybody() -> bool:
    """Whether this system has any certificate authority to trust.

    OpenSSL reads a directory of them only when it needs one, so the context itself cannot tell.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile is not None and Path(paths.cafile).stat().st_size:
        return True
    return paths.capath is not None and any(Path(paths.capath).iterdir())


_Stamped = tuple[str, tuple[int, int, int]] | None


def _stamp(field: str, path: str | Path | None) -> _Stamped:
    """A file with its time, so that a renewed one is read again."""
    if path is None:
        return None
    try:
        found = os.stat(path)  # noqa: PTH116  # for each session; a Path takes three times as long
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
    return _chain(connection, "get_unverified_chain")


def _chain(connection: ssl.SSLObject, method: str) -> tuple[bytes, ...]:
    public = getattr(connection, method, None)
    if public is not None:
        return tuple(public() or ())
    inner: Any = connection._sslobj  # type: ignore[attr-defined] # noqa: SLF001
    found = getattr(inner, method)() or ()
    return tuple(certificate.public_bytes(_DER) for certificate in found)


_DER = 2
"""``_ssl.ENCODING_DER``."""


def facts_of(
    connection: ssl.SSLObject, *, verified: bool, first_bytes: bytes, hello_size: int = 0
) -> TLSFacts:
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
        chain=peer_chain(connection),
        verified=verified,
        path=_chain(connection, "get_verified_chain") if verified else (),
        alpn=connection.selected_alpn_protocol(),
        resumed=bool(connection.session_reused),
        first_bytes=first_bytes,
        hello_size=hello_size,
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
