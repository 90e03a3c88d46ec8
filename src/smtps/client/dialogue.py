"""The core's connection over a wire: commands out, replies in, each phase with its time-out.

Whatever goes wrong here ends the dialogue for good. After a time-out the late reply would be taken
for the answer to the next command, and after a cancelled call nobody knows what was sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import TypeVar

from smtps.client.commands import Group
from smtps.client.deadlines import HALTED, halted, late, seconds_of
from smtps.client.result import explained
from smtps.client.transcript import Transcript
from smtps.core.command import END_OF_DATA, QUIT, Command
from smtps.core.connection import Answer, Connection
from smtps.core.reply import Limits, Reply
from smtps.core.state import State
from smtps.endpoint import Timeouts
from smtps.errors import NetworkError, Phase, PhaseTimeoutError, SessionError, SMTPSError
from smtps.message.content import BLOCK, Content
from smtps.net.timing import expiry
from smtps.net.translate import closed
from smtps.net.wire import Interrupted, Wire

T = TypeVar("T")

WHOLE_WITHIN = 3.0
"""Seconds for the rest of a reply that nobody asked for."""


class Dialogue:
    """One conversation.

    Attributes:
        connection: the state of the language.
        transcript: what was said.
        broken: the error that ended it, if one did.
        closing: the 421 with which the server ended it, if it did.
        deadline: the loop's time at which all has to be over, or None.
        buffered: octets of the next write.
        resets: how often the server was told RSET; the first behind a message that it took is not
            counted.
        left_open: whether the server may have the envelope of an earlier message in mind, so that
            the next one needs RSET before it.
        halting: nothing new is to be said; see ``deadlines``.
    """

    def __init__(
        self,
        wire: Wire,
        timeouts: Timeouts,
        *,
        transcript: Transcript | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.wire = wire
        self.timeouts = timeouts
        self.connection = Connection(limits)
        self.transcript = transcript or Transcript()
        self.broken: SMTPSError | None = None
        self.closing: Reply | None = None
        self.deadline: float | None = None
        self._seconds = seconds_of(timeouts)
        self._said: list[bytes | memoryview] = []
        self.buffered = 0
        self.left_open = False
        self.resets = 0
        self._free_reset = True
        self.halting = False
        self._cut = False

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.broken is None and self.connection.state is not State.CLOSED

    @property
    def usable(self) -> bool:
        """Whether another command may be sent, with nothing under way before it."""
        return self.alive and self.connection.in_step

    @property
    def interrupted(self) -> bool:
        """Whether the server has said something that nobody asked for. What it is, the next command
        finds out before it is sent.
        """
        return self.alive and not self.connection.pending and not self.connection.quiet

    async def greeting(self) -> Reply:
        """Wait for the server to speak first."""
        with self.guard():
            return (await self.next_answer()).reply

    async def exchange(
        self, commands: Sequence[Command], replies: list[Reply] | None = None
    ) -> list[Reply]:
        """Send commands in one write and wait for all their replies, or for a 421.

        Args:
            commands: more than one only where the server pipelines.
            replies: a list to fill, for those who want what had come before an error.
        """
        replies = [] if replies is None else replies
        with self.guard():
            await self.hear_out()
            self.say(commands)
            self.flush()
            while self.connection.pending:
                replies.append((await self.next_answer()).reply)
        return replies

    async def command(self, command: Command) -> Reply:
        """Send one command and wait for its reply."""
        return (await self.exchange([command]))[0]

    async def close(self) -> None:
        """Close the wire; without a word, see Session.quit."""
        await self.wire.close(self.timeouts.quit)

    def abort(self) -> None:
        """Drop the wire."""
        self.wire.abort()

    def halt(self, *, now: bool = False) -> None:
        """Come to a stop: at once, or as soon as no message is on the wire without an answer.

        Args:
            now: do not wait for these.
        """
        self.halting = True
        self._cut = self._cut or now
        self.wire.interrupt()

    def heed(self, *, at_stake: bool) -> None:
        """Look round before waiting.

        Args:
            at_stake: whether a message is handed over, or about to be, and not answered.

        Raises:
            SessionError: it is time to stop.
        """
        if self._cut or (self.halting and not at_stake):
            raise halted()

    # The pieces of an exchange, for use inside ``guard``.

    def say(self, commands: Sequence[Command]) -> None:
        """Put commands into the next write.

        Raises:
            SessionError: one has no place here.
        """
        if not commands:
            return
        self._buffer(self.connection.send(*commands))
        if self.transcript.kept:
            for command in commands:
                self.transcript.add(">", command.shown)

    def say_group(self, group: Group, octets: int = 0) -> None:
        """The same for commands that are ready; see ``Connection.expect``."""
        verbs, lines = group
        self.connection.expect(verbs, octets)
        if self.transcript.kept:
            for line in lines.decode().splitlines():
                self.transcript.add(">", line)
        self._said.append(lines)
        self.buffered += len(lines)

    def say_whole(self, group: Group, content: Content) -> bool:
        """Put commands up to BDAT into the next write and the message with them, if it is small and
        the server has nothing to say; otherwise nothing is done, and it takes ``say_content``.
        """
        data = content.whole
        if data is None or len(data) + self.buffered > BLOCK or self.wire.has_unread:
            return False
        if self.transcript.kept:
            self.say_group(group)
            self.transcript.add("*", f"{content.size} bytes of message")
            self._buffer(data)
        else:
            self.connection.expect(group[0])
            self._said += (group[1], data)
            self.buffered += len(group[1]) + len(data)
        return True

    async def say_content(
        self, content: Content, *, stuffed: bool, take: Callable[[Answer], None]
    ) -> None:
        """Put the message into the next write, and all but its end on the wire if it is large.

        Args:
            content: goes out behind BDAT; ``stuffed`` after DATA, with the lone dot.
            take: given the answers that come meanwhile, to what was said before; what it raises
                ends the message.

        Raises:
            RefusedError: the server does not want the rest of it.
        """
        self.transcript.add("*", f"{content.size} bytes of message")
        for block in content.stuffed() if stuffed else content.blocks():
            await self._on_early_reply(take)  # what was received counts before a write that fails
            if self.buffered and self.buffered + len(block) > BLOCK:
                self.flush()
                await self._drain(take)
            self._buffer(block)
            if not stuffed:
                self.connection.chunk_sent(len(block))
        if stuffed:
            await self._on_early_reply(take)
            self.say((END_OF_DATA,))

    def flush(self) -> None:
        """Write what was said."""
        if self._said:
            data = self._said[0] if len(self._said) == 1 else b"".join(self._said)
            self._said.clear()
            self.buffered = 0
            try:
                self.wire.write(data)
            except NetworkError as error:
                raise closed(self.connection.phase or Phase.DATA, self.wire.address) from error

    async def hear_the_rest(self) -> None:
        """Read what arrived before an error; nothing follows it."""
        if data := await self.wire.rest():
            self.connection.receive_data(data)

    async def hear_out(self) -> None:
        """Take what has come though nothing is due, up to its last word if that comes soon. The
        next command finds out what it is, whatever pieces it came in.
        """
        connection = self.connection
        if connection.pending:
            return
        try:
            while self.wire.has_unread or connection.half_said:
                with self._waiting(WHOLE_WITHIN) as until:
                    data = await self.wire.receive(until)
                connection.receive_data(data)
                if not data:
                    return
        except (OSError, SMTPSError):
            if connection.quiet:  # else what was received counts before what went wrong
                raise

    async def next_answer(self) -> Answer:
        """Wait for the next reply, within the time that its phase may take."""
        answer = self.connection.next_answer()
        if answer is None:
            with self._waiting() as until:
                while (answer := self.connection.next_answer()) is None:
                    self.heed(at_stake=False)
                    self.connection.receive_data(await self.wire.receive(until))
        return self._note(answer)

    async def hear(self, most: float | None = None) -> None:
        """Wait for bytes of the server, within the time that the phase may take, or for a stop.

        Args:
            most: seconds, if that is less.

        Raises:
            NetworkError: it hung up, and owes no reply that would say so.
        """
        try:
            with self._waiting(most) as until:
                data = await self.wire.receive(until)
        except Interrupted:
            return
        self.connection.receive_data(data)
        if not data and not self.connection.pending:
            raise closed(self.connection.phase or Phase.QUIT, self.wire.address)

    def answers(self) -> list[Answer]:
        """All answers that have come."""
        answers = self.connection.answers()
        # A 421 closes the connection's side too.
        if self.transcript.silent and self.connection.state is not State.CLOSED:
            return answers
        return [self._note(answer) for answer in answers]

    def granting(self) -> Callable[[], list[Reply] | None]:
        """``Connection.all_accepted``, with each reply put in the transcript if there is one."""
        return self.connection.all_accepted if self.transcript.silent else self._all_accepted

    def _all_accepted(self) -> list[Reply] | None:
        replies = self.connection.all_accepted()
        return replies and [self._noted(reply) for reply in replies]

    def _waiting(self, most: float | None = None) -> AbstractContextManager[float]:
        phase = self.connection.phase or Phase.QUIT
        seconds = self._seconds[phase]
        if most is not None:
            seconds = min(seconds, most)
        return expiry(seconds, phase, self.wire.address, self.deadline, self._late)

    def _late(self, phase: Phase, seconds: float, address: str | None) -> PhaseTimeoutError:
        beginning = self.transcript.redact(self.connection.unfinished[1])
        return late(self.connection, beginning, phase, seconds, address)

    def _note(self, answer: Answer) -> Answer:
        return Answer(answer.verb, self._noted(answer.reply))

    def _noted(self, reply: Reply) -> Reply:
        """The reply without secrets, after it was written down."""
        reply = self.transcript.redact.reply(reply)
        self.transcript.reply(reply)
        if reply.code == 421:
            self.closing = reply
        return reply

    def _buffer(self, data: bytes | memoryview) -> None:
        self._said.append(data)
        self.buffered += len(data)

    async def _drain(self, take: Callable[[Answer], None]) -> None:
        """Wait until the network takes more, and listen meanwhile: a server that refuses the
        message may read no further.
        """
        with expiry(self.timeouts.data, Phase.DATA, self.wire.address, self.deadline) as until:
            while not await self._undisturbed(partial(self.wire.drain, until)):
                await self._on_early_reply(take)

    async def _undisturbed(self, wait: Callable[[], Awaitable[T]]) -> T:
        """What a wait comes to; each time that it is interrupted, it is seen whether to stop."""
        while True:
            self.heed(at_stake=True)
            with suppress(Interrupted):
                return await wait()

    async def _on_early_reply(self, take: Callable[[Answer], None]) -> None:
        """Take what the server says midway; it may refuse the message, mostly for its size.

        Raises:
            RefusedError, ProtocolError, NetworkError: it did, or hung up.
        """
        while self.wire.has_unread or not self.connection.quiet:
            if not self.connection.quiet and (answer := self.connection.next_answer()) is not None:
                take(self._note(answer))
                continue
            with expiry(self.timeouts.data, Phase.DATA, self.wire.address, self.deadline) as until:
                data = await self._undisturbed(partial(self.wire.receive, until))
            self.connection.receive_data(data)
            if not data:
                self.connection.next_answer()
                return

    @property
    def settled(self) -> bool:
        """Whether nothing is left open, and the next RSET is not counted."""
        return self._free_reset and not self.left_open

    def note_end(self, *, left_open: bool, reset: bool, taken: bool) -> None:
        """A message is over.

        Args:
            left_open: whether the server may have its envelope in mind.
            reset: whether RSET stood before it.
            taken: whether the server took it.
        """
        self.left_open = left_open
        if reset and not self._free_reset:
            self.resets += 1
        self._free_reset = taken or (self._free_reset and not reset)

    def over(self, error: SMTPSError) -> SessionError:
        """What the end of the dialogue by ``error`` is for whatever had no part in it."""
        if error.code == HALTED:
            return halted()
        return SessionError(
            "session.broken",
            f"The session ended with an error: {error}",
            retryable=True,
            address=self.wire.address,
        )

    def guard(self) -> Guard:
        """For a block that speaks: errors of ours alone come out, and nothing goes on after one."""
        return Guard(self)

    def ended(self, error: BaseException) -> BaseException:
        """What to raise for an error that came up in speaking; the dialogue is over with it."""
        if isinstance(error, Interrupted):
            error = halted()
        if isinstance(error, SessionError):
            if error.code == HALTED:
                return self._end(error)
            if self._said:  # replies are expected to commands that will never go out
                self._end(error)
            return error  # a wrong order: nothing was written
        if isinstance(error, SMTPSError | OSError | ssl.SSLError):
            phase = self.connection.phase or Phase.DATA
            return self._end(self.wire.explain(error, phase))
        cancelled = isinstance(error, asyncio.CancelledError)
        how = "was cancelled" if cancelled else f"ended with {type(error).__name__}"
        self._end(SessionError("session.cancelled", f"A call {how} midway."))
        return error

    def _end(self, error: SMTPSError) -> SMTPSError:
        explained(error).locate(address=self.wire.address).redact(self.transcript.redact)
        self.broken = error.apart()
        self.transcript.add("*", f"{type(error).__name__} {error.code}: {error}")
        if error.code == HALTED and self.connection.takes_a_command:
            self.transcript.add(">", QUIT.shown)
            self.wire.part(QUIT.encode())
        else:
            self.wire.abort()
        return error


class Guard:
    """See ``Dialogue.guard``."""

    __slots__ = ("_dialogue",)

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue

    def __enter__(self) -> None:
        dialogue = self._dialogue
        if dialogue.broken is not None:
            raise dialogue.over(dialogue.broken) from dialogue.broken

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or (found := self._dialogue.ended(error)) is error:
            return
        try:
            raise found from error
        finally:
            del found  # this frame is in its traceback
