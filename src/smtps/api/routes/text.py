"""For people: the page in a browser, plain text in a terminal."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException

from smtps.api import pages
from smtps.api.document import Document
from smtps.api.requests import CheckRequest
from smtps.api.service import Service
from smtps.diagnosis.text import render
from smtps.targets import split_target

Accept = Annotated[str, Header()]
Format = Annotated[Literal["json", "text"] | None, Query(alias="format")]


def router(service: Service) -> APIRouter:
    """``/``, ``/web/…`` and ``/smtps/{target}``."""
    routes = APIRouter(tags=["for people"])

    @routes.get("/", summary="The page, or a few lines of text", response_class=Response)
    async def root(request: Request, accept: Accept = "*/*", form: Format = None) -> Response:
        if pages.wants_json(accept, form):
            return Document({"name": "smtps", "docs": "/docs", "openapi": "/openapi.json"})
        browser = form is None and pages.wants_html(accept)
        found = pages.page("index.html", request.headers) if browser else None
        return found or PlainTextResponse(pages.LANDING)

    @routes.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return await web("docs.html", request)

    @routes.get("/web/{name}", include_in_schema=False)
    async def web(name: str, request: Request) -> Response:
        found = pages.page(name, request.headers)
        if found is None:
            raise HTTPException(404)
        return found

    @routes.get("/smtps/{target}", summary="Check a server", response_class=Response)
    async def smtps(
        target: Annotated[str, Path(max_length=262, examples=["smtp.example.com:465"])],
        accept: Accept = "*/*",
        form: Format = None,
    ) -> Response:
        host, port = split_target(target, addresses=True)
        request = CheckRequest(host=host, port=port or 465)
        report = await service.report(request, target=target)
        if pages.wants_json(accept, form):
            return Document(report.as_json())
        return PlainTextResponse(render(report))

    routes.add_api_route("/", root, methods=["HEAD"], include_in_schema=False)
    return routes
