"""Whatever the system or ssl raises is an error of ours, with a phase, a sentence and advice."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtps.advice import ADVICE
from smtps.errors import (
    CertificateError,
    InputError,
    NetworkError,
    Phase,
    PhaseTimeoutError,
    SMTPSError,
    TLSError,
)
from smtps.net.services import SERVICES
from smtps.net.translate import closed, not_tls, of_record, translate, translated

SSL: Any = ssl


def ssl_reasons() -> list[str]:
    """Every reason that this Python can name, and every alert under each name it has had."""
    alerts = [alert.name.removeprefix("ALERT_DESCRIPTION_") for alert in ssl.AlertDescription]
    before = ("SSLV3_ALERT_", "TLSV1_ALERT_", "TLSV1_", "TLSV13_ALERT_", "SSL/TLS_ALERT_", "")
    told = {prefix + alert for prefix in before for alert in alerts}
    known = getattr(SSL._ssl, "err_codes_to_names", {})  # until Python 3.12
    return sorted(told | set(known.values()) | {"WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL"})


def ssl_error(reason: str | None, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, f"[SSL: {reason}] words (_ssl.c:1006)" if reason else "words (_ssl.c:1006)")
    error.reason = reason  # type: ignore[assignment]
    return error


def verify_error(number: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.reason = "CERTIFICATE_VERIFY_FAILED"
    error.verify_code = number
    error.verify_message = f"verify error {number}"
    return error


def subclasses(kind: type[Exception]) -> set[type[Exception]]:
    found = {kind}
    for each in kind.__subclasses__():
        found |= subclasses(each)
    return found


def everything() -> Iterator[Exception]:
    """All that can come from below, each in the shapes it is known to have."""
    kinds = {k for k in subclasses(OSError) if k.__module__ in {"builtins", "socket"}}
    for kind in sorted(kinds - subclasses(ssl.SSLError), key=repr):
        yield kind()
        yield kind("")
        yield kind("words")
    for number in errno.errorcode:
        yield OSError(number, "words")
        yield OSError(number, "")
    for name in dir(socket):
        if name.startswith("EAI_"):
            yield socket.gaierror(getattr(socket, name), "words")
    yield from (socket.gaierror(number, "words") for number in range(-120, 120))
    yield from (socket.gaierror(), socket.gaierror("words"), socket.herror(1, "words"))
    yield from (ssl_error(reason) for reason in ssl_reasons())
    yield from (ssl_error(reason) for reason in (None, "", "A_REASON_OF_TOMORROW"))
    yield from (verify_error(number) for number in range(101))
    for kind in (
        ssl.SSLEOFError,
        ssl.SSLZeroReturnError,
        ssl.SSLSyscallError,
        ssl.SSLWantReadError,
    ):
        yield ssl_error("UNEXPECTED_EOF_WHILE_READING", kind)
    yield from (UnicodeError("words"), UnicodeEncodeError("idna", "x", 0, 1, "words"))
    yield UnicodeDecodeError("utf-8", b"x", 0, 1, "words")
    yield from (asyncio.IncompleteReadError(b"", 5), EOFError(), EOFError("words"))
    yield OSError("Multiple exceptions: [Errno 111] a, [Errno 113] b")


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("first_bytes", [b"", b"220 mail\r\n", b"\x16\3\3\0\1"])
def test_everything_from_below_has_a_phase_a_sentence_and_advice(
    phase: Phase, first_bytes: bytes
) -> None:
    seen = 0
    for error in everything():
        found = translate(error, phase, address="192.0.2.1", host="x", first_bytes=first_bytes)
        failure = found.failure
        told = f"{error!r} → {failure!r}"
        assert isinstance(found, SMTPSError), told
        assert failure.code in ADVICE, told
        assert failure.address == "192.0.2.1", told
        assert re.fullmatch(r"[A-Zx].{10,}\.", failure.message), told
        assert "None" not in failure.message, told
        assert "{" not in failure.message, told
        assert failure.phase is not None, told
        seen += 1
    assert seen > 800


@pytest.mark.parametrize("kind", sorted(subclasses(ssl.SSLError), key=repr))
def test_an_ssl_error_that_openssl_did_not_raise_has_no_reason(kind: type[Exception]) -> None:
    """Python raises some itself, such as "cannot write() after write_eof()"."""
    for error in (kind(), kind("words")):
        assert translate(error, Phase.TLS).code in ADVICE


def test_the_phase_is_the_one_that_was_asked_about() -> None:
    wrong = {
        (str(phase), type(error).__name__)
        for phase in Phase
        for error in everything()
        if translate(error, phase).phase is not phase
    }
    assert wrong == set()


@pytest.mark.parametrize("reason", ["WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"])
def test_words_in_the_clear_in_the_middle_of_tls_have_a_name(reason: str) -> None:
    record = b"\x17\3\3\0\x20" + bytes(32)
    error = of_record(ssl_error(reason), record + record + b"421 4.4.2 Timeout\r\n")
    assert translate(error, Phase.MAIL).code == "tls.plaintext_in_tls"
    assert translate(error, Phase.TLS).code == "tls.failed"


@pytest.mark.parametrize("heard", [b"", b"\x17\3\3\0\x20" + b"x" * 32, b"421"])
def test_a_record_that_cannot_be_used_is_not_taken_for_words(heard: bytes) -> None:
    """OpenSSL from 3.2 on has the same reason for both."""
    error = of_record(ssl_error("RECORD_LAYER_FAILURE"), heard)
    assert translate(error, Phase.MAIL).code == "tls.broken"


@pytest.mark.parametrize("phase", [Phase.GREETING, Phase.FINAL])
def test_a_handshake_is_not_blamed_once_it_is_over(phase: Phase) -> None:
    """TLS can break later too: a bad record, or an end that nobody announced."""
    for error in (
        ssl_error("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"),
        ssl_error("WRONG_VERSION_NUMBER"),
        ssl_error("UNEXPECTED_EOF_WHILE_READING", ssl.SSLEOFError),
        ssl_error("TLS_SHUTDOWN", ssl.SSLZeroReturnError),
    ):
        assert "handshake" not in str(translate(error, phase)), repr(error)


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "net.refused", NetworkError),
        (OSError(errno.ENETUNREACH, "x"), "net.unreachable", NetworkError),
        (OSError(errno.EHOSTUNREACH, "x"), "net.host_unreachable", NetworkError),
        (OSError(errno.EADDRNOTAVAIL, "x"), "net.unreachable", NetworkError),
        (OSError(errno.EAFNOSUPPORT, "x"), "net.unreachable", NetworkError),
        (OSError(errno.ENETDOWN, "x"), "net.unreachable", NetworkError),
        (TimeoutError(errno.ETIMEDOUT, "x"), "net.timeout", NetworkError),
        (PermissionError(errno.EACCES, "x"), "net.blocked_here", NetworkError),
        (PermissionError(errno.EPERM, "x"), "net.blocked_here", NetworkError),
        (OSError(errno.EMFILE, "x"), "net.out_of_sockets", NetworkError),
        (OSError(errno.ENFILE, "x"), "net.out_of_sockets", NetworkError),
        (OSError(errno.ENOBUFS, "x"), "net.out_of_sockets", NetworkError),
        (ConnectionResetError(errno.ECONNRESET, "x"), "net.reset", NetworkError),
        (BrokenPipeError(errno.EPIPE, "x"), "net.reset", NetworkError),
        (ConnectionAbortedError(errno.ECONNABORTED, "x"), "net.reset", NetworkError),
        (OSError(errno.EINVAL, "x"), "net.failed", NetworkError),
        (OSError("x"), "net.failed", NetworkError),
        # asyncio's own, without a number and mostly without a word
        (ConnectionResetError(), "net.closed_by_server", NetworkError),
        (ConnectionResetError(""), "net.closed_by_server", NetworkError),
        (ConnectionResetError("Connection lost"), "net.closed_by_server", NetworkError),
        (ConnectionAbortedError(""), "net.closed_by_server", NetworkError),
        (TimeoutError(), "net.timeout", PhaseTimeoutError),
        (TimeoutError(""), "net.timeout", PhaseTimeoutError),
        (asyncio.IncompleteReadError(b"", 5), "net.failed", NetworkError),
        (UnicodeError("x"), "dns.invalid_name", NetworkError),
    ],
)
def test_the_systems_errors(error: Exception, code: str, kind: type[SMTPSError]) -> None:
    found = translate(error, Phase.TCP)
    assert type(found) is kind
    assert (found.code, found.phase) == (code, Phase.TCP)
    assert found.failure.retryable is (code != "dns.invalid_name")


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", "tls.protocol_version"),
        ("UNSUPPORTED_PROTOCOL", "tls.protocol_version"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "tls.handshake_refused"),
        ("SSL/TLS_ALERT_HANDSHAKE_FAILURE", "tls.handshake_refused"),
        ("TLSV1_ALERT_INSUFFICIENT_SECURITY", "tls.no_common_cipher"),
        ("NO_CIPHERS_AVAILABLE", "tls.no_common_cipher"),
        ("DH_KEY_TOO_SMALL", "tls.weak_key_exchange"),
        ("EE_KEY_TOO_SMALL", "tls.certificate_weak"),
        ("CA_MD_TOO_WEAK", "tls.certificate_weak"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "tls.client_certificate_required"),
        ("TLSV1_UNRECOGNIZED_NAME", "tls.unrecognized_name"),
        ("TLSV1_ALERT_INTERNAL_ERROR", "tls.server_error"),
        ("UNSAFE_LEGACY_RENEGOTIATION_DISABLED", "tls.legacy_renegotiation"),
        ("TLSV1_ALERT_UNKNOWN_CA", "tls.handshake_refused"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "tls.handshake_refused"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "tls.handshake_refused"),
        ("LENGTH_MISMATCH", "tls.failed"),
        ("INTERNAL_ERROR", "tls.failed"),  # without "alert" it is this side's own
        ("A_REASON_OF_TOMORROW", "tls.failed"),
    ],
)
def test_the_reasons_of_openssl(reason: str, code: str) -> None:
    found = translate(ssl_error(reason), Phase.TLS)
    assert isinstance(found, TLSError)
    assert (found.code, found.phase, found.failure.seen) == (code, Phase.TLS, reason)
    assert not found.failure.retryable


@pytest.mark.parametrize("name", ["BAD_CERTIFICATE", "CERTIFICATE_EXPIRED", "HANDSHAKE_FAILURE"])
def test_an_alert_means_the_same_under_the_name_of_newer_releases(name: str) -> None:
    """OpenSSL 3.2 says "ssl/tls alert" where it used to say "sslv3 alert"."""
    old = translate(ssl_error(f"SSLV3_ALERT_{name}"), Phase.TLS)
    new = translate(ssl_error(f"SSL/TLS_ALERT_{name}"), Phase.TLS)
    assert new.code == old.code


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (9, "not_yet_valid"),
        (10, "expired"),
        (18, "self_signed"),
        (19, "untrusted_root"),
        (20, "incomplete_chain"),
        (21, "incomplete_chain"),
        (23, "revoked"),
        (24, "wrong_purpose"),
        (26, "wrong_purpose"),
        (34, "critical_extension"),
        (62, "wrong_host"),
        (64, "wrong_host"),
        (66, "weak"),
        (67, "weak"),
        (68, "weak"),
        (79, "wrong_purpose"),
        (1, "invalid"),
        (85, "invalid"),
        (89, "invalid"),
    ],
)
def test_the_verdicts_on_certificates(number: int, code: str) -> None:
    found = translate(verify_error(number), Phase.TLS)
    assert isinstance(found, CertificateError)
    assert found.code == f"tls.certificate_{code}"
    assert found.failure.seen == f"verify error {number}"
    assert not found.failure.retryable


def test_a_time_out_tells_the_seconds() -> None:
    found = translate(TimeoutError(), Phase.GREETING, seconds=60)
    assert str(found) == "The server sent no greeting within 60 seconds."


def test_one_of_ours_comes_back_as_it_is_with_its_place_filled_in() -> None:
    ours = NetworkError("net.reset", "Reset.")
    assert translate(ours, Phase.RCPT, address="192.0.2.1") is ours
    assert (ours.phase, ours.failure.address) == (Phase.RCPT, "192.0.2.1")
    assert translate(ours, Phase.QUIT, address="192.0.2.2") is ours
    assert (ours.phase, ours.failure.address) == (Phase.RCPT, "192.0.2.1")


def test_nothing_foreign_leaves_the_block() -> None:
    below = [e for e in everything() if isinstance(e, OSError | UnicodeError)]
    assert len(below) > 800
    for error in below:
        with (
            pytest.raises(SMTPSError) as caught,
            translated(Phase.DNS, address="192.0.2.1", host="mail.example"),
        ):
            raise error
        assert caught.value.__cause__ is error
        assert caught.value.failure.address == "192.0.2.1"


@pytest.mark.parametrize(
    "error",
    [
        NetworkError("net.reset", "Reset."),
        PhaseTimeoutError("dns.timeout", "Late."),
        InputError("host", "is wrong"),
        KeyError("a mistake of ours"),
        asyncio.CancelledError(),
    ],
)
def test_ours_and_mistakes_leave_the_block_as_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, translated(Phase.DNS):
        raise error
    assert caught.value is error


def test_the_block_is_left_alone_when_nothing_happens() -> None:
    with translated(Phase.DNS):
        done = True
    assert done


@pytest.mark.parametrize("phase", list(Phase))
def test_closed(phase: Phase) -> None:
    error = closed(phase, "192.0.2.1")
    assert error.code == ("tls.closed" if phase is Phase.TLS else "net.closed_by_server")
    assert (error.phase, error.failure.address) == (phase, "192.0.2.1")
    assert phase in str(error).lower()


@pytest.mark.parametrize(
    ("data", "code", "seen"),
    [
        (b"220 mail.example ESMTP\r\n", "tls.plaintext_on_tls_port", "220 mail.example ESMTP"),
        (b"220-a\r\n220 b\r\n", "tls.plaintext_on_tls_port", "220-a"),
        (b"554 5.7.1 no\n", "smtp.greeting_refused", "554 5.7.1 no"),
        (b"421 busy", "smtp.come_back", "421 busy"),
        (b"554\r\n", "tls.plaintext_on_tls_port", "554"),  # no text: RFC 5321 section 4.2
        (b"220 \xff\x1b[0m\x80\r\n", "tls.plaintext_on_tls_port", "220 \\xff\\x1b[0m\\x80"),
        (b"220 " + b"x" * 500, "tls.plaintext_on_tls_port", "220 " + "x" * 196),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "smtp.web_server", "HTTP/1.1 400 Bad Request"),
        (b"220 (vsFTPd 3.0.3)\r\n", "smtp.other_service", "220 (vsFTPd 3.0.3)"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "smtp.other_service", "SSH-2.0-OpenSSH_9.2p1"),
        (b"* OK IMAP4rev1\r\n", "smtp.incoming_mail_server", "* OK IMAP4rev1"),
        (b"+OK POP3\r\n", "smtp.incoming_mail_server", "+OK POP3"),
        (b"120 x\r\n", "tls.not_tls", "120 x"),
        (b"620 x\r\n", "tls.not_tls", "620 x"),
        (b"2200 x\r\n", "tls.not_tls", "2200 x"),
        (b"\r\n", "tls.not_tls", ""),
        (b"\0", "tls.not_tls", "\\x00"),
        (b"\x16\4", "tls.not_tls", "\\x16\\x04"),
        (b"\x13\3\3", "tls.not_tls", "\\x13\\x03\\x03"),
        (b"\x19\3\3", "tls.not_tls", "\\x19\\x03\\x03"),
        (b"\x80\x2e\1\0\2", "tls.not_tls", "\\x80.\\x01\\x00\\x02"),
    ],
)
def test_what_is_no_tls_is_quoted(data: bytes, code: str, seen: str) -> None:
    error = not_tls(data)
    assert error is not None
    assert (error.code, error.failure.seen) == (code, seen)
    assert repr(seen) in str(error)
    assert error.code in ADVICE


@pytest.mark.parametrize(
    "data", [b"", b"\x14", b"\x15\3\3\0\2\2\x28", b"\x16\3\1\0\1", b"\x17\3", b"\x18\3\3", b"\x16"]
)
def test_what_may_be_tls_is_not_called_plain(data: bytes) -> None:
    assert not_tls(data) is None


@given(st.binary(max_size=400))
@example(b"220 \xe2\x80\xa8\xe2\x80\xae\r\n")
def test_any_first_bytes_are_judged_and_safe_to_show(data: bytes) -> None:
    error = not_tls(data)
    if error is not None:
        services = {service.code for service in SERVICES}
        assert error.code in {"tls.plaintext_on_tls_port", "tls.not_tls"} | services
        assert error.failure.seen is not None
        assert error.failure.seen.replace("\t", "").isprintable()
        assert str(error).isprintable()
