"""Waits for a greeting, and finds out whether a server is in step.

A server is in step if it has said nothing unasked and each reply answers its own command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from smtps.checks.probes import HUNG_UP, Probe
from smtps.client.handshake import Access
from smtps.client.result import refusal
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
from smtps.net.timing import timed_out

SUSPICIOUS = 10.0
"""Seconds of silence after which another connection says EHLO, as web servers and others wait for
their client. The first goes on waiting meanwhile: a mail server may take a minute."""


def telling(look: Probe) -> bool:
    """Whether a look on the side shows why no greeting comes."""
    spoken = look.secured and look.greeting is not None
    return look.service is not None or spoken or look.flight.version is not None


async def greeted(session: Access, ask: Callable[[], Awaitable[bool]]) -> None:
    """Wait for the greeting.

    Args:
        session: where it is due.
        ask: looks over other connections, unless the greeting has begun; whether that tells why.

    Raises:
        SMTPSError: as ``Access.greet``; a time-out as soon as another service has answered.
    """
    greeting = asyncio.create_task(_greet(session))
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        await asyncio.wait((greeting,), timeout=SUSPICIOUS)
        begun, _ = session.dialogue.connection.unfinished
        if not greeting.done() and not begun and await ask() and not greeting.done():
            raise timed_out(Phase.GREETING, loop.time() - start, session.address)
        await greeting
    finally:
        greeting.cancel()
        await asyncio.gather(greeting, return_exceptions=True)


async def _greet(session: Access) -> None:
    await session.greet()


async def check_silence(access: Access) -> None:
    """Find out whether the server has said anything unasked.

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


async def greets_again(access: Access) -> bool:
    """Say EHLO after the login: some servers offer more to those they know, and some only now find
    out that what is behind them does not work.

    Returns:
        Whether there is a new offer. A server may refuse EHLO here, and go on.

    Raises:
        RefusedError: it ends the session instead (421).
        NetworkError, PhaseTimeoutError, ProtocolError: it hung up, fell silent, or is out of step.
    """
    if not access.usable:
        return False
    if await access.hello_again():
        return True
    dialogue = access.dialogue
    if dialogue.closing is not None:
        raise refusal(Phase.MAIL, dialogue.closing).locate(address=access.address)
    if isinstance(error := dialogue.broken, NetworkError) and error.code in HUNG_UP:
        raise NetworkError(
            "smtp.closed_after_login",
            "The server accepted the login and closed the connection at the next command.",
            phase=Phase.MAIL,
            retryable=True,
            address=access.address,
        ) from error
    if error is not None:
        # Not the first EHLO, which another attempt could repeat.
        other = error.apart()
        other.failure = replace(other.failure, phase=Phase.MAIL)
        raise other
    return False


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
