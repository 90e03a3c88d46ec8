"""Advice on the greeting, EHLO, replies and logins."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_W = Severity.WARNING
_I = Severity.INFO
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR
_NETWORK = Who.NETWORK

SMTP: dict[str, Advice] = {
    "smtp.greeting_timeout": Advice(
        _E, "Connected, but the server sent no greeting: it hangs, a proxy has no server behind "
        "it, or it delays its greeting for longer than this client waits.",
        "If you operate the server, check whether the mail server still answers on its own "
        "machine; otherwise allow more time with --timeout.", _OPERATOR),
    "smtp.greeting_late": Advice(
        _W, "The greeting was slow. Programs that wait only 5 seconds consider this server down.",
        "Speed up reverse DNS look-ups; disable greeting delays (tarpits) on the submission port.",
        _OPERATOR),
    "smtp.slow": Advice(
        _W, "The server's replies are slow. Programs that wait for only 10 to 30 seconds consider "
        "it down.",
        "If you operate the server, look for what it waits for before it replies: reverse DNS and "
        "block list look-ups, a policy service, a filter or a remote database.", _OPERATOR),
    "smtp.greeting_refused": Advice(
        _E, "The server refused the connection. Its reply is the only information available.",
        "Read the reply. Such a refusal is usually about this client's address: try from another "
        "network, or ask the server's operator.", _YOU),
    "smtp.try_later": Advice(
        _E, "The server is temporarily refusing service. Its reply is the only information "
        "available.",
        "Try again in a few minutes.", _YOU),
    "smtp.come_back": Advice(
        _E, "The server is busy, or delays new clients, and asks them to try again shortly.",
        "Try again in a minute; nothing is wrong on your side.", _YOU),
    "smtp.addresses_differ": Advice(
        _W, "This server's addresses do not offer the same features, so what works depends on "
        "which address a client reaches.",
        "If you operate the server, give all of them the same settings.", _OPERATOR, "RFC 5321 "
        "section 5.1"),
    "smtp.size_unknown": Advice(
        _I, "The server states no message size limit, so only a test shows whether it accepts a "
        "message of that size.",
        "Send a test message of that size.", _YOU, "RFC 1870 section 4"),
    "smtp.size_depends_on_login": Advice(
        _I, "The server states a different message size limit after the login than before it.",
        "Rely on the limit after the login. Programs that read only the first one may refuse to "
        "send a message that the server would accept.", _YOU, "RFC 1870"),
    "smtp.size_malformed": Advice(
        _W, "The message size limit is not a number of bytes, so programs ignore it or fail on it.",
        "If you operate the server, state the limit as one whole number, or 0 for no "
        "limit.", _OPERATOR,
        "RFC 1870 section 4"),
    "smtp.size_too_small": Advice(
        _W, "The message size limit is below the 64 KiB that every server must accept, so larger "
        "messages are refused.",
        "If you operate the server, check the limit: it is in bytes, not kilobytes.", _OPERATOR,
        "RFC 5321 section 4.5.3.1.7"),
    "smtp.ehlo_refused": Advice(
        _E, "The server refused EHLO. Its reply is the only information available.",
        "Read the reply. If it is about this client's name, give a fully qualified host name with "
        "--ehlo-name; otherwise ask the server's operator.", _YOU),
    "smtp.no_ehlo": Advice(
        _E, "The server does not know EHLO, so it offers no extension at all: no login, no "
        "STARTTLS, no message size.",
        "Check host and port: a submission server knows EHLO. If you operate the server, enable "
        "ESMTP, or find the firewall or proxy in front of the server that refuses EHLO (Cisco: no "
        "inspect esmtp).", _OPERATOR, "RFC 5321 section 2.2.1"),
    "smtp.ehlo_name_refused": Advice(
        _E, "The server does not accept the name that this client gives in EHLO.",
        "With --ehlo-name, give a fully qualified host name that exists in DNS, such as this "
        "machine's.", _YOU, "RFC 5321 section 4.1.4"),
    "smtp.ehlo_name_replaced": Advice(
        _W, "The server refused the name that this client gave in EHLO, but accepted its address.",
        "Give a fully qualified host name with --ehlo-name.", _YOU, "RFC 5321 section 4.1.4"),
    "smtp.shutting_down": Advice(
        _E, "The server is not available: it is restarting or out of service.",
        "Try again in a few minutes.", _YOU),
    "smtp.rate_limited": Advice(
        _E, "The server says that you send too much or too fast, or hold too many connections.",
        "Wait, then send more slowly and over fewer connections; trying again immediately makes it "
        "worse.", _YOU),
    "smtp.session_timeout": Advice(
        _E, "The server ended the session because it was idle, or open, for too long.",
        "Open a new session and send again.", _YOU, "RFC 5321 section 4.5.3.2.7"),
    "smtp.too_many_errors": Advice(
        _E, "The server ended the session after refusing too many commands or recipients in it.",
        "Remove recipients that do not exist from the list; this message may be sent again.", _YOU),
    "smtp.wrong_server": Advice(
        _E, "This is not the right server for submitting this mail.",
        "Use the outgoing (SMTP submission) server named on your provider's help page.", _YOU),
    "smtp.blocklisted": Advice(
        _E, "The server refuses this client's address because it is on a block list or has a bad "
        "reputation.",
        "Log in to your provider's submission server instead of sending directly from this "
        "address; or look the address up on the list that the server names and ask for removal "
        "there.", _YOU),
    "smtp.access_denied": Advice(
        _E, "The server does not accept connections from this client's address.",
        "Log in, if you have not: many submission servers reply this way to clients that have not "
        "logged in. Otherwise ask the server's operator to allow the address.", _YOU),
    "smtp.place_refused": Advice(
        _E, "The server does not accept connections from this country or network. The account and "
        "the password are not the cause.",
        "Connect from a network that the server accepts: without a VPN, or through one that ends "
        "in your own country. Only the server's operator, or the administrator of your domain "
        "there, can allow this country or network.", _OPERATOR),
    "smtp.reverse_name_missing": Advice(
        _E, "This client's address has no name in reverse DNS, or that name does not resolve back "
        "to it.",
        "Waiting does not help. Have the owner of the address set a reverse name (PTR record), or "
        "log in to your provider's submission server.", _NETWORK, "RFC 1912 section 2.1"),
    "smtp.starttls_required": Advice(
        _E, "The server requires TLS but does not see this connection as encrypted.",
        "Use implicit TLS on 465 or STARTTLS on 587; if you operate the server, configure the "
        "server to know that a proxy in front of it does TLS.", _OPERATOR, "RFC 3207 section 4"),
    "smtp.tls_version_refused": Advice(
        _E, "The server refuses the TLS version or cipher that this client used.",
        "Upgrade this machine's TLS library (OpenSSL); TLS 1.2 is the minimum today.", _YOU,
        "RFC 8996"),
    "smtp.synchronization": Advice(
        _E, "The server says that the client spoke too early.",
        "Wait for each reply before sending the next command; if smtps did, something on the "
        "network path changed the dialogue.", _OPERATOR, "RFC 5321 section 4.3.1"),
    "smtp.out_of_sequence": Advice(
        _E, "The server and this client disagree about which command comes next. This is not about "
        "the message itself.",
        "Send again; smtps will then send one command at a time to this server.", _OPERATOR,
        "RFC 2920 section 3.1"),
    "smtp.proxy_failed": Advice(
        _E, "A proxy or filter in front of the mail server cannot reach the server or filter "
        "behind it.",
        "If you operate the server, check whether the server or filter behind the proxy is running "
        "and expects what the proxy sends (PROXY header). On your own machine, the cause may be an "
        "antivirus program that inspects mail.", _OPERATOR),
    "smtp.insufficient_storage": Advice(
        _E, "The server has run out of disk space or other resources.",
        "Try again later; if you operate the server, free disk space.", _OPERATOR),
    "smtp.server_error": Advice(
        _E, "Something is broken on the server: its own configuration, look-ups or files.",
        "Try again later; if you operate the server, read the server's log.", _OPERATOR),
    "smtp.command_refused": Advice(
        _E, "The server does not recognize or does not accept a command or its parameters.",
        "Report the command and the reply (see the transcript) to the server's operator.",
        _OPERATOR, "RFC 5321 section 4.2.4"),
    "smtp.noop_refused": Advice(
        _E, "The session is no longer usable.", "Open a new session.", _OPERATOR),
    "smtp.reply_unfinished": Advice(
        _E, "The server started a reply and did not finish it in time: it hangs, sends very "
        "slowly, or never stops.",
        "If you operate the server, check whether the server, or a proxy or filter in front of it, "
        "hangs; otherwise try again later.", _OPERATOR, "RFC 5321 section 4.5.3.2"),
    "smtp.timeout": Advice(_E, "The server stopped responding.", "Try again later.", _OPERATOR),
    "smtp.not_a_reply": Advice(
        _E, "The server sent something that is not SMTP.",
        "Check host and port. If they are correct, report the line to the server's operator.",
        _YOU),
    "smtp.web_server": Advice(
        _E, "A web server is listening on this port, not a mail server.",
        "Check host and port: mail is submitted on port 465 with implicit TLS or on port 587 with "
        "STARTTLS.", _YOU),
    "smtp.incoming_mail_server": Advice(
        _E, "This server is for reading mail, not for sending it.",
        "Use the outgoing server and its port: 465 with implicit TLS or 587 with STARTTLS.", _YOU),
    "smtp.other_service": Advice(
        _E, "Another service, not mail submission, is listening on this port.",
        "Check host and port: mail is submitted on port 465 with implicit TLS or on port 587 with "
        "STARTTLS.", _YOU),
    "smtp.proxy_header_wanted": Advice(
        _E, "The server waits for a PROXY header, which only a proxy in front of it can send. "
        "Clients that connect directly fail.",
        "Connect through the proxy. If you operate the server, send the header from the proxy "
        "(HAProxy: send-proxy; nginx: proxy_protocol on), or stop requiring it (Postfix: "
        "smtpd_upstream_proxy_protocol; Dovecot: haproxy).", _OPERATOR),
    "smtp.proxy_header_refused": Advice(
        _E, "Something in front of the server sends data before the client does. A load balancer "
        "that sends a PROXY header to a server that expects none does this.",
        "If you operate the server, make the server expect the header (Postfix: "
        "smtpd_upstream_proxy_protocol = haproxy), or remove send-proxy from the load balancer's "
        "settings.", _OPERATOR),
    "smtp.closed_before_greeting": Advice(
        _E, "The server closed the connection before its greeting. A proxy whose mail server is "
        "down does this (stunnel, nginx, HAProxy), a mail server whose process ends with an error "
        "as soon as a session starts, and a server that rejects this client's address.",
        "If you operate the server, read its log for the error that ends the process (Postfix: "
        "“fatal:”, such as a missing SASL socket or table), and check that the mail server behind "
        "a proxy is running. Otherwise try from another address.", _OPERATOR),
    "smtp.closed_after_login": Advice(
        _E, "The server accepted the login and then ended the session before any mail could be "
        "sent. The user name and password are correct.",
        "If you operate the server, read its log: what comes after the login fails, such as the "
        "mail server behind a proxy, the account's mailbox, or a policy for the account. Otherwise "
        "report it to the operator.", _OPERATOR),
    "smtp.mixed_codes": Advice(
        _E, "The server contradicts itself within one reply.", "Report it to its operator.",
        _OPERATOR, "RFC 5321 section 4.2.1"),
    "smtp.greets_twice": Advice(
        _E, "The server greets twice. Clients mistake the second greeting for the reply to their "
        "first command, and each later reply for the reply to the next command.",
        "If you operate the server, find what sends the second greeting: a script, or a proxy or "
        "filter in front of the server that greets clients itself and also passes on the server's "
        "greeting.",
        _OPERATOR, "RFC 5321 section 4.3.1"),
    "smtp.reply_too_long": Advice(
        _E, "The server's reply exceeds the size limit.",
        "Check host and port; report it to the server's operator.", _OPERATOR),
    "smtp.unexpected_reply": Advice(
        _E, "The server sent more replies than there were commands, so its replies can no longer "
        "be matched to commands.",
        "Report it to its operator.", _OPERATOR),
    "smtp.wrong_code": Advice(
        _E, "Unexpected reply code for this command. The server's replies are out of step, or it "
        "breaks the protocol, so they cannot be relied on.",
        "Report the command and the reply (see the transcript) to its operator; a proxy or filter "
        "in front of the server may have added or swallowed a reply.", _OPERATOR,
        "RFC 5321 section 4.3.2"),
    "smtp.nonstandard_replies": Advice(
        _W, "The server's replies violate the standard; strict clients may fail.",
        "Report it to its operator.", _OPERATOR),
    "smtp.chunking_refused": Advice(
        _E, "The server offers CHUNKING but does not recognize its command, BDAT.",
        "Nothing was delivered; send again with chunking off.", _OPERATOR, "RFC 3030 section 2"),
    "smtp.pipelining_refused": Advice(
        _E, "The server offers PIPELINING but answers only the first of several commands that "
        "arrive together.",
        "Send again: nothing was delivered, and smtps will then send one command at a time to this "
        "server. If you operate the server, stop offering PIPELINING, or look for a firewall or "
        "proxy that inspects SMTP and drops commands.", _OPERATOR, "RFC 2920 section 3.2"),
    "smtp.reset_refused": Advice(
        _E, "The server refused to reset after the previous message, so the next one could not "
        "start.",
        "Send again over a new connection.", _OPERATOR, "RFC 5321 section 4.1.1.5"),
}  # fmt: skip


AUTH: dict[str, Advice] = {
    "auth.not_offered": Advice(
        _E, "The server does not accept logins on this port.",
        "Check the port; if you operate the server, enable SASL for this listener.", _OPERATOR),
    "auth.addresses_differ": Advice(
        _E, "This server's addresses do not handle logins alike, so whether a login works depends "
        "on chance.",
        "If you operate the server, give all of them the same accounts and settings, or remove "
        "those that differ from DNS.", _OPERATOR),
    "auth.no_common_mechanism": Advice(
        _E, "The server requires a login mechanism that your credentials do not support.",
        "Check what it offers: XOAUTH2 alone means that passwords are not accepted.", _YOU),
    "auth.not_enabled": Advice(
        _E, "The server, or a proxy or filter in front of it, offers logins although none is "
        "enabled. The user name and password are not the cause.",
        "If you operate the server, enable logins for this listener (Postfix: "
        "smtpd_sasl_auth_enable=yes), and look for a proxy or filter in front of it that offers "
        "AUTH on its own. Otherwise report it to the operator.", _OPERATOR),
    "auth.old_form": Advice(
        _W, "The server offers logins only in the obsolete form AUTH=. Programs that follow the "
        "standard see no login there.",
        "If you operate the server, offer them in the standard form as well: “AUTH PLAIN LOGIN”, "
        "with a space (Postfix sends both with broken_sasl_auth_clients=yes).", _OPERATOR,
        "RFC 4954 section 4"),
    "auth.slow": Advice(
        _W, "The server accepts the login only after a long wait. Many programs give up earlier "
        "and report that the login failed.",
        "If you operate the server, find what the login waits for: a password database or LDAP "
        "server that times out before another one answers, or a DNS look-up.", _OPERATOR),
    "auth.no_passwords": Advice(
        _I, "The server offers logins, but none that takes a password.",
        "Ask the server's operator which login to use.", _YOU, "RFC 4422"),
    "auth.no_channel_binding": Advice(
        _E, "This mechanism binds the login to the TLS connection (channel binding), which is not "
        "possible here.",
        "Use the same mechanism without -PLUS.", _YOU, "RFC 5929"),
    "auth.channel_binding_mismatch": Advice(
        _E, "The server sees a different TLS connection than this client: a proxy in front of it "
        "does TLS, or an attacker is intercepting the connection.",
        "If you operate the server, have the server itself do TLS, or stop offering -PLUS. If you "
        "know of no such proxy, do not log in over this network.", _OPERATOR, "RFC 5802 section 6"),
    "auth.rejected": Advice(
        _E, "The server does not accept this user name and password.",
        "Check both: the user name is usually the full mail address. Many providers require an app "
        "password here, not the account's password.", _YOU),
    "auth.refused": Advice(
        _E, "The server refused the login. Its reply is the only information available.",
        "Read the reply; the provider's help page on mail programs says what is required.", _YOU),
    "auth.try_later": Advice(
        _E, "The server cannot process the login at the moment. Its reply is the only information "
        "available.",
        "Wait a few minutes; repeated logins may lock the account.", _YOU),
    "auth.unavailable": Advice(
        _E, "The server cannot check logins at the moment: the system that verifies passwords is "
        "failing.",
        "Try again later; your password may well be correct. If you operate the server, check the "
        "authentication service (SASL, LDAP, database).", _OPERATOR, "RFC 4954 section 6"),
    "auth.too_many_tries": Advice(
        _E, "The server has counted too many login attempts from you, and refuses more for a "
        "while.",
        "Stop every program that logs in with an old password, then wait; trying again makes it "
        "worse.", _YOU),
    "auth.locked": Advice(
        _E, "The account is temporarily locked after failed logins.",
        "Wait as long as the server says, and make sure that nothing logs in meanwhile: each "
        "attempt keeps the account locked. Then check the password.", _YOU),
    "auth.app_password_needed": Advice(
        _E, "The server does not accept the account's own password here; it requires an app "
        "password.",
        "Create an app password (some providers call it an authorization code or token) in the "
        "account's settings and use that.", _YOU),
    "auth.browser_login_needed": Advice(
        _E, "The provider requires you to log in with a browser first.",
        "Log in there and confirm that it was you; then try again, or use an app password.", _YOU),
    "auth.disabled_by_admin": Advice(
        _E, "SMTP login is disabled for this account; the password is not the cause.",
        "Ask the administrator to allow SMTP AUTH for the mailbox. Microsoft 365 requires "
        "this for OAuth 2 as well.", _OPERATOR,
        "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/"
        "authenticated-client-smtp-submission"),
    "auth.access_switched_off": Advice(
        _E, "The account does not allow access by mail programs; the password is not the cause.",
        "Log in to webmail and turn on access for mail programs (SMTP, POP3/IMAP, third-party "
        "clients) in its settings.", _YOU),
    "auth.conditional_access": Advice(
        _E, "The organization's security policy forbids this kind of login; the password may be "
        "correct.",
        "Ask the administrator to allow it for this account (security defaults, conditional "
        "access), or use OAuth 2.", _OPERATOR,
        "https://learn.microsoft.com/entra/fundamentals/security-defaults"),
    "auth.account_disabled": Advice(
        _E, "The account is disabled, suspended or closed.",
        "Log in to the provider's website to see why, or ask its support or your administrator.",
        _YOU),
    "auth.account_not_ready": Advice(
        _E, "The account is not ready for use: something has to be confirmed first.",
        "Log in to the provider's website, and accept the terms or finish the activation there.",
        _YOU),
    "auth.password_expired": Advice(
        _E, "The password has expired.",
        "Change it on the provider's website or through your administrator, and use the new one.",
        _YOU),
    "auth.password_transition": Advice(
        _E, "The server does not have the password yet in the form that this login mechanism "
        "needs. One login by a mechanism that hands the password over lets it store that form.",
        "Log in once with --mechanism PLAIN, which is safe over TLS with a verified certificate. "
        "After that, other mechanisms work.", _YOU, "RFC 4954 section 6"),
    "auth.address_not_allowed": Advice(
        _E, "The account can be used only from addresses or countries that its owner or the "
        "provider allows, and this client's is not one of them.",
        "In the provider's settings, allow this machine's public address, or its country. "
        "Otherwise log in from a network that is allowed.", _YOU),
    "auth.plan": Advice(
        _E, "The account's plan does not include this, is used up, or is unpaid.",
        "Check the plan and credits on the provider's website.", _YOU),
    "auth.passwords_retired": Advice(
        _E, "The provider no longer accepts passwords here.",
        "Use OAuth 2 (an access token), or a relay service.", _YOU),
    "auth.token_rejected": Advice(
        _E, "The server does not accept the access token: it may have expired or been revoked, or "
        "be for another service or user.",
        "Get a new token, with the scope that the server names. smtps check --account NAME reports "
        "what can be read of the token.", _YOU, "RFC 7628 section 3.2.2"),
    "auth.encryption_required": Advice(
        _E, "The server accepts this login only over TLS, but does not see this connection as "
        "encrypted.",
        "If you operate the server, configure the server to know that a proxy in front of it does "
        "TLS.",
        _OPERATOR, "RFC 4954 section 6"),
    "auth.mechanism_refused": Advice(
        _E, "The server does not accept this login mechanism.",
        "If it offers a mechanism that was not tried, select that one with --mechanism. If not, "
        "its operator has to act: offer only mechanisms that work.", _OPERATOR,
        "RFC 4954 section 4"),
    "auth.already_logged_in": Advice(
        _E, "The server considers this session already logged in: by a client certificate, by its "
        "address, or through a proxy in between.",
        "Try without user name and password. If you operate the server, find out what logs the "
        "session in before AUTH.", _YOU, "RFC 4954 section 4"),
    "auth.unverified_tls": Advice(
        _E, "Without certificate verification, the other end could be anyone.",
        "Give a CA file or a fingerprint; to send the password anyway, say so explicitly.", _YOU),
    "auth.sent_unverified": Advice(
        _W, "The password was sent to a server whose certificate was not verified: whoever "
        "answered in its place now has the password.",
        "Verify the certificate: leave out --no-verify, or trust this certificate with --ca-file "
        "or --fingerprint.", _YOU, "RFC 8314 section 3"),
    "auth.server_not_proven": Advice(
        _E, "The server could not prove that it knows the password: it may be an impostor.",
        "Do not use this server until you know why.", _OPERATOR),
    "auth.scram_failed": Advice(
        _E, "The password cannot be used with this login mechanism, because it contains characters "
        "that the mechanism does not allow.",
        "Try --mechanism PLAIN, or set another password.", _YOU, "RFC 5802 section 5.1"),
    "auth.another_mechanism": Advice(
        _I, "For the login that was refused, the server must have stored the password in a special "
        "form. Some servers offer this mechanism without being able to use it.",
        "If user name and password are correct, try once with --mechanism PLAIN. More failed "
        "logins could lock the account.", _YOU),
    "auth.unseen_characters": Advice(
        _W, "The credentials contain invisible characters, such as a space that was copied along "
        "with them.",
        "Type them, or paste them without the spaces.", _YOU),
    "auth.bad_challenge": Advice(
        _E, "The server violates the login protocol.", "Try another mechanism.", _OPERATOR),
    "auth.unexpected_challenge": Advice(
        _E, "The server violates the login protocol.", "Try another mechanism.", _OPERATOR),
    "auth.non_ascii_password": Advice(
        _I, "The password contains characters that some servers interpret differently.",
        "If it is correct, try a password of ASCII characters only.", _YOU, "RFC 4616 section 2"),
    "auth.offered_in_clear": Advice(
        _W, "The server accepts passwords before TLS has started, so a careless client sends them "
        "in the clear.",
        "Offer AUTH only after STARTTLS (Postfix: smtpd_tls_auth_only=yes).", _OPERATOR,
        "RFC 8314 section 3.3"),
}  # fmt: skip
