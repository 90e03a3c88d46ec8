"""Every error of the operating system and of ssl, turned into one of ours: here and nowhere else.

asyncio hides text (``ConnectionResetError('')``), and OpenSSL's words differ by version, so the
decision goes by type, number and phase, never by message.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from smtps import replies
from smtps.core.reply import printable
from smtps.errors import (
    CertificateError,
    Failure,
    NetworkError,
    Phase,
    RefusedError,
    SMTPSError,
    TLSError,
)
from smtps.net.server_hello import Scene, alert_number, flight, meaning
from smtps.net.services import recognise
from smtps.net.timing import timed_out

_LOOKUP = {
    socket.EAI_NONAME: ("dns.name_not_found", "The name {host} does not exist in DNS."),
    socket.EAI_AGAIN: ("dns.lookup_failed", "The resolver gave no answer for {host}."),
    socket.EAI_FAIL: ("dns.lookup_failed", "The resolver failed on {host}."),
    # Numbers of glibc and BSD: the name is there, but with no address (of this family).
    getattr(socket, "EAI_NODATA", -5): ("dns.no_address", "{host} has no address."),
    getattr(socket, "EAI_ADDRFAMILY", -9): ("dns.no_address", "{host} has no address."),
}

_ERRNO = {
    errno.ECONNREFUSED: ("net.refused", "The connection was refused: nothing is listening there."),
    errno.ENETUNREACH: ("net.unreachable", "There is no route to this network from here."),
    errno.EHOSTUNREACH: ("net.host_unreachable", "The host cannot be reached."),
    errno.EADDRNOTAVAIL: ("net.unreachable", "This machine has no address of that family."),
    errno.EAFNOSUPPORT: ("net.unreachable", "This machine has no address of that family."),
    errno.ENETDOWN: ("net.unreachable", "The network is down."),
    errno.ETIMEDOUT: ("net.timeout", "No answer arrived: packets are lost or dropped on the way."),
    errno.EACCES: ("net.blocked_here", "This machine's own firewall rules block the connection."),
    errno.EPERM: ("net.blocked_here", "This machine's own firewall rules block the connection."),
    errno.EMFILE: ("net.out_of_sockets", "This process has too many open files."),
    errno.ENFILE: ("net.out_of_sockets", "This machine has too many open files."),
    errno.ENOBUFS: (
        "net.out_of_sockets",
        "This machine has reached its limit of open connections.",
    ),
}

EXPIRED = "tls.certificate_expired"
ROOT_EXPIRED = "tls.certificate_root_expired"

_VERIFY = {
    2: ("tls.certificate_incomplete_chain", "The issuer of a trusted certificate is not known."),
    7: ("tls.certificate_bad_signature", "A signature in the chain does not match its issuer."),
    9: ("tls.certificate_not_yet_valid", "The certificate is not valid yet."),
    10: (EXPIRED, "The certificate has expired."),
    13: ("tls.certificate_malformed", "The certificate's start is not a valid date."),
    14: ("tls.certificate_malformed", "The certificate's end is not a valid date."),
    18: ("tls.certificate_self_signed", "The certificate is self-signed."),
    19: ("tls.certificate_untrusted_root", "The chain ends in a root that is not trusted here."),
    20: ("tls.certificate_incomplete_chain", "The issuer of the certificate is not known here."),
    21: ("tls.certificate_incomplete_chain", "The chain behind the certificate is missing."),
    23: ("tls.certificate_revoked", "The certificate has been revoked."),
    24: ("tls.certificate_wrong_purpose", "An issuer in the chain is not allowed to issue."),
    25: ("tls.certificate_constrained", "The chain is longer than an issuer in it allows."),
    26: ("tls.certificate_wrong_purpose", "The certificate is not meant for a server."),
    27: ("tls.certificate_wrong_purpose", "The root is not trusted for servers here."),
    28: ("tls.certificate_wrong_purpose", "The root is distrusted for servers here."),
    32: ("tls.certificate_wrong_purpose", "An issuer in the chain may not sign certificates."),
    34: ("tls.certificate_critical_extension", "A critical extension is not known."),
    41: ("tls.certificate_malformed", "An extension contradicts itself or cannot be parsed."),
    47: ("tls.certificate_constrained", "An issuer in the chain may not issue for this name."),
    48: ("tls.certificate_constrained", "An issuer in the chain must not issue for this name."),
    49: ("tls.certificate_constrained", "A name constraint in the chain is not understood."),
    51: ("tls.certificate_constrained", "A name constraint in the chain is not understood."),
    52: ("tls.certificate_constrained", "A name constraint in the chain is malformed."),
    53: ("tls.certificate_constrained", "A name in the certificate is malformed."),
    62: ("tls.certificate_wrong_host", "The certificate is for another name."),
    64: ("tls.certificate_wrong_host", "The certificate is not for this address."),
    66: ("tls.certificate_weak", "The key of the certificate is too weak."),
    67: ("tls.certificate_weak", "The key of an issuer is too weak."),
    68: ("tls.certificate_weak", "A signature in the chain is too weak."),
    79: ("tls.certificate_wrong_purpose", "An issuer in the chain is not allowed to issue."),
}
"""By X509_V_ERR number."""

_REASON = {
    "UNSUPPORTED_PROTOCOL": ("tls.protocol_version", "No TLS version in common."),
    "NO_CIPHERS_AVAILABLE": ("tls.no_common_cipher", "No cipher in common."),
    "DH_KEY_TOO_SMALL": ("tls.weak_key_exchange", "The server's key exchange is too weak."),
    "EE_KEY_TOO_SMALL": ("tls.certificate_weak", "The key of the certificate is too weak."),
    "CA_MD_TOO_WEAK": ("tls.certificate_weak", "A signature in the chain is too weak."),
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": (
        "tls.legacy_renegotiation", "The server lacks secure renegotiation (RFC 5746)."),
}  # fmt: skip
"""By OpenSSL's reason name, which is stable where its text is not: what this side objects to. For
alerts of the server see ``server_hello``."""

_NO_RECORD = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST"})
"""Reasons for what does not even begin like TLS."""

_ANY_RECORD = "RECORD_LAYER_FAILURE"
"""The one reason that OpenSSL from 3.2 on gives for each record that it cannot use."""

_RECORDS = range(20, 24)
"""Their types (RFC 8446 section 5.1): change_cipher_spec, alert, handshake, application_data."""

_WORDS = re.compile(rb"[\t\r\n -~]{5}")
"""Text where the five octets of a record's header should be (RFC 8446 section 5.1)."""

