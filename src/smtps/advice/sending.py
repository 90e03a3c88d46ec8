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
    "message.signed_part": Advice(
        _E, "What is signed cannot go out as it was signed.",
        "Send the octets of the message with an envelope, or sign it again as the error says.",
        _YOU, "RFC 1847 section 2.1"),
    "message.nul": Advice(
        _E, "Mail cannot carry NUL octets as they are.", "Encode that part as base64.", _YOU),
    "send.mail_refused": Advice(
        _E, "The server refused the sender. Its words are all that is known.",
        "Read its words, or ask the server's operator.", _YOU),
    "send.recipient_refused": Advice(
        _E, "The server refused a recipient. Its words are all that is known.",
        "Read its words, or ask the server's operator.", _YOU),
    "send.data_refused": Advice(
        _E, "The server took the envelope but not the message. Its words are all that is known.",
        "Read its words, or ask the server's operator.", _YOU),
    "send.message_refused": Advice(
        _E, "The server read the message and refused it. Its words are all that is known.",
        "Read its words, or ask the server's operator.", _YOU),
    "send.deferred": Advice(
        _E, "The server does not take it now. Its words are all that is known.",
        "Try again in some minutes; if it stays so for hours, ask the server's operator.", _YOU),
    "send.login_required": Advice(
        _E, "The server wants you to log in first.", "Log in: give user name and password.", _YOU,
        "RFC 4954 section 6"),
    "send.login_ignored": Advice(
        _E, "The server accepted the login and asks for one all the same.",
        "Only its operator can help: the part of the server that decides about mail does not see "
        "the login. In Postfix, put permit_sasl_authenticated first in the restrictions of this "
        "port; behind a proxy, let the proxy hand the login on.", _OPERATOR, "RFC 4954 section 6"),
    "send.sender_refused": Advice(
        _E, "You may not send as this address here.",
        "Use the account's own address as sender (From and envelope), or have this one allowed or "
        "verified for the account.", _YOU),
    "send.sender_blocked": Advice(
        _E, "The recipient's side has this sender's address or domain on its block list, or found "
        "it on a public one.",
        "If the reply names a public list, look the domain up there and ask for its removal. If "
        "not, ask the recipient, by another way, to remove it.", _YOU),
    "send.link_blocked": Advice(
        _E, "The message holds a link whose domain is on a block list.",
        "Take the link out and send again; look in the signature, too. As the owner of the domain, "
        "look it up at the list that the reply names.", _YOU),
    "send.sender_unresolvable": Advice(
        _E, "The server cannot find the sender's domain in DNS, or the sender's mailbox at it.",
        "Check the sender's address. As the owner of its domain, publish an MX or address record.",
        _YOU, "RFC 5321 section 2.3.5"),
    "send.sender_malformed": Advice(
        _E, "The server cannot read the sender's address.",
        "Give a whole address, such as ann@example.com.", _YOU),
    "send.sender_mailbox_full": Advice(
        _E, "The sending account's own mailbox is full, so its copy of the mail cannot be kept.",
        "Delete mail from it, then send again.", _YOU),
    "send.recipient_unknown": Advice(
        _E, "There is no such mailbox.", "Check the address.", _YOU, "RFC 3463 section 3.2"),
    "send.recipient_unverified": Advice(
        _E, "The server asks the recipient's mail server whether the mailbox exists before it "
        "accepts the recipient, and got no answer.",
        "Try again later. If it goes on, the recipient's mail server is at fault: reach the "
        "recipient another way.", _YOU),
    "send.recipient_disabled": Advice(
        _E, "The recipient's mailbox exists but takes no mail: it is disabled or inactive.",
        "Ask the recipient, by another way, for an address that is in use.", _YOU,
        "RFC 3463 section 3.3"),
    "send.recipient_suppressed": Advice(
        _E, "The sending service does not send to this address: mail to it bounced or was "
        "complained about before.",
        "Take the address off the service's suppression list, if you know that it works.", _YOU),
    "send.recipient_restricted": Advice(
        _E, "The recipient takes mail from some senders only, and you are not one of them.",
        "Ask the recipient, or the administrator of the list or group, to allow your address.",
        _YOU),
    "send.recipient_malformed": Advice(
        _E, "The server cannot read the recipient's address.",
        "Check its spelling; give a whole address, such as bob@example.org.", _YOU),
    "send.domain_unknown": Advice(
        _E, "The recipient's domain does not exist or takes no mail.",
        "Check the part behind the @.", _YOU, "RFC 7505"),
    "send.relaying_denied": Advice(
        _E, "The server does not pass on mail for you to this recipient.",
        "Log in, and send from an address of the account.", _YOU),
    "send.mailbox_full": Advice(
        _E, "The recipient's mailbox is full.",
        "Send again later, or tell the recipient by another way.", _YOU, "RFC 3463 section 3.3"),
    "send.too_large": Advice(
        _E, "The message is larger than the server allows.",
        "Make attachments smaller (they grow by a third on the way), or send a link.", _YOU),
    "send.quota_exceeded": Advice(
        _E, "The account has reached its sending limit.",
        "Wait until the limit is over (mostly an hour or a day; the provider's help page says), or "
        "have it raised.", _YOU),
    "send.too_many_recipients": Advice(
        _E, "The message has more recipients than the server takes at a time.",
        "Send it to fewer recipients at a time.", _YOU, "RFC 5321 section 4.5.3.1.10"),
    "send.greylisted": Advice(
        _E, "The server puts off mail from senders that it does not know yet.",
        "Try again in some minutes; nothing is wrong.", _YOU, "RFC 6647"),
    "send.account_blocked": Advice(
        _E, "The provider has stopped this account from sending, mostly because of spam or a "
        "stolen password.",
        "Change the password, look for what was sent in your name, then have the provider's "
        "support lift the block.", _YOU),
    "send.account_restricted": Advice(
        _E, "The account may not send this yet: it is new, on trial, or limited to verified "
        "recipients.",
        "Finish activation on the provider's web page, or send to an address verified there.",
        _YOU),
    "send.mailbox_unavailable": Advice(
        _E, "The server cannot open the sending account's mailbox. It calls that temporary, but it "
        "does not heal by itself.",
        "Have the administrator look at mailbox and licence of the account.", _OPERATOR),
    "send.domain_unauthenticated": Advice(
        _E, "The message does not prove that it comes from the sender's domain: SPF, DKIM or DMARC "
        "fails or is missing.",
        "Send through the server that the domain's SPF record names, or add this one to it; sign "
        "with DKIM.", _YOU, "RFC 7489"),
    "send.spam": Advice(
        _E, "The server takes the message for spam, or its policy forbids the content.",
        "Look at links, wording and attachments; send a short plain text to tell whether it is the "
        "content.", _YOU),
    "send.virus": Advice(
        _E, "The server found malware in the message.",
        "Scan the attachments; do not send them again.", _YOU),
    "send.attachment_blocked": Advice(
        _E, "The server does not take an attachment of this kind.",
        "Send a link to it, or a file of another type.", _YOU),
    "send.malformed": Advice(
        _E, "The server refuses the form of the message: a header field, a line or a character.",
        "Read its words for which; give the message one From, Date and Message-ID, lines of at "
        "most 998 octets and CRLF line ends.", _YOU, "RFC 5322 section 3.6"),
    "send.non_ascii_refused": Advice(
        _E, "The server does not take an address or header field beyond ASCII.",
        "Use an ASCII address, or a server with SMTPUTF8.", _YOU, "RFC 6531"),
    "send.loop": Advice(
        _E, "The message went round in circles between servers.",
        "As the operator of the recipient's domain, look at its forwarding and MX records.",
        _OPERATOR, "RFC 5321 section 6.3"),
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
    "send.relays_without_login": Advice(
        _W, "The server takes mail from somebody who has not logged in.",
        "If that is not meant for this network, allow relaying only after a login.", _OPERATOR,
        "RFC 6409 section 4.3"),
}  # fmt: skip
