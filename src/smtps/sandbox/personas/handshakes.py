"""TLS that does not come about, or is not what it should be."""

from __future__ import annotations

import ssl
import warnings

from smtps.sandbox import raw
from smtps.sandbox.persona import NAMES, Persona
from smtps.sandbox.pki import Authority, Identity, Kind, weak_dh_file

V = ssl.TLSVersion


def _versions(context: ssl.SSLContext, oldest: ssl.TLSVersion, newest: ssl.TLSVersion) -> None:
    with warnings.catch_warnings():  # to be old is the point
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = oldest, newest


def _old_only(context: ssl.SSLContext, _authority: Authority) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    _versions(context, V.TLSv1, V.TLSv1_1)


def _old_too(context: ssl.SSLContext, _authority: Authority) -> None:
    context.set_ciphers("DEFAULT:!kRSA:@SECLEVEL=0")
    _versions(context, V.TLSv1, V.TLSv1_3)


def _old_ciphers(context: ssl.SSLContext, _authority: Authority) -> None:
    context.set_ciphers("AES256-SHA:AES128-SHA:@SECLEVEL=0")
    _versions(context, V.TLSv1_2, V.TLSv1_2)


def _weak_too(context: ssl.SSLContext, _authority: Authority) -> None:
    context.set_ciphers("ECDHE+AESGCM:AES256-SHA:@SECLEVEL=0")


def _weak_dh(context: ssl.SSLContext, _authority: Authority) -> None:
    context.set_ciphers("DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0")
    _versions(context, V.TLSv1_2, V.TLSv1_2)
    with weak_dh_file() as path:
        context.load_dh_params(str(path))


def _client_certificate(context: ssl.SSLContext, authority: Authority) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.pem().decode())


def _client_certificate_12(context: ssl.SSLContext, authority: Authority) -> None:
    _client_certificate(context, authority)
    _versions(context, V.TLSv1_2, V.TLSv1_2)


def _anonymous(context: ssl.SSLContext, _authority: Authority) -> None:
    context.set_ciphers("aNULL:@SECLEVEL=0")
    _versions(context, V.TLSv1_2, V.TLSv1_2)


def _rsa(authority: Authority) -> Identity:
    return authority.issue(NAMES, Kind(rsa_bits=2048))