_SMTP_LINE = re.compile(rb"[2-5][0-9]{2}(?:[ \r\n-]|\Z)")
_REFUSAL = re.compile(r"((?!50[0-3])[45][0-9]{2})[ -](.*)")
"""500 to 503 answer the ClientHello, which a server without TLS takes for commands."""


def translate(
    error: Exception,
    phase: Phase,
    *,
    address: str | None = None,
    host: str = "the host",
    first_bytes: bytes = b"",
    certificate: bool = False,
    seconds: float = 0.0,
) -> SMTPSError:
    """The error of ours that ``error`` means in this phase.

    Args:
        error: what was raised below; one of ours comes back as it is.
        phase: what was being done.
        address: whom it was being done with.
        host: the name, for the sentence.
        first_bytes: what the server had sent, raw, for a handshake.
        certificate: whether this client had a certificate to show.
        seconds: the time-out, should this be one.
    """
    if isinstance(error, SMTPSError):
        return error.locate(phase=phase, address=address)
    plain = not_tls(first_bytes) if phase is Phase.TLS else None
    if plain is not None and not isinstance(error, ssl.SSLCertVerificationError):
        found: SMTPSError = plain
    elif isinstance(error, ssl.SSLError):
        found = _from_ssl(error, Scene(phase, flight(first_bytes), certificate))
    elif isinstance(error, socket.gaierror) and phase is Phase.DNS:
        found = _from_lookup(error, host)
    elif isinstance(error, TimeoutError) and error.errno is None:
        found = timed_out(phase, seconds)
    else:
        found = _from_os(error, phase)
    return found.locate(phase=phase, address=address)


@contextmanager
def translated(phase: Phase, *, address: str | None = None, host: str = "") -> Iterator[None]:
    """Let nothing foreign out of the block."""
    try:
        yield
    except (OSError, ssl.SSLError, UnicodeError) as error:
        if isinstance(error, SMTPSError):
            raise
        raise translate(error, phase, address=address, host=host) from error


_ABOUT_THE_HELLO = frozenset(
    {"smtp.synchronization", "smtp.out_of_sequence", "smtp.command_refused"}
)
"""Causes of a reply to a ClientHello, from a server that took it for commands."""


def _refused_in_clear(seen: str) -> RefusedError | None:
    """The error of a server that refuses a client before TLS has begun, as Exim's daemon does with
    too many connections: such a reply says nothing about how TLS begins on this port.
    """
    found = _REFUSAL.match(seen)
    if found is None:
        return None
    code, line = int(found[1]), found[2]
    cause = replies.meaning(Phase.GREETING, code, (line,))
    if cause.code in _ABOUT_THE_HELLO:
        return None
    return RefusedError(
        cause.code,
        f"The server refused the connection before TLS: it said {seen!r}.",
        phase=Phase.GREETING,
        retryable=cause.retryable,
        retry_after=cause.asked,
        smtp_code=code,
        lines=(line,),
        seen=seen,
    )


def not_tls(first_bytes: bytes) -> SMTPSError | None:
    """The error for a server that answers a ClientHello with something else than TLS."""
    if first_bytes[:1] == b"\x16" and first_bytes[5:6] == b"\1":
        return TLSError(
            "smtp.other_service", "This is an echo service: it sent the ClientHello back."
        )
    if not first_bytes or (
        first_bytes[0] in range(0x14, 0x19) and first_bytes[1:2] in (b"", b"\3")
    ):
        return None
    seen = printable(first_bytes.split(b"\n")[0].rstrip(b"\r")[:200])
    if (service := recognise(first_bytes)) is not None:
        return TLSError(
            service.code, f"This port does not speak TLS: {service.name} said {seen!r}.", seen=seen
        )
    if (refused := _refused_in_clear(seen)) is not None:
        return refused
    if _SMTP_LINE.match(first_bytes):
        return TLSError(
            "tls.plaintext_on_tls_port",
            f"This port does not start with TLS: the server said {seen!r} in the clear.",
            seen=seen,
        )
    return TLSError(
        "tls.not_tls",
        f"This port speaks neither TLS nor SMTP: the server said {seen!r}.",
        seen=seen,
    )


