"""What a TLS server's first bytes and its alerts tell that Python's ssl does not.

One alert (RFC 8446 section 6) has many causes; what had arrived before it rules some out. A row
names a cause only where no other is left. Otherwise the code is ``tls.handshake_refused``, and the
sentence says what is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from smtps.errors import Phase

GROUPS = {
    0x0009: "sect283k1",
    0x000A: "sect283r1",
    0x000B: "sect409k1",
    0x000C: "sect409r1",
    0x000D: "sect571k1",
    0x000E: "sect571r1",
    0x0013: "secp192r1",
    0x0015: "secp224r1",
    0x0016: "secp256k1",
    0x0017: "P-256",
    0x0018: "P-384",
    0x0019: "P-521",
    0x001A: "brainpoolP256r1",
    0x001B: "brainpoolP384r1",
    0x001C: "brainpoolP512r1",
    0x001D: "X25519",
    0x001E: "X448",
    0x0022: "GC256A",
    0x0023: "GC256B",
    0x0029: "curveSM2",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
    0x0103: "ffdhe6144",
    0x0104: "ffdhe8192",
    0x0200: "MLKEM512",
    0x0201: "MLKEM768",
    0x0202: "MLKEM1024",
    0x11EB: "SecP256r1MLKEM768",
    0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
}
"""IANA, TLS Supported Groups."""

_ALERT, _HANDSHAKE = 21, 22
_SERVER_HELLO, _CERTIFICATE, _SERVER_KEY_EXCHANGE, _CERTIFICATE_REQUEST = 2, 11, 12, 13
_SERVER_HELLO_DONE, _CERTIFICATE_STATUS, _OCSP = 14, 22, 1
_KEY_SHARE, _SUPPORTED_VERSIONS, _NAMED_CURVE = 51, 43, 3
_VERSIONS = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
"""By their names in Python."""

_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a HelloRetryRequest (RFC 8446 section 4.1.3)."""


@dataclass(frozen=True, slots=True)
class Flight:
    """What a server said in the clear before the handshake ended.

    Attributes:
        version: TLS version that it chose, such as ``TLSv1.2``; None before a ServerHello.
        suite: number of the cipher suite that it chose.
        group: key-exchange group, as far as it shows.
        retry: it asked for another key share (HelloRetryRequest) and never got further.
        messages: types of its handshake messages, in order (RFC 8446 appendix B.3).
        alert: number of the alert that it sent in the clear, or None.
    """

    version: str | None = None
    suite: int | None = None
    group: str | None = None
    retry: bool = False
    messages: tuple[int, ...] = ()
    alert: int | None = None

    @property
    def wants_certificate(self) -> bool:
        """Whether it asked for a client certificate; TLS 1.3 hides that on the wire."""
        return _CERTIFICATE_REQUEST in self.messages

    @property
    def whole(self) -> bool:
        """Whether a server of TLS 1.2 has said all that it says before the client's turn."""
        return _SERVER_HELLO_DONE in self.messages


def stapled(data: bytes) -> bytes | None:
    """The OCSP response in a server's first flight, DER (RFC 6066 section 8); None without one."""
    for kind, body in _messages(data):
        if kind == _CERTIFICATE_STATUS and len(body) > 4 and body[0] == _OCSP:
            return body[4 : 4 + int.from_bytes(body[1:4])]
    return None


def own_certificate(data: bytes) -> bytes | None:
    """The server's own certificate in its first flight of TLS 1.2, DER; None without one."""
    for kind, body in _messages(data):
        if kind == _CERTIFICATE and len(body) > 6:
            return body[6 : 6 + int.from_bytes(body[3:6])]
    return None


def flight(data: bytes) -> Flight:
    """Read a server's first bytes; what is not TLS gives an empty one."""
    messages = list(_messages(data))
    version, suite = agreed(data) or (None, None)
    hellos = [body for kind, body in messages if kind == _SERVER_HELLO]
    return Flight(
        version=version,
        suite=suite,
        group=key_exchange_group(data),
        retry=bool(hellos) and all(body[2:34] == _RETRY for body in hellos),
        messages=tuple(kind for kind, _ in messages),
        alert=_alert(data),
    )


