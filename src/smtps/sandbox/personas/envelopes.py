"""Senders, recipients and messages that are refused; and two that are not."""

from __future__ import annotations

from smtps.sandbox.persona import Act, Persona


def _refuses(name: str, summary: str, finding: str, verb: str, reply: str) -> Persona:
    return Persona(
        name=name,
        summary=summary,
        findings=(finding,),
        shown_by="send" if verb == "FINAL" else "envelope",
        replies={verb: reply},
    )


PERSONAS: tuple[Persona, ...] = (
    Persona(
        name="login-required",
        summary="takes mail only after a login",
        findings=("send.login_required",),
        shown_by="anonymous envelope"),
    Persona(
        name="open-relay",
        summary="takes mail from anybody, for anybody",
        findings=("send.relays_without_login",),
        shown_by="anonymous envelope",
        replies={"MAIL": "250 2.1.0 OK", "RCPT": "250 2.1.5 OK"}),
    _refuses(
        "other-sender", "does not let the account send as this address", "send.sender_refused",
        "MAIL", "553 5.7.1 <tester@example.test>: Sender address rejected: not owned by user"),
    _refuses(
        "no-relaying", "does not pass mail on", "send.relaying_denied",
        "RCPT", "554 5.7.1 <you@example.test>: Relay access denied"),
    _refuses(
        "unknown-recipient", "does not know the recipient", "send.recipient_unknown",
        "RCPT", "550 5.1.1 <you@example.test>: Recipient address rejected: User unknown"),
    _refuses(
        "greylisting", "puts mail off from senders that it does not know", "send.greylisted",
        "RCPT", "451 4.7.1 Greylisting in action, please come back later"),
    _refuses(
        "quota", "has taken as much as it does in a day", "send.quota_exceeded",
        "MAIL", "550 5.4.5 Daily user sending limit exceeded"),
    Persona(
        name="too-large",
        summary="takes messages of a hundred octets",
        findings=("send.too_large",),
        shown_by="send",
        size=100),
    _refuses(
        "spam", "refuses the message for what is in it", "send.spam",
        "FINAL", "554 5.7.1 Message refused: looks like spam"),
    Persona(
        name="drop-after-data",
        summary="takes the whole message, then hangs up without an answer",
        findings=("send.uncertain",),
        shown_by="send",
        replies={"FINAL": Act.HANG_UP}),
    Persona(
        name="no-goodbye",
        summary="takes the message and is silent at QUIT: it was sent",
        shown_by="send",
        replies={"QUIT": Act.SILENCE}),
    Persona(
        name="forwards",
        summary="says that it will forward: it was sent",
        shown_by="send",
        replies={"RCPT": "251 2.1.5 User not local; will forward"}),
)  # fmt: skip
