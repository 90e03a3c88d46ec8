"""The sandbox: its personas and its mail."""

from __future__ import annotations

import gzip
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from smtps.errors import ForbiddenError, Phase
from smtps.http.routes.pages import MAIL_POLICY
from smtps.http.service import Service
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.inbox import MAX_MESSAGES, Stored, Wanted

PATH = "/api/sandbox"

Text = Annotated[str, Field(max_length=320)]


class InboxQuery(BaseModel):
    """Which messages, and how long to wait for the first of them."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    persona: Annotated[str, Field(max_length=100, description="Who took it.")] = ""
    sender: Annotated[Text, Field(alias="from", description="Part of the envelope's sender.")] = ""
    to: Annotated[Text, Field(description="Part of a recipient of the envelope.")] = ""
    subject: Annotated[Text, Field(description="Part of the subject.")] = ""
    q: Annotated[Text, Field(description="Part of addresses, subject, Message-ID or text.")] = ""
    after: Annotated[int, Field(ge=0, description="Only messages with a higher id.")] = 0
    wait: Annotated[
        float, Field(ge=0, le=60, description="Seconds to wait until there is a message.")
    ] = 0.0
    limit: Annotated[int, Field(ge=1, le=MAX_MESSAGES)] = MAX_MESSAGES

    def wanted(self) -> Wanted:
        """The filter."""
        return Wanted(self.persona, self.sender, self.to, self.subject, self.q, self.after)


def permission(service: Service) -> Any:
    """A dependency that refuses tokens without the right to the inbox."""

    def permit(request: Request) -> None:
        if not service.has_right(request.scope, "inbox"):
            raise ForbiddenError(
                "api.right_needed", "Your token may not use the sandbox's inbox.",
                phase=Phase.INPUT,
            )  # fmt: skip

    return Depends(permit)


def router(service: Service, gallery: Gallery) -> APIRouter:
    """``/api/sandbox``."""
    # The whole path stands with the inner router, or the metrics would name a part of it.
    routes = APIRouter(tags=["sandbox"])
    mail = APIRouter(prefix=f"{PATH}/messages", dependencies=[permission(service)])

    def stored(number: str) -> Stored:
        found = gallery.inbox.get(number)
        if found is None:
            raise HTTPException(404)
        return found

    @routes.get(PATH, summary="The personas")
    async def personas(request: Request) -> JSONResponse:
        response = JSONResponse(gallery.as_json(), headers={"Vary": "Accept-Encoding"})
        if "gzip" in request.headers.get("accept-encoding", ""):  # the list is long
            response.body = gzip.compress(bytes(response.body), mtime=0)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.body))
        return response

    @mail.get("", summary="The mail, the newest first")
    async def messages(query: Annotated[InboxQuery, Query()]) -> dict[str, Any]:
        found = await gallery.inbox.newest_in(query.wanted(), query.wait, query.limit)
        return {"messages": [message.summary() for message in found]}

    @mail.delete("", summary="Delete the mail", status_code=204)
    async def clear() -> None:
        gallery.inbox.clear()

    @mail.delete("/{number}", summary="Delete one message", status_code=204)
    async def remove(number: str) -> None:
        if not gallery.inbox.remove(number):
            raise HTTPException(404)

    @mail.get("/{number}", summary="One message")
    async def message(number: str) -> dict[str, Any]:
        return stored(number).details()

    @mail.get("/{number}/raw", summary="One message as received", response_class=Response)
    async def raw(number: str) -> Response:
        # As text: a browser must not render what a stranger wrote.
        return Response(stored(number).data, media_type="text/plain")

    @mail.get("/{number}/html", summary="Its HTML, for a frame", response_class=Response)
    async def html(number: str) -> Response:
        text = stored(number).details()["html"]
        if text is None:
            raise HTTPException(404)
        headers = {"Content-Security-Policy": MAIL_POLICY}
        return Response(text, media_type="text/html", headers=headers)

    routes.include_router(mail)
    return routes