def of_record(error: ssl.SSLError, heard: bytes) -> ssl.SSLError:
    """An error of a session, with the reason that all releases of OpenSSL give for it.

    Args:
        error: what was raised.
        heard: what came last.
    """
    if error.reason == _ANY_RECORD:
        while len(heard) > 4 and heard[0] in _RECORDS and heard[1] == 3:
            heard = heard[5 + int.from_bytes(heard[3:5]) :]
        if _WORDS.match(heard):
            error.reason = "WRONG_VERSION_NUMBER"
    return error


def closed(phase: Phase, address: str | None = None) -> NetworkError:
    """The error for a connection that the server closed without a word."""
    code = "tls.closed" if phase is Phase.TLS else "net.closed_by_server"
    during = "during the TLS handshake" if phase is Phase.TLS else f"({phase})"
    return NetworkError(
        code, f"The server closed the connection {during}.", phase=phase, address=address
    )


def whose_end(failure: Failure, chain: tuple[bytes, ...]) -> Failure:
    """Which certificate has expired; OpenSSL does not say.

    Args:
        failure: ``tls.certificate_expired``.
        chain: as the server sent it, DER. If all of it is in date, the certificate that is not can
            only be one that is trusted here.
    """
    from cryptography import x509  # late: only a failure needs it  # noqa: PLC0415

    now = datetime.now(UTC)
    try:
        sent = [x509.load_der_x509_certificate(der) for der in chain]
        ended = [each for each in sent if each.not_valid_after_utc < now]
    except ValueError:  # malformed: OpenSSL's word is all there is
        return failure
    if not ended:
        message = "A certificate authority that is trusted here has expired."
        return replace(failure, code=ROOT_EXPIRED, message=message)
    if ended[0] is not sent[0]:
        name = ended[0].subject.rfc4514_string()
        return replace(failure, message=f"An issuer in the server's chain has expired: {name}.")
    return failure


def _from_ssl(error: ssl.SSLError, scene: Scene) -> SMTPSError:
    if isinstance(error, ssl.SSLCertVerificationError):
        unknown = ("tls.certificate_invalid", "The certificate is not valid.")
        code, sentence = _VERIFY.get(getattr(error, "verify_code", 0), unknown)
        return CertificateError(code, sentence, seen=getattr(error, "verify_message", str(error)))
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return closed(scene.phase)
    reason = getattr(error, "reason", None) or ""
    if (number := alert_number(reason or str(error))) is not None:
        code, sentence = meaning(number, scene)
        kind = NetworkError if code == "tls.broken" else TLSError
        return kind(code, sentence, seen=reason or str(error))
    if reason in _REASON:
        code, sentence = _REASON[reason]
        return TLSError(code, sentence, seen=reason)
    reason = reason or str(error) or type(error).__name__
    if scene.phase is Phase.TLS:
        return TLSError("tls.failed", f"The TLS handshake failed: {reason}.", seen=reason)
    return _from_the_middle(reason)


def _from_the_middle(reason: str) -> NetworkError:
    """TLS was all right until now, and may be on the next connection."""
    if reason in _NO_RECORD:
        code = "tls.plaintext_in_tls"
        sentence = f"What the server sent in the middle of the session is not TLS: {reason}."
    else:
        code, sentence = "tls.broken", f"TLS failed in the middle of the session: {reason}."
    return NetworkError(code, sentence, seen=reason)


def _from_lookup(error: socket.gaierror, host: str) -> NetworkError:
    unknown = ("dns.lookup_failed", "The look-up of {host} failed.")
    code, sentence = _LOOKUP.get(error.errno or 0, unknown)
    return NetworkError(
        code,
        sentence.format(host=host),
        seen=str(error),
        retryable=code not in ("dns.name_not_found", "dns.no_address"),
    )


def _from_os(error: Exception, phase: Phase) -> NetworkError:
    if isinstance(error, socket.gaierror):  # of a literal: its zone, or its family
        return NetworkError("net.unreachable", "This machine cannot reach such an address.",
                            seen=str(error))  # fmt: skip
    number = error.errno if isinstance(error, OSError) else None
    if number in _ERRNO:
        code, sentence = _ERRNO[number]
        return NetworkError(code, sentence, seen=str(error))
    if isinstance(error, ConnectionError):
        if number is None:  # asyncio's own, for an end of file where more was due
            return closed(phase)
        return NetworkError("net.reset", f"The connection was reset ({phase}).", seen=str(error))
    if isinstance(error, UnicodeError):
        return NetworkError("dns.invalid_name", "This is not a valid host name.", retryable=False)
    text = str(error) or type(error).__name__
    return NetworkError("net.failed", f"The connection failed ({phase}): {text}.", seen=text)
