"""The patterns of the language, each beside the section that defines it.

Patterns are applied with ``fullmatch``: ``$`` would let a final line feed through.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
"""RFC 5322 section 3.2.3."""

_U = "[^\x00-\x7f\u3002\uff0e\uff61]"
"""Beyond ASCII, without the three that IDNA reads as dots (RFC 3490 section 3.1): what looks like
one label must not become two."""

UTF8_DOT_STRING = re.compile(rf"(?:{ATEXT}|{_U})+(?:\.(?:{ATEXT}|{_U})+)*")
"""RFC 5321 section 4.1.2, Dot-string; RFC 6531 section 3.3 adds UTF8-non-ascii to atext."""

QUOTED_STRING = re.compile(r'"[A-Za-z0-9!#$%&\'*+/=?^_`{|}~.()\[\]-]+"')
"""RFC 5321 section 4.1.2, Quoted-string, less what a careless reader takes for structure.

Space, ``< > @ , ; : \\ "`` are legal between quotes and have let a path end early or gain a
parameter in more than one client and server (CVE-2025-59937). Hardly a mailbox has them.
"""

DOMAIN = re.compile(
    r"(?=.{1,255}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
"""RFC 5321 section 4.1.2, Domain; lengths from section 4.5.3.1.2 and RFC 1035 section 2.3.4."""

UTF8_LABEL = re.compile(rf"(?:[A-Za-z0-9]|{_U})(?:[A-Za-z0-9-]|{_U}){{0,62}}")
"""RFC 6531 section 3.3, U-label; its exact rules (RFC 5892) are IDNA's business."""

KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
"""RFC 5321 section 4.1.1.1, ehlo-keyword."""

SASL_MECHANISM = re.compile(r"[A-Z0-9_-]{1,20}")
"""RFC 4422 section 3.1."""

ENVELOPE_ID = re.compile(r"[!-~]{1,100}")
"""RFC 3461 section 4.4: printable, at most 100 characters before xtext encoding."""

REPLY_CODE = re.compile(rb"[2-5][0-9]{2}")
"""RFC 5321 section 4.2, a little wider: its second digit ends at 5, some servers' does not."""

FOREIGN_REPLY = re.compile(rb"[0-9]{3}(?:[ -]|\Z)")
"""The form of a reply (RFC 5321 section 4.2) with any code: FTP and NNTP have such as begin with
1.
"""

STRICT_REPLY_CODE = re.compile(rb"[2-5][0-5][0-9]")
"""RFC 5321 section 4.2, Reply-code."""

ENHANCED_CODE = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?=\s|\Z)")
"""RFC 2034 section 4, statuscode; the format itself is RFC 3463 section 2."""

FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What no command line may hold: C0, DEL, C1 (NEL among them), the Unicode line ends and lone
surrogates. Any of these is a second line to somebody (RFC 5321 section 2.3.8)."""

MAX_LOCAL_PART = 64
"""Octets, RFC 5321 section 4.5.3.1.1."""

MAX_PATH = 256
"""Octets with the angle brackets, RFC 5321 section 4.5.3.1.3."""

MAX_COMMAND = 512
"""Octets with CRLF, RFC 5321 section 4.5.3.1.4, before extensions add to it."""

MAX_AUTH_LINE = 12288
"""Octets of a SASL response with CRLF, RFC 4954 section 4."""

MAX_TEXT_LINE = 998
"""Octets of a line of the message without CRLF, RFC 5321 section 4.5.3.1.6."""


def is_address_literal(text: str) -> bool:
    """Whether ``text`` is an address literal in its brackets (RFC 5321 section 4.1.3).

    Of the general form nothing is registered but IPv6, so nothing else is one.
    """
    if not (text.startswith("[") and text.endswith("]")):
        return False
    inside = text[1:-1]
    try:
        if inside[:5].lower() == "ipv6:":
            return IPv6Address(inside[5:]).scope_id is None
        IPv4Address(inside)
    except AddressValueError:
        return False
    return True
