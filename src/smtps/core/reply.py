"""Replies: the incremental parser and the value it makes (RFC 5321 section 4.2)."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, cast

from smtps.core import grammar
from smtps.errors import Phase, ProtocolError, RefusedError


class Quirk(StrEnum):
    """What a server may do against the standard and still be understood. Always reported."""

    BARE_LF = "bare_lf"
    """A line ends in LF alone: old appliances, scripts behind inetd."""
    LONG_LINE = "long_line"
    """Over 512 octets (section 4.5.3.1.5): chatty refusals with links in them."""
    NON_ASCII = "non_ascii"
    """Bytes above 127 in the text: greetings in the local language."""
    CONTROL_CHARACTER = "control_character"
    """A control inside the text, a stray CR among them."""
    ODD_CODE = "odd_code"
    """Second digit above 5, as in 571 or 590: widespread in policy refusals."""
    MIXED_CODES = "mixed_codes"
    """The lines of one reply have different codes: Postfix's postscreen begins a refusal with the
    first line of its greeting. The last line counts."""


_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""RFC 5321 section 4.2, textstring: a tab and what can be printed."""


_PLAIN_LINE = re.compile(rb"[2-5][0-5][0-9](?:[ -][ -~]*)?")
"""What most servers say: nothing to overlook and nothing to escape."""


class EnhancedCode(NamedTuple):
    """Enhanced status code, class.subject.detail (RFC 3463 section 2)."""

    klass: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.klass}.{self.subject}.{self.detail}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply.

    Attributes:
        code: 200 to 599.
        lines: the text of each line without code and separator, undecodable bytes as ``\\xNN``.
        enhanced: enhanced status code of the first line, if its class fits the code (RFC 2034).
        quirks: what had to be overlooked.
        others: lines before the last that have another code, with that code.
    """

    code: int
    lines: tuple[str, ...]
    enhanced: EnhancedCode | None = None
    quirks: frozenset[Quirk] = frozenset()
    others: tuple[str, ...] = ()

    @property
    def kind(self) -> int:
        """First digit: 2 done, 3 go on, 4 not now, 5 no (section 4.2.1)."""
        return self.code // 100

    @property
    def positive(self) -> bool:
        """2yz or 3yz."""
        return self.code < 400

    @property
    def other_codes(self) -> tuple[int, ...]:
        """Of the lines that have another code."""
        return tuple(int(line[:3]) for line in self.others)

    @property
    def text(self) -> str:
        """All lines as one."""
        return " ".join(self.lines).strip()

    def refusal(
        self, code: str, message: str, kind: type[RefusedError] = RefusedError
    ) -> RefusedError:
        """The error that this negative reply makes; 4yz may be tried again."""
        return kind(
            code,
            f"{message}: {self}",
            retryable=self.kind == 4,
            smtp_code=self.code,
            enhanced=str(self.enhanced) if self.enhanced else None,
            lines=self.lines,
        )

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a reply is taken in before the server is given up.

    Real servers stay far below: the longest EHLO answers seen have about 30 lines.
    """

    line: int = 4096
    """Octets of one line."""
    lines: int = 256
    """Lines of one reply."""
    total: int = 65536
    """Octets of one reply."""


@dataclass(slots=True)
class _Partial:
    """A multi-line reply under way."""

    lines: list[tuple[int, str]] = field(default_factory=list)
    quirks: set[Quirk] = field(default_factory=set)
    size: int = 0


MAX_REPLY_LINE = 512
"""Octets of a line with its CRLF (RFC 5321 section 4.5.3.1.5)."""

_USUAL = Limits()

_KNOWN = 4096
"""Octets of a reply of many lines that is worth remembering."""


