"""Reports on a server, at once or as they proceed; its ports side by side; the providers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.responses import StreamingResponse

from smtps.checks.discovery import discover, mail_domain
from smtps.checks.ports import PORTS, compare
from smtps.checks.visit import Progress
from smtps.client.handshake import check_endpoint
from smtps.http import answers, events
from smtps.http.answers import Document
from smtps.http.bodies import BodyRoute
from smtps.http.requests import CheckQuery, CheckRequest
from smtps.http.routes.pages import HOST_IS
from smtps.http.routes.portofcall import Detail
from smtps.http.service import Service
from smtps.net.hostnames import to_ascii
from smtps.providers import PORTS as SEED_PORTS
from smtps.providers import search
from smtps.report.formats import Style, whole

_REPORT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": answers.REPORT}}}
}
_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
_STYLE = Style(transcript=True, single=True)
_BODY = Body(openapi_examples={"a server": {"value": answers.EXAMPLE_CHECK}})


def router(service: Service) -> APIRouter:
    """``/api/smtps/check``."""
    routes = APIRouter(prefix="/api/smtps/check", tags=["diagnosis"], route_class=BodyRoute)

    async def report(asked: CheckRequest, http: Request, *, transcript: bool) -> Document:
        request = await service.placed(asked, http.scope)
        found = await service.report(request, transcript=transcript)
        return Document(
            answers.report_json(found, transcript=transcript), headers={HOST_IS: request.host_is}
        )

    @routes.get("", summary="Check a server, every address of it", responses=_REPORT)
    async def check_get(query: Annotated[CheckQuery, Query()], http: Request) -> Document:
        return await report(query, http, transcript=query.detail == "full")

    @routes.post("", summary="Check a server, every address of it", responses=_REPORT)
    async def check_post(
        request: Annotated[CheckRequest, _BODY], http: Request, detail: Detail = None
    ) -> Document:
        return await report(request, http, transcript=detail == "full")

    async def stream(
        asked: CheckRequest, http: Request, forms: Iterable[str] = ()
    ) -> StreamingResponse:
        request = await service.placed(asked, http.scope)
        _judge(service, request)

        async def run(progress: Progress) -> dict[str, Any]:
            found = await service.report(request, progress, transcript=True)
            written = {form: whole(form, found, _STYLE) for form in forms}
            return found.as_json(transcript=True) | ({"forms": written} if written else {})

        return events.response(run)

    @routes.get(
        "/events",
        summary="Check a server, phase by phase",
        response_class=StreamingResponse,
        responses=_STREAM,
    )
    async def events_get(query: Annotated[CheckQuery, Query()], http: Request) -> StreamingResponse:
        return await stream(query, http)

    @routes.post(
        "/events",
        summary="Check a server, phase by phase",
        response_class=StreamingResponse,
        responses=_STREAM,
    )
    async def events_post(
        request: Annotated[CheckRequest, _BODY],
        http: Request,
        forms: Annotated[
            list[Literal["text", "markdown", "html"]],
            Query(max_length=3, description="The report in these forms as well, in `forms`."),
        ] = [],  # noqa: B006  # FastAPI copies it
    ) -> StreamingResponse:
        return await stream(request, http, forms)

    return routes


def _judge(service: Service, request: CheckRequest) -> None:
    """Find the caller's mistakes while there still is a status to tell them by."""
    check_endpoint(service.endpoint(request, request.timeout))
    request.envelope()
    if "@" in request.host:
        mail_domain(request.host)
    else:
        to_ascii(request.host)


def lookup_router(service: Service) -> APIRouter:
    """``/api/smtps/providers`` and ``/api/smtps/ports``."""
    routes = APIRouter(prefix="/api/smtps", tags=["diagnosis"])

    @routes.get("/providers", summary="What providers offer")
    async def providers(
        q: Annotated[str, Query(max_length=200, description="part of a name or host")] = "",
    ) -> dict[str, Any]:
        return {"providers": [provider.as_json() for provider in search(q)]}

    @routes.get("/discover", summary="Find the submission server of a mail address")
    async def find(
        address: Annotated[str, Query(max_length=320, examples=["ann@example.com"])],
    ) -> dict[str, Any]:
        return (await discover(address, service.finder(service.allow()))).as_json()

    @routes.get("/ports", summary="The ports of mail")
    async def ports() -> dict[str, Any]:
        return {"ports": [port.as_json() for port in SEED_PORTS]}

    @routes.get("/ports/{host}", summary="Compare the ports of a host")
    async def ports_of(
        host: Annotated[str, Path(max_length=255, examples=["smtp.example.com"])],
        timeout: Annotated[int, Query(ge=1, le=60_000, description="Milliseconds.")] = 10_000,
    ) -> dict[str, Any]:
        authority = next(
            (found for port in PORTS if (found := service.authority(host, port))), None
        )
        comparison = await compare(
            host,
            timeout=timeout / 1000,
            allow=service.allow(),
            ca_file=authority,
            resolver=service.settings.resolver,
        )
        return comparison.as_json()

    return routes
