"""Misbehaviour in the dialogue: greeting, EHLO, logins, envelope and message."""

from __future__ import annotations

from smtps.sandbox.persona import Act, Persona

PERSONAS: tuple[Persona, ...] = (
    Persona(
        name="late-greeting",
        summary="greets only after five seconds",
        findings=("smtp.greeting_late",),
        greeting_delay=5.0),
    Persona(
        name="no-greeting",
        summary="never greets",
        findings=("smtp.greeting_timeout",),
        greeting=Act.SILENCE),
    Persona(
        name="turned-away",
        summary="refuses every client in its greeting",
        findings=("smtp.greeting_refused",),
        greeting="554 5.3.2 No mail service here"),
    Persona(
        name="blocklisted",
        summary="refuses this client because it is on a block list",
        findings=("smtp.blocklisted",),
        greeting="554 5.7.1 Service unavailable; Client host [127.0.0.1] blocked using "
        "bl.example.test"),
    Persona(
        name="too-many-connections",
        summary="says that there are too many connections",
        findings=("smtp.rate_limited",),
        greeting="421 4.7.0 sandbox.smtps.test Error: too many connections from 127.0.0.1"),
    Persona(
        name="shutting-down",
        summary="is about to shut down",
        findings=("smtp.shutting_down",),
        greeting="421 4.3.2 sandbox.smtps.test System not accepting network messages"),
    Persona(
        name="hangs-up-greeted",
        summary="greets and closes the connection",
        findings=("net.closed_by_server",),
        replies={"EHLO": Act.HANG_UP}),
    Persona(
        name="picky-about-names",
        summary="requires a host name, or an address, in EHLO",
        findings=("smtp.ehlo_name_replaced",),
        bare_names=False),
    Persona(
        name="no-ehlo",
        summary="refuses EHLO",
        findings=("smtp.ehlo_refused",),
        replies={"EHLO": "550 5.7.1 Not you"}),
    Persona(
        name="synchronization",
        summary="says that the client sent data too early",
        findings=("smtp.synchronization",),
        replies={"EHLO": "554 SMTP synchronization error"}),
    Persona(
        name="greets-twice",
        summary="greets again when it receives EHLO",
        findings=("smtp.greets_twice",),
        replies={"EHLO": "220 sandbox.smtps.test ESMTP"}),
    Persona(
        name="mixed-codes",
        summary="contradicts itself within one reply",
        findings=("smtp.mixed_codes",),
        replies={"EHLO": "550-sandbox.smtps.test\r\n250 AUTH PLAIN"}),
    Persona(
        name="endless-reply",
        summary="answers with an excessive number of lines",
        findings=("smtp.reply_too_long",),
        replies={"EHLO": "\r\n".join(["250-and one more"] * 1000)}),
    Persona(
        name="bare-line-feeds",
        summary="ends its lines with a bare LF",
        findings=("smtp.nonstandard_replies",),
        line_end="\n"),
    Persona(
        name="http-inside",
        summary="is a web server with TLS that speaks first",
        findings=("smtp.web_server",),
        greeting="HTTP/1.1 400 Bad Request"),
    Persona(
        name="https",
        summary="is a web server with TLS that waits for the client",
        findings=("smtp.web_server",),
        greeting=(Act.LISTEN, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")),
    Persona(
        name="imaps",
        summary="is a server for reading mail",
        findings=("smtp.incoming_mail_server",),
        greeting="* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Dovecot ready."),
    Persona(
        name="pop3s",
        summary="is another server for reading mail",
        findings=("smtp.incoming_mail_server",),
        greeting="+OK Dovecot ready."),
    Persona(
        name="ftps",
        summary="is an FTP server, whose greeting looks like SMTP",
        findings=("smtp.other_service",),
        greeting=("220 Welcome", "530 Please login with USER and PASS.",
                  "530 Please login with USER and PASS.")),
    Persona(
        name="nonsense-inside",
        summary="sends data over TLS that belongs to no protocol",
        findings=("smtp.not_a_reply",),
        greeting="hello there"),
    Persona(
        name="no-backend",
        summary="is a TLS proxy whose mail server is down",
        findings=("smtp.closed_before_greeting",),
        greeting=Act.HANG_UP),
)  # fmt: skip


def _refuses(name: str, summary: str, finding: str, reply: str) -> Persona:
    return Persona(
        name=name,
        summary=summary,
        findings=(finding,),
        shown_by="login",
        replies={"AUTH": reply},
    )


LOGINS: tuple[Persona, ...] = (
    _refuses(
        "bad-password", "refuses every password", "auth.rejected",
        "535 5.7.8 Authentication failed"),
    _refuses(
        "app-password", "requires an app password", "auth.app_password_needed",
        "534-5.7.9 Application-specific password required. For more information, see\r\n"
        "534 5.7.9 https://support.example.test/app-passwords"),
    _refuses(
        "browser-login", "requires a browser login first", "auth.browser_login_needed",
        "534-5.7.14 <https://accounts.example.test/continue> Please log in via your web browser\r\n"
        "534 5.7.14 and then try again."),
    _refuses(
        "disabled-by-admin", "has SMTP login disabled", "auth.disabled_by_admin",
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
        "Mailbox."),
    _refuses(
        "passwords-retired", "no longer accepts passwords", "auth.passwords_retired",
        "550 5.7.30 Basic authentication is not supported for Client Submission."),
    _refuses(
        "too-many-logins", "temporarily rejects logins", "auth.too_many_tries",
        "454 4.7.0 Too many login attempts, please try again later."),
    _refuses(
        "mechanism-refused", "refuses the mechanisms that it offers", "auth.mechanism_refused",
        "504 5.5.4 Unrecognized authentication type"),
    _refuses(
        "encryption-required", "does not see that TLS is active", "auth.encryption_required",
        "538 5.7.11 Encryption required for requested authentication mechanism"),
    _refuses(
        "starttls-required", "requires STARTTLS although TLS is active", "smtp.starttls_required",
        "530 5.7.0 Must issue a STARTTLS command first"),
    Persona(
        name="no-auth",
        summary="does not accept logins",
        findings=("auth.not_offered",),
        auth=()),
    Persona(
        name="tokens-only",
        summary="accepts access tokens but no passwords",
        findings=("auth.no_common_mechanism",),
        shown_by="login",
        auth=("XOAUTH2",)),
)  # fmt: skip


def _refuses_envelope(name: str, summary: str, finding: str, verb: str, reply: str) -> Persona:
    return Persona(
        name=name,
        summary=summary,
        findings=(finding,),
        shown_by="send" if verb == "FINAL" else "envelope",
        replies={verb: reply},
    )


ENVELOPES: tuple[Persona, ...] = (
    Persona(
        name="login-required",
        summary="accepts mail only after a login",
        findings=("send.login_required",),
        shown_by="anonymous envelope"),
    Persona(
        name="open-relay",
        summary="accepts mail from anyone, for anyone",
        findings=("send.relays_without_login",),
        shown_by="anonymous envelope",
        replies={"MAIL": "250 2.1.0 OK", "RCPT": "250 2.1.5 OK"}),
    _refuses_envelope(
        "other-sender", "does not let the account send as this address", "send.sender_refused",
        "MAIL", "553 5.7.1 <tester@example.test>: Sender address rejected: not owned by user"),
    _refuses_envelope(
        "no-relaying", "does not relay mail", "send.relaying_denied",
        "RCPT", "554 5.7.1 <you@example.test>: Relay access denied"),
    _refuses_envelope(
        "unknown-recipient", "does not know the recipient", "send.recipient_unknown",
        "RCPT", "550 5.1.1 <you@example.test>: Recipient address rejected: User unknown"),
    _refuses_envelope(
        "greylisting", "delays mail from senders that it does not know", "send.greylisted",
        "RCPT", "451 4.7.1 Greylisting in action, please come back later"),
    _refuses_envelope(
        "quota", "has reached its daily limit", "send.quota_exceeded",
        "MAIL", "550 5.4.5 Daily user sending limit exceeded"),
    Persona(
        name="too-large",
        summary="accepts messages of up to a hundred bytes",
        findings=("send.too_large",),
        shown_by="send",
        size=100),
    _refuses_envelope(
        "spam", "refuses the message because of its content", "send.spam",
        "FINAL", "554 5.7.1 Message refused: looks like spam"),
    Persona(
        name="drop-after-data",
        summary="accepts the whole message, then closes the connection without a reply",
        findings=("send.uncertain",),
        shown_by="send",
        replies={"FINAL": Act.HANG_UP}),
    Persona(
        name="no-goodbye",
        summary="accepts the message and does not answer QUIT: it was sent",
        shown_by="send",
        replies={"QUIT": Act.SILENCE}),
    Persona(
        name="forwards",
        summary="replies that it will forward the message: it was sent",
        shown_by="send",
        replies={"RCPT": "251 2.1.5 User not local; will forward"}),
)  # fmt: skip