class ReplyParser:
    """Turns bytes, cut anywhere, into replies.

    ``feed`` only stores; ``next_reply`` parses. Work is linear in the bytes, and what is held is
    bounded by the limits as long as replies are taken out.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._usual = self._limits == _USUAL
        self._buffer = bytearray()
        self._searched = 0
        self._partial: _Partial | None = None

    @property
    def unread(self) -> bytes:
        """What came in and belongs to no finished reply."""
        return bytes(self._buffer)

    @property
    def idle(self) -> bool:
        """Whether nothing is left over, not even the first lines of a reply."""
        return not self._buffer and self._partial is None

    @property
    def begun(self) -> tuple[int, str]:
        """Octets of a reply that has begun and not ended, and how it begins; 0 and nothing if none
        has.
        """
        buffer, partial = self._buffer, self._partial
        if partial is None or not partial.lines:
            return len(buffer), printable(buffer[:80])
        code, text = partial.lines[0]
        return partial.size + len(buffer), f"{code}-{text}"[:80]

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Store what the server sent."""
        self._buffer += data

    def take_replies(self, into: deque[Reply]) -> None:
        """Append all whole replies that are there.

        Raises:
            ProtocolError: this is not SMTP, or more than the limits allow; after the replies that
                stand before it.
        """
        if self._partial is None and self._searched == 0 and self._usual:
            self._take_common_replies(into)
        while (reply := self.next_reply()) is not None:
            into.append(reply)

    def _take_common_replies(self, into: deque[Reply]) -> None:
        """Those of one line, which most are and which are soon known, up to one of another kind; or
        one of many lines, if it is all that is there.
        """
        data = bytes(self._buffer)
        if data[3:4] == b"-":
            if len(data) <= _KNOWN and (reply := _of_many_lines(data)) is not None:
                into.append(reply)
                self._buffer.clear()
            return
        lines = data.split(b"\r\n")
        rest = lines.pop()
        replies = list(map(_of_one_line, lines))
        if not all(replies):
            common = replies.index(None)
            rest = b"\r\n".join([*lines[common:], rest])
            del replies[common:]
        into.extend(cast(list[Reply], replies))
        self._buffer[:] = rest

    def next_reply(self) -> Reply | None:
        """The next whole reply, or None until more bytes come.

        Raises:
            ProtocolError: this is not SMTP, or more than the limits allow.
        """
        while (line := self._next_line()) is not None:
            if (reply := self._take(*line)) is not None:
                return reply
        return None

    def _next_line(self) -> tuple[bytes, set[Quirk]] | None:
        end = self._buffer.find(b"\n", self._searched)
        size = end + 1 if end >= 0 else len(self._buffer)
        if size > self._limits.line:
            raise ProtocolError(
                "smtp.reply_too_long",
                f"The server sent a line of more than {self._limits.line} bytes.",
                seen=printable(self._buffer[:80]),
            )
        if end < 0:
            self._searched = size
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        quirks = {Quirk.LONG_LINE} if size > MAX_REPLY_LINE else set()
        if line.endswith(b"\r"):
            return line[:-1], quirks
        return line, quirks | {Quirk.BARE_LF}

    def _take(self, line: bytes, quirks: set[Quirk]) -> Reply | None:
        code, separator = line[:3], line[3:4]
        if not grammar.REPLY_CODE.fullmatch(code) or separator not in (b"", b" ", b"-"):
            raise _no_reply(line)
        partial = self._partial = self._partial or _Partial()
        partial.size += len(line) + 2
        if len(partial.lines) >= self._limits.lines or partial.size > self._limits.total:
            raise ProtocolError(
                "smtp.reply_too_long",
                f"The server's reply exceeds the size limit: over {self._limits.lines} lines or "
                f"{self._limits.total} bytes.",
                seen=printable(line[:80]),
            )
        text = line[4:]
        if _PLAIN_LINE.fullmatch(line):
            partial.lines.append((int(code), text.decode("ascii")))
        else:
            partial.lines.append((int(code), printable(text)))
            partial.quirks |= _quirks_of(code, text)
        partial.quirks |= quirks
        return None if separator == b"-" else self._finish(partial)

    def _finish(self, partial: _Partial) -> Reply:
        self._partial = None
        code = partial.lines[-1][0]
        lines = tuple(text for other, text in partial.lines if other == code)
        others = tuple(f"{other}-{text}" for other, text in partial.lines if other != code)
        if others:
            partial.quirks.add(Quirk.MIXED_CODES)
        quirks = frozenset(partial.quirks)
        return Reply(code, lines, _enhanced(code, lines[0]), quirks, others)


