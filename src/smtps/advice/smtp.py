"""Greeting, EHLO and replies."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_W = Severity.WARNING
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR

ADVICE: dict[str, Advice] = {
    "smtp.greeting_timeout": Advice(
        _E, "The connection is open, but the server says nothing: it hangs, a proxy has no server "
        "behind it, or it makes clients wait longer than this one does.",
        "As its operator, look whether the mail server still answers on the machine itself; else "
        "allow more time with --timeout.", _OPERATOR),
    "smtp.greeting_late": Advice(
        _W, "The greeting took long. Programs that wait only 5 seconds call this server dead.",
        "Make reverse look-ups fast; take tarpits off the submission port.", _OPERATOR),
    "smtp.greeting_refused": Advice(
        _E, "The server refuses this client's address before anything else.",
        "Read its reason; a block list named there has a page for removal.", _YOU),
    "smtp.ehlo_refused": Advice(
        _E, "The server does not accept how this client names itself.",
        "Give a real host name with --ehlo-name.", _YOU),
    "smtp.ehlo_name_refused": Advice(
        _W, "The server refused the client's name and took its address instead.",
        "Give a real host name with --ehlo-name.", _YOU),
    "smtp.noop_refused": Advice(_E, "The session is no longer good.", "Open another.", _OPERATOR),
    "smtp.shutting_down": Advice(
        _E, "The server closed the session: it is overloaded, restarting, or limits you.",
        "Wait some minutes before the next try.", _YOU),
    "smtp.timeout": Advice(
        _E, "The server stopped answering.", "Try again later.", _OPERATOR),
    "smtp.not_a_reply": Advice(
        _E, "What listens here does not speak SMTP.", "Check host and port.", _YOU),
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
    "smtp.closed_before_greeting": Advice(
        _E, "The server hung up before its greeting. A proxy whose mail server is down does that "
        "(stunnel, nginx, HAProxy), and so does a server that turns this client's address away.",
        "As its operator, check that the mail server behind the proxy is running, and read the "
        "logs of both; else try from another address.", _OPERATOR),
    "smtp.mixed_codes": Advice(
        _E, "The server contradicts itself within one reply.", "Report it to its operator.",
        _OPERATOR),
    "smtp.reply_too_long": Advice(
        _E, "The server talks without end.", "Check host and port; report it to its operator.",
        _OPERATOR),
    "smtp.unexpected_reply": Advice(
        _E, "The server said more than it was asked, so nothing it says can be matched any more.",
        "Report it to its operator.", _OPERATOR),
    "smtp.wrong_code": Advice(
        _E, "The server's answer makes no sense in this place.", "Report it to its operator.",
        _OPERATOR),
    "smtp.nonstandard_replies": Advice(
        _W, "The server's replies break the rules; strict clients may stumble.",
        "Report it to its operator.", _OPERATOR),
    "smtp.rate_limited": Advice(
        _E, "The server says that you connect too often.",
        "Wait; trying again makes it worse.", _YOU),
    "smtp.blocklisted": Advice(
        _E, "The server refuses this client's address because a block list names it.",
        "Look the address up at the list it names, and ask for removal there.", _YOU),
    "smtp.chunking_refused": Advice(
        _E, "The server offers CHUNKING and does not know its command, BDAT.",
        "Nothing was delivered; send again with chunking off.", _OPERATOR, "RFC 3030 section 2"),
    "smtp.out_of_sequence": Advice(
        _E, "The server refused commands because of their order, and said nothing about the "
        "message.",
        "Send again; it is then sent to step by step.", _OPERATOR, "RFC 2920 section 3.1"),
    "smtp.reset_refused": Advice(
        _E, "The server refused to forget the message before, so the next one could not begin.",
        "Send again over a new connection.", _OPERATOR, "RFC 5321 section 4.1.1.5"),
    "smtp.synchronization": Advice(
        _E, "The server says that the client spoke too early.",
        "Wait for each reply; if this tool did, something on the way changed the dialogue.",
        _OPERATOR, "RFC 5321 section 4.3.1"),
    "smtp.starttls_required": Advice(
        _E, "The server wants TLS first, and believes there is none.",
        "Use implicit TLS on 465 or STARTTLS on 587; as its operator, tell the server that a proxy "
        "in front of it does TLS.", _OPERATOR, "RFC 3207 section 4"),
}  # fmt: skip
