"""Whether sender and recipients would be taken; no message is sent."""

from __future__ import annotations

from smtps.client.access import Access
from smtps.client.envelope import Envelope
from smtps.client.pipeline import Pipeline
from smtps.client.terms import Way
from smtps.client.transaction import Transaction
from smtps.client.wording import RECIPIENTS_PER_TRANSACTION, Wording
from smtps.content import EMPTY
from smtps.core.command import mail, rcpt


async def ask(access: Access, envelope: Envelope, *, size: int | None = None) -> Transaction:
    """MAIL and RCPT.

    Args:
        access: after EHLO, and after the login if there is one.
        envelope: whom to ask for.
        size: octets to announce, for a server that offers SIZE.

    Returns:
        The transaction as far as it went, with the server's replies.
    """
    offered = access.capabilities
    sender = mail(
        envelope.sender,
        size=size if "SIZE" in offered else None,
        smtputf8=envelope.needs_smtputf8,
    )
    room = offered.limits.get("RCPTMAX", RECIPIENTS_PER_TRANSACTION)
    people = {who: rcpt(who) for who in envelope.recipients[:room]}
    wording = Wording(sender, people, Way.to(access.endpoint, offered, access.learned))
    asked = Transaction(wording, EMPTY, ask_only=True)
    pipeline = Pipeline(access.dialogue, access.learned)
    pipeline.add(asked)
    while not pipeline.idle:
        await pipeline.advance()
    return asked