def _no_reply(line: bytes) -> ProtocolError:
    """The error for a line that is none of a reply."""
    if grammar.FOREIGN_REPLY.match(line):
        code, what = "smtp.wrong_code", "a reply with a code that SMTP does not have"
    else:
        code, what = "smtp.not_a_reply", "something that is not an SMTP reply"
    return ProtocolError(
        code,
        f"The server sent {what}: {printable(line[:80])!r}.",
        seen=printable(line[:200]),
    )


def _enhanced(code: int, text: str) -> EnhancedCode | None:
    match = grammar.ENHANCED_CODE.match(text)
    if match is None or int(match[1]) != code // 100:
        return None
    return EnhancedCode(int(match[1]), int(match[2]), int(match[3]))


def _quirks_of(code: bytes, text: bytes) -> set[Quirk]:
    found = set()
    if not grammar.STRICT_REPLY_CODE.fullmatch(code):
        found.add(Quirk.ODD_CODE)
    if not text.isascii():
        found.add(Quirk.NON_ASCII)
    if _CONTROL.search(text):
        found.add(Quirk.CONTROL_CHARACTER)
    return found


@lru_cache(maxsize=1024)
def _of_one_line(line: bytes) -> Reply | None:
    """The reply that a line without its CRLF is, if it is a whole one in which all is plain."""
    if len(line) > MAX_REPLY_LINE - 2 or not _PLAIN_LINE.fullmatch(line) or line[3:4] == b"-":
        return None
    text = line[4:].decode("ascii")
    code = int(line[:3])
    return Reply(code, (text,), _enhanced(code, text))


_MANY_PLAIN_LINES = re.compile(
    rb"([2-5][0-5][0-9])-[ -~]{,506}\r\n(?:\1-[ -~]{,506}\r\n){,200}\1(?: [ -~]{,506})?\r\n"
)


@lru_cache(maxsize=256)
def _of_many_lines(data: bytes) -> Reply | None:
    """The one whole reply that all of this is, if all is plain: a server's answer to EHLO, which
    is the same each time.
    """
    if not _MANY_PLAIN_LINES.fullmatch(data):
        return None
    code = int(data[:3])
    lines = tuple([line[4:] for line in data.decode("ascii").split("\r\n")[:-1]])
    return Reply(code, lines, _enhanced(code, lines[0]))


def printable(data: bytes | bytearray | str) -> str:
    """Text that is safe to show: UTF-8 where it is, anything else as ``\\xNN``."""
    text = data if isinstance(data, str) else data.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\t" else char.encode("unicode_escape").decode()
        for char in text
    )


def unexpected(reply: Reply) -> ProtocolError:
    """The error for a reply that answers no command."""
    return ProtocolError(
        "smtp.unexpected_reply",
        f"The server sent a reply that no command had asked for: {reply}",
        smtp_code=reply.code,
        lines=reply.lines,
    )


def wrong_code(reply: Reply, what: str, whose: str, phase: Phase) -> ProtocolError:
    """The error for a reply whose code is no answer to the command.

    Args:
        reply: what the server said.
        what: it was said to.
        whose: what its code says where it belongs.
        phase: of the command.
    """
    return ProtocolError(
        "smtp.wrong_code",
        f"The server answered {what} with {reply.code}, which {whose}: {reply}",
        phase=phase,
        smtp_code=reply.code,
        lines=reply.lines,
    )


def greets_twice(reply: Reply) -> ProtocolError:
    """The error for a second greeting."""
    return ProtocolError(
        "smtp.greets_twice",
        "The server greets twice, so each of its replies would be mistaken for the reply to the "
        f"next command: {reply}",
        phase=Phase.EHLO,
        smtp_code=reply.code,
        lines=reply.lines,
    )


def mixed_codes(reply: Reply, what: str, phase: Phase) -> ProtocolError:
    """The error for a reply whose lines say different things."""
    return ProtocolError(
        "smtp.mixed_codes",
        f"The server contradicts itself within one reply to {what}: {'; '.join(reply.others)}; "
        f"{reply}",
        phase=phase,
        smtp_code=reply.code,
        lines=reply.lines,
    )
