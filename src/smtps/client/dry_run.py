"""Whether a server would take mail for an envelope; no message is sent."""

from __future__ import annotations

from smtps.client.commands import RECIPIENTS_PER_TRANSACTION, EnvelopeCommands, UsableExtensions
from smtps.client.handshake import NAME_REFUSED, Access
from smtps.client.outgoing import Envelope
from smtps.client.pipeline import Pipeline
from smtps.client.result import meaning, refusal
from smtps.client.transaction import Transaction
from smtps.core.command import mail, rcpt
from smtps.errors import CapabilityError, Phase
from smtps.message.content import EMPTY


async def probe_envelope(
    access: Access, envelope: Envelope, *, size: int | None = None
) -> Transaction:
    """MAIL and RCPT; once more by the client's address if they are refused for its name.

    Args:
        access: after EHLO, and after the login if there is one.
        envelope: the sender and recipients to try.
        size: octets to announce, for a server that offers SIZE.

    Returns:
        The transaction as far as it went, with the server's replies. What was answered behind a
        refused MAIL is not among them, as it tells nothing.

    Raises:
        CapabilityError: an address needs SMTPUTF8, which is not offered; nothing was sent.
        RefusedError: the server is closing the session.
    """
    if (closing := access.dialogue.closing) is not None:  # at the EHLO after the login
        raise refusal(Phase.MAIL, closing).locate(address=access.address)
    asked = await _ask(access, envelope, size)
    if _named_wrongly(asked) and access.usable and await access.hello_by_address():
        asked = await _ask(access, envelope, size)
    return asked


async def _ask(access: Access, envelope: Envelope, size: int | None) -> Transaction:
    offered = access.capabilities
    if envelope.needs_smtputf8 and "SMTPUTF8" not in offered:
        raise CapabilityError(
            "send.smtputf8_not_offered",
            "An address is not ASCII, and the server does not offer SMTPUTF8.",
            phase=Phase.MAIL,
            address=access.address,
        )
    sender = mail(
        envelope.sender,
        size=size if "SIZE" in offered else None,
        smtputf8=envelope.needs_smtputf8,
    )
    room = offered.limits.get("RCPTMAX", RECIPIENTS_PER_TRANSACTION)
    people = {who: rcpt(who) for who in envelope.recipients[:room]}
    commands = EnvelopeCommands(
        sender, people, UsableExtensions.to(access.endpoint, offered, access.learned)
    )
    # One command at a time: what is answered then is answered to it.
    asked = Transaction(commands, EMPTY, ask_only=True, lockstep=True)
    pipeline = Pipeline(access.dialogue, access.learned)
    pipeline.add(asked)
    while not pipeline.idle:
        await pipeline.advance()
    return asked


def _named_wrongly(asked: Transaction) -> bool:
    replies = [(Phase.MAIL, asked.mail_reply), *((Phase.RCPT, r) for r in asked.rcpt_replies)]
    return any(r and not r.positive and meaning(p, r) == NAME_REFUSED for p, r in replies)
