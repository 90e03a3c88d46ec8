"""The sandbox: its personas and its mail."""

from __future__ import annotations

import gzip
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from smtps.errors import ForbiddenError, Phase
from smtps.http.routes.pages import MAIL_POLICY
from smtps.http.service import Service
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.inbox import Stored

PATH = "/api/sandbox"


def router(service: Service, gallery: Gallery) -> APIRouter:
    """``/api/sandbox``."""

    def permit(request: Request) -> None:
        if not service.has_right(request.scope, "inbox"):
            raise ForbiddenError(
                "api.right_needed", "Your token may not use the sandbox's inbox.",
                phase=Phase.INPUT,
            )  # fmt: skip

    # The whole path stands with the inner router, or the metrics would name a part of it.
    routes = APIRouter(tags=["sandbox"])
    mail = APIRouter(prefix=f"{PATH}/messages", dependencies=[Depends(permit)])

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

    @mail.get("", summary="The mail, the oldest first")
    async def messages() -> dict[str, Any]:
        return {"messages": [message.summary() for message in gallery.inbox.all()]}

    @mail.delete("", summary="Delete the mail", status_code=204)
    async def clear() -> None:
        gallery.inbox.clear()

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
