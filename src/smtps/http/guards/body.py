"""Limits on what a request may hold, checked before it is parsed.

A validator makes an error for each wrong entry, so a short body could cost a thousand times its
size. Depth and width are therefore checked on a copy whose strings have been shortened by patterns
that cost next to nothing per byte.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json
from starlette.types import Scope

from smtps.config.settings import Settings
from smtps.errors import InputError
from smtps.http import threads
from smtps.http.requests import MessageFields

DEEPEST = 10
"""Containers within each other; a message needs four."""

WIDEST = 1000
"""Fields of the whole; a request has about thirty."""

LONGEST = 400
"""Octets of a number."""

STRIDE = 1 << 16
"""Octets that are read without letting others have the loop."""

FEW = 100
"""Entries that any list or object may have: what a setting bounds closer is counted later."""

NAME = 64
"""Octets of a string that is not shortened: it may be a field's name."""

_INSIDE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_LONG = re.compile(rb"(?<![^][{},:\s])[^][{},:\s]{%d}" % (LONGEST + 1))
_LONG_OR_TEXT = re.compile(rb"[^\s\",]{%d}" % (LONGEST + 1))
_SPACE = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a body may have.

    Attributes:
        most: field → entries of it.
        total: entries and strings of everything together.
    """

    most: Mapping[str, int]
    total: int


async def _rest() -> None:
    await asyncio.sleep(0)


async def judge(body: bytes, bounds: Bounds, turn: Callable[[], Awaitable[None]] = _rest) -> bytes:
    """Refuse a body that has too much of something.

    Args:
        body: JSON, or what claims to be; whoever parses it says what is wrong with that.
        bounds: what it may have.
        turn: lets others have the loop.

    Returns:
        The same with long strings left empty, or nothing if there is too little of everything for
        that to be worth while.

    Raises:
        InputError: it is too deep or too wide, or has a number that is too long; names the field.
    """
    if _plain(body):
        return b""
    shape = _Shape(body, bounds)
    while not shape.read():
        await turn()
    short = shape.short()
    if len(short) > STRIDE:
        await threads.apart(_walk, short, bounds)
    else:
        _walk(short, bounds)
    return short


def _plain(body: bytes) -> bool:
    """Whether there cannot be too much of anything, by counts that take no time."""
    if len(body) > STRIDE:
        return False
    opened = body.count(b"[") + body.count(b"{")
    return opened <= DEEPEST and body.count(b",") <= FEW and not _LONG_OR_TEXT.search(body)


class _Shape:
    """Where the reading of a body has come to."""

    def __init__(self, body: bytes, bounds: Bounds) -> None:
        self._body = body
        self._most = 2 * bounds.total  # in short strings they count as well
        self._at = 0
        self._within = False  # a string
        self._pieces: list[bytes] = []
        self._tokens = 0

    def read(self) -> bool:
        """Read some more; true at the end.

        Raises:
            InputError: there is too much already.
        """
        end = min(self._at + STRIDE, len(self._body))
        if self._within:
            self._pass_over(end)
        else:
            self._take(end)
        return self._at >= len(self._body)

    def short(self) -> bytes:
        """What was read, without what long strings hold."""
        return b"".join(self._pieces)

    def _take(self, end: int) -> None:
        # What stands in place of an escape is as long, so places stay what they are.
        piece = self._body[self._at : end].replace(rb"\\", b"__").replace(rb"\"", b"__")
        longer = False
        if piece.count(b'"') % 2:  # the last string goes on: it comes next, or is longer than that
            piece = piece[: piece.rfind(b'"')]
            longer = not piece
        parts = piece.split(b'"')
        self._tokens += len(parts) // 2
        parts[1::2] = [text if len(text) <= NAME else b"" for text in parts[1::2]]
        short = b'"'.join(parts).translate(None, _SPACE)
        self._tokens += sum(map(short.count, (b",", b"[", b"{")))
        if self._tokens > self._most:
            _refuse("body", f"has more than {self._most} entries in total")
        if any(
            len(part) > LONGEST and _LONG.search(part.translate(None, _SPACE))
            for part in parts[::2]
        ):
            _refuse("body", f"has a number with more than {LONGEST} digits")
        self._pieces.append(short)
        self._at += len(piece)
        if longer:
            self._at += 1
            self._within = True
            self._pass_over(end)

    def _pass_over(self, end: int) -> None:
        """The rest of a string, or as much of it as there is up to ``end``."""
        if self._body.find(b'"', self._at, end) < 0 > self._body.find(b"\\", self._at, end):
            self._at = end
            return
        found = _INSIDE.match(self._body, self._at, end)
        assert found is not None  # it matches nothing, too
        self._at = found.end()
        if self._body[self._at : self._at + 1] == b'"':
            self._within = False
            self._pieces.append(b'""')
            self._at += 1
        elif self._at == end - 1:  # a backslash, whose second half comes later
            self._at = end + 1


def _walk(short: bytes, bounds: Bounds) -> None:
    """Count what is within what.

    Raises:
        InputError: it is too much.
    """
    try:
        value = from_json(short)
    except ValueError:
        return  # whoever parses it says why
    total, level = 0, _containers("", [value])
    for depth in range(DEEPEST + 1):
        below: list[tuple[str, Any]] = []
        for field, container in level:
            known = field if field in bounds.most else "body"
            most = max(bounds.most.get(field, FEW), FEW) if depth else WIDEST
            if depth == DEEPEST:
                _refuse(known, f"is nested more than {DEEPEST} deep")
            if len(container) > most:
                _refuse(known, f"has more than {most} entries")
            total += len(container)
            if depth or isinstance(container, list):
                below += _containers(field, container)
            else:
                below += [pair for n, e in container.items() for pair in _containers(n, [e])]
        level = below
    if total > bounds.total:
        _refuse("body", f"has more than {bounds.total} entries in total")


def _containers(field: str, entries: Any) -> list[tuple[str, Any]]:
    """Those among some entries, with the field that they belong to."""
    if isinstance(entries, dict):
        entries = entries.values()
    return [(field, entry) for entry in entries if isinstance(entry, (dict, list))]


def _refuse(field: str, problem: str) -> None:
    raise InputError(field, problem, code="api.too_many")


FORM_PATHS = frozenset({"/api/smtps/send", "/api/smtps/messages"})
"""Where POST has a body that may be a form with files."""

_JSON_PATH = re.compile(
    r"/api/smtps/(?:(?:connect|check)(?:/events)?|send|messages|explain|accounts/[^/]+/login"
    r"|logins/[^/]+)"
)
"""Where POST has a body. A page of another origin can send none that says it is JSON."""

LONGEST_HEAD = 1 << 16
"""Octets of request line and header fields."""

MOST_PARAMETERS = 100
"""In a query."""


def is_form(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Whether a request brings its message as a form."""
    return method == "POST" and path in FORM_PATHS and _kind(headers) == "multipart/form-data"


