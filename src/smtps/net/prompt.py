"""Words that are no SMTP, and what is answered to them."""

from __future__ import annotations

import asyncio
import ssl

from smtps.errors import Phase, PhaseTimeoutError
from smtps.net.timing import expiry
from smtps.net.translate import closed
from smtps.net.wire import Wire

LULL = 0.3
"""Seconds without another octet after which a server has said what it had to say."""

MOST_HEARD = 32768
"""Octets of an answer that are read."""


async def ask(
    wire: Wire, words: bytes, phase: Phase, *, seconds: float, deadline: float | None = None
) -> bytes:
    """Say something, in the clear or through TLS, and listen; the wire is closed then.

    Args:
        wire: open.
        words: to say.
        phase: for errors.
        seconds: to wait for the first octet of an answer.
        deadline: the loop's time at which all has to be over.

    Raises:
        SMTPSError: nothing was answered: the server was silent, or hung up.
    """
    heard = b""
    loop = asyncio.get_running_loop()
    try:
        with expiry(seconds, phase, wire.address, deadline) as end:
            wire.write(words)
            until = end
            while len(heard) < MOST_HEARD and (data := await wire.receive(until)):
                heard += data
                until = min(end, loop.time() + LULL)
        if not heard:
            raise closed(phase, wire.address)
    except PhaseTimeoutError:
        if not heard:
            raise
    except (OSError, ssl.SSLError) as error:
        if not heard:
            raise wire.explain(error, phase) from error
    finally:
        wire.abort()
    return heard
