"""One mail transaction: MAIL, RCPT, and the message by DATA or BDAT (RFC 5321 section 3.3).

Pure: it tells what may be said next, and is told what was answered. There is one way through. Where
the server pipelines, a group of commands goes out together; where it does not, the same group goes
out one by one and stops at the first refusal that decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from smtps.content import EMPTY, Content
from smtps.core.address import Mailbox
from smtps.core.command import DATA, Command, Verb, bdat
from smtps.core.reply import Reply
from smtps.errors import SMTPSError
from smtps.options import Partial

ONE_WRITE = 262144
"""Octets of a message that goes out with its envelope. For a larger one the answers to that are
worth the wait: it may be refused."""


UNKNOWN_COMMAND = frozenset({500, 501, 502, 504})
"""Replies to BDAT that are not about the message (RFC 5321 section 4.2.4)."""


class Way(NamedTuple):
    """How a server can be sent to.

    Attributes:
        pipelining: commands may go out together (RFC 2920).
        chunking: the message goes out by BDAT (RFC 3030).
    """

    pipelining: bool = False
    chunking: bool = False


class Group(NamedTuple):
    """What may go out in one write.

    Attributes:
        commands: in order.
        content: the message, behind the last of them.
        stuffed: by DATA: its dots are doubled, and a lone dot ends it.
    """

    commands: tuple[Command, ...]
    content: Content | None = None
    stuffed: bool = False


class Stage(Enum):
    """What has been said."""

    ENVELOPE = "not all of the envelope"
    DECISION = "all of the envelope"
    PERMISSION = "DATA"
    MESSAGE = "the whole message"
    DONE = "all there was to say"


@dataclass(slots=True, eq=False)
class Transaction:
    """What to do, and what came of it.

    Attributes:
        mail, rcpt: the commands, with their parameters.
        content: the message.
        partial: ``abort`` when one recipient is refused, or ``send`` to the others.
        way: how the server can be sent to.
        ask_only: the envelope alone; no message is sent.
        mail_reply, rcpt_replies, data_reply: as far as they came.
        accepted: recipients that the server will take the message for.
        overflow: recipients refused only because there were too many before them: 452, or 552 from
            servers older than RFC 5321 section 4.5.3.1.10, behind an accepted one.
        final: the reply to the whole message.
        complete: the whole message has been handed to the network.
        error: what ended it before its time.
        due: how many of its replies are under way.
        chunking_refused: the server offered BDAT and does not know it. What it was sent it takes
            for commands, so the connection is of no use any more.
    """

    mail: Command
    rcpt: dict[Mailbox, Command]
    content: Content
    partial: Partial
    way: Way
    ask_only: bool = False
    mail_reply: Reply | None = None
    rcpt_replies: dict[Mailbox, Reply] = field(default_factory=dict)
    accepted: list[Mailbox] = field(default_factory=list)
    overflow: list[Mailbox] = field(default_factory=list)
    data_reply: Reply | None = None
    final: Reply | None = None
    complete: bool = False
    error: SMTPSError | None = None
    due: int = 0
    chunking_refused: bool = False
    _stage: Stage = Stage.ENVELOPE
    _unasked: Iterator[Command] | None = None
    _unanswered: Iterator[Mailbox] = field(init=False)

    def __post_init__(self) -> None:
        self._unanswered = iter(self.rcpt)

    @property
    def go_on(self) -> bool:
        """Whether the message shall be sent to those who were accepted."""
        if not self.accepted:
            return False
        decided = len(self.accepted) + len(self.overflow)
        return self.partial == "send" or decided == len(self.rcpt_replies)

    @property
    def in_doubt(self) -> bool:
        """Whether the whole message is out for somebody, and no answer tells what became of it."""
        if not self.complete or self.final is not None:
            return False
        if self.mail_reply is not None and not self.mail_reply.positive:
            return False
        return len(self.rcpt_replies) < len(self.rcpt) or bool(self.accepted)

    @property
    def left_open(self) -> bool:
        """Whether the server may still have a sender or recipients in mind."""
        begun = self.mail_reply is not None and self.mail_reply.positive
        return begun and not (self.final is not None and self.final.positive)

    @property
    def said(self) -> bool:
        """Whether nothing is left to say, so that another transaction may go behind."""
        return self._stage in (Stage.MESSAGE, Stage.DONE)

    @property
    def over(self) -> bool:
        """Whether nothing is left to say or to hear."""
        return self.said and not self.due

    def say(self) -> Group | None:
        """What may go out now; None while replies have to come first, or at the end."""
        while not self.due and not self.said:
            if (group := _STEPS[self._stage](self)) is not None:
                self.due = len(group.commands) + group.stuffed
                return group
        return None

    # One step for each stage: what to say in it, or None and on to the next.

    def _envelope(self) -> Group | None:
        if self.way.pipelining:
            return self._whole_envelope()
        if (command := self._next_command()) is not None:
            return Group((command,))
        self._stage = Stage.DECISION
        return None

    def _decision(self) -> Group | None:
        if self.ask_only or not self.go_on:
            self._stage = Stage.DONE
            return None
        if self.way.chunking:
            self._stage = Stage.MESSAGE
            return Group((bdat(self.content.size, last=True),), self.content)
        self._stage = Stage.PERMISSION
        return Group((DATA,))

    def _permission(self) -> Group | None:
        if self.data_reply is None or not self.data_reply.positive:
            self._stage = Stage.DONE
            return None
        self._stage = Stage.MESSAGE
        # Accepted although nobody is left to send to: RFC 2920 section 3.1 asks for the lone dot;
        # the server answers it with a refusal.
        return Group((), self.content if self.go_on else EMPTY, stuffed=True)

    def _whole_envelope(self) -> Group:
        commands = (self.mail, *self.rcpt.values())
        # No answer to RCPT may make the message a mistake that has already gone out. With ``abort``
        # one of several recipients may be refused, and the others would get it.
        harmless = self.partial == "send" or len(self.rcpt) == 1
        if self.ask_only or not harmless or (self.way.chunking and self.content.size > ONE_WRITE):
            self._stage = Stage.DECISION
            return Group(commands)
        if self.way.chunking:
            self._stage = Stage.MESSAGE
            return Group((*commands, bdat(self.content.size, last=True)), self.content)
        self._stage = Stage.PERMISSION
        return Group((*commands, DATA))

    def _next_command(self) -> Command | None:
        """In lock-step; None once further commands are of no use."""
        if self.mail_reply is not None and not self.mail_reply.positive:
            return None
        if self.partial == "abort" and self.rcpt_replies:
            last = next(reversed(self.rcpt_replies.values()))
            if not last.positive and not too_many_recipients(last):
                return None
        if self._unasked is None:
            self._unasked = iter((self.mail, *self.rcpt.values()))
        return next(self._unasked, None)

    def take(self, command: Command, reply: Reply) -> None:
        """A reply to one of its commands."""
        self.due -= 1
        verb = command.verb
        if verb is Verb.MAIL:
            self.mail_reply = reply
        elif verb is Verb.RCPT:
            self._take_recipient(next(self._unanswered), reply)
        elif verb is Verb.DATA:
            self.data_reply = reply
        elif not self.go_on:
            pass  # the refusal of the lone dot, or of a message for nobody
        elif verb is Verb.BDAT_LAST and reply.code in UNKNOWN_COMMAND:
            self.chunking_refused, self.complete = True, False
        else:
            self.final = reply

    def _take_recipient(self, who: Mailbox, reply: Reply) -> None:
        self.rcpt_replies[who] = reply
        if self.mail_reply is None or self.mail_reply.code >= 400:
            return
        if reply.code < 400:
            self.accepted.append(who)
        elif self.accepted and too_many_recipients(reply):
            self.overflow.append(who)

    def fail(self, error: SMTPSError, *, unread: bool) -> None:
        """Ended before its time.

        Args:
            error: by this.
            unread: the server told that it reads no further, so it cannot have taken the message.
        """
        self.error = error
        self.due = 0
        self._stage = Stage.DONE
        if unread:
            self.complete = False


_STEPS: dict[Stage, Callable[[Transaction], Group | None]] = {
    Stage.ENVELOPE: Transaction._envelope,  # noqa: SLF001
    Stage.DECISION: Transaction._decision,  # noqa: SLF001
    Stage.PERMISSION: Transaction._permission,  # noqa: SLF001
}


def too_many_recipients(reply: Reply) -> bool:
    """Whether a reply to RCPT only says: enough for this transaction."""
    detail = reply.enhanced[1:] if reply.enhanced else None
    return reply.code in (452, 552) and detail in (None, (5, 3))
