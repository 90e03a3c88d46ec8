"""A ClientHello made by hand, to learn what a server takes that this OpenSSL cannot offer.

It is sent alone: the server's answer is read, and no handshake follows.
"""

from __future__ import annotations

import os
import secrets
import struct
from collections.abc import Sequence

_SUITES = (
    0x1301, 0x1302, 0x1303,
    0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9,
    0x00FF,
)  # fmt: skip
"""Those of TLS 1.3, ECDHE with AEAD for 1.2, and the signal of RFC 5746."""

_SIGNATURES = (
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B,
    0x0401, 0x0501, 0x0601, 0x0904, 0x0905, 0x0906,
)  # fmt: skip
"""ECDSA, EdDSA, RSA-PSS, RSA PKCS#1, ML-DSA (IANA, TLS SignatureScheme)."""

PSK_SUITES = (
    0x008C, 0x008D, 0x008A, 0x008B, 0x00A8, 0x00A9, 0x00AA, 0x00AB, 0x00AE, 0x00AF, 0x00B2, 0x00B3,
    0xC035, 0xC036, 0xC037, 0xC038, 0xCCAB, 0xCCAC, 0xCCAD, 0xD001, 0xD002, 0xD005, 0x00FF,
)  # fmt: skip
"""Those of TLS 1.2 that need a key which both sides had before (RFC 4279, RFC 5487, RFC 8442)."""

RARE_SUITES = {
    0x1304: "TLS_AES_128_CCM_SHA256", 0x1305: "TLS_AES_128_CCM_8_SHA256",
    0x00C6: "TLS_SM4_GCM_SM3", 0x00C7: "TLS_SM4_CCM_SM3",
    0xC0AC: "ECDHE_ECDSA_AES_128_CCM", 0xC0AD: "ECDHE_ECDSA_AES_256_CCM",
    0xC0AE: "ECDHE_ECDSA_AES_128_CCM_8", 0xC0AF: "ECDHE_ECDSA_AES_256_CCM_8",
    0xC09E: "DHE_RSA_AES_128_CCM", 0xC09F: "DHE_RSA_AES_256_CCM",
    0xC0A2: "DHE_RSA_AES_128_CCM_8", 0xC0A3: "DHE_RSA_AES_256_CCM_8",
    0xC09C: "RSA_AES_128_CCM", 0xC09D: "RSA_AES_256_CCM",
    0xC05C: "ECDHE_ECDSA_ARIA_128_GCM", 0xC05D: "ECDHE_ECDSA_ARIA_256_GCM",
    0xC060: "ECDHE_RSA_ARIA_128_GCM", 0xC061: "ECDHE_RSA_ARIA_256_GCM",
    0xC052: "DHE_RSA_ARIA_128_GCM", 0xC053: "DHE_RSA_ARIA_256_GCM",
    0xC050: "RSA_ARIA_128_GCM", 0xC051: "RSA_ARIA_256_GCM",
    0xC086: "ECDHE_ECDSA_CAMELLIA_128_GCM", 0xC087: "ECDHE_ECDSA_CAMELLIA_256_GCM",
    0xC08A: "ECDHE_RSA_CAMELLIA_128_GCM", 0xC08B: "ECDHE_RSA_CAMELLIA_256_GCM",
    0xC072: "ECDHE_ECDSA_CAMELLIA_128_CBC", 0xC073: "ECDHE_ECDSA_CAMELLIA_256_CBC",
    0xC076: "ECDHE_RSA_CAMELLIA_128_CBC", 0xC077: "ECDHE_RSA_CAMELLIA_256_CBC",
    0x0045: "DHE_RSA_CAMELLIA_128_CBC", 0x0088: "DHE_RSA_CAMELLIA_256_CBC",
    0x0041: "RSA_CAMELLIA_128_CBC", 0x0084: "RSA_CAMELLIA_256_CBC",
    0x009A: "DHE_RSA_SEED_CBC", 0x0096: "RSA_SEED_CBC", 0x0007: "RSA_IDEA_CBC",
    0xE011: "ECDHE_SM4_CBC_SM3", 0xE013: "ECC_SM4_CBC_SM3",
}  # fmt: skip
"""Number → name of ciphers that few clients offer, for the usual kinds of certificate, and the
national ones of China (RFC 5932, RFC 6209, RFC 6655, RFC 8998, RFC 4162, GB/T 38636)."""

RARE_CERTIFICATES = {
    "DSA": (0x00A2, 0x00A3, 0x0040, 0x006A, 0x0032, 0x0038, 0x0044, 0x0087, 0x0099, 0x0013),
    "GOST": (0xC100, 0xC101, 0xC102, 0x0081, 0xFF85),
}
"""Kind of certificate → the ciphers that need one (RFC 5246 appendix A.5, RFC 9189)."""

RARE_SIGNATURES = (
    0x0708,
    0x0840,
    0x0841,
    0xEEEE,
    0xEFEF,
    0xEDED,
    0x0402,
    0x0302,
    0x0202,
    0x0201,
    0x0203,
)
"""SM2, GOST, DSA, and those with SHA-1."""

