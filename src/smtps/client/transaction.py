"""One mail transaction: MAIL, RCPT, and the message by DATA or BDAT (RFC 5321 section 3.3).

Pure: it tells what may be said next, and is told what was answered. There is one way through. Where
the server pipelines, a group of commands goes out together; where it does not, the same group goes
out one by one and stops at the first refusal that decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum

from smtps.client.commands import NO_COMMANDS, EnvelopeCommands, Group
from smtps.client.result import out_of_sequence
from smtps.core.address import Mailbox
from smtps.core.command import DATA, Verb, bdat
from smtps.core.reply import EnhancedCode, Reply
from smtps.errors import ProtocolError, RefusedError, SMTPSError
from smtps.message.content import Content

ONE_WRITE = 262144
"""Octets of a message that goes out with its envelope. For a larger one the answers to that are
worth the wait: it may be refused."""


UNKNOWN_COMMAND = frozenset({500, 501, 502, 504})
"""Replies to BDAT that are not about the message (RFC 5321 section 4.2.4)."""


Step = tuple[Group, Content | None, bool]
"""What may go out in one write: commands; the message behind the last of them; and whether that is
by DATA, with its dots doubled and a lone dot at its end.
"""


class Stage(Enum):
    """What has been said."""

    ENVELOPE = "not all of the envelope"
    DECISION = "all of the envelope"
    PERMISSION = "DATA"


_ENVELOPE = Stage.ENVELOPE  # Python 3.11 takes long to find a member of an Enum


class Stray(Enum):
    """What a command was sent behind that the server answered as out of sequence."""

    MESSAGE = "a message that has not been answered yet"
    GROUP = "another command of its group"


class Transaction:
    """What to do, and what came of it.

    Args:
        commands: the envelope.
        content: the message.
        ask_only: the envelope alone; no message is sent.
        lockstep: each command waits for the answer to the one before.

    Attributes:
        mail_reply, rcpt_replies, data_reply: as far as they came; those to RCPT in order.
        accepted: recipients that the server will take the message for.
        overflow: recipients refused only because there were too many before them: 452, or 552 from
            servers older than RFC 5321 section 4.5.3.1.10, behind an accepted one.
        final: the reply to the whole message.
        complete: the whole message has been handed to the network.
        error: what ended it before its time.
        due: how many of its replies are under way.
        reset: whether the first of these is to a RSET that stood before the envelope.
        optimistic: whether all that is due is the answer to all there was to say.
        all_accepted: whether each of these came and was a yes.
        begun: whether anything of it was said.
        said: whether nothing is left to say, so that another transaction may go behind.
        chunking_refused: the server offered BDAT and does not know it. What it was sent it takes
            for commands, so the connection is of no use any more.
        reset_due: the answer to that RSET has not come.
        reset_refused: the server refused the RSET before the envelope.
        behind: whether it began before the message in front of it was answered.
        stray: an answer was about the order of commands alone, and this is why. Unless the message
            was taken all the same, nothing is known yet of what the server thinks of it.
        confused: the answers contradict each other, so nobody knows what became of the message.
        blind: its message went out before anything of it was answered.
        unwanted: the server asks for the message, and has refused its sender or all recipients.
    """

    mail_reply: Reply | None = None
    data_reply: Reply | None = None
    final: Reply | None = None
    complete: bool = False
    error: SMTPSError | None = None
    due: int = 0
    reset: bool = False
    optimistic: bool = False
    all_accepted: bool = False
    chunking_refused: bool = False
    reset_due: bool = False
    reset_refused: bool = False
    behind: bool = False
    stray: Stray | None = None
    confused: bool = False
    blind: bool = False
    unwanted: bool = False
    begun: bool = False
    said: bool = False
    _ahead: bool = False
    _by_data: bool = False
    _stage: Stage = _ENVELOPE
    _unasked: Iterator[Group] | None = None

    def __init__(
        self,
        commands: EnvelopeCommands,
        content: Content,
        *,
        ask_only: bool = False,
        lockstep: bool = False,
    ) -> None:
        self.commands = commands
        self.content = content
        self.ask_only = ask_only
        self.lockstep = lockstep
        self.rcpt_replies: list[Reply] = []
        self.accepted: list[Mailbox] = []
        self.overflow: list[Mailbox] = []

    @property
    def go_on(self) -> bool:
        """Whether the message shall be sent to those who were accepted."""
        if not self.accepted:
            return False
        decided = len(self.accepted) + len(self.overflow)
        return self.commands.partial == "send" or decided == len(self.rcpt_replies)

    @property
    def in_doubt(self) -> bool:
        """Whether the whole message is out for somebody, and no answer tells what became of it."""
        if self.confused:
            return True
        if not self.complete or self.final is not None:
            return False
        if self.mail_reply is not None and not self.mail_reply.positive:
            return False
        return len(self.rcpt_replies) < len(self.commands.people) or bool(self.accepted)

    @property
    def together(self) -> bool:
        """Whether its commands went out together."""
        return self.commands.way.pipelining and not self.lockstep

    @property
    def half_answered(self) -> bool:
        """Whether MAIL was answered, and something that went out with it was not."""
        return self.together and self.mail_reply is not None and not self.complete

    @property
    def taken(self) -> bool:
        """Whether the server took the message."""
        return self.final is not None and self.final.positive

    def leaves_open(self, *, before: bool) -> bool:
        """Whether the server may still have a sender or recipients in mind. The end of DATA makes
        it forget them, whatever it answers (RFC 5321 section 4.1.1.4); a refused BDAT may not (RFC
        3030 section 2).

        Args:
            before: whether it had before this transaction.
        """
        if self.mail_reply is not None and self.mail_reply.positive:
            return not self.taken and not self._by_data
        if self.rcpt_replies and any(reply.positive for reply in self.rcpt_replies):
            return True  # although the sender was refused
        return before and not (self.reset and not self.reset_refused)

    @property
    def stuck(self) -> bool:
        """Whether the server refused RSET, and has said nothing more."""
        return self.reset_refused and self.mail_reply is None

    @property
    def again(self) -> bool:
        """Whether it has to be said once more, since an answer was about the order alone."""
        return self.stray is not None and not self.taken and not self.confused

    @property
    def recipients(self) -> list[tuple[Mailbox, Reply]]:
        """Those that were answered for."""
        return list(zip(self.commands.people, self.rcpt_replies, strict=False))

    @property
    def over(self) -> bool:
        """Whether nothing is left to say or to hear."""
        return self.said and not self.due

    def say(self, *, reset: bool = False, behind: bool = False, proven: bool = True) -> Step | None:
        """What may go out now; None while replies have to come first, or at the end.

        Args:
            reset: whether RSET has to stand before the envelope.
            behind: whether the transaction before it is not over.
            proven: whether the server is known to answer commands that go out together.
        """
        if self._stage is _ENVELOPE and not self.due:
            self.begun, self.behind, self._ahead = True, behind, behind
            self.reset_due = self.reset_due or reset
            if self.together:
                return self._whole_envelope(reset, proven=proven)
            self.reset = self.reset or reset
        while not self.due and not self.said:
            if (step := _STEPS[self._stage](self)) is not None:
                (verbs, _), _, stuffed = step
                self.due = len(verbs) + stuffed
                return step
        return None

    def _whole_envelope(self, reset: bool, *, proven: bool) -> Step:
        """Where the server pipelines: all of it, and as much behind it as can do no harm."""
        commands, content, self.reset = self.commands, self.content, reset
        # Whether the server minds the RSET is known before the message is handed over, if nothing
        # is lost by waiting.
        fits_one_write = (
            commands.fits_one_write and content.size <= ONE_WRITE and (self.behind or not reset)
        )
        if fits_one_write and proven and not self.ask_only:
            group = commands.by_bdat(content.size, reset=reset)
            self.due, self.said, self.optimistic = len(group[0]), True, True
            self.blind = True
            return group, content, False
        if self.ask_only or not commands.safe_to_pipeline_data or commands.way.chunking:
            self._stage = Stage.DECISION
            group = commands.envelope(content.size, reset=reset)
        else:
            self._stage = Stage.PERMISSION
            group = commands.by_data(content.size, reset=reset)
        self.due = len(group[0])
        return group, None, False

    # One step for each stage: what to say in it, or None and on to the next.

    def _next_of_envelope(self) -> Step | None:
        """In lock-step; no further command once they are of no use."""
        if self._unasked is None:
            self._unasked = self.commands.one_by_one(self.content.size, reset=self.reset)
        group = None if self._decided else next(self._unasked, None)
        if group is not None:
            return group, None, False
        self._stage = Stage.DECISION
        return None

    @property
    def _decided(self) -> bool:
        """Whether the answers so far are the end of it."""
        if self.reset_refused or (self.mail_reply is not None and not self.mail_reply.positive):
            return True
        if self.commands.partial == "send" or not self.rcpt_replies:
            return False
        last = self.rcpt_replies[-1]
        return not last.positive and not too_many_recipients(last)

    def _decision(self) -> Step | None:
        if self.ask_only or not self.go_on:
            self.said = True
            return None
        if self.commands.way.chunking:
            self.said = True
            command = bdat(self.content.size, last=True)
            return ((command.verb,), command.encode()), self.content, False
        self._stage = Stage.PERMISSION
        return ((Verb.DATA,), DATA.encode()), None, False

    def _permission(self) -> Step | None:
        self.said = True
        if self.data_reply is None or not self.data_reply.positive:
            return None
        if not self.go_on:
            # RFC 2920 section 3.1 would have the client send a lone dot, which the server should
            # refuse. One that asks for a message for nobody has somebody in mind, perhaps from
            # another envelope, and who that is would get an empty message.
            self.unwanted = True
            return None
        self._by_data = True
        return NO_COMMANDS, self.content, True

    def take_all(self, replies: list[Reply]) -> None:
        """The replies to all that there was to say, each of them a yes."""
        first = 1 if self.reset else 0
        self.due, self.all_accepted = 0, True
        self.mail_reply, self.final = replies[first], replies[-1]
        self.rcpt_replies, self.accepted = replies[first + 1 : -1], list(self.commands.people)

    def take(self, verb: Verb, reply: Reply, *, followed: bool = False) -> None:
        """A reply to one of its commands.

        Args:
            verb: to which.
            reply: what the server said.
            followed: whether something of the next transaction is out already.
        """
        self.due -= 1
        self.optimistic = False
        ahead, self._ahead = self._ahead, self.due > 0
        # MAIL goes before what it was sent with; but if its own reply was lost, this is the next.
        together = ahead or (verb is Verb.MAIL and self.together)
        stray = together and out_of_sequence(reply)
        if verb is Verb.RSET:
            self.reset_due, self.reset_refused = False, not reply.positive
        elif verb is Verb.MAIL:
            self.mail_reply = reply
            self._note_stray(stray)
        elif verb is Verb.RCPT:
            self._take_recipient(reply, stray=stray)
        elif verb is Verb.DATA:
            self.data_reply = reply
            self._note_stray(stray and bool(self.accepted))
        else:
            self._take_final(verb, reply, stray=stray, followed=followed)

    def _note_stray(self, stray: bool) -> None:
        if stray and self.stray is None:
            self.stray = Stray.MESSAGE if self.behind else Stray.GROUP

    def _take_recipient(self, reply: Reply, *, stray: bool) -> None:
        who = self.commands.people[len(self.rcpt_replies)]
        self.rcpt_replies.append(reply)
        if self.mail_reply is None or self.mail_reply.code >= 400:
            return
        if reply.code < 400:
            self.accepted.append(who)
        elif stray:
            self._note_stray(stray)
            if self.commands.partial == "send":  # if the others get it, this one is not refused
                self.overflow.append(who)
        elif self.accepted and too_many_recipients(reply):
            self.overflow.append(who)

    def _take_final(self, verb: Verb, reply: Reply, *, stray: bool, followed: bool) -> None:
        if not self.go_on:
            # The refusal of a message for nobody. A yes to a message whose sender or recipients
            # were all refused was given to somebody else.
            self.confused = reply.positive
        elif verb is Verb.BDAT_LAST and reply.code in UNKNOWN_COMMAND:
            self.chunking_refused, self.complete = True, False
        elif verb is Verb.END_OF_DATA and followed and out_of_sequence(reply):
            self.confused = True  # it may be the answer to what followed
        elif verb is Verb.BDAT_LAST and stray:
            self._note_stray(stray)
        else:
            self.final = reply

    def refuse_midway(self, error: RefusedError) -> None:
        """The server refused the message before all of it was out: that is its answer to it."""
        found = error.failure
        enhanced = EnhancedCode(*map(int, found.enhanced.split("."))) if found.enhanced else None
        self.final = Reply(found.smtp_code or 0, found.lines, enhanced)

    def doubt(self, error: ProtocolError) -> None:
        """The server has said more than it was asked, so what was taken for the answer to the
        message may have been that to its envelope.
        """
        if self.blind and self.final is not None:
            self.error, self.final = error, None
            self.all_accepted, self.confused = False, True

    def fail(self, error: SMTPSError, *, unread: bool) -> None:
        """Ended before its time.

        Args:
            error: by this.
            unread: the server told that it reads no further, so it cannot have taken the message.
        """
        self.error = error
        self.due, self.optimistic, self.said = 0, False, True
        if unread:
            self.complete = False
        elif isinstance(error, ProtocolError) and self.complete and self.final is None:
            self.confused = True  # what was answered before may not have been its own either


_STEPS: dict[Stage, Callable[[Transaction], Step | None]] = {
    Stage.ENVELOPE: Transaction._next_of_envelope,  # noqa: SLF001
    Stage.DECISION: Transaction._decision,  # noqa: SLF001
    Stage.PERMISSION: Transaction._permission,  # noqa: SLF001
}


def too_many_recipients(reply: Reply) -> bool:
    """Whether a reply to RCPT only says: enough for this transaction."""
    detail = reply.enhanced[1:] if reply.enhanced else None
    return reply.code in (452, 552) and detail in (None, (5, 3))
