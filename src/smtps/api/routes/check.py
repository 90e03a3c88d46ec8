"""The whole report on a server, at once or as it comes about."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import StreamingResponse

from smtps.api import events, problems, schemas
from smtps.api.bodies import BodyRoute
from smtps.api.document import Document
from smtps.api.requests import CheckQuery, CheckRequest
from smtps.api.routes.seed import Detail
from smtps.api.service import Service
from smtps.client.access import check_endpoint
from smtps.diagnosis.discovery import mail_domain
from smtps.diagnosis.visit import Progress
from smtps.errors import SMTPSError
from smtps.net.names import to_ascii

_REPORT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": schemas.REPORT}}}
}
_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
_BODY = Body(openapi_examples={"a server": {"value": schemas.EXAMPLE_CHECK}})


def router(service: Service) -> APIRouter:
    """``/api/smtps/check``."""
    routes = APIRouter(prefix="/api/smtps/check", tags=["diagnosis"], route_class=BodyRoute)

    async def report(request: CheckRequest, *, transcript: bool) -> Document:
        found = await service.report(request, transcript=transcript)
        return Document(found.as_json(transcript=transcript))

    @routes.get("", summary="Check a server, every address of it", responses=_REPORT)
    async def check_get(query: Annotated[CheckQuery, Query()]) -> Document:
        return await report(query, transcript=query.detail == "full")

    @routes.post("", summary="Check a server, every address of it", responses=_REPORT)
    async def check_post(
        request: Annotated[CheckRequest, _BODY], detail: Detail = None
    ) -> Document:
        return await report(request, transcript=detail == "full")

    def stream(request: CheckRequest) -> StreamingResponse:
        _judge(service, request)

        async def run(progress: Progress) -> dict[str, Any]:
            try:
                found = await service.report(request, progress, transcript=True)
                return found.as_json(transcript=True)
            except SMTPSError as error:  # too late for a status: the stream has begun
                return problems.document(error.failure)

        return StreamingResponse(events.stream(run), media_type="text/event-stream")

    @routes.get(
        "/events",
        summary="Check a server, phase by phase",
        response_class=StreamingResponse,
        responses=_STREAM,
    )
    async def events_get(query: Annotated[CheckQuery, Query()]) -> StreamingResponse:
        return stream(query)

    @routes.post(
        "/events",
        summary="Check a server, phase by phase",
        response_class=StreamingResponse,
        responses=_STREAM,
    )
    async def events_post(request: Annotated[CheckRequest, _BODY]) -> StreamingResponse:
        return stream(request)

    return routes


def _judge(service: Service, request: CheckRequest) -> None:
    """Find the caller's mistakes while there still is a status to tell them by."""
    check_endpoint(service.endpoint(request, request.timeout))
    request.envelope()
    if "@" in request.host:
        mail_domain(request.host)
    else:
        to_ascii(request.host)
