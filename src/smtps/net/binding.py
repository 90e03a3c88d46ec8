"""Channel bindings: what ties a login to the TLS connection that it goes over (RFC 5929)."""

from __future__ import annotations

import hashlib

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