POST_QUANTUM = (0x11EC, 0x11EB, 0x11ED, 0x0201, 0x0202, 0x0200)
"""X25519MLKEM768 first, which most have."""

ALL_GROUPS = (
    0x001D, 0x0017, 0x0018, 0x0019, 0x001E, *POST_QUANTUM,
    0x001F, 0x0020, 0x0021, 0x001A, 0x001B, 0x001C, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104,
    0x0016, 0x0015, 0x0013, 0x0029, 0x000E, 0x000D, 0x000C, 0x000B, 0x000A, 0x0009, 0x0022, 0x0023,
)  # fmt: skip
"""Every group that has a number of its own."""

X25519MLKEM768 = 0x11EC
_Q = 3329
"""Modulus of ML-KEM (FIPS 203 section 2.4): a key with a larger coefficient is refused."""


def client_hello(
    name: str | None,
    *,
    groups: Sequence[int] = ALL_GROUPS,
    shares: Sequence[tuple[int, bytes]] = (),
    suites: Sequence[int] = _SUITES,
    signatures: Sequence[int] = _SIGNATURES,
    newest: int = 4,
    size: int = 0,
) -> bytes:
    """A ClientHello for TLS 1.2 and 1.3 in one record (RFC 8446 section 4.1.2).

    Args:
        name: server name to ask for (SNI), or None.
        groups: key-exchange groups to offer, by number.
        shares: key shares. Without any, a server of TLS 1.3 names the group that it wants in a
            HelloRetryRequest (section 4.2.8).
        suites: cipher suites to offer, by number.
        signatures: signature algorithms to offer, by number.
        newest: 4 for TLS 1.3, 3 for TLS 1.2.
        size: octets to fill it up to at least (RFC 7685).
    """
    extensions = [
        *_server_name(name),
        (10, _vector(2, _numbers(groups))),
        (11, b"\1\0"),  # uncompressed points
        (13, _vector(2, _numbers(signatures))),
        (23, b""),  # extended master secret
    ]
    if newest > 3:
        keys = b"".join(struct.pack(">H", group) + _vector(2, key) for group, key in shares)
        # TLS 1.3 and 1.2; PSK with (EC)DHE; key shares
        extensions += [(43, b"\4\3\4\3\3"), (45, b"\1\1"), (51, _vector(2, keys))]
    bare = _handshake(extensions, suites)
    if len(bare) + 4 < size:
        bare = _handshake([*extensions, (21, bytes(size - len(bare) - 4))], suites)
    return bare


def rare_hello(name: str | None) -> bytes:
    """Ciphers, groups and signatures that hardly any client offers, and no others."""
    suites = (*RARE_SUITES, *(number for kind in RARE_CERTIFICATES.values() for number in kind))
    return client_hello(name, suites=(*suites, 0x00FF), signatures=(*_SIGNATURES, *RARE_SIGNATURES))


def _handshake(extensions: Sequence[tuple[int, bytes]], suites: Sequence[int] = _SUITES) -> bytes:
    body = (
        b"\3\3"
        + os.urandom(32)
        + _vector(1, os.urandom(32))
        + _vector(2, _numbers(suites))
        + b"\1\0"
        + _vector(2, b"".join(struct.pack(">H", kind) + _vector(2, e) for kind, e in extensions))
    )
    return b"\x16\3\1" + _vector(2, b"\1" + _vector(3, body))


def stapling_hello(name: str | None) -> bytes:
    """A ClientHello for TLS 1.2 alone that asks for an OCSP response (RFC 6066 section 8).

    With TLS 1.3 the response comes encrypted, so nobody can read it without a whole handshake.
    """
    return _handshake(
        [
            *_server_name(name),
            (5, b"\1\0\0\0\0"),  # status_request: OCSP, any responder, no extensions
            (10, _vector(2, _numbers(ALL_GROUPS[:5]))),
            (11, b"\1\0"),
            (13, _vector(2, _numbers(_SIGNATURES))),
            (23, b""),
        ]
    )


def _server_name(name: str | None) -> list[tuple[int, bytes]]:
    return [(0, _vector(2, b"\0" + _vector(2, name.encode("ascii"))))] if name else []


LARGE = 1550
"""Octets of OpenSSL 3.5's ClientHello. With TCP's and IP's headers it takes two packets."""


def large_hello(name: str | None) -> bytes:
    """What OpenSSL 3.5 says by default: shares of X25519MLKEM768 and of X25519."""
    return client_hello(name, shares=(hybrid_share(), (0x001D, os.urandom(32))), size=LARGE)


def hybrid_share() -> tuple[int, bytes]:
    """A key share of X25519MLKEM768 that a server takes; nobody has its private key."""
    bits = 0
    for _ in range(768):
        bits = bits << 12 | secrets.randbelow(_Q)
    return X25519MLKEM768, bits.to_bytes(1152, "little") + os.urandom(32) + os.urandom(32)


def _numbers(values: Sequence[int]) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def _vector(size: int, data: bytes) -> bytes:
    return len(data).to_bytes(size) + data
