"""The outbox: mail that waits for its delivery."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR

ADVICE: dict[str, Advice] = {
    "outbox.not_configured": Advice(
        _E, "This service has no outbox.",
        "Set outbox and accounts in its configuration, or send at once by /api/smtps/send.",
        _OPERATOR),
    "outbox.no_account": Advice(
        _E, "There is no account of this name.",
        "Name one that GET /api/smtps/accounts tells about.", _YOU),
    "outbox.account_not_allowed": Advice(
        _E, "Your token may not use this account.",
        "Use another account, or have the token added to its grants.", _YOU),
    "outbox.sender_not_allowed": Advice(
        _E, "The account may not be used to send in this name.",
        "Send as one of the addresses that the account's senders allow.", _YOU),
    "outbox.not_found": Advice(
        _E, "There is no such message, or it is not kept any more.", "Check its id.", _YOU),
    "outbox.too_late": Advice(
        _E, "The message has gone too far for that.", "Look at its state first.", _YOU),
    "outbox.body_gone": Advice(
        _E, "The record of the message is kept, but the message itself is not any more.",
        "Submit it anew.", _YOU),
    "outbox.no_webhook": Advice(
        _E, "The account of the message has no webhook, so there is nothing to deliver.",
        "Set webhook for the account, or ask for the message itself.", _OPERATOR),
    "outbox.nothing_to_tell": Advice(
        _E, "The message has no event to deliver yet.",
        "Wait until it is sent or refused; the event is then delivered by itself.", _YOU),
    "outbox.key_reused": Advice(
        _E, "The key of the request belongs to another one.",
        "Take a new Idempotency-Key for a new message, and the old one only for the same.", _YOU),
    "outbox.key_in_use": Advice(
        _E, "The same request is being written just now.", "Ask again in a second.", _YOU),
    "outbox.full": Advice(
        _E, "The outbox has no room; the message was not taken.",
        "Free the disk, or raise outbox_octets; then send it again.", _OPERATOR),
    "outbox.unavailable": Advice(
        _E, "The database of the outbox does not answer, or cannot be written; the message was not "
        "taken.",
        "Start the database, or make it writable; then send the message again.", _OPERATOR),
    "outbox.unconfirmed": Advice(
        _E, "The database of the outbox was lost before it confirmed the request, which may have "
        "been kept.",
        "Repeat the request with the same Idempotency-Key. Without a key, look in the list of "
        "messages first.", _YOU),
    "outbox.in_use": Advice(
        _E, "Another service delivers from this outbox.",
        "Stop it, or use PostgreSQL, from which many can deliver.", _OPERATOR),
    "outbox.moved": Advice(
        _E, "The mail of this outbox has moved.", "Use the outbox that it has moved to.",
        _OPERATOR),
    "outbox.lane_lost": Advice(
        _E, "Another worker has taken the account over.", "Nothing: it goes on there.", _OPERATOR),
    "outbox.interrupted": Advice(
        _E, "The service ended while the message was on its way, so it may have arrived or not.",
        "Look whether it has arrived; if it has not, retry it.", _YOU),
}  # fmt: skip
