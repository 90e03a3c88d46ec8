"""TLS settings, trusted and client certificates in files, and the facts of a handshake.

A channel binding ties a login to the TLS connection that carries it (RFC 5929, RFC 9266).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import ssl
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from smtps.endpoint import Endpoint
from smtps.errors import CertificateError, InputError, Phase
from smtps.net.server_hello import Flight, agreed, flight, key_exchange_group


def client_certificate(endpoint: Endpoint) -> bytes | None:
    """What an endpoint shows to the server: the first certificate of its file, DER."""
    files = endpoint.client_certificate
    if files is None:
        return None
    file = files[0] if isinstance(files, tuple) else files
    return next(iter(_pem_files(_stamps([Path(file)]))), None)


def anchors(endpoint: Endpoint) -> tuple[bytes, ...]:
    """The authorities that an endpoint trusts, DER: those of its file, or else the system's.

    OpenSSL reads a directory of them only as it needs them, so the context alone cannot tell. What
    cannot be read is left out: this serves to explain, and OpenSSL has judged.
    """
    if endpoint.ca_file is not None:
        return _pem_files(_stamps([Path(endpoint.ca_file)]))
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile is not None else []
    if paths.capath is not None:
        files += sorted(Path(paths.capath).iterdir())
    if found := _pem_files(_stamps(files)):
        return found
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()  # where the system keeps them in no file
    return tuple(context.get_ca_certs(binary_form=True))


def _stamps(files: list[Path]) -> tuple[tuple[str, int], ...]:
    found = {}
    for file in files:
        with suppress(OSError):
            found[str(file)] = file.stat().st_mtime_ns
    return tuple(found.items())


_PEM = re.compile(
    r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+?"
    r"-----END (?:X509 |TRUSTED )?CERTIFICATE-----"
)


@lru_cache(maxsize=16)
def _pem_files(stamped: tuple[tuple[str, int], ...]) -> tuple[bytes, ...]:
    found: dict[bytes, None] = {}
    for name, _ in stamped:
        with suppress(OSError):
            for block in _PEM.findall(Path(name).read_text("latin-1")):
                with suppress(ValueError):
                    found[base64.b64decode("".join(block.split("-----")[2].split()))] = None
    return tuple(found)


_SIGNATURES = {
    bytes.fromhex("2a864886f70d010104"): "md5",  # with RSA
    bytes.fromhex("2a864886f70d010105"): "sha1",
    bytes.fromhex("2a864886f70d01010b"): "sha256",
    bytes.fromhex("2a864886f70d01010c"): "sha384",
    bytes.fromhex("2a864886f70d01010d"): "sha512",
    bytes.fromhex("2a864886f70d01010e"): "sha224",
    bytes.fromhex("2a8648ce3d0401"): "sha1",  # with ECDSA
    bytes.fromhex("2a8648ce3d040301"): "sha224",
    bytes.fromhex("2a8648ce3d040302"): "sha256",
    bytes.fromhex("2a8648ce3d040303"): "sha384",
    bytes.fromhex("2a8648ce3d040304"): "sha512",
    bytes.fromhex("2a8648ce380403"): "sha1",  # with DSA
    bytes.fromhex("608648016503040302"): "sha256",
}
"""Object identifier of a signature algorithm → its hash (RFC 3279, RFC 4055, RFC 5758)."""

_PSS = bytes.fromhex("2a864886f70d01010a")
_HASHES = {
    bytes.fromhex("0609608648016503040201"): "sha256",
    bytes.fromhex("0609608648016503040202"): "sha384",
    bytes.fromhex("0609608648016503040203"): "sha512",
    bytes.fromhex("0609608648016503040204"): "sha224",
}
"""In the parameters of RSASSA-PSS, whose default is SHA-1 (RFC 4055 section 3.1)."""


def server_end_point(der: bytes) -> bytes | None:
    """``tls-server-end-point``: the certificate's hash (RFC 5929 section 4).

    Args:
        der: the server's own certificate.

    Returns:
        None where its signature has no hash of its own, such as Ed25519, for which the binding is
        not defined, and where it cannot be read.
    """
    try:
        name = _hash_of(der)
    except IndexError:
        return None
    if name is None:
        return None
    return hashlib.new("sha256" if name in ("md5", "sha1") else name, der).digest()


def _hash_of(der: bytes) -> str | None:
    """Of the signature, which stands behind the first part (RFC 5280 section 4.1)."""
    start, _ = _contents(der, 0)
    _, end = _contents(der, start)
    start, end = _contents(der, end)
    first, last = _contents(der, start)
    algorithm, parameters = der[first:last], der[last:end]
    if algorithm == _PSS:
        found = [(parameters.find(each), name) for each, name in _HASHES.items()]
        return min(((at, name) for at, name in found if at >= 0), default=(0, "sha1"))[1]
    return _SIGNATURES.get(algorithm)


def _contents(der: bytes, at: int) -> tuple[int, int]:
    """Where the contents of the value at a place begin and end."""
    size, at = der[at + 1], at + 2
    if size >= 0x80:
        octets = size & 0x7F
        size, at = int.from_bytes(der[at : at + octets]), at + octets
    return at, at + size


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
    """A context that verifies nothing and offers what ``hello`` says."""
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
        raise InputError(
            field, f"contains no usable PEM certificate or key ({stamped[0]})"
        ) from error


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
