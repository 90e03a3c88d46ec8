"""What an alert of the server means (RFC 8446 section 6), by what had arrived before it.

One alert has many causes. A row is about one cause only where nothing else is left; otherwise the
code is ``tls.handshake_refused``, and the sentence says what is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from smtps.errors import Phase
from smtps.net.serverhello import Flight

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
    43: "it is not made for clients (clientAuth), or of a kind that the server does not know",
    44: "it has been revoked",
    45: "it has expired",
    48: "the server does not know its issuer",
    49: "its holder may not connect",
    51: "its signature did not verify, as with a key that does not belong to it",
}
"""What an alert says of a client certificate; others say nothing in particular."""

ROWS: tuple[Row, ...] = (
    Row((116,), "tls.client_certificate_required",
        "The server demands a client certificate ({name}, alert {number})."),
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
        "The server complained about the client's certificate, and it was given none ({name}, "
        "alert {number}).",
        lambda scene: scene.asked),
    Row((*_OF_CERTIFICATES, 49), _REFUSED,
        "The server ended the handshake with {name} (alert {number}), though it had asked for no "
        "certificate. A TLS proxy says so when it does not trust the server behind it."),
    Row((70,), "tls.protocol_version",
        "No TLS version in common ({name}, alert {number})."),
    Row((71,), "tls.no_common_cipher",
        "The server demands stronger ciphers or groups than were offered ({name}, alert "
        "{number})."),
    Row((112,), "tls.unrecognized_name",
        "The server does not know this name ({name}, alert {number})."),
    Row((80,), "tls.server_error",
        "TLS is broken on the server's side ({name}, alert {number})."),
    Row((86,), _REFUSED,
        "The server took the handshake for a second try with an older TLS version ({name}, alert "
        "{number})."),
    Row((120,), _REFUSED,
        "The server wants another application protocol (ALPN) than mail ({name}, alert {number})."),
    Row((40,), _REFUSED,
        "The server asked for a key share of {group} and then refused it ({name}, alert "
        "{number}).",
        lambda scene: scene.flight.retry),
    Row((40,), _REFUSED,
        "The server refused the handshake before it agreed to anything ({name}, alert {number}): "
        "no version, cipher, group or signature in common, no certificate that fits the name and "
        "the ciphers, or a rule about who may connect.",
        lambda scene: scene.empty),
    Row(_UNREADABLE, _REFUSED,
        "The server could not make sense of the client's first message ({name}, alert {number}).",
        lambda scene: scene.empty),
    Row((), _REFUSED,
        "The server agreed to {version} and then ended the handshake ({name}, alert {number}).",
        lambda scene: scene.flight.version is not None and scene.phase is Phase.TLS),
    Row((), _REFUSED,
        "The server ended the handshake ({name}, alert {number}).",
        lambda scene: scene.phase is Phase.TLS),
    Row((49, 40), _REFUSED,
        "The server ended the connection as soon as the handshake was over ({name}, alert "
        "{number}): servers do so that demand a client certificate, or do not let this client in.",
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
