"""Advice on this side of the wire: requests, messages, the outbox, webhooks and autoconfig."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR

LOCAL: dict[str, Advice] = {
    "input.invalid": Advice(_E, "A value cannot be used.", "Correct it and try again.", _YOU),
    "input.host_required": Advice(
        _E, "Nobody said which server.", "Give its host name, such as smtp.example.com.", _YOU),
    "input.extra_missing": Advice(
        _E, "A package that this needs is not installed.",
        "Install the extra that the message names, or all of them: in a checkout of smtps, "
        "pip install '.[all]'.", _YOU),
    "session.broken": Advice(
        _E, "The session ended with an error before.", "Open another.", _YOU),
    "session.halted": Advice(
        _E, "The program stopped before the message was handed over.",
        "Nothing was sent. Send it again; the outbox does so by itself.", _YOU),
    "session.cancelled": Advice(_E, "The call was cancelled.", "Open another session.", _YOU),
    "session.out_of_order": Advice(
        _E, "This cannot be done at this point.", "Finish what was begun first.", _YOU),
    "session.reply_due": Advice(
        _E, "A reply is still due.", "Wait for it first.", _YOU),
    "session.loop_running": Advice(
        _E, "A call that blocks was made where an event loop is running.",
        "Use await smtps.send(…), smtps.check(…) or smtps.connect(…) there.", _YOU),
    "api.not_found": Advice(_E, "There is nothing at this path.", "See /docs.", _YOU),
    "api.method_not_allowed": Advice(
        _E, "This path does not take this method.", "See the Allow header.", _YOU),
    "api.head_too_large": Advice(
        _E, "The request line and the header fields are too long.",
        "Send fewer or shorter ones: 65536 octets together.", _YOU),
    "api.malformed": Advice(
        _E, "The request cannot be read.", "Send HTTP/1.1 with a body of JSON.", _YOU),
    "api.unsupported_media_type": Advice(
        _E, "The body is not JSON, or its Content-Type says that it is something else.",
        "Send Content-Type: application/json; to /api/smtps/send and /api/smtps/messages also a "
        "form.", _YOU),
    "api.no_space": Advice(
        _E, "The service has no room for the files.",
        "Free the disk, or point the setting upload_dir at a larger one.", _OPERATOR),
    "api.too_large": Advice(_E, "The body is too large.", "Send less.", _YOU),
    "api.too_slow": Advice(
        _E, "The body came too slowly.",
        "Send it at once, at 4096 octets a second or more; nothing was done.", _YOU),
    "api.too_many": Advice(_E, "The request has too many parts.", "Split it.", _YOU),
    "api.wrong_host": Advice(
        _E, "The request was meant for another name than this service goes by.",
        "Use its own address, or add the name to the setting hosts.", _YOU),
    "api.wrong_origin": Advice(
        _E, "A web page elsewhere tried to use this service.",
        "Use the service's own page.", _YOU),
    "api.token_needed": Advice(
        _E, "The service wants a token.", "Send Authorization: Bearer and your token.", _YOU),
    "api.right_needed": Advice(
        _E, "Your token has no right to this.",
        "Use another token, or have the right added to the setting rights.", _YOU),
    "api.caller_limited": Advice(
        _E, "You are asking too often.", "Wait as long as Retry-After says.", _YOU),
    "api.target_limited": Advice(
        _E, "This target has been asked for too often, by you or by others.",
        "Wait as long as Retry-After says.", _YOU),
    "api.busy": Advice(
        _E, "The service has too many requests under way.", "Try again in a second.", _YOU),
    "api.share_taken": Advice(
        _E, "You have as many requests under way as one caller may have.",
        "Wait until one of them has been answered, then try again.", _YOU),
    "api.stopping": Advice(
        _E, "The service is stopping.", "Try again in a few seconds.", _YOU),
    "api.bug": Advice(_E, "This is our mistake.", "Please report it.", _OPERATOR),
}  # fmt: skip


_W = Severity.WARNING

SENDING: dict[str, Advice] = {
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


OUTBOX: dict[str, Advice] = {
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


WEB: dict[str, Advice] = {
    "web.status": Advice(
        _E, "The web server answered with an error.",
        "Look into its log. Whoever takes events has to answer with a status from 200 to 299.",
        _OPERATOR, "RFC 9110 section 15"),
    "web.redirected": Advice(
        _E, "The web server answered with a redirection, which is not followed.",
        "If you trust the place that it leads to, use the URL of that place.", _YOU,
        "RFC 9110 section 15.4"),
    "web.timeout": Advice(
        _E, "The web server did not answer in time, or did not finish its answer.",
        "As its operator, answer first and do the work afterwards; look for a proxy that waits.",
        _OPERATOR),
    "web.closed": Advice(
        _E, "The web server closed the connection without an answer.",
        "Look into its log, and into that of the proxy in front of it.", _OPERATOR),
    "web.malformed": Advice(
        _E, "What the server sent is not an HTTP response that can be used.",
        "Check host and port: something other than a web server may listen there.", _YOU,
        "RFC 9112"),
    "web.too_large": Advice(
        _E, "The response is larger than what is read of one.",
        "As its operator, answer with less.", _OPERATOR),
    "web.proxy_refused": Advice(
        _E, "The HTTP proxy refused to connect to the web server.",
        "Check the proxy's user and password, and whether it allows this host and port.", _YOU,
        "RFC 9110 section 9.3.6"),
}  # fmt: skip

_FIXES: dict[str, str] = {
    "net.refused": "Check the port of the URL, and that the receiver is running.",
    "net.forbidden":
        "The URL leads to an address that is not public, which private = false excludes. Correct "
        "the URL or its DNS records.",
    "net.": "Check the URL, the receiver, and the network between here and there.",
    "dns.": "Check the host of the URL and its DNS records.",
    "tls.certificate_expired": "As the receiver's operator, renew its certificate.",
    "tls.certificate_wrong_host":
        "Use a host name that is in the receiver's certificate, or have this one added to it.",
    "tls.certificate_":
        "As the receiver's operator, install a certificate of a public authority with its full "
        "chain. For an authority of your own, set ca_file of the webhook.",
    "tls.":
        "Check that the port of the URL speaks TLS; a URL for plain HTTP begins with http://.",
    "smtp.": "Check the port of the URL: it does not speak TLS.",
    "input.": "Correct the webhook's settings.",
}  # fmt: skip
"""Of failures whose usual advice is about mail servers; the first that fits counts."""


def fix_for(code: str) -> str | None:
    """What to do about a webhook's failure; None where nothing is known.

    Args:
        code: of any failure on the way to a web server.
    """
    if (row := WEB.get(code)) is not None:
        return row.fix
    return next((fix for start, fix in _FIXES.items() if code.startswith(start)), None)