PERSONAS: tuple[Persona, ...] = (
    Persona(
        name="old-tls",
        summary="it supports only TLS 1.0 and 1.1",
        findings=("tls.protocol_version",),
        adjust=_old_only),
    Persona(
        name="old-tls-too",
        summary="accepts TLS 1.0 and 1.1 besides newer versions",
        findings=("tls.old_versions_accepted",),
        shown_by="deep",
        adjust=_old_too),
    Persona(
        name="old-ciphers",
        summary="supports only ciphers without forward secrecy, with SHA-1",
        findings=("tls.old_ciphers_only",),
        certify=_rsa,
        adjust=_old_ciphers),
    Persona(
        name="weak-cipher-too",
        summary="accepts a cipher without forward secrecy besides good ones",
        findings=("tls.weak_cipher_accepted",),
        shown_by="deep",
        certify=_rsa,
        adjust=_weak_too),
    Persona(
        name="weak-dh",
        summary="agrees on keys by Diffie-Hellman with 1024 bits",
        findings=("tls.weak_key_exchange",),
        certify=_rsa,
        adjust=_weak_dh),
    Persona(
        name="client-certificate",
        summary="accepts only clients that present a certificate",
        findings=("tls.client_certificate_required",),
        adjust=_client_certificate),
    Persona(
        name="intolerant",
        summary="does not answer a ClientHello that offers TLS 1.3",
        findings=("tls.version_intolerant",),
        front=raw.no_tls_1_3),
    Persona(
        name="large-hello",
        summary="does not answer a ClientHello that takes two packets",
        findings=("tls.large_hello",),
        shown_by="deep",
        front=raw.one_packet),
    Persona(
        name="post-quantum-only",
        summary="accepts only a key exchange newer than most clients",
        findings=("tls.post_quantum_only",),
        raw=raw.PostQuantum),
    Persona(
        name="no-certificate",
        summary="has no certificate, and only ciphers that need none",
        findings=("tls.no_server_certificate",),
        adjust=_anonymous),
    Persona(
        name="client-certificate-12",
        summary="the same as client-certificate, with TLS 1.2",
        findings=("tls.client_certificate_required",),
        adjust=_client_certificate_12),
    Persona(
        name="refuses-handshake",
        summary="refuses every handshake without giving a reason",
        findings=("tls.handshake_refused",),
        raw=lambda: raw.Answers(raw.alert(40))),
    Persona(
        name="proxy-header",
        summary="expects every connection from a proxy that sends a PROXY header",
        findings=("smtp.proxy_header_wanted",),
        front=raw.behind_proxy_header),
    Persona(
        name="plaintext",
        summary="speaks SMTP without TLS on a port that should start with it",
        findings=("tls.plaintext_on_tls_port",),
        in_clear=True),
    Persona(
        name="plaintext-late",
        summary="the same, but only after a client gives up its handshake",
        findings=("tls.plaintext_on_tls_port",),
        in_clear=True,
        greeting_delay=3.0),
    Persona(
        name="http",
        summary="is a web server",
        findings=("smtp.web_server",),
        raw=lambda: raw.Answers(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")),
    Persona(
        name="ssh",
        summary="is an SSH server",
        findings=("smtp.other_service",),
        raw=lambda: raw.Speaks(b"SSH-2.0-OpenSSH_9.2\r\n")),
    Persona(
        name="babbler",
        summary="speaks an unknown protocol",
        findings=("tls.not_tls",),
        raw=lambda: raw.Speaks(b"HELLO THERE\r\n")),
    Persona(
        name="silent",
        summary="accepts the connection and sends nothing",
        findings=("tls.timeout",),
        raw=raw.Silent),
    Persona(
        name="hangs-up",
        summary="closes the connection during the handshake",
        findings=("tls.closed",),
        raw=raw.HangsUp),
    Persona(
        name="resets",
        summary="resets the connection during the handshake",
        findings=("tls.closed",),
        raw=raw.Resets),
    Persona(
        name="unknown-name",
        summary="does not recognize the requested name",
        findings=("tls.name_needed",),
        raw=lambda: raw.Answers(raw.alert(112))),
    Persona(
        name="broken-tls",
        summary="aborts the handshake with an internal error",
        findings=("tls.server_error",),
        raw=lambda: raw.Answers(raw.alert(80))),
    Persona(
        name="no-renegotiation",
        summary="has TLS software from before 2010, without secure renegotiation",
        findings=("tls.legacy_renegotiation",),
        raw=lambda: raw.Answers(raw.OLD_SERVER_HELLO)),
    Persona(
        name="implicit-only",
        summary="starts with TLS, but the client expects STARTTLS",
        findings=("tls.implicit_tls_port",),
        ask_as="starttls"),
    Persona(
        name="starttls", summary="a healthy port with STARTTLS", security="starttls"),
    Persona(
        name="starttls-missing",
        summary="should offer STARTTLS and does not",
        findings=("tls.starttls_not_offered",),
        in_clear=True,
        security="starttls"),
    Persona(
        name="starttls-refused",
        summary="offers STARTTLS and refuses it",
        findings=("tls.starttls_refused",),
        security="starttls",
        replies={"STARTTLS": "454 4.7.0 TLS not available due to local problem"}),
    Persona(
        name="starttls-injection",
        summary="has data injected before TLS starts",
        findings=("tls.starttls_injection",),
        security="starttls",
        replies={"STARTTLS": "220 2.0.0 Ready\r\n250 injected"}),
    Persona(
        name="auth-in-clear",
        summary="accepts passwords before STARTTLS",
        findings=("auth.offered_in_clear",),
        security="starttls",
        auth_in_clear=True),
    Persona(
        name="starttls-inside",
        summary="offers STARTTLS although TLS is active",
        findings=("tls.starttls_inside_tls",),
        offers=("STARTTLS",)),
)  # fmt: skip
