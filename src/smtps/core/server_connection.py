"""The server's side of one SMTP connection without a network: octets to events, replies to octets.

    connection = ServerConnection(Offer(name="mail.example"))
    connection.answer("220 mail.example ESMTP")
    connection.receive_data(b"EHLO client.example\\r\\n")
    connection.next_event()                   # Hello("client.example", extended=True)
    connection.greet()
    wire.write(connection.data_to_send())

A client may send many commands at once (RFC 2920), but what the second means depends on the answer
to the first. So there is one event at a time: the next is read when this one has its answer.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import ClassVar

from smtps.core import grammar
from smtps.core.server_commands import (
    Asked,
    Refused,
    attempt,
    chunk,
    client_name,
    recipient,
    sender,
    split,
)
from smtps.core.server_content import DotRemover, Size
from smtps.core.server_events import (
    ALLOWED,
    ANYWHERE,
    HELLO,
    OUT_OF_ORDER,
    Content,
    Event,
    Finished,
    Hello,
    Login,
    Offer,
    Response,
    Simple,
    Stage,
    StartTLS,
)
from smtps.errors import SessionError


class _Due(StrEnum):
    """What the answer that is due is for."""

    GREETING = "greeting"
    HELLO = "hello"
    STARTTLS = "starttls"
    LOGIN = "login"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CHUNK = "chunk"
    MESSAGE = "message"
    RSET = "rset"
    QUIT = "quit"
    OTHER = "other"


_YES: Mapping[_Due, tuple[range | frozenset[int], Stage]] = {
    _Due.GREETING: (frozenset({220}), Stage.GREETED),
    _Due.HELLO: (frozenset({250}), Stage.READY),
    _Due.STARTTLS: (frozenset({220}), Stage.UPGRADING),
    _Due.LOGIN: (frozenset({334}), Stage.LOGIN),
    _Due.MAIL: (range(200, 300), Stage.MAIL),
    _Due.RCPT: (range(200, 300), Stage.RCPT),
    _Due.DATA: (frozenset({354}), Stage.CONTENT),
    _Due.CHUNK: (range(200, 300), Stage.CHUNKS),
    _Due.MESSAGE: (range(200, 600), Stage.READY),
    _Due.QUIT: (range(200, 600), Stage.CLOSED),
}
"""The codes that say yes, and where they lead. What is not here stays where it is."""

_FORGETS = frozenset({_Due.HELLO, _Due.STARTTLS, _Due.MESSAGE, _Due.RSET})
"""After a yes to these there is no sender and no recipient any more."""

_LONGEST_LINE = grammar.MAX_COMMAND + 2048
"""Octets of a command line: parameters of extensions add to the 512 (RFC 3461 section 5.4, RFC 6531
section 3.4)."""

_CLOSING = 421


class ServerConnection:
    """The server's side of one connection.

    Args:
        offer: what is offered.
        secured: whether TLS is on from the first octet (RFC 8314).

    Attributes:
        stage: where it stands.
        secured: whether TLS is on.
        logged_in: whether a login was accepted.
        extended: whether the client said EHLO, not HELO.
        recipients: how many were accepted for this message.
    """

    def __init__(self, offer: Offer, *, secured: bool = False) -> None:
        self.offer = offer
        self.secured = secured
        self.stage = Stage.CONNECTED
        self.logged_in = False
        self.extended = False
        self.recipients = 0
        self._due: _Due | None = _Due.GREETING
        self._in = bytearray()
        self._out: list[bytes] = []
        self._utf8 = False
        self._errors = 0
        self._keywords = offer.keywords
        self._size = Size(offer.size)
        self._dots: DotRemover | None = None
        self._ended = False
        self._chunk_left: int | None = None
        self._chunk_last = False
        self._chunk_refusal: str | None = None

    # What comes in.

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Take octets of the client."""
        self._in += data

    @property
    def unread(self) -> int:
        """Octets that have come and are not looked at yet; with many, stop reading."""
        return len(self._in)

    def next_event(self) -> Event | None:
        """What the client asks next; None where more octets are needed, or an answer is due.

        What is refused by its form is answered here, and gives no event.
        """
        while self._due is None and self.stage not in (Stage.CLOSED, Stage.UPGRADING):
            if self._ended:
                return self._finish()
            if self._chunk_left is not None or self.stage is Stage.CONTENT:
                if not self._in and self._chunk_left != 0:
                    return None
                piece = self._chunk() if self._chunk_left is not None else self._lines()
                if piece:
                    return Content(piece)
                continue
            line = self._line()
            if line is None:
                return None
            try:
                event = self._response(line) if self.stage is Stage.LOGIN else self._command(line)
            except Refused as refused:
                self._refuse(refused.reply)
            else:
                if event is not None:
                    return event
        return None

    def _line(self) -> bytes | None:
        longest = grammar.MAX_AUTH_LINE if self.stage is Stage.LOGIN else _LONGEST_LINE
        end = self._in.find(b"\n", 0, longest)
        if end < 0:
            if len(self._in) >= longest:
                self.close("500 5.5.2 The line is too long")
            return None
        line = bytes(self._in[: end + 1])
        del self._in[: end + 1]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            # Others see other lines here; nobody shall have to wonder which of them were obeyed.
            self.close("500 5.5.2 A line ends with CR and LF, and neither stands alone")
            return None
        return line[:-2]

    def _command(self, line: bytes) -> Event | None:
        verb, argument = split(line)
        if verb is Asked.BDAT:
            self._begin_chunk(argument)
            return None
        if verb not in ALLOWED[self.stage]:
            raise Refused(OUT_OF_ORDER[self.stage])
        return self._READERS[verb](self, verb, argument)

    def _hello(self, verb: Asked, argument: str) -> Event:
        name = client_name(argument)
        self.extended, self._due = verb is Asked.EHLO, _Due.HELLO
        return Hello(name, self.extended)

    def _starttls(self, _verb: Asked, argument: str) -> Event | None:
        if not self.offer.starttls or self.secured:
            raise Refused("503 5.5.1 STARTTLS is not offered here")
        if argument:
            raise Refused("501 5.5.4 STARTTLS takes no argument")
        if self._in:  # somebody on the way may have put it there (CVE-2011-0411)
            self.close("501 5.5.1 Nothing may follow STARTTLS before TLS is on")
            return None
        self._due = _Due.STARTTLS
        return StartTLS()

    def _auth(self, _verb: Asked, argument: str) -> Event:
        if self.logged_in:
            raise Refused("503 5.5.1 You are logged in already")
        if self.offer.mechanisms and not self.secured and not self.offer.auth_in_clear:
            raise Refused("538 5.7.11 A login needs TLS here")
        mechanism, initial = attempt(argument, self.offer.mechanisms)
        data = None if initial is None else b"" if initial == "=" else _decoded(initial.encode())
        self._due = _Due.LOGIN
        return Login(mechanism, data)

    def _response(self, line: bytes) -> Event:
        self.stage = Stage.READY
        if line == b"*":
            raise Refused("501 5.7.0 The login is canceled")
        data = _decoded(line)
        self._due = _Due.LOGIN
        return Response(data)

    def _mail(self, _verb: Asked, argument: str) -> Event:
        found = sender(argument, self._keywords)
        if found.size is not None and 0 < self.offer.size < found.size:
            raise Refused(f"552 5.3.4 A message can have {self.offer.size} bytes here")
        self._utf8, self._due = found.smtputf8, _Due.MAIL
        return found

    def _rcpt(self, _verb: Asked, argument: str) -> Event:
        found = recipient(argument, self._keywords, utf8=self._utf8)
        if self.recipients >= self.offer.recipients:
            raise Refused("452 4.5.3 Too many recipients; give the others to the next message")
        self._due = _Due.RCPT
        return found

    def _data(self, _verb: Asked, argument: str) -> Event:
        if argument:
            raise Refused("501 5.5.4 DATA takes no argument")
        self._due = _Due.DATA
        return Simple(Asked.DATA)

    def _simple(self, verb: Asked, argument: str) -> Event:
        self._due = {Asked.QUIT: _Due.QUIT, Asked.RSET: _Due.RSET}.get(verb, _Due.OTHER)
        return Simple(verb, argument)

    _READERS: ClassVar[dict[Asked, Callable[..., Event | None]]] = {
        **dict.fromkeys(HELLO, _hello),
        Asked.STARTTLS: _starttls,
        Asked.AUTH: _auth,
        Asked.MAIL: _mail,
        Asked.RCPT: _rcpt,
        Asked.DATA: _data,
        **dict.fromkeys(ANYWHERE, _simple),
    }

    # The message.

    def _begin_chunk(self, argument: str) -> None:
        """The octets follow whatever is answered, so they have to be counted (RFC 3030)."""
        try:
            found = chunk(argument)
        except Refused as refused:
            self.close(refused.reply)  # what follows cannot be told from commands
            return
        self._chunk_left, self._chunk_last = found.octets, found.last
        if "CHUNKING" not in self._keywords:
            self._chunk_refusal = "502 5.5.1 BDAT is not offered here"
        elif Asked.BDAT not in ALLOWED[self.stage]:
            self._chunk_refusal = OUT_OF_ORDER[self.stage]
        else:
            self.stage = Stage.CHUNKS

    def _chunk(self) -> bytes:
        assert self._chunk_left is not None
        piece = bytes(self._in[: self._chunk_left])
        del self._in[: len(piece)]
        self._chunk_left -= len(piece)
        ended = self._chunk_left == 0
        if ended:
            self._chunk_left = None
        if self._chunk_refusal is None:
            self._ended = ended
            return self._size.take(piece)
        if ended:
            refusal, self._chunk_refusal = self._chunk_refusal, None
            self._refuse(refusal)
        return b""

    def _lines(self) -> bytes:
        if self._dots is None:
            self._dots = DotRemover()
        piece, rest = self._dots.feed(bytes(self._in))
        self._in.clear()
        if rest is not None:
            self._in += rest
            self._ended, self._chunk_last = True, True
        return self._size.take(piece)

    def _finish(self) -> Event:
        self._ended = False
        if self._chunk_last:
            self._size.end()
        self._due = _Due.MESSAGE if self._chunk_last else _Due.CHUNK
        size = self._size
        return Finished(self._chunk_last, size.octets, size.too_large, size.bare)

    # What goes out.

    def answer(self, reply: str) -> None:
        """Answer the event that is due, or greet.

        Args:
            reply: with its code on each line, and the enhanced code where there is one; without
                the last line end.

        Raises:
            SessionError: no answer is due.
        """
        due, self._due = self._due, None
        if due is None:
            raise SessionError("session.out_of_order", "No answer is due.")
        code = self.say(reply)
        codes, leads_to = _YES.get(due, (range(200, 300), self.stage))
        if code == _CLOSING:
            self.stage = Stage.CLOSED
        elif code in codes:
            self._accepted(due, leads_to)
        elif due is _Due.GREETING:
            self.stage = Stage.CLOSED
        elif due is _Due.LOGIN:
            self.logged_in = code == 235  # RFC 4954 section 4
        elif due is _Due.CHUNK:
            self._forget(Stage.READY)
        elif due is _Due.DATA and self._in:
            # It was sent without waiting for the answer: text, or commands? Neither is obeyed.
            self.close("421 4.7.0 Nothing may follow DATA before its answer")

    def _accepted(self, due: _Due, leads_to: Stage) -> None:
        if due in _FORGETS:
            self._forget(self.stage)
        if due is _Due.RSET:
            leads_to = min(self.stage, Stage.READY, key=[*Stage].index)
        self.recipients += due is _Due.RCPT
        self.stage = leads_to

    def _forget(self, stage: Stage) -> None:
        """RFC 5321 section 4.1.1.5."""
        self.stage = stage
        self.recipients, self._utf8 = 0, False
        self._dots, self._size = None, Size(self.offer.size)

    def greet(self, *, text: str = "") -> None:
        """Answer EHLO with what is offered, HELO with the name."""
        offered = [f"{self.offer.name}{text and ' '}{text}"]
        if self.extended:
            offered += self.offer.lines(secured=self.secured, login=not self.logged_in)
        last = len(offered) - 1
        self.answer("\r\n".join(f"250{'- '[n == last]}{line}" for n, line in enumerate(offered)))

    def challenge(self, data: bytes) -> None:
        """Ask for more of a login (RFC 4954 section 4)."""
        self.answer(f"334 {base64.b64encode(data).decode()}")

    def upgraded(self) -> None:
        """TLS is on: nothing that was said before counts (RFC 3207 section 4.2)."""
        self._forget(Stage.GREETED)
        self._in.clear()
        self.secured, self.extended, self.logged_in = True, False, False

    def close(self, reply: str | None = None) -> None:
        """Say a last word, or none; nothing that has come since is looked at."""
        if reply is not None:
            self.say(reply)
        self._in.clear()
        self._due, self.stage = None, Stage.CLOSED

    def next_line(self) -> bytes | None:
        """Take a line of the client, whatever it says; None where it is not whole yet."""
        end = self._in.find(b"\n") + 1
        line = bytes(self._in[:end])
        del self._in[:end]
        return line or None

    def data_to_send(self) -> bytes:
        """What to write."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _refuse(self, reply: str) -> None:
        self.say(reply)
        self._errors += 1
        if self._errors > self.offer.errors:
            self.close("421 4.7.0 Too many errors")

    def say(self, reply: str) -> int:
        """Say a reply, due or not; returns its code, 0 for what is no reply."""
        self._out.append(reply.encode() + b"\r\n")
        return int(reply[:3]) if reply[:3].isdecimal() else 0


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Refused("501 5.5.2 That is not base64") from None
