"""Greeting, EHLO, and the form of replies."""

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
        summary="refuses every client at the door",
        findings=("smtp.greeting_refused",),
        greeting="554 5.3.2 No mail service here"),
    Persona(
        name="blocklisted",
        summary="refuses this client because a block list names it",
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
        summary="is about to stop",
        findings=("smtp.shutting_down",),
        greeting="421 4.3.2 sandbox.smtps.test System not accepting network messages"),
    Persona(
        name="hangs-up-greeted",
        summary="greets and hangs up",
        findings=("net.closed_by_server",),
        replies={"EHLO": Act.HANG_UP}),
    Persona(
        name="picky-about-names",
        summary="wants a host name, or an address, in EHLO",
        findings=("smtp.ehlo_name_replaced",),
        bare_names=False),
    Persona(
        name="no-ehlo",
        summary="refuses EHLO",
        findings=("smtp.ehlo_refused",),
        replies={"EHLO": "550 5.7.1 Not you"}),
    Persona(
        name="synchronization",
        summary="says that the client spoke too early",
        findings=("smtp.synchronization",),
        replies={"EHLO": "554 SMTP synchronization error"}),
    Persona(
        name="greets-twice",
        summary="greets again when it hears EHLO",
        findings=("smtp.greets_twice",),
        replies={"EHLO": "220 sandbox.smtps.test ESMTP"}),
    Persona(
        name="mixed-codes",
        summary="contradicts itself within one reply",
        findings=("smtp.mixed_codes",),
        replies={"EHLO": "550-sandbox.smtps.test\r\n250 AUTH PLAIN"}),
    Persona(
        name="endless-reply",
        summary="answers with more lines than any server has",
        findings=("smtp.reply_too_long",),
        replies={"EHLO": "\r\n".join(["250-and one more"] * 1000)}),
    Persona(
        name="bare-line-feeds",
        summary="ends its lines with LF alone",
        findings=("smtp.nonstandard_replies",),
        line_end="\n"),
    Persona(
        name="http-inside",
        summary="is a web server with TLS that speaks first",
        findings=("smtp.web_server",),
        greeting="HTTP/1.1 400 Bad Request"),
    Persona(
        name="https",
        summary="is a web server with TLS, and waits for its client",
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
        summary="is a server for files, whose greeting looks like one of SMTP",
        findings=("smtp.other_service",),
        greeting=("220 Welcome", "530 Please login with USER and PASS.",
                  "530 Please login with USER and PASS.")),
    Persona(
        name="nonsense-inside",
        summary="says through TLS what no protocol has",
        findings=("smtp.not_a_reply",),
        greeting="hello there"),
    Persona(
        name="no-backend",
        summary="is a TLS proxy whose mail server is down",
        findings=("smtp.closed_before_greeting",),
        greeting=Act.HANG_UP),
)  # fmt: skip
