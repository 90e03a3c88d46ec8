"""Logins."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_W = Severity.WARNING
_I = Severity.INFO
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR

ADVICE: dict[str, Advice] = {
    "auth.not_offered": Advice(
        _E, "The server takes no login on this port.",
        "Check the port; as its operator, enable SASL for this listener.", _OPERATOR),
    "auth.no_common_mechanism": Advice(
        _E, "The server wants another kind of login than you have.",
        "Look at what it offers: XOAUTH2 alone means that passwords are not accepted.", _YOU),
    "auth.no_channel_binding": Advice(
        _E, "This mechanism ties the login to the TLS connection, which is not possible here.",
        "Use the same mechanism without -PLUS.", _YOU),
    "auth.rejected": Advice(
        _E, "The server does not accept this user name and password.",
        "Check both. Many providers want an app password here, not the one of the account.", _YOU),
    "auth.try_later": Advice(
        _E, "The server puts logins off, often after too many tries.",
        "Wait; trying again makes it worse.", _YOU),
    "auth.unverified_tls": Advice(
        _E, "Without a check of the certificate, anybody could be at the other end.",
        "Give a CA file or a fingerprint; to send the password all the same, say so explicitly.",
        _YOU),
    "auth.sent_unverified": Advice(
        _W, "The password went to a server whose certificate was not checked: whoever answers for "
        "it has the password now.",
        "Check the certificate: leave out --no-verify, or trust this one with --ca-file or "
        "--fingerprint.", _YOU, "RFC 8314 section 3"),
    "auth.server_not_proven": Advice(
        _E, "The server could not prove that it knows the password: it may be an impostor.",
        "Do not use it before you know why.", _OPERATOR),
    "auth.scram_failed": Advice(
        _E, "The proof of the password failed.", "Check user name and password.", _YOU),
    "auth.bad_challenge": Advice(
        _E, "The server breaks the rules of the login.", "Try another mechanism.", _OPERATOR),
    "auth.unexpected_challenge": Advice(
        _E, "The server breaks the rules of the login.", "Try another mechanism.", _OPERATOR),
    "auth.app_password_needed": Advice(
        _E, "The account's own password is not taken here; an app password is.",
        "Make an app password in the settings of the account and use that.", _YOU),
    "auth.browser_login_needed": Advice(
        _E, "The provider wants you to log in with a browser first.",
        "Log in there and confirm that it was you, or use an app password.", _YOU),
    "auth.disabled_by_admin": Advice(
        _E, "Logging in to send mail is switched off for this account; the password does not "
        "matter.",
        "Have the administrator allow SMTP AUTH for the mailbox, or use OAuth 2.", _OPERATOR,
        "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/"
        "authenticated-client-smtp-submission"),
    "auth.passwords_retired": Advice(
        _E, "The provider takes no passwords here any more.",
        "Use OAuth 2 (an access token), or a relay service.", _YOU),
    "auth.token_rejected": Advice(
        _E, "The server does not accept the access token: it has expired or is for another "
        "purpose.",
        "Get a new token, with the scope that the server names.", _YOU, "RFC 7628 section 3.2.2"),
    "auth.encryption_required": Advice(
        _E, "The server takes this login only over TLS, and believes there is none.",
        "As its operator, tell the server that a proxy in front of it does TLS.", _OPERATOR,
        "RFC 4954 section 6"),
    "auth.mechanism_refused": Advice(
        _E, "The server offers this kind of login and then refuses it.",
        "Try another mechanism.", _OPERATOR, "RFC 4954 section 4"),
    "auth.non_ascii_password": Advice(
        _I, "The password has characters that some servers read differently.",
        "If it is right, try one of ASCII characters only.", _YOU, "RFC 4616 section 2"),
    "auth.offered_in_clear": Advice(
        _W, "The server takes passwords before TLS has begun, so a careless client sends them in "
        "the clear.",
        "Offer AUTH only after STARTTLS (Postfix: smtpd_tls_auth_only=yes).", _OPERATOR,
        "RFC 8314 section 3.3"),
}  # fmt: skip