def _alert(data: bytes) -> int | None:
    """The alert in a record of its own, in the clear: two octets (RFC 8446 section 6)."""
    at = 0
    while len(data) >= at + 5 and 20 <= data[at] <= 23:
        size = int.from_bytes(data[at + 3 : at + 5])
        if data[at] == _ALERT and size == 2 and len(data) >= at + 7:
            return data[at + 6]
        at += 5 + size
    return None


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
    at = 0
    while len(data) >= at + 5 and data[at] == _HANDSHAKE:
        size = int.from_bytes(data[at + 3 : at + 5])
        stream += data[at + 5 : at + 5 + size]
        at += 5 + size
    at = 0
    while len(stream) >= at + 4:
        size = int.from_bytes(stream[at + 1 : at + 4])
        if len(stream) < at + 4 + size:
            return  # what is still missing could change what is read
        yield stream[at], bytes(stream[at + 4 : at + 4 + size])
        at += 4 + size


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


ALERTS: dict[int, str] = {
    10: "unexpected message",
    20: "bad record MAC",
    21: "decryption failed",
    22: "record overflow",
    30: "decompression failure",
    40: "handshake failure",
    41: "no certificate",
    42: "bad certificate",
    43: "unsupported certificate",
    44: "certificate revoked",
    45: "certificate expired",
    46: "certificate unknown",
    47: "illegal parameter",
    48: "unknown CA",
    49: "access denied",
    50: "decode error",
    51: "decrypt error",
    60: "export restriction",
    70: "protocol version",
    71: "insufficient security",
    80: "internal error",
    86: "inappropriate fallback",
    90: "user cancelled",
    100: "no renegotiation",
    109: "missing extension",
    110: "unsupported extension",
    111: "certificate unobtainable",
    112: "unrecognized name",
    113: "bad certificate status response",
    114: "bad certificate hash value",
    115: "unknown PSK identity",
    116: "certificate required",
    120: "no application protocol",
    121: "ECH required",
}
"""IANA, TLS Alerts, and those of older versions."""

_NUMBERS = {re.sub(r"\W", "_", name).upper(): number for number, name in ALERTS.items()}

_REASON = re.compile(
    r"(?:SSLV3|TLSV1|TLSV13|SSL_TLS)_(?:ALERT_)?("
    + "|".join(sorted(_NUMBERS, key=len, reverse=True))
    + ")"
)
"""OpenSSL's name of an alert that it received; releases differ in what they put before it."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an alert came.

    Attributes:
        phase: what was being done.
        flight: what the server had said in the clear.
        certificate: whether this client had a certificate to show.
    """

    phase: Phase = Phase.TLS
    flight: Flight = field(default_factory=Flight)
    certificate: bool = False

    @property
    def asked(self) -> bool:
        """Whether the server may have asked for a client certificate.

        With TLS 1.3 the request is encrypted, and the answer to it is judged last of all.
        """
        hello = self.flight.version == "TLSv1.3" and not self.flight.retry
        return self.flight.wants_certificate or hello or self.phase is not Phase.TLS

    @property
    def empty(self) -> bool:
        """Whether the alert was all that came."""
        return not self.flight.messages and self.phase is Phase.TLS


@dataclass(frozen=True, slots=True)
class Row:
    """A meaning.

    Attributes:
        alerts: whose it is; empty for any.
        code: of the failure.
        sentence: with ``{name}``, ``{number}``, ``{version}`` and ``{group}``.
        when: whether it holds.
    """

    alerts: tuple[int, ...]
    code: str
    sentence: str
    when: Callable[[Scene], bool] = lambda _scene: True


_REFUSED = "tls.handshake_refused"
_OF_CERTIFICATES = (41, 42, 43, 44, 45, 46, 48, 51)
_UNREADABLE = (10, 20, 21, 22, 30, 47, 50, 109, 110)

_REASONS = {
    43: "it is not issued for clients (clientAuth), or of a type that the server does not support",
    44: "it has been revoked",
    45: "it has expired",
    48: "the server does not know its issuer",
    49: "its holder may not connect",
    51: "its signature did not verify, as with a key that does not belong to it",
}
"""What an alert says of a client certificate; others say nothing in particular."""

