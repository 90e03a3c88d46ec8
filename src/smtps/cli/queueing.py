"""``smtps send --queue``: the outbox takes the message, and whoever delivers from it sends it."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from typing import TYPE_CHECKING

from smtps.cli import exits, output, sending

if TYPE_CHECKING:
    from smtps.client.outgoing import Outgoing
    from smtps.message import Message


def run(options: Namespace, message: Message | Outgoing) -> int:
    """Hand it over."""
    return asyncio.run(_queue(options, message))


async def _queue(options: Namespace, message: Message | Outgoing) -> int:
    from smtps.api.outbox import open_outbox  # noqa: PLC0415
    from smtps.api.settings import load  # noqa: PLC0415
    from smtps.client.outgoing import prepare  # noqa: PLC0415
    from smtps.client.terms import Terms  # noqa: PLC0415
    from smtps.outbox.records import Submission  # noqa: PLC0415

    outgoing = prepare(message, None)
    terms = Terms(
        partial=options.partial, dsn=sending.dsn(options), require_tls=options.require_tls
    )
    async with open_outbox(load(options.config), deliver=False) as outbox:
        account = outbox.account(options.queue)
        account.admit(outgoing)
        now = outbox.clock.now()
        accepted = await outbox.accept(
            Submission(
                id=outbox.new_id(),
                account=account.name,
                outgoing=outgoing,
                created=now,
                expires=now + account.lifetime,
                terms=terms,
                subject=options.subject,
            )
        )
    if options.json:
        output.show_json(accepted.answer)
    else:
        output.show(f"{accepted.answer['id']}: {accepted.answer['status']}\n")
    return exits.OK
