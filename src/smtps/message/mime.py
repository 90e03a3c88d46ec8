"""From a Message to bytes (RFC 5322, RFC 2045 to 2049, RFC 2231), and a last look at the result.

What is composed here is 7-bit: it needs no extension on its way and survives every relay.
"""

from __future__ import annotations

import binascii
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from smtps.chance import token
from smtps.core.payload import find_long_line, normalize
from smtps.errors import InputError
from smtps.message.addresses import NameAddr, unquoted, write_list, write_person
from smtps.message.content import Base64File, Content, Part, base64_lines, with_charset
from smtps.message.encoded_words import FOLD, WIDTH
from smtps.message.header_fields import unstructured, write
from smtps.message.message import Attachment, Message, size_of

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_FIELD = re.compile(
    rb"([!-9;-~]++:)[^\r\n\0]*+(?:\r\n[ \t][^\r\n\0]*+)*+(?:\r\n(?!\Z)|\Z)",
)
"""A header field (RFC 5322 section 2.2) with its CRLF, which the last one of a block has not."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A message in its final form.

    Attributes:
        content: CRLF line ends, 7-bit; its header is in memory.
        message_id: with angle brackets.
    """

    content: Content
    message_id: str

    @property
    def data(self) -> bytes:
        """The whole message, read into memory."""
        return bytes(self.content)


class _Part(NamedTuple):
    """A MIME entity: header lines without CRLF, and a body in pieces."""

    headers: list[str]
    body: list[bytes | Part]

    def encode(self) -> list[bytes | Part]:
        return ["\r\n".join([*self.headers, "", ""]).encode(), *self.body]


def compose(message: Message, now: datetime | None = None) -> Composed:
    """Serialise a message.

    Args:
        message: what to say.
        now: for the Date of a message that has none; default this moment.

    Raises:
        InputError: the header block that came out has a field that was not composed.
    """
    message_id = message.message_id or f"<{token()}@{message.author.mailbox('from').domain}>"
    date = message.date or now
    own = [
        ("Subject", unstructured(message.subject, 9)),
        ("Date", format_date(date) if date else _date_of(int(time.time()))),
        ("Message-ID", message_id),
    ]
    if message.headers:
        own += [(n, write(n, text, where=f"headers.{n}")) for n, text in message.headers.items()]
    people = _addressed(message.author, message.agent, *message.people("to", "cc", "reply_to"))
    headers, body = _entity(message)
    pieces: list[bytes | Part] = [people, _fields(own), _described(*headers)]
    pieces += [piece for piece in body if piece]
    last = pieces[-1]
    if not isinstance(last, bytes) or not last.endswith(b"\r\n"):
        pieces.append(b"\r\n")
    return Composed(Content.joined(pieces), message_id)


# The header, in blocks of whole fields. What is the same for many messages is made and read again
# once.


@lru_cache(maxsize=256)
def _addressed(author: NameAddr, agent: NameAddr | None, *people: tuple[NameAddr, ...]) -> bytes:
    """Who it is from and for."""
    fields = [("From", write_person(author, "from"))]
    # RFC 5322 section 3.6.2: no Sender that says what From says.
    if agent is not None and agent.mailbox("sender") != author.mailbox("from"):
        fields.append(("Sender", write_person(agent, "sender")))
    for (name, key), some in zip(_RECIPIENT_FIELDS, people, strict=True):
        if some:
            fields.append((name, write_list(some, key)))
    return _fields(fields)


@lru_cache(maxsize=64)
def _described(*lines: str) -> bytes:
    """What the body is, and the end of the header."""
    fields = [line.partition(": ") for line in ("MIME-Version: 1.0", *lines)]
    return _fields([(name, value) for name, _, value in fields]) + b"\r\n"


def _fields(fields: list[tuple[str, str]]) -> bytes:
    """Names and folded values as they stand in a header, each with its CRLF."""
    block = "\r\n".join([f"{name}: {value}".rstrip() for name, value in fields]).encode()
    _check_fields(block, [name for name, _ in fields])
    return block + b"\r\n"


_RECIPIENT_FIELDS = (("To", "to"), ("Cc", "cc"), ("Reply-To", "reply_to"))


def check_header_block(data: bytes, names: Iterable[str]) -> None:
    """Read the finished header block again: exactly these fields, and nothing between them.

    The last line of defence against a value that opened a line of its own, wherever the mistake
    was made; Python's own email package has had several (CVE-2024-6923).

    Raises:
        InputError: something else stands there.
    """
    end = data.find(b"\r\n\r\n")  # not ``partition``, which copies what is behind as well
    _check_fields(data[:end] if end >= 0 else data, names, whole=end >= 0)


