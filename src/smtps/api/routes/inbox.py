"""The sandbox: its personas and its mail."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from smtps.api.pages import MAIL_POLICY
from smtps.api.service import Service
from smtps.errors import ForbiddenError, Phase
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.inbox import Stored


def router(service: Service, gallery: Gallery) -> APIRouter:
    """``/api/sandbox``."""
    routes = APIRouter(prefix="/api/sandbox", tags=["sandbox"])

    def permit(request: Request) -> None:
        if not service.has_right(request.scope, "inbox"):
            raise ForbiddenError(
                "api.right_needed", "Your token may not use the sandbox's inbox.",
                phase=Phase.INPUT,
            )  # fmt: skip

    mail = [Depends(permit)]

    def stored(number: str) -> Stored:
        found = gallery.inbox.get(number)
        if found is None:
            raise HTTPException(404)
        return found

    @routes.get("", summary="The personas")
    async def personas() -> dict[str, Any]:
        return gallery.as_json()

    @routes.get("/messages", summary="The mail, the oldest first", dependencies=mail)
    async def messages() -> dict[str, Any]:
        return {"messages": [message.summary() for message in gallery.inbox.all()]}

    @routes.delete("/messages", summary="Throw the mail away", status_code=204, dependencies=mail)
    async def clear() -> None:
        gallery.inbox.clear()

    @routes.get("/messages/{number}", summary="One message", dependencies=mail)
    async def message(number: str) -> dict[str, Any]:
        return stored(number).details()

    @routes.get(
        "/messages/{number}/raw",
        summary="One message as it came in",
        response_class=Response,
        dependencies=mail,
    )
    async def raw(number: str) -> Response:
        # As text: a browser must not render what a stranger wrote.
        return Response(stored(number).data, media_type="text/plain")

    @routes.get(
        "/messages/{number}/html",
        summary="Its HTML, for a frame",
        response_class=Response,
        dependencies=mail,
    )
    async def html(number: str) -> Response:
        text = stored(number).details()["html"]
        if text is None:
            raise HTTPException(404)
        headers = {"Content-Security-Policy": MAIL_POLICY}
        return Response(text, media_type="text/html", headers=headers)

    return routes
