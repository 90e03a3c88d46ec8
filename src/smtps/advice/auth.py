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
    "auth.addresses_differ": Advice(
        _E, "The addresses of this server do not treat logins alike, so a login works by chance.",
        "As its operator, give all of them the same accounts and settings, or take those that "
        "differ out of DNS.", _OPERATOR),
    "auth.no_common_mechanism": Advice(
        _E, "The server wants another kind of login than you have.",
        "Look at what it offers: XOAUTH2 alone means that passwords are not accepted.", _YOU),
    "auth.no_channel_binding": Advice(
        _E, "This mechanism ties the login to the TLS connection (channel binding), which is not "
        "possible here.",
        "Use the same mechanism without -PLUS.", _YOU, "RFC 5929"),
    "auth.channel_binding_mismatch": Advice(
        _E, "The server sees another TLS connection than this client: a proxy in front of it does "
        "TLS, or somebody is in between.",
        "As its operator, have the server itself do TLS, or take -PLUS out of its offer. If no "
        "such proxy is known, do not log in over this network.", _OPERATOR,
        "RFC 5802 section 6"),
    "auth.rejected": Advice(
        _E, "The server does not accept this user name and password.",
        "Check both: the user name is mostly the whole mail address. Many providers want an app "
        "password here, not the one of the account.", _YOU),
    "auth.refused": Advice(
        _E, "The server refused the login. Its words are all that is known.",
        "Read its words; the provider's help page on mail programs says what it wants.", _YOU),
    "auth.try_later": Advice(
        _E, "The server cannot take the login now. Its words are all that is known.",
        "Wait some minutes; repeated logins may lock the account.", _YOU),
    "auth.unavailable": Advice(
        _E, "The server cannot check logins at the moment: what it asks about passwords fails.",
        "Try again later; your password may well be right. As the operator, look at the "
        "authentication service (SASL, LDAP, database).", _OPERATOR, "RFC 4954 section 6"),
    "auth.too_many_tries": Advice(
        _E, "The server counts too many logins from you, and refuses more for a while.",
        "Stop every program that logs in with an old password, and wait; trying again makes it "
        "worse.", _YOU),
    "auth.locked": Advice(
        _E, "The account is locked for a while after failed logins.",
        "Wait as long as the server says, and let nothing log in meanwhile: each try keeps it "
        "locked. Then check the password.", _YOU),
    "auth.app_password_needed": Advice(
        _E, "The account's own password is not taken here; an app password is.",
        "Make an app password (at some providers: authorization code, token) in the settings of "
        "the account and use that.", _YOU),
    "auth.browser_login_needed": Advice(
        _E, "The provider wants you to log in with a browser first.",
        "Log in there and confirm that it was you; then try again, or use an app password.", _YOU),
    "auth.disabled_by_admin": Advice(
        _E, "Logging in to send mail is switched off for this account; the password does not "
        "matter.",
        "Have the administrator allow SMTP AUTH for the mailbox, or use OAuth 2.", _OPERATOR,
        "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/"
        "authenticated-client-smtp-submission"),
    "auth.access_switched_off": Advice(
        _E, "The account does not let mail programs in; the password does not matter.",
        "Log in to webmail and switch on access for mail programs (SMTP, POP3/IMAP, third-party "
        "clients) in its settings.", _YOU),
    "auth.conditional_access": Advice(
        _E, "A security policy of the organization forbids this kind of login; the password may be "
        "right.",
        "Ask the administrator to allow it for this account (security defaults, conditional "
        "access), or use OAuth 2.", _OPERATOR,
        "https://learn.microsoft.com/entra/fundamentals/security-defaults"),
    "auth.account_disabled": Advice(
        _E, "The account is disabled, suspended or closed.",
        "Log in to the provider's web page to see why, or ask its support or your administrator.",
        _YOU),
    "auth.account_not_ready": Advice(
        _E, "The account is not ready to use: something has to be confirmed first.",
        "Log in to the provider's web page; accept the terms or finish the activation there.",
        _YOU),
    "auth.password_expired": Advice(
        _E, "The password has expired.",
        "Change it on the provider's web page or at your administrator's, and use the new one.",
        _YOU),
    "auth.address_not_allowed": Advice(
        _E, "The account may only be used from addresses that its owner has allowed, and this "
        "client's is not one of them.",
        "Add this machine's public address to the allowed addresses in the provider's settings.",
        _YOU),
    "auth.plan": Advice(
        _E, "The account's plan does not allow this, or is used up or unpaid.",
        "Look at plan and credits on the provider's web page.", _YOU),
    "auth.passwords_retired": Advice(
        _E, "The provider takes no passwords here any more.",
        "Use OAuth 2 (an access token), or a relay service.", _YOU),
    "auth.token_rejected": Advice(
        _E, "The server does not accept the access token: it has expired or is for another "
        "purpose.",
        "Get a new token, with the scope that the server names.", _YOU, "RFC 7628 section 3.2.2"),
    "auth.encryption_required": Advice(
        _E, "The server takes this login only over TLS, and believes that there is none.",
        "As its operator, tell the server that a proxy in front of it does TLS.", _OPERATOR,
        "RFC 4954 section 6"),
    "auth.mechanism_refused": Advice(
        _E, "The server does not accept this kind of login.",
        "If it offers a kind that was not tried, name that one with --mechanism. If not, its "
        "operator has to act: offer only mechanisms that work.", _OPERATOR,
        "RFC 4954 section 4"),
    "auth.already_logged_in": Advice(
        _E, "The server takes this session as logged in already: by a client certificate, by the "
        "address, or through a proxy in between.",
        "Try without user name and password. As its operator, look at what logs the session in "
        "before AUTH.", _YOU, "RFC 4954 section 4"),
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
        _E, "The password cannot be used for this kind of login, as it holds characters that are "
        "not allowed in it.", "Try --mechanism PLAIN, or set another password.", _YOU,
        "RFC 5802 section 5.1"),
    "auth.another_mechanism": Advice(
        _I, "For the login that was refused, the server has to know the password in a special "
        "form. Some offer it without being able to do it.",
        "If user name and password are right, try once with --mechanism PLAIN. More failed logins "
        "could lock the account.", _YOU),
    "auth.unseen_characters": Advice(
        _W, "The credentials hold characters that cannot be seen, such as a space that was copied "
        "with them.",
        "Type them, or paste them without the spaces.", _YOU),
    "auth.bad_challenge": Advice(
        _E, "The server breaks the rules of the login.", "Try another mechanism.", _OPERATOR),
    "auth.unexpected_challenge": Advice(
        _E, "The server breaks the rules of the login.", "Try another mechanism.", _OPERATOR),
    "auth.non_ascii_password": Advice(
        _I, "The password has characters that some servers read differently.",
        "If it is right, try one of ASCII characters only.", _YOU, "RFC 4616 section 2"),
    "auth.offered_in_clear": Advice(
        _W, "The server takes passwords before TLS has begun, so a careless client sends them in "
        "the clear.",
        "Offer AUTH only after STARTTLS (Postfix: smtpd_tls_auth_only=yes).", _OPERATOR,
        "RFC 8314 section 3.3"),
}  # fmt: skip