def _check_fields(block: bytes, names: Iterable[str], *, whole: bool = True) -> None:
    pieces = _FIELD.split(block)  # what stands between the fields, and their names in turn
    if any(pieces[::2]):
        raise _injected("a bare line end, NUL, or a line that is not a header field")
    found = b"".join(pieces[1::2])
    wanted = "".join([f"{name}:" for name in names]).encode()
    if not whole or found.lower() != wanted.lower():
        extra = sorted({*found.lower().split(b":")} - {*wanted.lower().split(b":")})
        extra = extra or [b"a different order or number"]
        raise _injected(f"unwanted fields: {b', '.join(extra).decode()}")


def _injected(what: str) -> InputError:
    return InputError("headers", f"would put {what} into the message", code="message.injection")


@lru_cache(maxsize=4)
def _date_of(second: int) -> str:
    """The local date-time of a second since the epoch."""
    return format_date(datetime.fromtimestamp(second, UTC).astimezone())


def format_date(date: datetime) -> str:
    """A date-time (RFC 5322 section 3.3), in English whatever the locale."""
    seconds = int((date.utcoffset() or timedelta()).total_seconds())
    if seconds % 60:  # local times of long ago; the header knows only minutes
        date, seconds = date.astimezone(UTC), 0
    minutes = seconds // 60
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    return (
        f"{_DAYS[date.weekday()]}, {date.day:02d} {_MONTHS[date.month - 1]} {date.year:04d} "
        f"{date:%H:%M:%S} {sign}{minutes // 60:02d}{minutes % 60:02d}"
    )


def _parameter(name: str, value: str) -> str:
    """A parameter of a MIME field, on lines of its own (RFC 2231 sections 3 and 4)."""
    if value.isascii() and len(value) <= 60 and "=?" not in value:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f';{FOLD}{name}="{escaped}"'
    pieces = _cut([quote(char, safe="") for char in value], 60)
    if len(pieces) == 1:
        return f";{FOLD}{name}*=utf-8''{pieces[0]}"
    pieces[0] = f"utf-8''{pieces[0]}"
    return "".join(f";{FOLD}{name}*{n}*={piece}" for n, piece in enumerate(pieces))


def write_parameters(text: str) -> str:
    """A MIME field with its parameters, as somebody wrote it who cared neither about ASCII nor
    about the length of lines.

    Raises:
        InputError: more than a value goes beyond ASCII.
    """
    kind, _, rest = text.partition(";")
    found = _PARAMETER.findall(f";{rest}" if rest else "")
    if not kind.isascii() or not all(name.isascii() for name, _ in found):
        raise InputError(
            "headers", f"{text[:50]!r} contains non-ASCII characters outside its values"
        )
    return "".join([kind.strip(), *(_parameter_again(name, value) for name, value in found)])


def _parameter_again(name: str, value: str) -> str:
    if value.startswith('"'):
        return _parameter(name, unquoted(value))
    value = value.strip()
    base, star, place = name.partition("*")
    if not star:
        return _parameter(name, value)
    parts = value.split("'", 2)
    if place or len(parts) != 3:  # one piece of several is short already
        return f";{FOLD}{name}={value}"
    try:
        return _parameter(base, unquote(parts[2], parts[0] or "us-ascii"))
    except (LookupError, ValueError) as error:
        raise InputError("headers", f"{name} is in an unknown charset") from error


_PARAMETER = re.compile(r';\s*([^\s=;]+)\s*=\s*("(?:[^"\\]|\\.)*+"|[^;]*)')


def _cut(parts: list[str], size: int) -> list[str]:
    """Join the parts into pieces of at most ``size`` characters, never cutting one: a reader may
    decode each piece on its own.
    """
    pieces = [""]
    for part in parts:
        if len(pieces[-1]) + len(part) > size:
            pieces.append("")
        pieces[-1] += part
    return pieces


def _content_type(kind: str) -> str:
    """A content type with each parameter on a line of its own where one would be too long."""
    if len(kind) + len("Content-Type: ") <= WIDTH:
        return kind
    return _PARAMETER_START.sub(f";{FOLD}", kind)


_PARAMETER_START = re.compile(r'; *(?=[^"]*(?:"[^"]*"[^"]*)*\Z)')
"""A semicolon outside quotes."""


# The body.


def _entity(message: Message) -> _Part:
    """Text, HTML and others as alternatives, inline parts beside the HTML, attachments around."""
    if message.html is None and not message.attachments and not message.alternatives:
        return _text("plain", message.text or "")
    files = list(message.attachments)
    inline = [f for f in files if f.disposition == "inline" and message.html is not None]
    attached = [f for f in files if f not in inline]
    choices = []
    if message.text is not None or message.html is None:
        choices.append(_text("plain", message.text or ""))
    if message.html is not None:
        html = _text("html", message.html)
        choices.append(_multipart("related", [html, *map(_file, inline)]) if inline else html)
    choices = _with_alternatives(choices, message)
    body = choices[0] if len(choices) == 1 else _multipart("alternative", choices)
    return _multipart("mixed", [body, *map(_file, attached)]) if attached else body


