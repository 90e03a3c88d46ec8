"""One mail transaction: MAIL, RCPT, and the message by DATA or BDAT (RFC 5321 section 3.3).

There is one way through. Where the server pipelines, a group of commands goes out in one write;
where it does not, the same group goes out one by one and stops at the first refusal that decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from smtps.client.dialogue import Dialogue
from smtps.client.refusals import refusal
from smtps.core.address import Mailbox
from smtps.core.command import DATA, END_OF_DATA, RSET, Command, Verb, bdat
from smtps.core.payload import stuff
from smtps.core.reply import Reply
from smtps.errors import Phase, SMTPSError
from smtps.options import Partial


@dataclass(slots=True)
class Transaction:
    """What to do, and what came of it.

    Attributes:
        mail, rcpt: the commands, with their parameters.
        data: the message in normal form.
        partial: ``abort`` when one recipient is refused, or ``send`` to the others.
        mail_reply, rcpt_replies, data_reply: as far as they came.
        final: the reply to the whole message.
        complete: the whole message has been handed to the network.
        error: what ended it before its time.
    """

    mail: Command
    rcpt: dict[Mailbox, Command]
    data: bytes
    partial: Partial
    mail_reply: Reply | None = None
    rcpt_replies: dict[Mailbox, Reply] = field(default_factory=dict)
    data_reply: Reply | None = None
    final: Reply | None = None
    complete: bool = False
    error: SMTPSError | None = None

    @property
    def accepted(self) -> list[Mailbox]:
        """Recipients that the server will take the message for."""
        return [who for who, reply in self.rcpt_replies.items() if reply.positive]

    @property
    def overflow(self) -> list[Mailbox]:
        """Recipients refused only because there were too many before them.

        452, or 552 from servers older than RFC 5321 section 4.5.3.1.10, behind an accepted one.
        """
        if not self.accepted:
            return []
        return [who for who, reply in self.rcpt_replies.items() if too_many_recipients(reply)]

    @property
    def go_on(self) -> bool:
        """Whether the message shall be sent to those who were accepted."""
        if self.mail_reply is None or not self.mail_reply.positive or not self.accepted:
            return False
        refused = len(self.rcpt_replies) - len(self.accepted) - len(self.overflow)
        return self.partial == "send" or refused == 0


def too_many_recipients(reply: Reply) -> bool:
    """Whether a reply to RCPT only says: enough for this transaction."""
    detail = reply.enhanced[1:] if reply.enhanced else None
    return reply.code in (452, 552) and detail in (None, (5, 3))


async def run(dialogue: Dialogue, transaction: Transaction, *, chunking: bool) -> None:
    """Carry a transaction out as far as it goes; errors are noted in it, not raised.

    Args:
        dialogue: ready, after EHLO and login.
        transaction: is filled in.
        chunking: send by BDAT.
    """
    try:
        await _envelope(dialogue, transaction, join_data=_may_join_data(transaction, chunking))
        if transaction.go_on:
            await _message(dialogue, transaction, chunking=chunking)
        elif transaction.data_reply is not None and transaction.data_reply.positive:
            await _nothing(dialogue)
        await _reset(dialogue, transaction)
    except SMTPSError as error:
        transaction.error = error


async def probe(dialogue: Dialogue, transaction: Transaction) -> None:
    """Only ask whether sender and recipients would be accepted; no message is sent."""
    try:
        await _envelope(dialogue, transaction, join_data=False)
        await dialogue.exchange([RSET])
    except SMTPSError as error:
        transaction.error = error


def _may_join_data(transaction: Transaction, chunking: bool) -> bool:
    """Whether DATA may go out with the RCPTs: only if no answer to these can make it a mistake.

    After a 354 there is no way back but to send something. With ``abort`` a recipient among
    several may be refused and the others accepted, and these would get it.
    """
    return not chunking and (transaction.partial == "send" or len(transaction.rcpt) == 1)


async def _envelope(dialogue: Dialogue, transaction: Transaction, *, join_data: bool) -> None:
    commands = [transaction.mail, *transaction.rcpt.values()]
    if join_data:
        commands.append(DATA)
    replies: list[Reply] = []
    try:
        await _group(dialogue, commands, replies, lambda: _decided(transaction, replies))
    finally:
        _sort(transaction, commands, replies)
    if dialogue.closing is not None:
        raise refusal(Phase.MAIL, dialogue.closing)


async def _group(
    dialogue: Dialogue, commands: list[Command], replies: list[Reply], stop: Callable[[], bool]
) -> None:
    """Send the commands together or, to a server that does not pipeline, until ``stop``."""
    if "PIPELINING" in dialogue.connection.capabilities:
        await dialogue.exchange(commands, replies)
        return
    for command in commands:
        if command.verb is Verb.DATA or stop() or dialogue.closing:
            return  # alone, DATA is asked for when the recipients are known
        await dialogue.exchange([command], replies)


def _decided(transaction: Transaction, replies: list[Reply]) -> bool:
    """In lock-step: whether further commands are of no use."""
    if not replies:
        return False
    mail, *others = replies
    if transaction.partial == "send":
        return not mail.positive
    refused = [r for r in others if not r.positive and not too_many_recipients(r)]
    return not mail.positive or bool(refused)


def _sort(transaction: Transaction, commands: list[Command], replies: list[Reply]) -> None:
    who = list(transaction.rcpt)
    for number, (command, reply) in enumerate(zip(commands, replies, strict=False)):
        if command.verb is Verb.MAIL:
            transaction.mail_reply = reply
        elif command.verb is Verb.DATA:
            transaction.data_reply = reply
        else:
            transaction.rcpt_replies[who[number - 1]] = reply


async def _message(dialogue: Dialogue, transaction: Transaction, *, chunking: bool) -> None:
    if chunking:
        before, after, data = bdat(len(transaction.data), last=True), None, transaction.data
    else:
        if transaction.data_reply is None:
            transaction.data_reply = await dialogue.command(DATA)
        if not transaction.data_reply.positive:
            return
        before, after, data = None, END_OF_DATA, stuff(transaction.data)
    await dialogue.send_content(data, before, after)
    transaction.complete = True
    transaction.final = await dialogue.final()


async def _nothing(dialogue: Dialogue) -> None:
    """DATA was accepted although nobody is left to send to: an empty message ends it.

    RFC 2920 section 3.1 asks for the lone dot; the server answers it with a refusal.
    """
    await dialogue.send_content(b"", None, END_OF_DATA)
    await dialogue.final()


async def _reset(dialogue: Dialogue, transaction: Transaction) -> None:
    """Leave no half transaction behind. What comes back cannot change what was decided."""
    begun = transaction.mail_reply is not None and transaction.mail_reply.positive
    over = transaction.final is not None and transaction.final.positive
    if not begun or over or not dialogue.usable:
        return
    try:
        await dialogue.exchange([RSET])
    except SMTPSError as error:
        dialogue.transcript.add("*", f"RSET failed: {error}")
