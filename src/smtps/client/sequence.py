"""Replies that say only that a command came at the wrong moment, and nothing about a message.

They count for what they are where a command was sent alone. Behind another that is not answered yet
they show that the server cannot be sent to in that way.
"""

from __future__ import annotations

import re

from smtps.core.reply import Reply

_CODES = frozenset({500, 502, 503})
"""Unknown, not implemented, out of sequence (RFC 5321 section 4.2.2). A server that drops what came
too early may take the second half of a line for a command of its own."""

_WORDS = re.compile(
    r"pipelin|synchroni[sz]|sequence|protocol error|nested|improper"
    r"|(?:sender|mail|transaction) already|already (?:specified|given|started|in progress)"
    r"|(?:mail|rcpt|recipient)s? (?:command )?(?:first|required|needed|expected)"
    r"|(?:need|use|send|expect\w*|issue) (?:a )?(?:mail|rcpt)|no (?:valid )?recipients|valid rcpt",
    re.IGNORECASE,
)
"""The same from servers that say it with another code."""


def out_of_sequence(reply: Reply) -> bool:
    """Whether a negative reply may be about the order of commands alone."""
    return reply.code in _CODES or (reply.code >= 400 and _WORDS.search(reply.text) is not None)