def _with_alternatives(choices: list[_Part], message: Message) -> list[_Part]:
    """Each where readers look for it: the last that they know is shown (RFC 2046 section 5.1.4)."""
    before: list[_Part] = []
    behind: list[_Part] = []
    for file in message.alternatives:
        kind = file.content_type.partition(";")[0].strip().lower()
        (before if kind in _BEFORE_HTML else behind).append(_alternative(file))
    at = len(choices) - (message.html is not None)
    return [*choices[:at], *before, *choices[at:], *behind]


_BEFORE_HTML = frozenset({
    "text/enriched", "text/markdown", "text/richtext", "text/watch-html", "text/x-amp-html",
})  # fmt: skip
"""Forms that go before HTML: what comes last is shown by programs that know no others."""


def _multipart(kind: str, parts: list[_Part]) -> _Part:
    # "=_" can stand neither in base64 nor in quoted-printable, so no part can hold the boundary
    # by accident; in 7bit text a random one cannot be guessed.
    boundary = f"=_{token()}"
    body: list[bytes | Part] = []
    for part in parts:
        # The line end before a delimiter belongs to it (RFC 2046 section 5.1.1).
        body += [f"--{boundary}\r\n".encode(), *part.encode(), b"\r\n"]
    body.append(f"--{boundary}--".encode())
    return _Part([f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"'], body)


def _text(kind: str, text: str) -> _Part:
    data = normalize(text.encode())
    if _is_7bit(data):
        return _Part(_text_fields(kind, "7bit"), [data])
    # Its soft line ends are bare LF where the text has no line end of its own.
    printable = normalize(binascii.b2a_qp(data, istext=True))
    packed = base64_lines(data)
    name, body = min(("quoted-printable", printable), ("base64", packed), key=lambda c: len(c[1]))
    return _Part(_text_fields(kind, name), [body])


def _text_fields(kind: str, encoding: str) -> list[str]:
    return [f"Content-Type: text/{kind}; charset=utf-8", f"Content-Transfer-Encoding: {encoding}"]


def _is_7bit(data: bytes) -> bool:
    """RFC 2045 section 2.7, and no control but line ends and tabs."""
    return data.isascii() and find_long_line(data) is None and not data.translate(None, _HARMLESS)


_HARMLESS = bytes([9, 10, 13, *range(32, 127), *range(128, 256)])


def _alternative(file: Attachment) -> _Part:
    """A form of the text: no file, unless it says that it is one."""
    kind = _with_method(file)
    headers, *body = _encoded(replace(file, content_type=kind, disposition="inline"))
    shown = [h for h in headers if not h.startswith("Content-Disposition:")]
    return _Part(shown, *body)


def _with_method(file: Attachment) -> str:
    """The content type of an invitation says what it wants, as its content does (RFC 6047 section
    2.4): without it, no program offers to accept it.
    """
    kind = file.content_type
    if kind.partition(";")[0].strip().lower() != "text/calendar":
        return kind
    content = file.content if isinstance(file.content, bytes) else file.content.read_bytes()
    found = _METHOD.search(content)
    said = _METHOD_PARAMETER.search(kind)
    if found is None:
        return kind
    method = found[1].decode()
    if said is None:
        return f"{kind}; method={method}"
    if said[1].lower() != method.lower():
        raise InputError(
            "alternatives.content_type",
            f"says method={said[1]}, and the calendar METHOD:{method}; make them the same",
        )
    return kind


_METHOD = re.compile(rb"^METHOD:([A-Za-z-]{1,40})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_METHOD_PARAMETER = re.compile(r';\s*method="?([A-Za-z-]+)"?', re.IGNORECASE)


def _file(file: Attachment) -> _Part:
    small = isinstance(file.content, bytes) and len(file.content) <= _REMEMBERED
    return (_remembered if small else _encoded)(file)


_REMEMBERED = 262144
"""Octets of a file that is encoded once although it goes with many messages."""


def _encoded(file: Attachment) -> _Part:
    kind, encoding = file.content_type, "base64"
    body: bytes | Part
    if kind.lower().startswith("text/"):
        kind = with_charset(file)
    elif kind.lower().startswith("message/"):
        # RFC 2046 section 5.2.1 allows no base64 here; a message that is not 7-bit goes as a file.
        content = file.content
        body = normalize(content if isinstance(content, bytes) else content.read_bytes())
        if _is_7bit(body):
            encoding = "7bit"
        else:
            kind = "application/octet-stream"
    if encoding == "base64":
        body = _base64(file.content)
    headers = [
        f"Content-Type: {_content_type(kind)}",
        f"Content-Transfer-Encoding: {encoding}",
        f"Content-Disposition: {file.disposition}" + _parameter("filename", file.filename),
    ]
    if file.content_id is not None:
        headers.append(f"Content-ID: <{file.content_id}>")
    return _Part(headers, [body])


_remembered = lru_cache(maxsize=8)(_encoded)


def _base64(content: bytes | Path) -> bytes | Part:
    if isinstance(content, bytes):
        return base64_lines(content)
    return Base64File(content, size_of(content))
