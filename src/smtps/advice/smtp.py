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
        _E, "The connection is open, but the server says nothing: it hangs, a proxy has no server "
        "behind it, or it makes clients wait longer than this one does.",
        "As its operator, look whether the mail server still answers on the machine itself; else "
        "allow more time with --timeout.", _OPERATOR),
    "smtp.greeting_late": Advice(
        _W, "The greeting took long. Programs that wait only 5 seconds call this server dead.",
        "Make reverse look-ups fast; take tarpits off the submission port.", _OPERATOR),
    "smtp.greeting_refused": Advice(
        _E, "The server refused the connection. Its words are all that is known.",
        "Read its words. Such a refusal is mostly about this client's address: try from another "
        "network, or ask the server's operator.", _YOU),
    "smtp.try_later": Advice(
        _E, "The server does not want to talk now. Its words are all that is known.",
        "Try again in a few minutes.", _YOU),
    "smtp.come_back": Advice(
        _E, "The server is busy, or keeps new clients waiting, and asks to come back shortly.",
        "Try again in a minute; nothing is wrong on your side.", _YOU),
    "smtp.addresses_differ": Advice(
        _W, "The addresses of this server do not offer the same, so what works depends on the "
        "address that a client meets.",
        "As its operator, give all of them the same settings.", _OPERATOR, "RFC 5321 section 5.1"),
    "smtp.size_unknown": Advice(
        _I, "The server states no limit for the size of messages, so only sending one of that size "
        "shows whether it is taken.",
        "Send a test message of that size.", _YOU, "RFC 1870 section 4"),
    "smtp.size_depends_on_login": Advice(
        _I, "The server states another limit for the size of messages after the login than before.",
        "Go by the limit after the login. Programs that read the first one only may refuse a "
        "message that would be taken.", _YOU, "RFC 1870"),
    "smtp.size_malformed": Advice(
        _W, "The limit for the size of messages is not a number of octets, so programs ignore it "
        "or fail on it.",
        "As its operator, state the limit as one whole number, or 0 for none.", _OPERATOR,
        "RFC 1870 section 4"),
    "smtp.size_too_small": Advice(
        _W, "The limit for the size of messages is below the 64 KiB that every server has to take, "
        "so larger messages are refused.",
        "As its operator, check the limit: it counts octets, not kilobytes.", _OPERATOR,
        "RFC 5321 section 4.5.3.1.7"),
    "smtp.ehlo_refused": Advice(
        _E, "The server refused EHLO. Its words are all that is known.",
        "Read its words; as a first try, give a full host name with --ehlo-name.", _YOU),
    "smtp.ehlo_name_refused": Advice(
        _E, "The server does not accept the name that this client gives in EHLO.",
        "Give a full host name that exists in DNS with --ehlo-name, such as that of this machine.",
        _YOU, "RFC 5321 section 4.1.4"),
    "smtp.ehlo_name_replaced": Advice(
        _W, "The server refused the name that this client gave in EHLO, and accepted its address.",
        "Give a full host name with --ehlo-name.", _YOU, "RFC 5321 section 4.1.4"),
    "smtp.shutting_down": Advice(
        _E, "The server is not available: it is restarting or out of service.",
        "Try again in some minutes.", _YOU),
    "smtp.rate_limited": Advice(
        _E, "The server says that you send too much or too fast, or hold too many connections.",
        "Wait, then send more slowly and over fewer connections; trying again at once makes it "
        "worse.", _YOU),
    "smtp.session_timeout": Advice(
        _E, "The server ended the session because it had been idle, or open, for too long.",
        "Open a new session and send again.", _YOU, "RFC 5321 section 4.5.3.2.7"),
    "smtp.too_many_errors": Advice(
        _E, "The server ended the session because it had refused too much in it.",
        "Take recipients that do not exist off the list; this message may be sent again.", _YOU),
    "smtp.wrong_server": Advice(
        _E, "This server is not the one to hand this mail to.",
        "Use the outgoing (SMTP submission) server that your provider's help page names.", _YOU),
    "smtp.blocklisted": Advice(
        _E, "The server refuses this client's address because it is on a block list or has a bad "
        "reputation.",
        "Log in at your provider's submission server instead of sending from this address; or look "
        "the address up at the list that the server names and ask for removal there.", _YOU),
    "smtp.access_denied": Advice(
        _E, "The server does not serve this client's address.",
        "Log in, if you have not: many submission servers say this to whoever has not. Otherwise "
        "ask the server's operator to allow the address.", _YOU),
    "smtp.reverse_name_missing": Advice(
        _E, "This client's address has no name in reverse DNS, or one that does not lead back to "
        "it.",
        "Waiting does not help. Have the owner of the address set a reverse name (PTR record), or "
        "log in at your provider's submission server.", _NETWORK, "RFC 1912 section 2.1"),
    "smtp.starttls_required": Advice(
        _E, "The server wants TLS first, and believes that there is none.",
        "Use implicit TLS on 465 or STARTTLS on 587; as its operator, tell the server that a proxy "
        "in front of it does TLS.", _OPERATOR, "RFC 3207 section 4"),
    "smtp.tls_version_refused": Advice(
        _E, "The server refuses the TLS version or cipher that this client used.",
        "Upgrade this machine's TLS library (OpenSSL); TLS 1.2 is the least that is accepted "
        "today.", _YOU, "RFC 8996"),
    "smtp.synchronization": Advice(
        _E, "The server says that the client spoke too early.",
        "Wait for each reply; if this tool did, something on the way changed the dialogue.",
        _OPERATOR, "RFC 5321 section 4.3.1"),
    "smtp.out_of_sequence": Advice(
        _E, "The server and this client disagree about which command comes next. That says nothing "
        "about the message.",
        "Send again; this server is then spoken to step by step.", _OPERATOR,
        "RFC 2920 section 3.1"),
    "smtp.proxy_failed": Advice(
        _E, "A proxy or filter in front of the mail server cannot reach what is behind it.",
        "As the operator, look whether the server or filter behind the proxy runs and expects what "
        "the proxy sends (PROXY header). On your own machine it may be an antivirus program that "
        "inspects mail.", _OPERATOR),
    "smtp.insufficient_storage": Advice(
        _E, "The server has run out of disk space or other resources.",
        "Try again later; as its operator, free disk space.", _OPERATOR),
    "smtp.server_error": Advice(
        _E, "Something is broken on the server: its own configuration, look-ups or files.",
        "Try again later; as its operator, read the server's log.", _OPERATOR),
    "smtp.command_refused": Advice(
        _E, "The server does not know or does not accept a command or its parameters.",
        "Report the command and the reply (see the transcript) to the server's operator.",
        _OPERATOR, "RFC 5321 section 4.2.4"),
    "smtp.noop_refused": Advice(_E, "The session is no longer good.", "Open another.", _OPERATOR),
    "smtp.reply_unfinished": Advice(
        _E, "The server began a reply and did not end it in time: it hangs, sends very slowly, or "
        "never stops.",
        "As its operator, look whether the server, or a proxy or filter in front of it, hangs; "
        "else try again later.", _OPERATOR, "RFC 5321 section 4.5.3.2"),
    "smtp.timeout": Advice(
        _E, "The server stopped answering.", "Try again later.", _OPERATOR),
    "smtp.not_a_reply": Advice(
        _E, "The server sent something that is not SMTP.",
        "Check host and port. If they are right, report the line to the server's operator.", _YOU),
    "smtp.web_server": Advice(
        _E, "A web server listens on this port, not a mail server.",
        "Check host and port: mail is handed in on port 465 with implicit TLS or on port 587 with "
        "STARTTLS.", _YOU),
    "smtp.incoming_mail_server": Advice(
        _E, "This is the server for reading mail, not the one for sending it.",
        "Use the outgoing server and its port: 465 with implicit TLS or 587 with STARTTLS.", _YOU),
    "smtp.other_service": Advice(
        _E, "Another service than mail submission listens on this port.",
        "Check host and port: mail is handed in on port 465 with implicit TLS or on port 587 with "
        "STARTTLS.", _YOU),
    "smtp.proxy_header_wanted": Advice(
        _E, "The server waits for a PROXY header, which only a proxy in front of it can send. "
        "Clients that connect to it directly fail.",
        "Connect through the proxy. As its operator, send the header from the proxy (HAProxy: "
        "send-proxy; nginx: proxy_protocol on), or stop demanding it (Postfix: "
        "smtpd_upstream_proxy_protocol; Dovecot: haproxy).", _OPERATOR),
    "smtp.proxy_header_refused": Advice(
        _E, "Something in front of the server says words of its own before the client does. A load "
        "balancer does that which sends a PROXY header to a server that expects none.",
        "As its operator, let the server expect the header (Postfix: smtpd_upstream_proxy_protocol "
        "= haproxy), or take send-proxy out of the load balancer's settings.", _OPERATOR),
    "smtp.closed_before_greeting": Advice(
        _E, "The server hung up before its greeting. A proxy whose mail server is down does that "
        "(stunnel, nginx, HAProxy), and so does a server that turns this client's address away.",
        "As its operator, check that the mail server behind the proxy is running, and read the "
        "logs of both; else try from another address.", _OPERATOR),
    "smtp.mixed_codes": Advice(
        _E, "The server contradicts itself within one reply.", "Report it to its operator.",
        _OPERATOR, "RFC 5321 section 4.2.1"),
    "smtp.greets_twice": Advice(
        _E, "The server greets twice. Clients take the second greeting for the answer to their "
        "first command, and each later reply for the answer to the next one.",
        "As its operator, find what writes the second greeting: a proxy or filter in front of the "
        "server that greets clients itself and passes the server's greeting on, or a script.",
        _OPERATOR, "RFC 5321 section 4.3.1"),
    "smtp.reply_too_long": Advice(
        _E, "The server talks without end.", "Check host and port; report it to its operator.",
        _OPERATOR),
    "smtp.unexpected_reply": Advice(
        _E, "The server said more than it was asked, so nothing it says can be matched any more.",
        "Report it to its operator.", _OPERATOR),
    "smtp.wrong_code": Advice(
        _E, "The server's reply has a code that does not answer the command. It answers out of "
        "step, or breaks the protocol, so nothing it says can be relied on.",
        "Report the command and the reply (see the transcript) to its operator; a proxy or filter "
        "in front of the server may have added or swallowed a reply.",
        _OPERATOR, "RFC 5321 section 4.3.2"),
    "smtp.nonstandard_replies": Advice(
        _W, "The server's replies break the rules; strict clients may stumble.",
        "Report it to its operator.", _OPERATOR),
    "smtp.chunking_refused": Advice(
        _E, "The server offers CHUNKING and does not know its command, BDAT.",
        "Nothing was delivered; send again with chunking off.", _OPERATOR, "RFC 3030 section 2"),
    "smtp.pipelining_refused": Advice(
        _E, "The server offers PIPELINING, and answers only the first of several commands that "
        "arrive together.",
        "Send again: nothing was delivered, and this server is then spoken to step by step. As its "
        "operator, stop offering PIPELINING, or look for a firewall or proxy that inspects SMTP "
        "and drops commands.", _OPERATOR, "RFC 2920 section 3.2"),
    "smtp.reset_refused": Advice(
        _E, "The server refused to forget the message before, so the next one could not begin.",
        "Send again over a new connection.", _OPERATOR, "RFC 5321 section 4.1.1.5"),
}  # fmt: skip


AUTH: dict[str, Advice] = {
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
