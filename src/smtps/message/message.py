"""A message as its author thinks of it: who, to whom, what. ``mime`` turns it into bytes."""

from __future__ import annotations

import mimetypes
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

from smtps.core import grammar
from smtps.core.address import Mailbox
from smtps.errors import InputError
from smtps.message.addresses import MAX_HEADER, NameAddr
from smtps.message.header_fields import write

_FIELD_NAME = re.compile(r"[!-9;-~]{1,76}")
"""RFC 5322 section 3.6.8, ftext."""

_WORD = r"[A-Za-z0-9!#$&^_.+-]"
_CONTENT_TYPE = re.compile(
    rf"{_WORD}{{1,60}}/{_WORD}{{1,60}}"
    rf'(?:; *{_WORD}{{1,40}}=(?:{_WORD}{{1,120}}|"[ !#-\[\]-~]{{0,120}}"))*'
)
"""RFC 2045 section 5.1, without comments."""

_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}(?:@[A-Za-z0-9.-]{1,200})?")

MAX_NAME = 500
"""Characters of a content type."""

OWN_FIELDS = frozenset(
    {
        "bcc", "cc", "date", "from", "message-id", "mime-version", "received", "reply-to",
        "return-path", "sender", "subject", "to",
    }
)  # fmt: skip
"""Header fields that have a place of their own here, or are the servers' business."""


Who = str | NameAddr
Several = Who | Iterable[Who]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a message.

    Attributes:
        filename: as the reader shall see it; any script. Of a path the last part is taken: the
            folders of its author are nobody's business.
        content: its bytes; or the path of a file, which is read when it is sent.
        content_type: such as ``image/png``; guessed from the name when left out. A text without a
            charset gets that of UTF-8 if it is UTF-8.
        content_id: for ``<img src="cid:…">`` in the HTML, without angle brackets.
        disposition: ``inline`` for what the HTML shows.
        guessed: whether the content type was.

    Raises:
        InputError: a value cannot stand in a header.
    """

    filename: str
    content: bytes | Path = field(repr=False)
    content_type: str = ""
    content_id: str | None = None
    disposition: Literal["attachment", "inline"] = "attachment"
    guessed: bool = field(default=False, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        where = "attachments"
        if not isinstance(self.filename, str) or not self.filename or len(self.filename) > 255:
            raise InputError(f"{where}.filename", "must have 1 to 255 characters")
        if grammar.FORBIDDEN.search(self.filename):
            raise InputError(f"{where}.filename", "contains a control character; remove it")
        object.__setattr__(self, "filename", _last_part(self.filename))
        if not isinstance(self.content, bytes | Path):
            raise InputError(f"{where}.content", "must be bytes or a path")
        if isinstance(self.content, Path):
            size_of(self.content)
        if not self.content_type:
            object.__setattr__(self, "content_type", _guess(self.filename))
            object.__setattr__(self, "guessed", True)
        if not isinstance(self.content_type, str) or not (
            len(self.content_type) <= MAX_NAME and _CONTENT_TYPE.fullmatch(self.content_type)
        ):
            raise InputError(f"{where}.content_type", "must look like type/subtype")
        if self.content_type.lower().startswith("multipart/"):
            raise InputError(f"{where}.content_type", "cannot be multipart")
        if self.content_id is not None and not (
            isinstance(self.content_id, str) and _CONTENT_ID.fullmatch(self.content_id)
        ):
            raise InputError(f"{where}.content_id", "must consist of letters, digits and .-_@ only")
        if self.disposition not in ("attachment", "inline"):
            raise InputError(f"{where}.disposition", "must be 'attachment' or 'inline'")

    @classmethod
    def from_file(cls, path: str | Path, content_type: str = "") -> Self:
        """A file; a large one is read when it is sent, and must stay as it is until then.

        Raises:
            InputError: it cannot be read.
        """
        path = Path(path)
        large = size_of(path) > MAX_IN_MEMORY
        try:
            content = path if large else path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error
        return cls(filename=path.name, content=content, content_type=content_type)


_DRIVE = re.compile(r"[A-Za-z]:(?=\S)")


def _last_part(path: str) -> str:
    """The file's own name: what stands behind the last separator of Unix or Windows.

    Raises:
        InputError: nothing stands there.
    """
    name = re.split(r"[/\\]", path)[-1]
    name = _DRIVE.sub("", name, count=1) if _DRIVE.match(name) else name
    if name in ("", ".", ".."):
        raise InputError("attachments.filename", f"{path[:50]!r} names a folder, not a file")
    return name


MAX_IN_MEMORY = 1_000_000
"""Octets of a file that is read at once."""


def size_of(path: Path) -> int:
    """Octets of a file that can be read.

    Raises:
        InputError: it is none.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        raise InputError("attachments", f"{str(path)!r} is not a regular file")
    return found.st_size


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or error
    return InputError("attachments", f"cannot read {str(path)!r}: {reason}")


