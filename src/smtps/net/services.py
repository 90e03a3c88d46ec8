"""What listens on a port instead of SMTP, told by its first words; data only."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """Another protocol than SMTP submission.

    Attributes:
        name: for a sentence, with its article.
        code: of the failure.
        words: pattern for the beginning of what it says, bytes.
    """

    name: str
    code: str
    words: re.Pattern[bytes]


_WEB, _INCOMING, _OTHER = "smtp.web_server", "smtp.incoming_mail_server", "smtp.other_service"


def _service(name: str, code: str, words: bytes) -> Service:
    return Service(name, code, re.compile(words, re.IGNORECASE | re.DOTALL))


LMTP = _service(
    "an LMTP server, which accepts mail only from other mail servers", _OTHER,
    rb"2\d\d[ -][^\n]*\bLMTP\b|5\d\d[ -][^\n]*\bLHLO\b",
)  # fmt: skip

SERVICES: tuple[Service, ...] = (
    _service("a web server (HTTP)", _WEB, rb"HTTP/\d|\s{0,20}<(!doctype html|html|head)\b"),
    # Each side of HTTP/2 begins with a SETTINGS frame (RFC 9113 section 3.4), or gives up with
    # GOAWAY.
    _service("a web server (HTTP/2)", _WEB, rb"\0\0.(\x04[\0\1]|\x07\0)\0\0\0\0"),
    _service("an IMAP server", _INCOMING, rb"\* (OK|BYE|PREAUTH|BAD)\b|\S{1,16} BAD [^\n]*IMAP"),
    _service("a Redis server", _OTHER, rb"-ERR unknown command ['`]|-ERR Protocol error|-NOAUTH\b"
             rb"|-DENIED\b|-ERR max number of clients"),
    _service("a POP3 server", _INCOMING, rb"(\+OK|-ERR)\b"),
    _service("a ManageSieve server", _INCOMING, rb'"IMPLEMENTATION"|(NO|BYE)( \([A-Z/]+\))? "'),
    LMTP,
    _service("an FTP server", _OTHER,
             rb"2\d\d[ -](?![^\n]*SMTP)[^\n]*(\bFTP\b|FTPd|FileZilla Server)"
             rb"|211[ -][^\n]*(Features|Extensions)|530[ -][^\n]*\bUSER\b[^\n]*\bPASS\b"),
    _service("a news server (NNTP)", _OTHER,
             rb"20[01][ -][^\n]*(NNTP|\bINN\b|InterNetNews|posting)"),
    _service("an SSH server", _OTHER, rb"SSH-\d"),
    _service("an LDAP server", _OTHER,
             rb"0(.|\x81.|\x82..|\x84....)\x02\x01.[\x61\x64\x65\x78]"),
    _service("an MQTT broker", _OTHER, rb"\x20[\x02-\x20][\0\1][\0-\xa2]"),
    _service("an AMQP broker", _OTHER, rb"AMQP[\0-\4]"),
    _service("a database server (MySQL or MariaDB)", _OTHER, rb"..\0\0(\x0a[0-9]+\.|\xff)"),
    _service("a database server (PostgreSQL)", _OTHER, rb"E\0\0[^\n]*SFATAL\0"),
    _service("an XMPP server", _OTHER, rb"(<\?xml[^>]*>\s*)?<stream:"),
    _service("an IRC server", _OTHER, rb":\S+ (NOTICE|4\d\d|ERROR)\b|NOTICE (AUTH|\*) :|ERROR :"),
    _service("a Telnet server", _OTHER, rb"(\xff[\xfb-\xfe].){2}"),
    _service("a remote desktop server (VNC)", _OTHER, rb"RFB \d"),
    _service("a telephony server (SIP)", _OTHER, rb"SIP/2\.0"),
    _service("a streaming server (RTSP)", _OTHER, rb"RTSP/\d"),
)  # fmt: skip
"""The first that fits."""

PROMPTS: dict[str, bytes] = {
    "say EHLO": b"EHLO portofcall\r\n",
    "say EHLO inside": b"EHLO portofcall\r\n",
    "say FEAT": b"FEAT\r\n",
    "say FEAT in the clear": b"FEAT\r\n",
    "say LHLO": b"LHLO portofcall\r\n",
    "say HTTP": b"GET / HTTP/1.0\r\n\r\n",
    # A bind without a name (RFC 4511 section 4.2), and CONNECT of MQTT 3.1.1 (section 3.1).
    "say LDAP": bytes.fromhex("300c020101600702010304008000"),
    "say MQTT": bytes.fromhex("101200044d51545404020005") + b"\0\x06smtps0",
}
"""Name of a look → what it says to make a server talk that waits for its client.

EHLO comes first: web servers and most others answer it with words of their own. "Inside" says it
through TLS on a port that should begin in the clear. FEAT (RFC 2389) is known to FTP alone, LHLO to
LMTP (RFC 2033).
"""


def recognise(data: bytes) -> Service | None:
    """The service that these first words, or one of their lines, belong to; None if unknown."""
    for words in (data, *data.split(b"\n")[1:]):
        for service in SERVICES:
            if service.words.match(words):
                return service
    return None
