"""Bounds on what a request may hold."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import Scope

from smtps.api.guards.shape import WIDEST, Bounds
from smtps.api.requests import MessageFields
from smtps.api.settings import Settings
from smtps.errors import InputError

FORM_PATHS = frozenset({"/api/smtps/send", "/api/smtps/messages"})
"""Where POST has a body that may be a form with files."""

JSON_PATHS = FORM_PATHS | {
    f"/api/smtps/{what}{how}" for what in ("connect", "check") for how in ("", "/events")
}
"""Where POST has a body."""

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
    if method != "POST" or path not in JSON_PATHS or form:
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
