"""The core's connection over a wire: commands out, replies in, each phase with its time-out.

Whatever goes wrong here ends the dialogue for good. After a time-out the late reply would be taken
for the answer to the next command, and after a cancelled call nobody knows what was sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from smtps.client.transcript import Transcript
from smtps.core.command import Command
from smtps.core.connection import Connection
from smtps.core.payload import blocks
from smtps.core.reply import Limits, Reply
from smtps.core.state import State
from smtps.errors import Phase, SessionError, SMTPSError
from smtps.net.timing import within
from smtps.net.translate import translate
from smtps.net.wire import Wire
from smtps.options import Timeouts

BLOCK = 262144
"""Octets of the message handed over at once."""


_TIMEOUT_OF: dict[Phase, str] = {
    Phase.GREETING: "greeting",
    Phase.MAIL: "mail",
    Phase.RCPT: "rcpt",
    Phase.DATA: "data",
    Phase.FINAL: "final",
    Phase.QUIT: "quit",
}
"""Any other phase: ``command``."""


class Dialogue:
    """One conversation.

    Attributes:
        connection: the state of the language.
        transcript: what was said.
        broken: the error that ended it, if one did.
        closing: the 421 with which the server ended it, if it did.
        deadline: the loop's time at which all has to be over, or None.
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

    @property
    def usable(self) -> bool:
        """Whether another command may be sent."""
        connection = self.connection
        return self.broken is None and connection.in_step and connection.state is not State.CLOSED

    async def greeting(self) -> Reply:
        """Wait for the server to speak first."""
        async with self._guard():
            return await self._next_reply()

    async def exchange(
        self, commands: Iterable[Command], replies: list[Reply] | None = None
    ) -> list[Reply]:
        """Send commands in one write and wait for all their replies, or for a 421.

        Args:
            commands: more than one only where the server pipelines.
            replies: a list to fill, for those who want what had come before an error.
        """
        replies = [] if replies is None else replies
        async with self._guard():
            self._write(self._say_all(commands))
            while self.connection.pending:
                replies.append(await self._next_reply())
        return replies

    async def command(self, command: Command) -> Reply:
        """Send one command and wait for its reply."""
        return (await self.exchange([command]))[0]

    async def send_content(
        self, data: bytes, before: Command | None, after: Command | None
    ) -> None:
        """Write the message, and the line before (BDAT) or after it (the dot).

        Returns as soon as all of it is handed to the network; the reply is fetched by ``final``.
        """
        async with self._guard():
            head = b"" if before is None else self._say(before)
            self.transcript.add("*", f"{len(data)} octets of message")
            pieces = list(blocks(data, BLOCK))
            for number, piece in enumerate(pieces, 1):
                if after is not None and number == len(pieces):
                    await self._hear_refusal()
                    self._write(b"".join((head, piece, self._say(after))))
                else:
                    self._write(b"".join((head, piece)) if head else piece)
                if before is not None:
                    self.connection.chunk_sent(len(piece))
                head = b""
                if number < len(pieces):
                    await self._drain()
                    await self._hear_refusal()

    async def final(self) -> Reply:
        """The reply to the whole message."""
        async with self._guard():
            return await self._next_reply()

    async def close(self) -> None:
        """Close the wire; without a word, see Session.quit."""
        await self.wire.close(self.timeouts.quit)

    def abort(self) -> None:
        """Drop the wire."""
        self.wire.abort()

    def _say_all(self, commands: Iterable[Command]) -> bytes:
        said: list[bytes] = []
        try:
            for command in commands:
                said.append(self._say(command))  # noqa: PERF401  # what was said counts below
        except SessionError as error:
            if said:  # the connection expects replies to commands that will never go out
                self._end(error)
            raise
        return b"".join(said)

    def _say(self, command: Command) -> bytes:
        data = self.connection.send(command)
        self.transcript.add(">", command.shown)
        return data

    def _write(self, data: bytes | memoryview) -> None:
        self.wire.write(data)

    async def _drain(self) -> None:
        async with within(self.timeouts.data, Phase.DATA, self.wire.address, self.deadline):
            await self.wire.drain()

    async def _hear_refusal(self) -> None:
        """A server may refuse the message before its end, mostly for its size.

        Raises:
            RefusedError, ProtocolError, NetworkError: it has said something, or hung up.
        """
        while self.wire.has_unread or not self.connection.quiet:
            if not self.connection.quiet and self.connection.next_answer() is not None:
                continue
            async with within(self.timeouts.data, Phase.DATA, self.wire.address, self.deadline):
                data = await self.wire.receive()
            self.connection.receive_data(data)
            if not data:
                self.connection.next_answer()
                return

    async def _next_reply(self) -> Reply:
        phase = self.connection.phase or Phase.QUIT
        seconds = getattr(self.timeouts, _TIMEOUT_OF.get(phase, "command"))
        async with within(seconds, phase, self.wire.address, self.deadline):
            while (answer := self.connection.next_answer()) is None:
                self.connection.receive_data(await self.wire.receive())
        reply = self.transcript.redact.reply(answer.reply)
        self.transcript.reply(reply)
        if reply.code == 421:
            self.closing = reply
        return reply

    @asynccontextmanager
    async def _guard(self) -> AsyncIterator[None]:
        """Let out errors of ours alone, each with its place, and never go on after one."""
        if self.broken is not None:
            raise SessionError(
                "session.broken", f"The session ended with an error: {self.broken}"
            ) from self.broken
        phase = self.connection.phase or Phase.DATA
        try:
            yield
        except SessionError:
            raise  # a wrong order: nothing was written
        except (SMTPSError, OSError, ssl.SSLError) as error:
            phase = self.connection.phase or phase
            found = self._end(translate(error, phase, address=self.wire.address))
            if found is error:
                raise
            raise found from error
        except asyncio.CancelledError:
            self._end(SessionError("session.cancelled", "A call was cancelled midway."))
            raise

    def _end(self, error: SMTPSError) -> SMTPSError:
        self.broken = error.locate(address=self.wire.address).redact(self.transcript.redact)
        self.transcript.add("*", f"{type(error).__name__} {error.code}: {error}")
        self.wire.abort()
        return error