def _guess(filename: str) -> str:
    """The type that a name's ending stands for. Only the ending is shown to ``guess_type``, which
    reads URLs as well.
    """
    stem, _, ending = filename.rpartition(".")
    guessed, encoding = mimetypes.guess_type(f"x.{ending}") if stem else (None, None)
    safe = guessed is not None and encoding is None and not guessed.startswith("multipart/")
    return guessed if safe and guessed else UNKNOWN


UNKNOWN = "application/octet-stream"
"""The type of what nothing is known about (RFC 2046 section 4.5.1)."""


_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to be composed. All text is Unicode; how it is encoded is not the author's worry.

    Attributes:
        from_: the author.
        sender: who sends it on the author's behalf, if not the author (RFC 5322 section 3.6.2);
            bounces go there.
        to, cc, bcc: recipients; bcc are in the envelope only.
        reply_to: where answers go.
        subject: one line.
        text, html: either or both.
        alternatives: further forms of the text, such as an invitation (``text/calendar``): the
            reader's program shows the last that it knows.
        attachments: files.
        headers: further fields such as ``X-Ticket`` or ``List-Unsubscribe``.
        date: aware; now when left out.
        message_id: with angle brackets; made when left out.

    Raises:
        InputError: something cannot be sent as it stands; names the field.
    """

    from_: Who
    to: Several = ()
    cc: Several = ()
    bcc: Several = ()
    reply_to: Several = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    attachments: Iterable[Attachment] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: _NONE)
    date: datetime | None = None
    message_id: str | None = None
    sender: Who | None = None
    alternatives: Iterable[Attachment] = ()

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "from_", _people(self.from_, "from")[0])
        if self.sender is not None:
            set_(self, "sender", _people(self.sender, "sender")[0])
        for name in ("to", "cc", "bcc", "reply_to"):
            if (people := getattr(self, name)) != ():
                set_(self, name, _people(people, name))
        for name in ("attachments", "alternatives"):
            if (files := getattr(self, name)) != ():
                set_(self, name, _files(files, name))
        if self.headers is not _NONE:
            set_(self, "headers", _headers(self.headers))
        _check_line("subject", self.subject)
        for name, text in (("text", self.text), ("html", self.html)):
            if text is not None:
                _check_text(name, text)
        _check_message_id(self.message_id)
        _check_date(self.date)

    def __getstate__(self) -> dict[str, Any]:
        # A read-only view of a mapping cannot be pickled.
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**values, "headers": dict(self.headers)}

    def __setstate__(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            frozen = MappingProxyType(value) if name == "headers" and value else value
            object.__setattr__(self, name, frozen if frozen != {} else _NONE)

    @property
    def reverse_path(self) -> Mailbox:
        """Where bounces go unless the envelope says otherwise: to the sender, else the author."""
        agent = self.agent
        return agent.mailbox("sender") if agent is not None else self.author.mailbox("from")

    @property
    def agent(self) -> NameAddr | None:
        """Who sends it for the author, as read from what was given."""
        assert self.sender is None or isinstance(self.sender, NameAddr)
        return self.sender

    @property
    def author(self) -> NameAddr:
        """The author, as read from what was given."""
        assert isinstance(self.from_, NameAddr)
        return self.from_

    def people(self, *names: Literal["to", "cc", "bcc", "reply_to"]) -> list[tuple[NameAddr, ...]]:
        """The mailboxes of some fields."""
        return [tuple(getattr(self, name)) for name in names]

    @property
    def recipients(self) -> list[Mailbox]:
        """Everybody in to, cc and bcc, each once."""
        return list(everybody(*self.people("to", "cc", "bcc")))


def everybody(
    to: tuple[NameAddr, ...], cc: tuple[NameAddr, ...], bcc: tuple[NameAddr, ...]
) -> tuple[Mailbox, ...]:
    """The mailboxes of these fields, each once."""
    fields = (("to", to), ("cc", cc), ("bcc", bcc))
    return tuple(dict.fromkeys(who.mailbox(name) for name, some in fields for who in some))


_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}@[!-;=?-~]{1,200}>")
"""RFC 5322 section 3.6.4, somewhat wider."""


def _check_message_id(value: str | None) -> None:
    if value is not None and not (isinstance(value, str) and _MESSAGE_ID.fullmatch(value)):
        raise InputError("message_id", "must look like <unique@domain>")


def _check_date(value: datetime | None) -> None:
    if value is not None and not (isinstance(value, datetime) and value.utcoffset() is not None):
        raise InputError("date", "must be a datetime with a time zone")


def _files(value: Iterable[Attachment], name: str) -> tuple[Attachment, ...]:
    files = tuple(value) if isinstance(value, Iterable) else (value,)
    if not all(isinstance(file, Attachment) for file in files):
        raise InputError(
            name, "must be Attachment objects; Attachment.from_file(path) makes one from a file"
        )
    return files


def _people(value: Several, name: str) -> tuple[NameAddr, ...]:
    given: Any = value
    if type(given) is str:
        return _person(given, name)
    if isinstance(given, bytes) or not isinstance(given, Iterable | NameAddr):
        raise InputError(name, f"must be an address or several, not {type(given).__name__}")
    entries: list[Any] = [given] if isinstance(given, NameAddr) else list(given)
    people: list[NameAddr] = []
    for entry in entries:
        if isinstance(entry, str):
            people += _person(entry, name)
        elif isinstance(entry, NameAddr):
            entry.mailbox(name)
            people.append(entry)
        else:
            raise InputError(name, f"must contain addresses, not {type(entry).__name__}")
    if name in ("from", "sender") and len(people) != 1:
        raise InputError(name, "must be one mailbox")
    return tuple(people)


@lru_cache(maxsize=4096)
def _person(text: str, name: str) -> tuple[NameAddr]:
    who = NameAddr.parse(text)
    who.mailbox(name)
    return (who,)


def _check_line(name: str, value: str) -> None:
    _check_text(name, value)
    if len(value) > MAX_HEADER:
        raise InputError(name, f"has more than {MAX_HEADER} characters")
    if grammar.FORBIDDEN.search(value):
        raise InputError(name, "contains a line end or another control character; remove it")


def _check_text(name: str, value: str) -> None:
    if not isinstance(value, str):
        raise InputError(name, f"must be a string, not {type(value).__name__}")
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            name, f"contains half a character (a lone surrogate) at position {error.start}"
        ) from error


def _headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(headers, Mapping):
        raise InputError("headers", "must be a mapping of names to values")
    found = MappingProxyType(dict(headers))
    for name, value in found.items():
        _check_header(name, value)
    # Written in other letters it is the same field.
    if len({name.lower() for name in found}) < len(found):
        raise InputError(
            "headers", "contains the same field twice, with its name in different case"
        )
    return found


def _check_header(name: str, value: str) -> None:
    where = f"headers.{name}"[:80]
    if not isinstance(name, str) or not _FIELD_NAME.fullmatch(name):
        raise InputError("headers", f"{name!r:.80} is not the name of a header field")
    low = name.lower()
    if low in OWN_FIELDS or low.startswith(("content-", "resent-")):
        if low.startswith("resent-"):
            raise InputError(
                where, "belongs to an existing message: pass that one on as it was read"
            )
        raise InputError(where, _INSTEAD.get(low, "is set by the composer; leave it out"))
    _check_line(where, value)
    write(name, value, where=where)


_ARGUMENTS = {
    "bcc": "bcc", "cc": "cc", "date": "date", "from": "from", "message-id": "message_id",
    "reply-to": "reply_to", "sender": "sender", "subject": "subject", "to": "to",
}  # fmt: skip
_INSTEAD = {name: f"has its own argument: {arg}" for name, arg in _ARGUMENTS.items()}
