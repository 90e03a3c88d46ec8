"""Messages and what becomes of them."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_W = Severity.WARNING
_OPERATOR = Who.OPERATOR
_YOU = Who.YOU

ADVICE: dict[str, Advice] = {
    "message.bcc_in_raw": Advice(
        _E, "Every recipient of this raw message would see its blind recipients.",
        "Remove its Bcc field: who gets it is said in the envelope. To send it all the same: "
        "keep_bcc, in the shell --keep-bcc.", _YOU, "RFC 5322 section 3.6.3"),
    "message.injection": Advice(
        _E, "A value would have put fields into the header that nobody asked for.",
        "Find out where that value came from.", _YOU),
    "message.line_too_long": Advice(
        _E, "Mail servers take lines of at most 998 octets.",
        "Encode that part as base64 or quoted-printable.", _YOU),
    "message.mixed_line_ends": Advice(
        _E, "Servers disagree where such a message ends, which lets others slip in a second one.",
        "Convert all line ends to CRLF.", _YOU),
    "message.nul": Advice(
        _E, "Mail cannot carry NUL octets as they are.", "Encode that part as base64.", _YOU),
    "send.sender_refused": Advice(
        _E, "You may not send as this address here.",
        "Use the account's own address, or have this one allowed for it.", _YOU),
    "send.recipient_refused": Advice(
        _E, "The server does not take mail for this recipient.",
        "Check the address; if the reason is relaying, log in first.", _YOU),
    "send.data_refused": Advice(
        _E, "The server took the envelope but not the message.", "Read its reason.", _YOU),
    "send.message_refused": Advice(
        _E, "The server read the message and refused it.",
        "Read its reason: size, content, or the limits of the account.", _YOU),
    "send.too_large": Advice(
        _E, "The message is larger than the server allows.",
        "Make attachments smaller (they grow by a third on the way), or send a link.", _YOU),
    "send.smtputf8_not_offered": Advice(
        _E, "The server cannot carry addresses beyond ASCII.",
        "Use an ASCII address, or a server with SMTPUTF8.", _YOU),
    "send.8bitmime_not_offered": Advice(
        _E, "The server cannot carry this message as it is.",
        "Encode its parts as base64 or quoted-printable.", _YOU),
    "send.dsn_not_offered": Advice(
        _E, "The server cannot send delivery status notifications.", "Send without.", _YOU),
    "send.requiretls_not_offered": Advice(
        _E, "The server cannot promise TLS on the whole way.", "Send without.", _YOU),
    "send.uncertain": Advice(
        _E, "The server had the whole message and did not answer. It may have been delivered.",
        "Look in the mailbox or the server's log before sending it again.", _YOU),
    "send.failed": Advice(_E, "The message was not sent for all.", "See each recipient.", _YOU),
    "send.greylisted": Advice(
        _E, "The server puts off mail from senders that it does not know yet.",
        "Try again in some minutes; nothing is wrong.", _YOU, "RFC 6647"),
    "send.relaying_denied": Advice(
        _E, "The server does not pass on mail for you to this recipient.",
        "Log in, and send from an address of the account.", _YOU),
    "send.quota_exceeded": Advice(
        _E, "The account has sent as much as it may for now, or the mailbox is full.",
        "Wait until the limit is over; the provider's help page says when.", _YOU),
    "send.recipient_unknown": Advice(
        _E, "There is no such mailbox.", "Check the address.", _YOU, "RFC 3463 section 3.2"),
    "send.relays_without_login": Advice(
        _W, "The server takes mail from somebody who has not logged in.",
        "If that is not meant for this network, allow relaying only after a login.", _OPERATOR,
        "RFC 6409 section 4.3"),
    "send.login_required": Advice(
        _E, "The server wants you to log in first.", "Give user name and password.", _YOU,
        "RFC 4954 section 6"),
}  # fmt: skip
