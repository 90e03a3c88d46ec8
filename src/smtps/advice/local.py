"""Advice on this side of the wire: requests, messages, the outbox, webhooks and autoconfig."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR

LOCAL: dict[str, Advice] = {
    "input.invalid": Advice(_E, "A value is not valid.", "Correct it and try again.", _YOU),
    "input.host_required": Advice(
        _E, "No server was specified.", "Give its host name, such as smtp.example.com.", _YOU),
    "input.extra_missing": Advice(
        _E, "A required package is not installed.",
        "Install the extra named in the message, or all of them: in a checkout of smtps, pip "
        "install '.[all]'.", _YOU),
    "session.broken": Advice(
        _E, "The session has already ended with an error.", "Open a new session.", _YOU),
    "session.halted": Advice(
        _E, "The program stopped before the message was transmitted.",
        "Nothing was sent. Send it again; the outbox does so automatically.", _YOU),
    "session.cancelled": Advice(_E, "The call was cancelled.", "Open a new session.", _YOU),
    "session.out_of_order": Advice(
        _E, "This operation is not possible at this point.",
        "Finish the current operation first.", _YOU),
    "session.reply_due": Advice(_E, "A reply is still outstanding.", "Wait for it first.", _YOU),
    "session.loop_running": Advice(
        _E, "A blocking call was made while an event loop is running.",
        "Use await smtps.send(…), smtps.check(…) or smtps.connect(…) there.", _YOU),
    "api.not_found": Advice(_E, "This path does not exist.", "See /docs.", _YOU),
    "api.method_not_allowed": Advice(
        _E, "This path does not support this method.", "See the Allow header.", _YOU),
    "api.head_too_large": Advice(
        _E, "The request line and header fields are too long.",
        "Send fewer or shorter ones: the limit is 65536 bytes in total.", _YOU),
    "api.malformed": Advice(
        _E, "The request is malformed.", "Send HTTP/1.1 with a JSON body.", _YOU),
    "api.unsupported_media_type": Advice(
        _E, "The body is not JSON, or its Content-Type says otherwise.",
        "Send Content-Type: application/json; /api/smtps/send and /api/smtps/messages also accept "
        "a form.", _YOU),
    "api.no_space": Advice(
        _E, "The service has no disk space for the files.",
        "Free disk space, or point the setting upload_dir at a larger disk.", _OPERATOR),
    "api.too_large": Advice(_E, "The body is too large.", "Send a smaller body.", _YOU),
    "api.too_slow": Advice(
        _E, "The body arrived too slowly.",
        "Send it in one go, at 4096 bytes per second or more. The request was not processed.",
        _YOU),
    "api.too_many": Advice(_E, "The request has too many parts.", "Split it.", _YOU),
    "api.wrong_host": Advice(
        _E, "The request's host name is not one of this service's names.",
        "Use the service's own address, or add the name to the setting hosts.", _YOU),
    "api.wrong_origin": Advice(
        _E, "A web page from another origin tried to use this service.",
        "Use the service's own page.", _YOU),
    "api.token_needed": Advice(
        _E, "The service requires a token.",
        "Send the header Authorization: Bearer with your token.", _YOU),
    "api.right_needed": Advice(
        _E, "Your token does not have the right to do this.",
        "Use another token, or have the right added in the setting rights.", _YOU),
    "api.caller_limited": Advice(
        _E, "You are sending requests too often.", "Wait for the time given in Retry-After.", _YOU),
    "api.target_limited": Advice(
        _E, "This target was requested too often, by you or by others.",
        "Wait for the time given in Retry-After.", _YOU),
    "api.busy": Advice(
        _E, "The service is handling too many requests.", "Try again in a second.", _YOU),
    "api.share_taken": Advice(
        _E, "You have reached the limit of concurrent requests per caller.",
        "Wait for one of them to finish, then try again.", _YOU),
    "api.stopping": Advice(
        _E, "The service is shutting down.", "Try again in a few seconds.", _YOU),
    "api.bug": Advice(_E, "This is a bug in smtps.", "Please report it.", _OPERATOR),
}  # fmt: skip


_W = Severity.WARNING

SENDING: dict[str, Advice] = {
    "message.bcc_in_raw": Advice(
        _E, "Every recipient of this raw message would see its blind carbon copy (Bcc) recipients.",
        "Remove its Bcc field: the envelope determines who receives the message. To send it "
        "anyway, use keep_bcc (on the command line, --keep-bcc).", _YOU, "RFC 5322 section 3.6.3"),
    "message.injection": Advice(
        _E, "A value would have injected unwanted fields into the header.",
        "Find out where that value comes from.", _YOU),
    "message.line_too_long": Advice(
        _E, "Mail servers accept lines of at most 998 bytes.",
        "Encode that part as base64 or quoted-printable.", _YOU),
    "message.mixed_line_ends": Advice(
        _E, "Servers disagree on where such a message ends, which lets an attacker smuggle in a "
        "second message.",
        "Convert all line ends to CRLF.", _YOU),
    "message.signed_part": Advice(
        _E, "The signed part cannot be sent exactly as it was signed.",
        "Send the raw bytes of the message with an envelope, or sign it again as the error "
        "describes.", _YOU, "RFC 1847 section 2.1"),
    "message.nul": Advice(
        _E, "Mail cannot carry NUL bytes unencoded.", "Encode that part as base64.", _YOU),
    "send.mail_refused": Advice(
        _E, "The server refused the sender. Its reply is the only information available.",
        "Read the reply, or ask the server's operator.", _YOU),
    "send.recipient_refused": Advice(
        _E, "The server refused a recipient. Its reply is the only information available.",
        "Read the reply, or ask the server's operator.", _YOU),
    "send.data_refused": Advice(
        _E, "The server accepted the envelope but not the message. Its reply is the only "
        "information available.",
        "Read the reply, or ask the server's operator.", _YOU),
    "send.message_refused": Advice(
        _E, "The server read the message and refused it. Its reply is the only information "
        "available.",
        "Read the reply, or ask the server's operator.", _YOU),
    "send.deferred": Advice(
        _E, "The server does not accept it at the moment. Its reply is the only information "
        "available.",
        "Try again in a few minutes; if this goes on for hours, ask the server's operator.", _YOU),
    "send.login_required": Advice(
        _E, "The server requires you to log in first.",
        "Log in: give user name and password.", _YOU, "RFC 4954 section 6"),
    "send.login_ignored": Advice(
        _E, "The server accepted the login, but then treats the session as one without a login.",
        "Only its operator can fix this: the part of the server that decides whether to accept "
        "mail does not see the login. In Postfix, put permit_sasl_authenticated first in the "
        "restrictions of this port; behind a proxy, have the proxy pass the login on.", _OPERATOR,
        "RFC 4954 section 6"),
    "send.sender_refused": Advice(
        _E, "You are not allowed to send as this address here.",
        "Use the account's own address as sender (From and envelope), or have this address allowed "
        "or verified for the account.", _YOU),
    "send.sender_blocked": Advice(
        _E, "The recipient's server has this sender's address or domain on its own block list, or "
        "found it on a public one.",
        "If the reply names a public list, look the domain up there and ask for its removal. If "
        "not, contact the recipient another way and ask to have it removed.", _YOU),
    "send.link_blocked": Advice(
        _E, "The message contains a link whose domain is on a block list.",
        "Remove the link and send again; check the signature, too. If you own the domain, look it "
        "up on the list that the reply names.", _YOU),
    "send.sender_unresolvable": Advice(
        _E, "The server cannot find the sender's domain in DNS, or the sender's mailbox in that "
        "domain.",
        "Check the sender's address. If you own its domain, publish an MX or address record.", _YOU,
        "RFC 5321 section 2.3.5"),
    "send.sender_malformed": Advice(
        _E, "The server cannot parse the sender's address.",
        "Give a complete address, such as ann@example.com.", _YOU),
    "send.sender_mailbox_full": Advice(
        _E, "The sending account's own mailbox is full, so the server cannot store its copy of the "
        "mail.",
        "Delete mail from it, then send again.", _YOU),
    "send.recipient_unknown": Advice(
        _E, "The mailbox does not exist.", "Check the address.", _YOU, "RFC 3463 section 3.2"),
    "send.recipient_unverified": Advice(
        _E, "The server asks the recipient's mail server whether the mailbox exists before it "
        "accepts the recipient, and received no answer.",
        "Try again later. If it keeps failing, the recipient's mail server is at fault: contact "
        "the recipient another way.", _YOU),
    "send.recipient_disabled": Advice(
        _E, "The recipient's mailbox exists but does not accept mail: it is disabled or inactive.",
        "Contact the recipient another way and ask for an address that works.", _YOU,
        "RFC 3463 section 3.3"),
    "send.recipient_suppressed": Advice(
        _E, "The sending service does not send to this address: earlier mail to it bounced or drew "
        "a complaint.",
        "If you know that the address works, remove it from the service's suppression list.", _YOU),
    "send.recipient_restricted": Advice(
        _E, "The recipient accepts mail only from certain senders, and you are not one of them.",
        "Ask the recipient, or the administrator of the list or group, to allow your address.",
        _YOU),
    "send.recipient_malformed": Advice(
        _E, "The server cannot parse the recipient's address.",
        "Check its spelling; give a complete address, such as bob@example.org.", _YOU),
    "send.domain_unknown": Advice(
        _E, "The recipient's domain does not exist or does not accept mail.",
        "Check the part after the @.", _YOU, "RFC 7505"),
    "send.relaying_denied": Advice(
        _E, "The server does not relay your mail to this recipient.",
        "Log in, and send from one of the account's addresses.", _YOU),
    "send.mailbox_full": Advice(
        _E, "The recipient's mailbox is full.",
        "Send again later, or contact the recipient another way.", _YOU, "RFC 3463 section 3.3"),
    "send.too_large": Advice(
        _E, "The message is larger than the server allows.",
        "Make attachments smaller (encoding adds a third to their size), or send a link.", _YOU),
    "send.quota_exceeded": Advice(
        _E, "The account has reached its sending limit.",
        "Wait until the limit resets (usually after an hour or a day; see the provider's help "
        "page), or have it raised.", _YOU),
    "send.too_many_recipients": Advice(
        _E, "The message has more recipients than the server accepts at a time.",
        "Send it to fewer recipients at a time.", _YOU, "RFC 5321 section 4.5.3.1.10"),
    "send.greylisted": Advice(
        _E, "The server delays mail from senders that it does not know yet (greylisting).",
        "Try again in a few minutes; nothing is wrong.", _YOU, "RFC 6647"),
    "send.account_blocked": Advice(
        _E, "The provider has blocked this account from sending, usually because of spam or a "
        "stolen password.",
        "Change the password, check what was sent in your name, then ask the provider's support to "
        "lift the block.", _YOU),
    "send.account_restricted": Advice(
        _E, "The account is not allowed to send this yet: it is new, on trial, or limited to "
        "verified recipients.",
        "Finish the activation on the provider's website, or send to an address verified there.",
        _YOU),
    "send.mailbox_unavailable": Advice(
        _E, "The server cannot open the sending account's mailbox. It calls this temporary, but "
        "the problem does not go away by itself.",
        "Ask the administrator to check the account's mailbox and licence.", _OPERATOR),
    "send.mailbox_permission_missing": Advice(
        _E, "The login was accepted, but whoever logged in may not open the sending mailbox. The "
        "server calls this temporary, but it does not go away by itself.",
        "Ask an administrator of Exchange Online to give the application, or the user, access to "
        "the mailbox: Add-MailboxPermission -Identity MAILBOX -User OBJECT_ID -AccessRights "
        "FullAccess, with the object ID under Enterprise applications. Then resume the account.",
        _OPERATOR, "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/"
        "how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth"),
    "send.domain_unauthenticated": Advice(
        _E, "The message does not prove that it comes from the sender's domain: SPF, DKIM or DMARC "
        "fails or is missing.",
        "Send through a server that the domain's SPF record names, or add this server to the "
        "record; sign with DKIM.", _YOU, "RFC 7489"),
    "send.spam": Advice(
        _E, "The server considers the message spam, or its policy forbids the content.",
        "Check links, wording and attachments; send a short plain-text message to find out whether "
        "the content is the cause.", _YOU),
    "send.virus": Advice(
        _E, "The server found malware in the message.",
        "Scan the attachments; do not send them again.", _YOU),
    "send.attachment_blocked": Advice(
        _E, "The server does not accept attachments of this type.",
        "Send a link to it, or a file of another type.", _YOU),
    "send.malformed": Advice(
        _E, "The server refuses the message as malformed: a header field, a line or a character.",
        "Read the reply to find out which; give the message exactly one From, Date and Message-ID, "
        "lines of at most 998 bytes and CRLF line ends.", _YOU, "RFC 5322 section 3.6"),
    "send.non_ascii_refused": Advice(
        _E, "The server does not accept a non-ASCII address or header field.",
        "Use an ASCII address, or a server with SMTPUTF8.", _YOU, "RFC 6531"),
    "send.loop": Advice(
        _E, "The message is looping between servers.",
        "As the operator of the recipient's domain, check its forwarding rules and MX records.",
        _OPERATOR, "RFC 5321 section 6.3"),
    "send.smtputf8_not_offered": Advice(
        _E, "The server does not support non-ASCII addresses.",
        "Use an ASCII address, or a server with SMTPUTF8.", _YOU),
    "send.8bitmime_not_offered": Advice(
        _E, "The server cannot accept this message without further encoding.",
        "Encode its parts as base64 or quoted-printable.", _YOU),
    "send.dsn_not_offered": Advice(
        _E, "The server cannot send delivery status notifications.",
        "Send without asking for them (DSN).", _YOU),
    "send.requiretls_not_offered": Advice(
        _E, "The server cannot guarantee TLS on every hop.",
        "Send without requiring it (REQUIRETLS).", _YOU),
    "send.uncertain": Advice(
        _E, "The server received the whole message and did not answer. It may have been delivered.",
        "Check the mailbox or the server's log before you send it again.", _YOU),
    "send.failed": Advice(
        _E, "The message was not sent to all recipients.",
        "See the result for each recipient.", _YOU),
    "send.relays_without_login": Advice(
        _W, "The server accepts mail from clients that have not logged in.",
        "If that is not intended for this network, allow relaying only after a login.", _OPERATOR,
        "RFC 6409 section 4.3"),
}  # fmt: skip


OUTBOX: dict[str, Advice] = {
    "outbox.not_configured": Advice(
        _E, "This service has no outbox.",
        "Set outbox and accounts in its configuration, or send immediately with /api/smtps/send.",
        _OPERATOR),
    "outbox.no_account": Advice(
        _E, "There is no account with this name.",
        "Use one listed by GET /api/smtps/accounts.", _YOU),
    "outbox.account_not_allowed": Advice(
        _E, "Your token is not allowed to use this account.",
        "Use another account, or have the token added to its grants.", _YOU),
    "outbox.sender_not_allowed": Advice(
        _E, "The account may not send from this address.",
        "Send from one of the addresses listed in the account's setting senders.", _YOU),
    "outbox.not_found": Advice(
        _E, "The message does not exist, or has already been deleted.", "Check its id.", _YOU),
    "outbox.too_late": Advice(
        _E, "The message's state no longer allows this.", "Check its state first.", _YOU),
    "outbox.body_gone": Advice(
        _E, "The record of the message still exists, but its content has been deleted.",
        "Submit it again.", _YOU),
    "outbox.no_webhook": Advice(
        _E, "The account of the message has no webhook, so there is nothing to deliver.",
        "Set webhook for the account, or query the message itself.", _OPERATOR),
    "outbox.nothing_to_tell": Advice(
        _E, "The message has no event to deliver yet.",
        "Wait until it is sent or refused; the event is then delivered automatically.", _YOU),
    "outbox.key_reused": Advice(
        _E, "The request's Idempotency-Key was already used for a different request.",
        "Use a new Idempotency-Key for each new message; reuse a key only to repeat the same "
        "request.", _YOU),
    "outbox.key_in_use": Advice(
        _E, "A request with the same key is in progress.", "Try again in a second.", _YOU),
    "outbox.full": Advice(
        _E, "The outbox is full; the message was not accepted.",
        "Free disk space, or raise outbox_octets; then send the message again.", _OPERATOR),
    "outbox.unavailable": Advice(
        _E, "The outbox database does not answer, or cannot be written to; the message was not "
        "accepted.",
        "Start the database, or make it writable; then send the message again.", _OPERATOR),
    "outbox.unconfirmed": Advice(
        _E, "The connection to the outbox database was lost before it confirmed the request, which "
        "may have been stored.",
        "Repeat the request with the same Idempotency-Key. Without a key, check the list of "
        "messages first.", _YOU),
    "outbox.in_use": Advice(
        _E, "Another service is delivering from this outbox.",
        "Stop it, or use PostgreSQL, which allows several services to deliver.", _OPERATOR),
    "outbox.moved": Advice(
        _E, "The mail in this outbox has been moved.",
        "Use the outbox that it was moved to.", _OPERATOR),
    "outbox.lane_lost": Advice(
        _E, "Another worker has taken over the account.",
        "No action needed: the other worker continues.", _OPERATOR),
    "outbox.interrupted": Advice(
        _E, "The service stopped while it was transmitting the message, which may or may not have "
        "arrived.",
        "Check whether it has arrived; if it has not, retry it.", _YOU),
}  # fmt: skip


WEB: dict[str, Advice] = {
    "web.status": Advice(
        _E, "The web server answered with an error.",
        "Check its log. A webhook receiver has to answer with a status from 200 to 299.", _OPERATOR,
        "RFC 9110 section 15"),
    "web.redirected": Advice(
        _E, "The web server answered with a redirect, which is not followed.",
        "If you trust the redirect's target, use its URL instead.", _YOU, "RFC 9110 section 15.4"),
    "web.timeout": Advice(
        _E, "The web server did not answer in time, or did not finish its answer.",
        "If you operate the server, answer first and do the work afterwards; check for a proxy "
        "that waits.",
        _OPERATOR),
    "web.closed": Advice(
        _E, "The web server closed the connection without an answer.",
        "Check its log and the log of the proxy in front of it.", _OPERATOR),
    "web.malformed": Advice(
        _E, "The server did not send a valid HTTP response.",
        "Check host and port: something other than a web server may listen there.", _YOU,
        "RFC 9112"),
    "web.too_large": Advice(
        _E, "The response exceeds the size limit.",
        "If you operate the server, send a smaller response.", _OPERATOR),
    "web.proxy_refused": Advice(
        _E, "The HTTP proxy refused to connect to the web server.",
        "Check the proxy's user and password, and whether it allows this host and port.", _YOU,
        "RFC 9110 section 9.3.6"),
}  # fmt: skip

_FIXES: dict[str, str] = {
    "net.refused": "Check the URL's port, and that the receiver is running.",
    "net.forbidden":
        "The URL leads to an address that is not public, which private = false excludes. Correct "
        "the URL or its DNS records.",
    "net.": "Check the URL, the receiver, and the network between here and there.",
    "dns.": "Check the URL's host and its DNS records.",
    "tls.certificate_expired": "If you operate the receiver, renew its certificate.",
    "tls.certificate_wrong_host":
        "Use a host name that is in the receiver's certificate, or have this one added to it.",
    "tls.certificate_":
        "If you operate the receiver, install a certificate from a public authority with its full "
        "chain. For a private authority, set ca_file for the webhook.",
    "tls.":
        "Check that the URL's port uses TLS; a URL for plain HTTP begins with http://.",
    "smtp.": "Check the URL's port: it does not use TLS.",
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