def judge_head(scope: Scope) -> str | None:
    """The code of what is wrong with a head, or None."""
    size = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    if size + len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_HEAD:
        return "api.head_too_large"
    if not scope["query_string"].isascii():  # RFC 3986 section 2
        return "api.malformed"
    hosts = sum(name == b"host" for name, _ in scope["headers"])
    return "api.malformed" if hosts > 1 else None  # RFC 9112 section 3.2


def judge_headers(
    method: str, path: str, headers: Mapping[str, str], settings: Settings, query: bytes = b""
) -> str | None:
    """The code of what is wrong with a request before its body is read, or None."""
    form = is_form(method, path, headers)
    if query.count(b"&") >= MOST_PARAMETERS:
        return "api.too_many"
    length = headers.get("content-length", "0")
    most = settings.max_upload if form else settings.max_body
    if not length.isascii() or not length.isdigit() or int(length[:20]) > most:
        return "api.too_large"
    if method != "POST" or not _JSON_PATH.fullmatch(path) or form:
        return None
    kind = _kind(headers)
    if kind == "application/json" or kind.endswith("+json"):
        return None
    return "api.unsupported_media_type"


def _kind(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").split(";")[0].strip().lower()


def bounds(settings: Settings) -> Bounds:
    """How large the parts of a body may be."""
    people, files = settings.max_recipients, settings.max_attachments
    most = dict.fromkeys(("to", "cc", "bcc", "envelope"), people)
    most |= dict.fromkeys(("attachments", "alternatives"), files)
    most["headers"] = settings.max_headers
    entries = 6 * people + 12 * files + 2 * settings.max_headers + WIDEST
    return Bounds(most, total=3 * entries)  # each may have a name and a value


def judge_message(request: MessageFields, settings: Settings) -> None:
    """Count what a message is made of; of a form its files were counted as they came.

    Raises:
        InputError: there is too much of something; names it.
    """
    people = sum(
        len(value) if isinstance(value, list) else 1
        for value in (request.to, request.cc, request.bcc)
    )
    if request.envelope is not None:
        people = max(people, len(request.envelope.to))
    for field, count, most in (
        ("to", people, settings.max_recipients),
        ("attachments", len(request.attachments), settings.max_attachments),
        ("alternatives", len(request.alternatives), settings.max_attachments),
        ("headers", len(request.headers), settings.max_headers),
    ):
        if count > most:
            raise InputError(field, f"has {count} entries; {most} are allowed", code="api.too_many")
