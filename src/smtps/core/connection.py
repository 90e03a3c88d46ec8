"""One SMTP connection without a network: commands to bytes, bytes to answers.

A queue pairs each reply with the command it answers, so it makes no difference to the caller
whether commands went out one by one or together.

    connection = Connection()
    connection.receive_data(b"220 mail.example ESMTP\\r\\n")
    connection.next_answer()                  # Answer(GREETING, 220 …)
    wire.write(connection.send(ehlo("client.example")))
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, NoReturn

from smtps.core.capabilities import Capabilities
from smtps.core.command import PHASES, Command, Verb
from smtps.core.due import PendingReplies
from smtps.core.reply import (
    Limits,
    Quirk,
    Reply,
    ReplyParser,
    greets_twice,
    mixed_codes,
    printable,
    unexpected,
    wrong_code,
)
from smtps.core.state import (
    CLOSING,
    NO,
    OK,
    REPLIES,
    WHOSE,
    State,
    all_granted,
    contradicts,
    out_of_order,
    outcome,
    walk,
)
from smtps.errors import NetworkError, Phase, ProtocolError, SessionError, SMTPSError

GREETING = 220
"""The code of a greeting (RFC 5321 section 4.3.2)."""


class Answer(NamedTuple):
    """A reply and what it answers."""

    verb: Verb
    reply: Reply


class Connection:
    """The client's side of one dialogue.

    Attributes:
        state: what the server has confirmed.
        capabilities: of the last EHLO; empty before.
        quirks: all leniencies that were needed so far.
        pending: commands whose reply is due, oldest first.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.state = State.CONNECTED
        self.capabilities = Capabilities()
        self.quirks: frozenset[Quirk] = frozenset()
        self.pending = PendingReplies(Verb.GREETING)
        self._sent_state = State.CONNECTED
        self._parser = ReplyParser(limits)
        self._ready: deque[Reply] = deque()
        self._unparsed = False
        self._begun = False
        self._pipelining = False
        self._bad: ProtocolError | None = None
        self._postponed: SMTPSError | None = None
        self._eof = False
        self._content_remaining = 0
        self._premature_reply = False

    @property
    def phase(self) -> Phase | None:
        """What is being waited for."""
        return PHASES[self.pending.first] if self.pending else None

    @property
    def in_step(self) -> bool:
        """Whether no reply is due and nothing unasked-for has come."""
        return not self.pending and self.quiet and not self._eof

    @property
    def quiet(self) -> bool:
        """Whether no byte of a reply is waiting."""
        return self._parse_replies() == 0

    @property
    def half_said(self) -> bool:
        """Whether the server has begun a reply and not ended it, though none is due."""
        return not self.pending and self._parse_replies() > 0 and self._begun and self._bad is None

    @property
    def unfinished(self) -> tuple[int, str]:
        """See ``ReplyParser.begun``."""
        return self._parser.begun

    @property
    def overfull(self) -> bool:
        """Whether a whole reply is there that answers nothing, and is no 421."""
        surplus = not self.pending and self._parse_replies() > 0 and bool(self._ready)
        return surplus and self._ready[0].code != CLOSING

    def send(self, *commands: Command) -> bytes:
        """The bytes of commands; their replies are due from now on.

        Raises:
            SessionError: one has no place here; nothing was changed.
            RemoteError, NetworkError: see ``expect_silence``.
        """
        octets = 0
        for command in commands:
            if octets:
                raise out_of_order(command.verb, f"has to wait for {octets} bytes of the chunk")
            octets = command.octets
        self.expect(tuple([command.verb for command in commands]), octets)
        return b"".join([command.encode() for command in commands])

    def expect(self, verbs: tuple[Verb, ...], octets: int = 0) -> None:
        """Commands go out whose bytes are ready; their replies are due from now on.

        Args:
            verbs: what they are, in order.
            octets: how much of the message follows the last of them, for BDAT, if it does not go
                out in the same write.

        Raises:
            SessionError, RemoteError, NetworkError: see ``send``.
        """
        pending = self.pending
        if self._content_remaining and verbs:
            raise out_of_order(
                verbs[0], f"has to wait for {self._content_remaining} bytes of the chunk"
            )
        before = pending.runs[-1][-1] if pending.runs else None
        state = walk(self._sent_state, before, verbs, self._pipelining)
        if self._unparsed or self._ready or self._begun or self._premature_reply:
            try:
                self.expect_silence()
            except SMTPSError as error:
                error.locate(phase=PHASES[verbs[0]] if verbs else None)
                raise
        pending.add(verbs)
        self._sent_state = state
        self._content_remaining = octets

    def chunk_sent(self, octets: int) -> None:
        """So much of the announced BDAT chunk is out; a reply to it counts only after all is.

        Raises:
            SessionError: that is more than was announced.
        """
        if not 0 <= octets <= self._content_remaining:
            raise SessionError(
                "session.out_of_order",
                f"The chunk has {self._content_remaining} bytes left, not {octets}.",
                phase=Phase.DATA,
            )
        # What began before the chunk was complete cannot be the answer to it.
        if self._content_remaining and self._parse_replies() >= len(self.pending):
            self._premature_reply = True
        self._content_remaining -= octets

    def _parse_replies(self) -> int:
        """How many replies have come, begun ones included, and are not paired yet."""
        if self._unparsed:
            self._unparsed = False
            try:
                self._parser.take_replies(self._ready)
            except ProtocolError as error:
                self._bad = error.apart()
            self._begun = self._bad is not None or not self._parser.idle
        return len(self._ready) + self._begun

    def _next_reply(self) -> Reply | None:
        if self._unparsed:
            self._parse_replies()
        if self._ready:
            return self._ready.popleft()
        if self._bad is not None:
            raise self._bad.apart()
        return None

    def expect_silence(self) -> None:
        """Make sure that the server has said nothing that was not asked for.

        Behind a surplus reply every later one would be taken for the answer to another command.

        Raises:
            RefusedError: it refused the message before its end, or is closing the session (421).
            ProtocolError: any other reply, or half of one.
        """
        if self._parse_replies() <= len(self.pending) and not self._premature_reply:
            return
        while self.next_answer() is not None:  # those that were due stand before the surplus
            pass
        self._close()
        raise ProtocolError(
            "smtp.unexpected_reply",
            "The server started a reply that no command had asked for.",
            seen=self._evidence(),
        )

    def _evidence(self) -> str | None:
        """What the server has said unasked."""
        lines = [str(reply) for reply in self._ready] + [printable(self._parser.unread[:200])]
        return "; ".join(line for line in lines if line)[:500] or None

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Store what the server sent; empty means that it closed its side."""
        if data:
            self._parser.feed(data)
            self._unparsed = self._bad is None
        else:
            self._eof = True

    @property
    def on_the_wire(self) -> int:
        """How many messages are handed over, or about to be, and not answered."""
        pending = list(self.pending)
        by_data = self.state is State.CONTENT and Verb.END_OF_DATA not in pending
        return by_data + sum(PHASES[verb] is Phase.FINAL for verb in pending)

    @property
    def takes_a_command(self) -> bool:
        """Whether the server takes the next line for a command, and no message hangs on it."""
        in_the_way = (State.CONTENT, State.UPGRADING, State.LOGIN, State.CLOSED)
        waits = self.on_the_wire or Verb.DATA in list(self.pending)
        return self.state not in in_the_way and not waits

    def all_accepted(self) -> list[Reply] | None:
        """The replies to all commands that were sent together first, if each is a yes.

        None: more bytes have to come, or there is more to it; see ``answers``.
        """
        if self._unparsed:
            self._parse_replies()
        ready, pending = self._ready, self.pending
        if not pending.runs or pending.answered or self._content_remaining or self._premature_reply:
            return None
        verbs = pending.runs[0]
        state = all_granted(verbs)
        if state is None or len(ready) < len(verbs):
            return None
        replies: list[Reply] = []
        for _ in verbs:
            reply = ready.popleft()
            replies.append(reply)
            if reply.code != OK or reply.quirks:
                ready.extendleft(reversed(replies))
                return None
        pending.take_run()
        self.state = state
        if not pending.runs:
            self._sent_state = state
        return replies

    def answers(self) -> list[Answer]:
        """All answers that are there; empty until more bytes come.

        Raises:
            SMTPSError: see ``next_answer``; the next time, if answers stand before it.
        """
        if self._postponed is not None:
            raise self._postponed.apart()
        if not (self._ready or self._unparsed or self._bad or self._eof):
            return []
        found: list[Answer] = []
        while self.pending or not found:
            try:
                answer = self.next_answer()
            except SMTPSError as error:
                if not found:
                    raise
                self._postponed = error.apart()
                break
            if answer is None:
                break
            found.append(answer)
        return found

    def next_answer(self) -> Answer | None:
        """The next reply with its command, or None until more bytes come.

        A 421 ends the dialogue, whatever it answers.

        Raises:
            RefusedError: see ``expect_silence``.
            ProtocolError: the server is out of step or does not speak SMTP.
            NetworkError: it closed the connection while a reply was due.
        """
        try:
            reply = self._next_reply()
            if reply is not None:
                return self._pair(reply)
            self._check_closed()
        except SMTPSError as error:
            error.locate(phase=self.phase)
            self._close()
            raise
        return None

    def _check_closed(self) -> None:
        if self._eof and (self.pending or self.state is State.CONTENT):
            raise NetworkError(
                "net.closed_by_server",
                f"The server closed the connection {self._unanswered()}.",
                seen=self._evidence(),
            )

    def _unanswered(self) -> str:
        verb = self.pending.first if self.pending else Verb.END_OF_DATA
        if verb is Verb.GREETING:
            return "before its greeting"
        return f"without replying to {'the message' if PHASES[verb] is Phase.FINAL else verb}"

    def _pair(self, reply: Reply) -> Answer:
        self.quirks |= reply.quirks - {Quirk.MIXED_CODES}
        if not self.pending:
            self._unasked(reply)
        if (self._content_remaining or self._premature_reply) and len(self.pending) == 1:
            self._midway(reply)
        verb = self.pending.take()
        meant = self._meant(verb, reply)
        if reply.others and meant != NO:  # else its words are what is told
            self.quirks |= {Quirk.MIXED_CODES}
        # After a refused chunk an accepted one mends nothing: the message has a hole.
        spoiled = self.state is State.SPOILED and verb is Verb.BDAT
        if (state := REPLIES[verb][meant]) is not None and not spoiled:
            self.state = state
        if verb in (Verb.EHLO, Verb.HELO) and reply.positive:
            self.capabilities = Capabilities.of(reply)
            self._pipelining = "PIPELINING" in self.capabilities
        if reply.code == 421:
            self._close()
        elif not self.pending:
            self._sent_state = self.state
        return Answer(verb, reply)

    def _meant(self, verb: Verb, reply: Reply) -> int:
        """What a reply comes to as the answer to a command: DONE, MORE or NO."""
        phase = PHASES[verb]
        if reply.others and contradicts(verb, reply.code, reply.other_codes):
            raise mixed_codes(reply, _name(verb), phase)
        meant = outcome(verb, reply.code)
        if meant is not None:
            return meant
        if self._is_greeting(reply):
            raise greets_twice(reply)
        raise wrong_code(
            reply, _name(verb), WHOSE.get(reply.code, "is not an SMTP reply code"), phase
        )

    def _is_greeting(self, reply: Reply) -> bool:
        """Whether it is a second greeting."""
        return self.state is State.GREETED and reply.code == GREETING

    def _unasked(self, reply: Reply) -> NoReturn:
        if self.state is State.CONTENT:
            self._midway(reply)
        if reply.code == 421:
            raise reply.refusal("smtp.shutting_down", "The server is closing the session")
        raise greets_twice(reply) if self._is_greeting(reply) else unexpected(reply)

    def _midway(self, reply: Reply) -> NoReturn:
        """A reply before the end of the message: a refusal counts, anything else is a lie."""
        if reply.kind >= 4:
            error = reply.refusal(
                "send.message_refused", "The server refused the message while it was being sent"
            )
            raise error.locate(phase=Phase.DATA)
        raise unexpected(reply).locate(phase=Phase.DATA)

    def _close(self) -> None:
        self.state = self._sent_state = State.CLOSED
        self.pending.clear()

    def upgraded(self) -> None:
        """TLS is about to begin: forget what was learned in the clear (RFC 3207 section 4.2).

        Raises:
            SessionError: the server has not just agreed to STARTTLS.
            ProtocolError: bytes are left over from before the upgrade. Somebody in the middle may
                have put them there, to be read as if they had come through TLS.
        """
        if self.state is not State.UPGRADING or self.pending:
            raise SessionError(
                "session.out_of_order",
                f"TLS cannot begin while the session is {self.state.value}.",
                phase=PHASES[Verb.STARTTLS],
            )
        if not self.quiet:
            self._close()
            raise ProtocolError(
                "tls.starttls_injection",
                "Data arrived after the reply to STARTTLS but before TLS started: anyone on the "
                "network path could have injected it.",
                phase=PHASES[Verb.STARTTLS],
                retryable=False,
                seen=self._evidence(),
            )
        self.state = self._sent_state = State.GREETED
        self.capabilities = Capabilities()
        self._pipelining = False


_NAMES = {
    Verb.GREETING: "the connection",
    Verb.RESPONSE: "the login",
    Verb.END_OF_DATA: "the message",
    Verb.BDAT_LAST: "the message",
}


def _name(verb: Verb) -> str:
    """What a reply answers, for a sentence."""
    return _NAMES.get(verb, str(verb))
