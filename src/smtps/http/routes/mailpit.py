"""The part of Mailpit's API (``/api/v1``) that its clients use, over the sandbox's inbox.

A test that fetches mail from Mailpit finds it here under the same names
(https://mailpit.axllent.org/docs/api-v1/).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from email.utils import getaddresses
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from smtps._version import __version__
from smtps.http.bodies import BodyRoute
from smtps.http.routes.inbox import permission
from smtps.http.service import Service
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.inbox import Stored

PATH = "/api/v1"
PAGE = 50
SNIPPET = 250
"""Characters of the text in a list."""

Start = Annotated[int, Query(ge=0)]
Limit = Annotated[int, Query(ge=0, le=1000)]


class Ids(BaseModel):
    """Which messages to delete; none for all."""

    IDs: list[str] = []


ALL = Ids()


def router(service: Service, gallery: Gallery) -> APIRouter:
    """``/api/v1``."""
    routes = APIRouter(
        prefix=PATH, tags=["sandbox, as Mailpit has it"], dependencies=[permission(service)],
        route_class=BodyRoute,
    )  # fmt: skip
    inbox = gallery.inbox

    def newest_first() -> list[Stored]:
        return inbox.all()[::-1]

    def stored(number: str) -> Stored:
        found = next(iter(newest_first()), None) if number == "latest" else inbox.get(number)
        if found is None:
            raise HTTPException(404)
        return found

    @routes.get("/info", summary="Version and number of messages")
    async def info() -> dict[str, Any]:
        return {"Version": f"smtps {__version__}", "Messages": len(inbox), "Unread": len(inbox)}

    @routes.get("/messages", summary="The mail, the newest first")
    async def messages(start: Start = 0, limit: Limit = PAGE) -> dict[str, Any]:
        return _page(newest_first(), len(inbox), start, limit)

    @routes.get("/search", summary="Messages that match")
    async def search(
        query: Annotated[str, Query(max_length=1000)], start: Start = 0, limit: Limit = PAGE
    ) -> dict[str, Any]:
        return _page(matching(newest_first(), query), len(inbox), start, limit)

    @routes.delete("/messages", summary="Delete messages, or all", response_class=Response)
    async def delete(ids: Annotated[Ids, Body()] = ALL) -> Response:
        if not ids.IDs:
            inbox.clear()
        else:
            inbox.forget(ids.IDs)
        return PlainTextResponse("ok")

    @routes.delete("/search", summary="Delete what matches", response_class=Response)
    async def delete_found(query: Annotated[str, Query(max_length=1000)]) -> Response:
        inbox.forget([message.id for message in matching(newest_first(), query)])
        return PlainTextResponse("ok")

    @routes.get("/message/{number}", summary="One message; latest is the newest")
    async def message(number: str) -> dict[str, Any]:
        return _whole(stored(number))

    @routes.get("/message/{number}/headers", summary="Its header fields")
    async def headers(number: str) -> dict[str, list[str]]:
        parsed = stored(number).parsed
        return {name: [str(each) for each in parsed.get_all(name, [])] for name in parsed}

    @routes.get("/message/{number}/raw", summary="As received", response_class=Response)
    async def raw(number: str) -> Response:
        # As text: a browser must not render what a stranger wrote.
        return Response(stored(number).data, media_type="text/plain")

    return routes


def _people(message: Stored, field: str) -> list[dict[str, str]]:
    found = getaddresses([str(each) for each in message.parsed.get_all(field, [])])
    return [{"Name": name, "Address": address} for name, address in found if address]


def _summary(message: Stored) -> dict[str, Any]:
    details, to, cc = message.details(), _people(message, "To"), _people(message, "Cc")
    named = {each["Address"] for each in (*to, *cc)}
    sender = _people(message, "From") or [{"Name": "", "Address": message.sender}]
    return {
        "ID": message.id,
        "MessageID": (details["message_id"] or "").strip("<>"),
        "Read": False,
        "From": sender[0],
        "To": to,
        "Cc": cc,
        "Bcc": [{"Name": "", "Address": who} for who in message.recipients if who not in named],
        "ReplyTo": _people(message, "Reply-To"),
        "Subject": details["subject"],
        "Created": details["received"],
        "Tags": [],
        "Size": details["size"],
        "Attachments": len(details["attachments"]),
        "Snippet": " ".join((details["text"] or "").split())[:SNIPPET],
    }


def _page(found: list[Stored], total: int, start: int, limit: int) -> dict[str, Any]:
    shown = found[start : start + limit]
    return {
        "total": total,
        "unread": total,
        "count": len(shown),
        "messages_count": len(found),
        "messages_unread": len(found),
        "start": start,
        "tags": [],
        "messages": [_summary(message) for message in shown],
    }


def _whole(message: Stored) -> dict[str, Any]:
    details, summary = message.details(), _summary(message)
    return {
        **{name: summary[name] for name in _BOTH},
        "Date": str(message.parsed.get("Date", "")),
        "ReturnPath": message.sender,
        "Text": details["text"] or "",
        "HTML": details["html"] or "",
        "Inline": [],
        "Attachments": [
            {
                "PartID": str(number), "FileName": each["filename"] or "",
                "ContentType": each["content_type"], "ContentID": "", "Size": each["size"],
            }
            for number, each in enumerate(details["attachments"], 1)
        ],
    }  # fmt: skip


_BOTH = ("ID", "MessageID", "From", "To", "Cc", "Bcc", "ReplyTo", "Subject", "Tags", "Size")


def matching(messages: Iterable[Stored], query: str) -> list[Stored]:
    """Those that match every word: ``from:``, ``to:``, ``cc:``, ``bcc:``, ``subject:`` and
    ``message-id:`` look there, other words anywhere; ``-`` or ``!`` before one excludes.
    """
    try:
        words = shlex.split(query)
    except ValueError:  # a quotation mark without its other
        words = query.split()
    tests = [_test(word.casefold()) for word in words]
    return [message for message in messages if all(test(_texts(message)) for test in tests)]


def _test(word: str) -> Callable[[dict[str, str]], bool]:
    wanted = not word.startswith(("-", "!"))
    name, colon, part = word.lstrip("-!").partition(":")
    if not colon or name not in _FIELDS:
        name, part = "", word.lstrip("-!")
    return lambda texts: (part in texts[name]) is wanted


_FIELDS = {
    "from": "From", "to": "To", "cc": "Cc", "bcc": "Bcc", "subject": "Subject",
    "message-id": "MessageID",
}  # fmt: skip


def _texts(message: Stored) -> dict[str, str]:
    summary = _summary(message)
    found = {name: str(summary[field]).casefold() for name, field in _FIELDS.items()}
    details = message.details()
    body = f"{details['text'] or ''} {details['html'] or ''}".casefold()
    return {**found, "": " ".join((*found.values(), body))}
