"""Whether a server is in step: it has said nothing unasked, and each reply answered its command."""

from __future__ import annotations

from smtps.client.access import Access
from smtps.core.command import QUIT
from smtps.core.reply import wrong_code
from smtps.errors import (
    NetworkError,
    Phase,
    PhaseTimeoutError,
    ProtocolError,
    RefusedError,
    SMTPSError,
)


async def check_silence(access: Access) -> None:
    """Find out whether the server has said anything that nobody asked for.

    Raises:
        RefusedError: it is closing the session (421).
        ProtocolError: it is out of step.
    """
    dialogue = access.dialogue
    if isinstance(dialogue.broken, ProtocolError | RefusedError):
        raise dialogue.broken.apart()
    if not dialogue.alive:
        return
    with dialogue.guard():
        await dialogue.hear_out()
        try:
            dialogue.connection.expect_silence()
        except SMTPSError as error:
            error.locate(phase=Phase.MAIL)
            raise


async def check_step(access: Access) -> None:
    """Say QUIT, which only a server in step answers with 221 (RFC 5321 section 4.3.2). Any other
    answer is one that was due before, and so was each that was taken for another.

    Raises:
        RefusedError, ProtocolError: see ``check_silence``.
    """
    await check_silence(access)
    try:
        reply = await access.dialogue.command(QUIT)
    except (NetworkError, PhaseTimeoutError) as error:
        access.transcript.add("*", f"QUIT failed: {error}")
        return
    if not reply.positive and reply.code != 421:
        raise wrong_code(reply, "QUIT", "answers another command", Phase.QUIT)
