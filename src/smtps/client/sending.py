"""One message over a session of its own."""

from __future__ import annotations

from email.message import Message as PythonMessage
from typing import Unpack

from smtps.client.access import Leave, deadline_of
from smtps.client.envelope import DSN, Envelope
from smtps.client.learned import Learned
from smtps.client.losses import ANOTHER_WAY, ATTEMPTS
from smtps.client.outgoing import AnyMessage, prepare
from smtps.client.result import Result
from smtps.client.session import Session
from smtps.net.egress import Allow
from smtps.options import Endpoint, EndpointOptions, Partial


async def send(
    message: AnyMessage,
    host: str | Endpoint,
    *,
    envelope: Envelope | None = None,
    partial: Partial = "abort",
    dsn: DSN | None = None,
    require_tls: bool = False,
    allow: Allow | None = None,
    leave: Leave | None = None,
    **options: Unpack[EndpointOptions],
) -> Result:
    """Connect, log in, send, quit.

    Args:
        message: ``smtps.Message``, ``email.message.EmailMessage``, or bytes with an envelope.
        host: name or address of the server, or a whole Endpoint.
        envelope, partial, dsn, require_tls: see ``Session.send``.
        allow: egress policy, asked about each resolved address.
        leave: takes the session over when the message has its result; see ``client.farewells``.
        **options: the other fields of Endpoint.

    Raises:
        InputError: it cannot be sent as it stands; no connection was made.
        SMTPSError: it did not come to a session. From then on all is in the result.
    """
    endpoint = host if isinstance(host, Endpoint) else Endpoint(host, **options)
    ready = prepare(message, envelope)
    if not isinstance(message, PythonMessage):  # which depends on what the server offers
        message = ready
    deadline = deadline_of(endpoint)
    learned = Learned()
    for _ in range(ATTEMPTS):
        session = await Session.open(
            endpoint, allow=allow, deadline=deadline, leave=leave, learned=learned
        )
        async with session:
            result = await session.send(
                message,
                envelope,
                partial=partial,
                dsn=dsn,
                require_tls=require_tls,
                deadline=deadline,
            )
            session.dialogue.deadline = deadline  # for QUIT too
        if result.failure is None or result.failure.code not in ANOTHER_WAY:
            break
        learned.chunking = learned.chunking and result.failure.code != "smtp.chunking_refused"
    timings = {**session.timings, **result.timings}
    return result._replace(timings=timings, passed_over=session.passed_over)
