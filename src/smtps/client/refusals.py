"""What a server means when it says no: one table, from its words to our codes.

Servers agree on little here. A row fits by reply code, enhanced status code (RFC 3463) or, where
these are too coarse, by words that large providers and common servers have used for years.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from smtps.core.reply import Reply
from smtps.errors import LoginError, Phase, RefusedError


class Row(NamedTuple):
    """One meaning.

    Attributes:
        phases: where it can be met.
        pattern: searched in the whole reply, such as ``535 5.7.8 Error: …``; case is ignored.
        code: ours.
    """

    phases: frozenset[Phase]
    pattern: re.Pattern[str]
    code: str


def _row(phases: str, pattern: str, code: str) -> Row:
    where = frozenset(Phase(name) for name in phases.split()) if phases else frozenset(Phase)
    return Row(where, re.compile(pattern, re.IGNORECASE), code)


_ROWS: tuple[Row, ...] = (
    # Anywhere
    _row("greeting ehlo", r"too many|rate.?limit|connection (?:rate|frequency)",
         "smtp.rate_limited"),
    _row("", r"^421.*(?:too many|too fast|rate|limit|frequen)", "smtp.rate_limited"),
    _row("", r"^421", "smtp.shutting_down"),
    _row("", r"^5\d\d.*(?:synchroni[sz]ation|improper.*pipelining)", "smtp.synchronization"),
    _row("", r"^530.*starttls", "smtp.starttls_required"),
    _row("greeting ehlo mail rcpt",
         r"block.?list|black.?list|\brbl\b|dnsbl|spamhaus|spamcop|barracuda|blocked (?:using|by)"
         r"|listed (?:at|by|in|on)",
         "smtp.blocklisted"),
    # The login
    _row("auth", r"^4", "auth.try_later"),
    _row("auth", r"^5\d\d 5\.7\.9\b|app(?:lication)?[ -](?:specific )?password",
         "auth.app_password_needed"),
    _row("auth", r"^5\d\d 5\.7\.14\b|web ?browser", "auth.browser_login_needed"),
    _row("auth", r"5\.7\.30\b|basic authentication is not supported", "auth.passwords_retired"),
    _row("auth", r"5\.7\.139\b|authentication is disabled", "auth.disabled_by_admin"),
    _row("auth", r"^5(?:23|38)|^5\d\d 5\.7\.1[01]\b", "auth.encryption_required"),
    _row("auth", r"^50[124]|^535.*mechanism", "auth.mechanism_refused"),
    # The envelope and the message
    _row("mail rcpt data final", r"^530|5\.7\.57\b", "send.login_required"),
    _row("mail rcpt data final",
         r"^552 (?!5\.2\.2|5\.5\.3)|^5\d\d 5\.3\.4\b|^5\d\d .*too (?:large|big)\b",
         "send.too_large"),
    _row("mail rcpt data final",
         r"5\.4\.5\b|[45]\.2\.2\b|^452 4\.5\.3\b|over ?quota|quota exceeded|mailbox (?:is )?full"
         r"|(?:daily|hourly|sending|message|recipient|user) (?:\w+ )?(?:limit|quota)",
         "send.quota_exceeded"),
    _row("mail rcpt data final", r"^4.*gr[ae]y.?list|^45[01] 4\.7\.[01]\b", "send.greylisted"),
    _row("mail rcpt data final",
         r"5\.7\.60\b|5\.1\.[78]\b|send ?as\b|sender.*(?:reject|not (?:owned|allowed|permitted))",
         "send.sender_refused"),
    _row("mail rcpt data final", r"relay", "send.relaying_denied"),
    _row("rcpt final",
         r"5\.1\.(?:1|6|10)\b|no such (?:user|mailbox|recipient|person)|(?:user|recipient) unknown"
         r"|unknown (?:user|recipient|mailbox)|does(?: not|n't) exist", "send.recipient_unknown"),
)  # fmt: skip
"""The first that fits counts."""

_OTHERWISE: dict[Phase, tuple[str, str]] = {
    Phase.GREETING: ("smtp.greeting_refused", "The server refused the connection"),
    Phase.EHLO: ("smtp.ehlo_refused", "The server refused EHLO"),
    Phase.TLS: ("tls.starttls_refused", "The server refused STARTTLS"),
    Phase.AUTH: ("auth.rejected", "The server refused the login"),
    Phase.MAIL: ("send.sender_refused", "The server refused the sender"),
    Phase.RCPT: ("send.recipient_refused", "The server refused a recipient"),
    Phase.DATA: ("send.data_refused", "The server refused to take the message"),
    Phase.FINAL: ("send.message_refused", "The server refused the message"),
}
"""Code of a reply that no row knows, and the sentence for all of the phase."""

_SENTENCES = {
    "smtp.shutting_down": "The server is closing the session",
    "smtp.rate_limited": "The server says that there are too many connections",
    "auth.try_later": "The server cannot take the login now",
}
"""Of codes that mean the same in every phase."""


def meaning(phase: Phase, reply: Reply) -> str:
    """The code for a negative reply in a phase."""
    words = str(reply)
    return next(
        (row.code for row in _ROWS if phase in row.phases and row.pattern.search(words)),
        _OTHERWISE[phase][0],
    )


def refusal(
    phase: Phase, reply: Reply, *, remark: str = "", code: str | None = None
) -> RefusedError:
    """The error that a negative reply makes in a phase.

    Args:
        phase: what was being done.
        reply: 4yz or 5yz.
        remark: goes behind the sentence, such as the mechanism of a login.
        code: where more is known than the reply says.
    """
    code = code or meaning(phase, reply)
    sentence = _SENTENCES.get(code, _OTHERWISE[phase][1]) + remark
    kind = LoginError if phase is Phase.AUTH else RefusedError
    return reply.refusal(code, sentence, kind).locate(phase=phase)
