"""What servers say when they say no, in the words that they are known to use."""

from __future__ import annotations

import pytest

from smtps.advice import ADVICE
from smtps.client.refusals import meaning, refusal
from smtps.core.reply import Reply, ReplyParser
from smtps.errors import LoginError, Phase, RefusedError


def reply(text: str) -> Reply:
    parser = ReplyParser()
    parser.feed(text.encode() + b"\r\n")
    found = parser.next_reply()
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("phase", "words", "code"),
    [
        ("greeting", "554 mx.example.com ESMTP not accepting connections", "smtp.greeting_refused"),
        ("greeting", "421 4.7.0 mx.example.com Error: too many connections from 192.0.2.1",
         "smtp.rate_limited"),
        ("greeting", "554 5.7.1 Too many connections, try later", "smtp.rate_limited"),
        ("greeting", "421 4.3.2 Service shutting down", "smtp.shutting_down"),
        ("greeting", ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using "
         "zen.spamhaus.org"), "smtp.blocklisted"),
        ("greeting", "550 5.7.1 192.0.2.1 is listed at bl.example.net", "smtp.blocklisted"),
        ("ehlo", "554 SMTP synchronization error", "smtp.synchronization"),
        ("ehlo", "550 5.7.1 no", "smtp.ehlo_refused"),
        ("tls", "454 4.7.0 TLS not available", "tls.starttls_refused"),
        ("auth", "535 5.7.8 Error: authentication failed", "auth.rejected"),
        ("auth", "535-5.7.8 Username and Password not accepted\r\n535 5.7.8 BadCredentials",
         "auth.rejected"),
        ("auth", "535 5.7.3 Authentication unsuccessful", "auth.rejected"),
        ("auth", "534-5.7.9 Application-specific password required. Learn more\r\n534 5.7.9 x",
         "auth.app_password_needed"),
        ("auth", "535 Error: use an app password", "auth.app_password_needed"),
        ("auth", ("534-5.7.14 <https://accounts.example> Please log in via your web browser\r\n"
         "534 5.7.14 x"), "auth.browser_login_needed"),
        ("auth", ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled "
         "for the Tenant"), "auth.disabled_by_admin"),
        ("auth", "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
         "auth.disabled_by_admin"),
        ("auth", "550 5.7.30 Basic authentication is not supported for Client Submission.",
         "auth.passwords_retired"),
        ("auth", "454 4.7.0 Too many login attempts, please try again later.", "auth.try_later"),
        ("auth", "421 4.7.0 Try again later, closing connection.", "smtp.shutting_down"),
        ("auth", "421 4.7.0 Too many login attempts", "smtp.rate_limited"),
        ("auth", "504 5.5.4 Unrecognized authentication type", "auth.mechanism_refused"),
        ("auth", "535 5.7.0 mechanism not available", "auth.mechanism_refused"),
        ("auth", "538 5.7.11 Encryption required for requested authentication mechanism",
         "auth.encryption_required"),
        ("auth", "523 5.7.10 Encryption needed", "auth.encryption_required"),
        ("auth", "530 Must issue a STARTTLS command first", "smtp.starttls_required"),
        ("mail", "530 5.7.0 Must issue a STARTTLS command first", "smtp.starttls_required"),
        ("mail", "530 5.7.0 Authentication required", "send.login_required"),
        ("mail", "530 5.7.57 Client not authenticated to send mail", "send.login_required"),
        ("mail", "553 5.7.1 <a@x.test>: Sender address rejected: not owned by user b@x.test",
         "send.sender_refused"),
        ("mail", "501 5.1.7 Bad sender address syntax", "send.sender_refused"),
        ("mail", "552 5.3.4 Message size exceeds fixed limit", "send.too_large"),
        ("mail", "550 5.4.5 Daily sending limit exceeded", "send.quota_exceeded"),
        ("rcpt", "553 5.7.1 <a@x.test>: Sender address rejected: not owned by user b",
         "send.sender_refused"),
        ("rcpt", "554 5.7.1 <b@y.test>: Relay access denied", "send.relaying_denied"),
        ("rcpt", "553 Relaying disallowed as a@x.test", "send.relaying_denied"),
        ("rcpt", ("550 5.1.1 <b@x.test>: Recipient address rejected: User unknown in local "
         "recipient table"), "send.recipient_unknown"),
        ("rcpt", "550 No such user here", "send.recipient_unknown"),
        ("rcpt", ("450 4.2.0 <b@x.test>: Recipient address rejected: Greylisted, see "
         "http://example.org"), "send.greylisted"),
        ("rcpt", "451 4.7.1 Greylisting in action, please come back later", "send.greylisted"),
        ("rcpt", "452 4.2.2 Mailbox full", "send.quota_exceeded"),
        ("rcpt", "552 5.2.2 Over quota", "send.quota_exceeded"),
        ("rcpt", "550 5.7.1 no", "send.recipient_refused"),
        ("data", "554 5.5.1 Error: no valid recipients", "send.data_refused"),
        ("final", "552 5.3.4 Message too big", "send.too_large"),
        ("final", "552 message exceeds the maximum", "send.too_large"),
        ("final", "550 5.7.1 Message contains spam", "send.message_refused"),
        ("final", "554 5.2.252 SendAsDenied; a@x.test not allowed to send as b@x.test",
         "send.sender_refused"),
        ("final", "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
         "send.sender_refused"),
        ("final", "451 4.3.0 Temporary failure", "send.message_refused"),
    ],
)  # fmt: skip
def test_the_words_of_servers(phase: str, words: str, code: str) -> None:
    assert meaning(Phase(phase), reply(words)) == code
    assert code in ADVICE


@pytest.mark.parametrize("phase", [p for p in Phase if p not in ("input", "dns", "tcp", "quit")])
@pytest.mark.parametrize("words", ["450 no", "550 no", "599", "421 no"])
def test_every_phase_has_a_meaning_for_words_that_nobody_knows(phase: Phase, words: str) -> None:
    error = refusal(phase, reply(words))
    assert error.code in ADVICE
    assert error.phase is phase
    assert error.failure.retryable is words.startswith("4")
    assert isinstance(error, LoginError if phase is Phase.AUTH else RefusedError)


def test_what_else_is_known_goes_before_the_words() -> None:
    error = refusal(Phase.AUTH, reply("535 no"), remark=" (XOAUTH2)", code="auth.token_rejected")
    assert str(error) == "The server refused the login (XOAUTH2): 535 no"
    assert error.code == "auth.token_rejected"