ROWS: tuple[Row, ...] = (
    Row((116,), "tls.client_certificate_required",
        "The server requires a client certificate ({name}, alert {number})."),
    Row((*_OF_CERTIFICATES, 40, 49), "tls.client_certificate_refused",
        "The server does not accept the client certificate: {reason} ({name}, alert {number}).",
        lambda scene: scene.certificate and (
            scene.flight.wants_certificate or scene.phase is not Phase.TLS)),
    Row(_OF_CERTIFICATES, "tls.client_certificate_refused",
        "The server does not accept the client certificate: {reason} ({name}, alert {number}).",
        lambda scene: scene.certificate and scene.asked),
    # GnuTLS says "decode error" to an empty certificate.
    Row((*_OF_CERTIFICATES, 10, 40, 47, 49, 50), "tls.client_certificate_required",
        "The server asked for a client certificate, got none, and ended the handshake ({name}, "
        "alert {number}).",
        lambda scene: scene.flight.wants_certificate),
    Row(_OF_CERTIFICATES, "tls.client_certificate_required",
        "The server complained about the client's certificate, although none was sent ({name}, "
        "alert {number}).",
        lambda scene: scene.asked),
    Row((*_OF_CERTIFICATES, 49), _REFUSED,
        "The server ended the handshake with {name} (alert {number}), although it had not asked "
        "for a certificate. A TLS proxy does this when it does not trust the server behind it."),
    Row((70,), "tls.protocol_version",
        "No TLS version in common ({name}, alert {number})."),
    Row((71,), "tls.no_common_cipher",
        "The server requires stronger ciphers or groups than were offered ({name}, alert "
        "{number})."),
    Row((112,), "tls.unrecognized_name",
        "The server does not know this name ({name}, alert {number})."),
    Row((80,), "tls.server_error",
        "TLS is broken on the server's side ({name}, alert {number})."),
    Row((86,), _REFUSED,
        "The server mistook the handshake for a retry with an older TLS version ({name}, alert "
        "{number})."),
    Row((120,), _REFUSED,
        "The server requires another application protocol (ALPN) than mail ({name}, alert "
        "{number})."),
    Row((40,), _REFUSED,
        "The server asked for a key share of {group} and then refused it ({name}, alert "
        "{number}).",
        lambda scene: scene.flight.retry),
    Row((40,), _REFUSED,
        "The server refused the handshake before it agreed to anything ({name}, alert {number}): "
        "no version, cipher, group or signature in common, no certificate that matches the name "
        "and the ciphers, or a rule about which clients may connect.",
        lambda scene: scene.empty),
    Row(_UNREADABLE, _REFUSED,
        "The server could not parse the client's first message ({name}, alert {number}).",
        lambda scene: scene.empty),
    Row((), _REFUSED,
        "The server agreed to {version} and then ended the handshake ({name}, alert {number}).",
        lambda scene: scene.flight.version is not None and scene.phase is Phase.TLS),
    Row((), _REFUSED,
        "The server ended the handshake ({name}, alert {number}).",
        lambda scene: scene.phase is Phase.TLS),
    Row((49, 40), _REFUSED,
        "The server ended the connection as soon as the handshake was over ({name}, alert "
        "{number}): servers that require a client certificate, or do not accept this client, do "
        "this.",
        lambda scene: scene.phase is Phase.GREETING),
    Row((), "tls.broken",
        "The server ended TLS in the middle of the session ({name}, alert {number})."),
)  # fmt: skip
"""The first that holds."""


def alert_number(words: str) -> int | None:
    """The alert that OpenSSL's words are about, or None if it received none.

    Args:
        words: reason or text of an ``ssl.SSLError``.
    """
    found = _REASON.search(re.sub(r"\W", "_", words).upper())
    return _NUMBERS[found[1]] if found else None


def meaning(number: int, scene: Scene) -> tuple[str, str]:
    """Code and sentence for an alert."""
    row = next(row for row in ROWS if (not row.alerts or number in row.alerts) and row.when(scene))
    sentence = row.sentence.format(
        name=ALERTS.get(number, "unknown alert"),
        number=number,
        version=scene.flight.version,
        group=scene.flight.group or "another group",
        reason=_REASONS.get(number, "it does not say why"),
    )
    return row.code, sentence
