"""Replies that say only that a command came at the wrong moment, and nothing about a message.

They count for what they are where a command was sent alone. Behind another that is not answered yet
they show that the server cannot be sent to in that way.
"""

from __future__ import annotations

from smtps.core.reply import Reply
from smtps.errors import Phase
from smtps.replies import may_mean

_CODES = frozenset({500, 502, 503})
"""Unknown, not implemented, out of sequence (RFC 5321 section 4.2.2). A server that drops what came
too early may take the second half of a line for a command of its own."""

_CAUSES = frozenset({"smtp.out_of_sequence", "smtp.synchronization"})
"""The same from servers that say it with another code."""


def out_of_sequence(reply: Reply) -> bool:
    """Whether a negative reply may be about the order of commands alone."""
    if reply.positive:
        return False
    invalid_command = reply.enhanced is not None and reply.enhanced[1:] == (5, 1)  # RFC 3463
    known = reply.code in _CODES or invalid_command
    return known or may_mean(_CAUSES, Phase.MAIL, reply.code, reply.lines)
