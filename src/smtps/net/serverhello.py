"""What the first bytes of a TLS server tell that Python's ssl does not: the key-exchange group."""

from __future__ import annotations

from collections.abc import Iterator

GROUPS = {
    0x0017: "P-256",
    0x0018: "P-384",
    0x0019: "P-521",
    0x001D: "X25519",
    0x001E: "X448",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
    0x11EB: "SecP256r1MLKEM768",
    0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
}
"""IANA, TLS Supported Groups."""

_HANDSHAKE, _SERVER_HELLO, _SERVER_KEY_EXCHANGE = 22, 2, 12
_KEY_SHARE, _SUPPORTED_VERSIONS, _NAMED_CURVE = 51, 43, 3
_VERSIONS = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
"""By their names in Python."""


def key_exchange_group(data: bytes) -> str | None:
    """The group that a server chose, from its first flight, or None if it does not show.

    TLS 1.3 names it in the ServerHello (RFC 8446 section 4.2.8), TLS 1.2 in the ServerKeyExchange
    (RFC 8422 section 5.4).
    """
    try:
        for kind, body in _messages(data):
            if kind == _SERVER_HELLO and (group := _from_hello(body)) is not None:
                return GROUPS.get(group, f"0x{group:04x}")
            if kind == _SERVER_KEY_EXCHANGE and len(body) > 2 and body[0] == _NAMED_CURVE:
                group = int.from_bytes(body[1:3])
                # With finite-field DH these are the length of a prime and its first octet, which
                # is 128 or more.
                return GROUPS.get(group, f"0x{group:04x}" if group < 0x80 else None)
    except IndexError:
        pass
    return None


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The handshake messages in the clear records at the start of ``data``."""
    stream = bytearray()
    while len(data) >= 5 and data[0] == _HANDSHAKE:
        size = int.from_bytes(data[3:5])
        stream += data[5 : 5 + size]
        data = data[5 + size :]
    while len(stream) >= 4:
        size = int.from_bytes(stream[1:4])
        if len(stream) < 4 + size:
            return  # what is still missing could change what is read
        yield stream[0], bytes(stream[4 : 4 + size])
        del stream[: 4 + size]


def agreed(data: bytes) -> tuple[str, int] | None:
    """TLS version and number of the cipher suite in the ServerHello, or None before there is one.

    OpenSSL tells neither once a handshake has failed.
    """
    try:
        for kind, body in _messages(data):
            if kind == _SERVER_HELLO:
                at = 34 + 1 + body[34]
                if at + 2 > len(body):
                    return None
                number = int.from_bytes(body[0:2])
                for extension, content in _extensions(body):
                    if extension == _SUPPORTED_VERSIONS and len(content) == 2:
                        number = int.from_bytes(content)
                version = _VERSIONS.get(number, f"0x{number:04x}")
                return version, int.from_bytes(body[at : at + 2])
    except IndexError:
        pass
    return None


def _from_hello(body: bytes) -> int | None:
    for kind, content in _extensions(body):
        if kind == _KEY_SHARE and len(content) >= 2:
            return int.from_bytes(content[:2])
    return None


def _extensions(body: bytes) -> Iterator[tuple[int, bytes]]:
    # version 2, random 32, session id, cipher 2, compression 1, then the extensions
    at = 34 + 1 + body[34] + 3
    end = at + 2 + int.from_bytes(body[at : at + 2])
    at += 2
    while at + 4 <= min(end, len(body)):
        kind, size = int.from_bytes(body[at : at + 2]), int.from_bytes(body[at + 2 : at + 4])
        yield kind, body[at + 4 : at + 4 + size]
        at += 4 + size
