"""Certificates, and whom they come from."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_W = Severity.WARNING
_I = Severity.INFO
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR
_RENEW = "Renew the certificate, then reload the mail server: it keeps the old one in memory."

ADVICE: dict[str, Advice] = {
    "tls.certificate_expired": Advice(
        _E, "The certificate is out of date, so no client can trust it any more.", _RENEW,
        _OPERATOR),
    "tls.certificate_root_expired": Advice(
        _E, "The server's chain ends in an authority that this computer trusts and that has "
        "expired.",
        "Update this computer's certificate authorities, or the CA file.", _YOU),
    "tls.certificate_expires_soon": Advice(
        _W, "The certificate is about to run out.", _RENEW, _OPERATOR),
    "tls.certificate_not_yet_valid": Advice(
        _E, "The certificate starts in the future, or a clock is wrong.",
        "Check this computer's clock, then the server's certificate.", _YOU),
    "tls.certificate_wrong_host": Advice(
        _E, "The certificate belongs to another name than the one you asked for.",
        "If its operator names one of these names as the server's, connect by that one; else have "
        "this name added to the certificate.", _YOU),
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
    "tls.certificate_bad_signature": Advice(
        _E, "A signature in the chain does not fit the key of its issuer: another key of the same "
        "name was sent or is trusted here, or the certificate is damaged.",
        "Send the chain that came with this certificate (fullchain.pem); for an authority of your "
        "own, give its current certificate to --ca-file.", _OPERATOR, "RFC 5280 section 6.1.3"),
    "tls.certificate_constrained": Advice(
        _E, "An issuer in the chain is not allowed to issue this certificate: its own certificate "
        "limits the names, or how many authorities may follow.",
        "Get a certificate that stays within these limits, or from another authority.", _OPERATOR,
        "RFC 5280 section 4.2.1.10"),
    "tls.certificate_malformed": Advice(
        _E, "The certificate is malformed; some clients refuse it, others cannot read it.",
        "Reissue it with current software.", _OPERATOR, "RFC 5280 section 4.1"),
    "tls.certificate_overlong": Advice(
        _W, "The certificate is valid for longer than public authorities were allowed to issue "
        "when it was made. Apple's and Google's programs refuse such a certificate.",
        "Reissue it, and renew it automatically: the limit falls to 47 days by March 2029.",
        _OPERATOR, "CA/Browser Forum SC-081v3"),
    "tls.certificate_chain_order": Advice(
        _I, "The certificates of the chain are sent in the wrong order; old clients stop at the "
        "first that does not fit.",
        "Put them in order: the server's own, then each issuer behind what it issued.", _OPERATOR,
        "RFC 5246 section 7.4.2"),
    "tls.certificate_chain_foreign": Advice(
        _I, "The server sends certificates that are not part of its chain.",
        "Take them out of the chain file, which may be left from an earlier certificate.",
        _OPERATOR),
    "tls.staple_missing": Advice(
        _W, "The certificate asks for an OCSP response in the handshake (must-staple), and the "
        "server sends none. Clients that heed it refuse the server.",
        "Turn OCSP stapling on, or reissue the certificate without must-staple.", _OPERATOR,
        "RFC 7633"),
    "tls.staple_revoked": Advice(
        _E, "The OCSP response that the server itself sends says that its certificate is revoked.",
        "Get a new certificate; find out why this one was revoked.", _OPERATOR, "RFC 6960"),
    "tls.staple_stale": Advice(
        _W, "The OCSP response that the server sends is out of date or not about its certificate.",
        "Have the server fetch it again: its way to the authority's responder may be blocked.",
        _OPERATOR, "RFC 6066 section 8"),
    "tls.client_certificate_unfit": Advice(
        _W, "Servers that check the client certificate will refuse this one.",
        "Get one for client authentication (clientAuth). Public authorities no longer issue these; "
        "the server's operator can.", _YOU, "RFC 5280 section 4.2.1.12"),
    "clock.wrong_here": Advice(
        _E, "This computer's clock is wrong, so it takes valid certificates for out of date.",
        "Set the clock (timedatectl set-ntp true). The certificate needs no renewal.", _YOU),
    "clock.suspected": Advice(
        _E, "Several certificates of the chain are out of date by this computer's clock, although "
        "they were valid together: the clock is wrong, or the whole chain is old.",
        "Check this computer's date first. Only if it is right does the server need a new "
        "certificate with a new chain.", _YOU),
    "clock.differs": Advice(
        _I, "The date in the server's greeting is not this computer's: one of the two clocks is "
        "wrong.", "Compare both with the time; mail gets its Date from this computer.", _OPERATOR),
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
