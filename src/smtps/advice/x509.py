"""Advice on certificates, chains, clocks and what vouches for them."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_W = Severity.WARNING
_I = Severity.INFO
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR

_RENEW = "Renew the certificate, then reload the mail server: it keeps the old one in memory."

CERTIFICATES: dict[str, Advice] = {
    "tls.certificate_expired": Advice(
        _E, "The certificate has expired, so clients no longer trust it.", _RENEW, _OPERATOR),
    "tls.certificate_root_expired": Advice(
        _E, "The server's chain ends in an authority that this computer trusts and that has "
        "expired.",
        "Update this computer's certificate authorities, or the CA file.", _YOU),
    "tls.certificate_expires_soon": Advice(_W, "The certificate expires soon.", _RENEW, _OPERATOR),
    "tls.certificate_not_yet_valid": Advice(
        _E, "The certificate is not valid yet, or a clock is wrong.",
        "Check this computer's clock, then the server's certificate.", _YOU),
    "tls.certificate_wrong_host": Advice(
        _E, "The certificate is for a different name from the one you asked for.",
        "If the server's operator confirms that one of the names in it is the server's, connect "
        "to that name; otherwise have the name you used added to the certificate.", _YOU),
    "tls.certificate_self_signed": Advice(
        _E, "The certificate is self-signed; no authority vouches for it.",
        "Get one from a public authority. If this is intended, compare the fingerprint with the "
        "operator's, and then trust this certificate with --fingerprint.",
        _OPERATOR),
    "tls.certificate_default": Advice(
        _E, "The server presents a self-signed certificate that its software generated at "
        "installation. A certificate for the server's name has never been installed here.",
        "If you operate the server, get a certificate for its name from a public authority, and "
        "configure it for the mail server (in a hosting panel, for the mail service as well as for "
        "the web site). Then reload the mail server.",
        _OPERATOR),
    "tls.certificate_untrusted_root": Advice(
        _E, "The chain ends in an authority that this computer does not know: a company's own, or "
        "that of antivirus software or a proxy in between.",
        "If you know the authority, trust it with --ca-file; otherwise compare from another "
        "network.", _YOU),
    "tls.certificate_incomplete_chain": Advice(
        _E, "The intermediate certificate between this certificate and a known authority is "
        "missing.",
        "Configure the full chain (fullchain.pem) on the server; for a private authority, use "
        "--ca-file.", _OPERATOR),
    "tls.certificate_bad_signature": Advice(
        _E, "A signature in the chain does not match its issuer's key: an issuer certificate with "
        "the same name and another key was sent or is trusted here, or the certificate is damaged.",
        "Send the chain that came with this certificate (fullchain.pem); for a private authority, "
        "give its current certificate to --ca-file.", _OPERATOR, "RFC 5280 section 6.1.3"),
    "tls.certificate_constrained": Advice(
        _E, "An issuer in the chain is not allowed to issue this certificate: its own certificate "
        "limits the names, or how many authorities may follow.",
        "Get a certificate that stays within these limits, or from another authority.", _OPERATOR,
        "RFC 5280 section 4.2.1.10"),
    "tls.certificate_malformed": Advice(
        _E, "The certificate is malformed; some clients refuse it, others cannot parse it.",
        "Reissue it with current software.", _OPERATOR, "RFC 5280 section 4.1"),
    "tls.certificate_critical_extension": Advice(
        _E, "A certificate of the chain has an extension that is marked critical and that clients "
        "do not know, so they have to refuse it.",
        "Get a certificate and its chain from a public authority, which uses no such extension.",
        _OPERATOR, "RFC 5280 section 4.2"),
    "tls.certificate_overlong": Advice(
        _W, "The certificate is valid for longer than public authorities were allowed to issue at "
        "the time. Apple's and Google's programs refuse such a certificate.",
        "Reissue it, and renew it automatically: the limit falls to 47 days by March 2029.",
        _OPERATOR, "CA/Browser Forum SC-081v3"),
    "tls.certificate_chain_order": Advice(
        _I, "The server sends the chain's certificates in the wrong order; old clients stop at the "
        "first one that does not fit.",
        "Put them in order: the server's own first, then each issuer after the certificate that it "
        "issued.", _OPERATOR, "RFC 5246 section 7.4.2"),
    "tls.certificate_chain_foreign": Advice(
        _I, "The server sends certificates that are not part of its chain.",
        "Remove them from the chain file; they may be left over from an earlier certificate.",
        _OPERATOR),
    "tls.staple_missing": Advice(
        _W, "The certificate requires an OCSP response in the handshake (must-staple), and the "
        "server sends none. Clients that enforce this refuse the server.",
        "Turn OCSP stapling on, or reissue the certificate without must-staple.", _OPERATOR,
        "RFC 7633"),
    "tls.staple_revoked": Advice(
        _E, "The server's own OCSP response says that its certificate is revoked.",
        "Get a new certificate; find out why this one was revoked.", _OPERATOR, "RFC 6960"),
    "tls.staple_stale": Advice(
        _W, "The server's OCSP response is out of date or not about its certificate.",
        "Have the server fetch it again: its access to the authority's responder may be blocked.",
        _OPERATOR, "RFC 6066 section 8"),
    "tls.client_certificate_unfit": Advice(
        _W, "Servers that check the client certificate will refuse this one.",
        "Get one for client authentication (clientAuth). Public authorities no longer issue these; "
        "the server's operator can.", _YOU, "RFC 5280 section 4.2.1.12"),
    "clock.wrong_here": Advice(
        _E, "This computer's clock is wrong, so it considers valid certificates out of date.",
        "Set the clock (timedatectl set-ntp true). The certificate does not need to be renewed.",
        _YOU),
    "clock.suspected": Advice(
        _E, "According to this computer's clock, several certificates of the chain are out of "
        "date, although they were once valid together: the clock is wrong, or the whole chain is "
        "old.",
        "Check this computer's date first. The server needs a new certificate with a new chain "
        "only if the date is correct.", _YOU),
    "clock.differs": Advice(
        _I, "The date in the server's greeting differs from this computer's: one of the two clocks "
        "is wrong.",
        "Compare both with the correct time; mail gets its Date from this computer.", _OPERATOR),
    "tls.certificate_revoked": Advice(
        _E, "The issuer has revoked the certificate.", "Get a new one.", _OPERATOR),
    "tls.certificate_weak": Advice(
        _E, "A key or signature in the chain is too weak.",
        "Reissue it with a key of at least 2048 bits RSA or P-256, signed with SHA-256.",
        _OPERATOR),
    "tls.certificate_wrong_purpose": Advice(
        _E, "The certificate, or the certificate of an issuer, may not be used for this server.",
        "Reissue it for server authentication.", _OPERATOR),
    "tls.certificate_invalid": Advice(
        _E, "The certificate failed verification.", "Reissue it.", _OPERATOR),
    "tls.fingerprint_mismatch": Advice(
        _E, "The server presents a different certificate than the pinned one: it was renewed, or "
        "this is not the real server.",
        "Find out which; if it was renewed, pin the new one.", _YOU),
    "tls.certificate_no_address": Advice(
        _E, "You connected by address, but the certificate is for names.",
        "Connect by one of its names.", _YOU, "RFC 9525 section 6"),
    "tls.certificate_common_name_only": Advice(
        _W, "The name appears only in the subject (common name), where many clients no longer "
        "look.",
        "Reissue it with the name as subjectAltName.", _OPERATOR, "RFC 9525 section 6.3"),
    "tls.certificate_not_strict": Advice(
        _W, "The certificate is formally incomplete; strict clients, such as Python from version "
        "3.13 on, refuse it.",
        "Reissue it, or its authority's certificate, with the missing extension.", _OPERATOR,
        "RFC 5280 section 4.2.1"),
    "tls.certificate_differs": Advice(
        _W, "The server's addresses present different certificates.",
        "Find the back end that was missed when the certificate was renewed.", _OPERATOR),
    "tls.dane_mismatch": Advice(
        _W, "The certificate does not match the DNSSEC-signed TLSA record.",
        "Publish the new certificate's TLSA record before you change the certificate.", _OPERATOR,
        "RFC 7671"),
    "tls.intercepted": Advice(
        _E, "Something between you and the server decrypts the connection: antivirus software or a "
        "company's proxy.",
        "Exclude the mail server from its mail scanning, or compare from another network.", _YOU),
    "tls.no_trust_store": Advice(
        _E, "This computer has no certificate authorities at all, so it cannot trust any server.",
        "Install the package ca-certificates, or give a CA file.", _YOU),
}  # fmt: skip
