"""Advice on the program that sends: what it lacks or does wrong before a server has a say."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_YOU = Who.YOU

PROGRAMS: dict[str, Advice] = {
    "program.server_missing": Advice(
        _E, "The program has no mail server to send through: none is set, or it falls back to one "
        "on its own machine, where nothing listens.",
        "Set your provider's submission server, with port 465 (SSL/TLS) or 587 (STARTTLS). If the "
        "settings come from environment variables, check that the running process has them.",
        _YOU),
    "program.credentials_missing": Advice(
        _E, "The program has no user name or password to log in with.",
        "Set both. If they come from environment variables or a file, check that the running "
        "process has or can read them.", _YOU),
    "program.recipient_missing": Advice(
        _E, "The message has no recipient, or no sender.",
        "Give at least one recipient and a sender; print both just before the message is sent.",
        _YOU),
    "program.no_tls": Advice(
        _E, "The program cannot do TLS: its TLS library or extension is missing or not enabled.",
        "Install or enable it: in PHP the extension openssl, in Python a build with OpenSSL, in "
        "Postfix smtp_tls_security_level and a readable CA file. Then restart the program.", _YOU),
    "program.tls_too_old": Advice(
        _E, "The program offers only TLS versions or ciphers that the server does not accept, "
        "usually TLS 1.0 or 1.1.",
        "Update the program, or its Java, .NET, OpenSSL or Windows, and let it use TLS 1.2 and "
        "1.3: remove settings that name an older version (Java: mail.smtp.ssl.protocols, .NET: "
        "ServicePointManager.SecurityProtocol).", _YOU, "RFC 8996"),
    "program.no_sendmail": Advice(
        _E, "The program hands mail to a mail server on its own machine (sendmail, PHP's mail "
        "function), and there is none, or it does not take it.",
        "Have the program send by SMTP with a login instead: port 465 or 587 of your provider. Or "
        "install a local relay such as msmtp.", _YOU),
    "program.not_ascii": Advice(
        _E, "The program passes text with non-ASCII characters to a function that takes only "
        "ASCII.",
        "Let the mail library encode the message: in Python, use EmailMessage and send_message "
        "instead of sendmail with a string.", _YOU, "RFC 2047"),
    "program.wrong_call": Advice(
        _E, "The program uses its mail library in the wrong way or in the wrong order.",
        "Connect, start TLS, log in and send, in this order and over one connection. Check that no "
        "file of your own has the library's name, such as email.py.", _YOU),
    "program.file_unreadable": Advice(
        _E, "The program cannot read a file that it has to attach.",
        "Check the path, and that the user the program runs as may read the file.", _YOU),
}  # fmt: skip
