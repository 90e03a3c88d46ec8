"""Certificates, and whom they come from."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_W = Severity.WARNING
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR
_RENEW = "Renew the certificate, then reload the mail server: it keeps the old one in memory."

ADVICE: dict[str, Advice] = {
    "tls.certificate_expired": Advice(
        _E, "The certificate is out of date, so no client can trust it any more.", _RENEW,
        _OPERATOR),
    "tls.certificate_expires_soon": Advice(
        _W, "The certificate is about to run out.", _RENEW, _OPERATOR),
    "tls.certificate_not_yet_valid": Advice(
        _E, "The certificate starts in the future, or a clock is wrong.",
        "Check this computer's clock, then the server's certificate.", _YOU),
    "tls.certificate_wrong_host": Advice(
        _E, "The certificate belongs to another name than the one you asked for.",
        "Connect by a name that is in the certificate, or have this one added to it.", _YOU),
    "tls.certificate_self_signed": Advice(
        _E, "The server made its certificate itself; nobody vouches for it.",
        "Get one from a public authority. If it is meant so, trust this one by --fingerprint.",
        _OPERATOR),
    "tls.certificate_untrusted_root": Advice(
        _E, "The chain ends in an authority that this computer does not know: a company's own, or "
        "antivirus software or a proxy in the middle.",
        "If you know the authority, trust it with --ca-file; otherwise compare from another "
        "network.", _YOU),
    "tls.certificate_incomplete_chain": Advice(
        _E, "The link between the certificate and a known authority is missing.",
        "Configure the full chain (fullchain.pem) on the server; for an authority of your own, use "
        "--ca-file.", _OPERATOR),
    "tls.certificate_revoked": Advice(
        _E, "The issuer has withdrawn the certificate.", "Get a new one.", _OPERATOR),
    "tls.certificate_weak": Advice(
        _E, "A key or signature in the chain is too weak.",
        "Reissue with a key of at least 2048 bits RSA or P-256, signed with SHA-256.", _OPERATOR),
    "tls.certificate_wrong_purpose": Advice(
        _E, "The certificate, or an issuer, is not meant for this use.",
        "Reissue it for server authentication.", _OPERATOR),
    "tls.certificate_invalid": Advice(
        _E, "The certificate does not stand up to the check.", "Reissue it.", _OPERATOR),
    "tls.fingerprint_mismatch": Advice(
        _E, "The server shows another certificate than the pinned one: it was renewed, or this is "
        "not the server.", "Find out which, then pin the new one.", _YOU),
    "tls.certificate_no_address": Advice(
        _E, "You asked for an address, and the certificate is for names.",
        "Connect by one of its names.", _YOU, "RFC 9525 section 6"),
    "tls.certificate_common_name_only": Advice(
        _W, "The name stands only in the subject, where many clients no longer look.",
        "Reissue it with the name as subjectAltName.", _OPERATOR, "RFC 9525 section 6.3"),
    "tls.certificate_not_strict": Advice(
        _W, "The certificate is formally incomplete; strict clients, such as Python from 3.13 on, "
        "refuse it.",
        "Reissue it, or its authority, with the missing extension.", _OPERATOR,
        "RFC 5280 section 4.2.1"),
    "tls.certificate_differs": Advice(
        _W, "The server's addresses show different certificates.",
        "Find the back end that was forgotten when the certificate was renewed.", _OPERATOR),
    "tls.dane_mismatch": Advice(
        _W, "The certificate does not match the TLSA record that DNSSEC vouches for.",
        "Publish the new certificate's TLSA record before the certificate changes.", _OPERATOR,
        "RFC 7671"),
    "tls.intercepted": Advice(
        _E, "Something between you and the server opens the encryption: antivirus software or a "
        "company's proxy.",
        "Take the mail server out of its mail scanning, or compare from another network.", _YOU),
    "tls.no_trust_store": Advice(
        _E, "This computer knows no certificate authorities at all, so it can trust nobody.",
        "Install the package ca-certificates, or give a CA file.", _YOU),
}  # fmt: skip
