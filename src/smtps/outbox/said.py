"""What was said for one message, from what is known of its attempt: the session's own transcript
tells of its neighbours too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from smtps.client.result import Result, Status
from smtps.core.reply import Reply
from smtps.outbox.records import Claim


def said(claim: Claim, result: Result) -> str:
    """The dialogue as a JSON list of lines: ``>`` ours, ``<`` the server's, ``*`` a remark."""
    return json.dumps(list(_lines(claim, result)), ensure_ascii=False)


def _lines(claim: Claim, result: Result) -> Iterator[str]:
    begun = any(
        who.reply is not None or who.status is Status.UNCERTAIN for who in result.recipients
    )
    if begun:
        yield f"> MAIL FROM:<{claim.outgoing.envelope.sender or ''}>"
        for who in result.recipients:
            yield f"> RCPT TO:<{who.email}>"
            if who.reply is not None and who.reply is not result.reply:
                yield from _reply(who.reply)
    if result.reply is not None:
        yield f"* {claim.outgoing.content.size} octets of message"
        yield from _reply(result.reply)
    if result.failure is not None:
        yield f"* {result.failure.code}: {result.failure.message}"


def _reply(reply: Reply) -> Iterator[str]:
    *others, last = reply.lines
    for line in others:
        yield f"< {reply.code}-{line}"
    yield f"< {reply.code} {last}".rstrip()
