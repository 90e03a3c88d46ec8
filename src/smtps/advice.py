"""What each code means in plain words, what to do about it, and who can: one table.

The check's findings, the HTTP error document and the shell all read it; a test makes sure that
every code of the project is in it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Mail cannot be sent this way."""
    WARNING = "warning"
    """It works, but not for everybody or not for long."""
    INFO = "info"


class Who(StrEnum):
    """Who can do something about it."""

    YOU = "you"
    OPERATOR = "operator"
    """Of the server."""
    NETWORK = "network"
    """Whoever runs the network between here and there."""


class Advice(NamedTuple):
    """One row: severity, meaning, remedy, for whom."""

    severity: Severity
    meaning: str
    fix: str
    audience: Who


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO
_YOU, _OPERATOR, _NETWORK = Who.YOU, Who.OPERATOR, Who.NETWORK

_RENEW = "Renew the certificate, then reload the mail server: it keeps the old one in memory."
_MODERN = "Upgrade the mail server's TLS library, or its settings, to TLS 1.2 and 1.3."

ADVICE: dict[str, Advice] = {
    # The request
    "input.invalid": Advice(_E, "A value cannot be used.", "Correct it and try again.", _YOU),
    "input.host_required": Advice(
        _E, "Nobody said which server.", "Give its host name, such as smtp.example.com.", _YOU),
    # Names
    "dns.invalid_name": Advice(
        _E, "This can be no host name.", "Check the spelling; write addresses in full.", _YOU),
    "dns.name_not_found": Advice(
        _E, "The name does not exist in DNS.",
        "Check the spelling; your provider's help page has the right name.", _YOU),
    "dns.lookup_failed": Advice(
        _E, "Your resolver could not answer. That says nothing about the mail server.",
        "Try again, or another resolver.", _NETWORK),
    "dns.no_address": Advice(
        _E, "The name exists but has no address to connect to.",
        "Check the name; as its operator, add an A or AAAA record.", _OPERATOR),
    "dns.timeout": Advice(
        _E, "Your resolver did not answer in time. That says nothing about the mail server.",
        "Try again, or another resolver.", _NETWORK),
    # Connections
    "net.refused": Advice(
        _E, "The machine answers, but nothing listens on this port.",
        "Try port 587 with STARTTLS; as its operator, enable the submissions listener.", _OPERATOR),
    "net.timeout": Advice(
        _E, "Packets are dropped: by a firewall there, or by your own network, as many do.",
        "Try from another network; if other servers time out on this port too, yours blocks it.",
        _NETWORK),
    "net.unreachable": Advice(
        _E, "There is no route to this address from here.",
        "If it is an IPv6 address, your network has no IPv6: use IPv4.", _NETWORK),
    "net.reset": Advice(
        _E, "Something cut the connection: a firewall, a block list, or a crash.",
        "Try again later or from another address; the server's log tells why.", _OPERATOR),
    "net.closed_by_server": Advice(
        _E, "The server hung up instead of answering.",
        "Try again later; the server's log tells why.", _OPERATOR),
    "net.blocked_here": Advice(
        _E, "This machine's own firewall forbids the connection.",
        "Allow outgoing connections to this port.", _YOU),
    "net.out_of_sockets": Advice(
        _E, "This machine has no room for another connection.",
        "Close some, or raise the limit on open files.", _YOU),
    "net.forbidden": Advice(
        _E, "This service does not connect to such targets.",
        "Use a public mail server on a mail port, or ask who runs the service.", _YOU),
    "net.failed": Advice(_E, "The connection failed.", "Try again.", _NETWORK),
    # TLS
    "tls.plaintext_on_tls_port": Advice(
        _E, "The server talks SMTP here, but without TLS from the first byte. Other programs call "
        "this “wrong version number”.",
        "Use port 587 with STARTTLS. As its operator, set smtpd_tls_wrappermode=yes (Postfix) or "
        "tls_on_connect_ports=465 (Exim).", _YOU),
    "tls.not_tls": Advice(
        _E, "Something else than a mail server listens here.", "Check host and port.", _YOU),
    "tls.timeout": Advice(
        _E, "The port is open, but no TLS comes back: a server without TLS that waits for you to "
        "speak, a tarpit, or a dead back end.",
        "Try port 587 with STARTTLS.", _OPERATOR),
    "tls.closed": Advice(
        _E, "The server hung up in the middle of the handshake without a reason.",
        "Try again later and from another address: it may be a limit on connections or a block "
        "list.", _OPERATOR),
    "tls.failed": Advice(_E, "TLS did not come about.", "The server's log tells why.", _OPERATOR),
    "tls.protocol_version": Advice(
        _E, "The server speaks only TLS versions that are no longer safe.", _MODERN, _OPERATOR),
    "tls.no_common_cipher": Advice(
        _E, "The server offers only ciphers that are no longer safe, or wants a client "
        "certificate.", _MODERN, _OPERATOR),
    "tls.weak_key_exchange": Advice(
        _E, "The server's Diffie-Hellman key is too short.",
        "Use ECDHE, or DH parameters of 2048 bits or more.", _OPERATOR),
    "tls.legacy_renegotiation": Advice(
        _E, "The server's TLS is from before 2010.", _MODERN, _OPERATOR),
    "tls.client_certificate_required": Advice(
        _E, "The server lets in only clients with a certificate of their own.",
        "Give one, or use another port.", _YOU),
    "tls.client_certificate_refused": Advice(
        _E, "The server does not accept this client certificate.",
        "Get a valid one from the server's operator.", _YOU),
    "tls.unrecognized_name": Advice(
        _E, "The server does not know the name you asked for.",
        "Use the official name of the provider.", _YOU),
    "tls.server_error": Advice(
        _E, "TLS is broken on the server, often because it has no certificate for this name.",
        "The server's log tells why.", _OPERATOR),
    "tls.certificate_expired": Advice(
        _E, "The certificate is out of date, so no client can trust it any more.", _RENEW,
        _OPERATOR),
    "tls.certificate_expires_soon": Advice(
        _W, "The certificate is about to run out.", _RENEW, _OPERATOR),
    "tls.certificate_not_yet_valid": Advice(
        _E, "The certificate starts in the future, or a clock is wrong.",
        "Check this computer's clock, then the server's certificate.", _YOU),
    "tls.certificate_wrong_host": Advice(
        _E, "The certificate belongs to another name than the one you asked for.",
        "Connect by a name that is in the certificate, or have this one added to it.", _YOU),
    "tls.certificate_self_signed": Advice(
        _E, "The server made its certificate itself; nobody vouches for it.",
        "Get one from a public authority. If it is meant so, trust this one by --fingerprint.",
        _OPERATOR),
    "tls.certificate_untrusted_root": Advice(
        _E, "The chain ends in an authority that this computer does not know: a company's own, or "
        "antivirus software or a proxy in the middle.",
        "If you know the authority, trust it with --ca-file; otherwise compare from another "
        "network.", _YOU),
    "tls.certificate_incomplete_chain": Advice(
        _E, "The link between the certificate and a known authority is missing.",
        "Configure the full chain (fullchain.pem) on the server; for an authority of your own, use "
        "--ca-file.", _OPERATOR),
    "tls.certificate_revoked": Advice(
        _E, "The issuer has withdrawn the certificate.", "Get a new one.", _OPERATOR),
    "tls.certificate_weak": Advice(
        _E, "A key or signature in the chain is too weak.",
        "Reissue with a key of at least 2048 bits RSA or P-256, signed with SHA-256.", _OPERATOR),
    "tls.certificate_wrong_purpose": Advice(
        _E, "The certificate, or an issuer, is not meant for this use.",
        "Reissue it for server authentication.", _OPERATOR),
    "tls.certificate_invalid": Advice(
        _E, "The certificate does not stand up to the check.", "Reissue it.", _OPERATOR),
    "tls.fingerprint_mismatch": Advice(
        _E, "The server shows another certificate than the pinned one: it was renewed, or this is "
        "not the server.", "Find out which, then pin the new one.", _YOU),
    "tls.starttls_not_offered": Advice(
        _E, "The server offers no TLS on this port, or somebody on the way hides it.",
        "Use port 465 with implicit TLS.", _OPERATOR),
    "tls.starttls_refused": Advice(
        _E, "The server offers STARTTLS and then refuses it.", "The server's log tells why.",
        _OPERATOR),
    "tls.starttls_injection": Advice(
        _E, "Bytes were slipped in before TLS began: an attack, or a badly broken server.",
        "Do not use this path; use port 465 with implicit TLS.", _NETWORK),
    "tls.starttls_inside_tls": Advice(
        _W, "The server offers STARTTLS although TLS is already on.",
        "Take STARTTLS out of this listener's offer (RFC 3207 section 4.2).", _OPERATOR),
    # SMTP
    "smtp.greeting_timeout": Advice(
        _E, "The connection stands, but the server does not speak first.",
        "Wait longer; a tarpit or a reverse look-up may hold it up.", _OPERATOR),
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
    # Login
    "auth.not_offered": Advice(
        _E, "The server takes no login on this port.",
        "Check the port; as its operator, enable SASL for this listener.", _OPERATOR),
    "auth.no_common_mechanism": Advice(
        _E, "The server wants another kind of login than you have.",
        "Look at what it offers: XOAUTH2 alone means that passwords are not accepted.", _YOU),
    "auth.no_channel_binding": Advice(
        _E, "This mechanism ties the login to the TLS connection, which is not possible here.",
        "Use the same mechanism without -PLUS.", _YOU),
    "auth.rejected": Advice(
        _E, "The server does not accept this user name and password.",
        "Check both. Many providers want an app password here, not the one of the account.", _YOU),
    "auth.try_later": Advice(
        _E, "The server puts logins off, often after too many tries.",
        "Wait; trying again makes it worse.", _YOU),
    "auth.unverified_tls": Advice(
        _E, "Without a check of the certificate, anybody could be at the other end.",
        "Give a CA file or a fingerprint; to send the password all the same, say so explicitly.",
        _YOU),
    "auth.server_not_proven": Advice(
        _E, "The server could not prove that it knows the password: it may be an impostor.",
        "Do not use it before you know why.", _OPERATOR),
    "auth.scram_failed": Advice(
        _E, "The proof of the password failed.", "Check user name and password.", _YOU),
    "auth.bad_challenge": Advice(
        _E, "The server breaks the rules of the login.", "Try another mechanism.", _OPERATOR),
    "auth.unexpected_challenge": Advice(
        _E, "The server breaks the rules of the login.", "Try another mechanism.", _OPERATOR),
    # Messages
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
    # Sending
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
    # The session itself
    "session.broken": Advice(
        _E, "The session ended with an error before.", "Open another.", _YOU),
    "session.cancelled": Advice(_E, "The call was cancelled.", "Open another session.", _YOU),
    "session.out_of_order": Advice(
        _E, "This cannot be done at this point.", "Finish what was begun first.", _YOU),
    "session.reply_due": Advice(
        _E, "A reply is still due.", "Wait for it first.", _YOU),
    # The service
    "api.not_found": Advice(_E, "There is nothing at this path.", "See /docs.", _YOU),
    "api.method_not_allowed": Advice(
        _E, "This path does not take this method.", "See the Allow header.", _YOU),
    "api.malformed": Advice(_E, "The body cannot be read.", "Send JSON.", _YOU),
    "api.unsupported_media_type": Advice(
        _E, "The body is not JSON.", "Send Content-Type: application/json.", _YOU),
    "api.too_large": Advice(_E, "The body is too large.", "Send less.", _YOU),
    "api.too_many": Advice(_E, "The message has too many parts.", "Split it.", _YOU),
    "api.wrong_host": Advice(
        _E, "The request was meant for another name than this service goes by.",
        "Use its own address, or add the name to the setting hosts.", _YOU),
    "api.wrong_origin": Advice(
        _E, "A web page elsewhere tried to use this service.",
        "Use the service's own page.", _YOU),
    "api.token_needed": Advice(
        _E, "The service wants a token.", "Send Authorization: Bearer and your token.", _YOU),
    "api.caller_limited": Advice(
        _E, "You are asking too often.", "Wait as long as Retry-After says.", _YOU),
    "api.target_limited": Advice(
        _E, "This target has been asked for too often, by you or by others.",
        "Wait as long as Retry-After says.", _YOU),
    "api.busy": Advice(
        _E, "The service has too many requests under way.", "Try again in a second.", _YOU),
    "api.stopping": Advice(
        _E, "The service is stopping.", "Try again in a few seconds.", _YOU),
    "api.bug": Advice(_E, "This is our mistake.", "Please report it.", _OPERATOR),
}  # fmt: skip


def advice_for(code: str) -> Advice:
    """The row of a code.

    Raises:
        KeyError: the code is not one of the project's.
    """
    return ADVICE[code]
